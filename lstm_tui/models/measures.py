"""How well a network does what it was trained for, on what it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, input_array, mean_loss
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.runtime.run import run_arrays


@dataclass(frozen=True)
class Measure:
    """One number by which networks are compared.

    Attributes:
        name: Of the number, such as `accuracy`.
        of: The number itself, of a network on examples by an interpreter.
        better: 1 where more is better, -1 where less is.
        digits: Places behind the point.
        scale: By which it is shown.
        unit: What stands behind it.
        enough: The score that cannot be surpassed, where there is one.
    """

    name: str
    of: Callable[[Network, Sequence[Example], str], float]
    better: int
    digits: int
    scale: float = 1.0
    unit: str = ""
    enough: float | None = None

    def score(self, network: Network, examples: Sequence[Example], interpreter: str) -> float:
        """Return the number so that more is better."""
        return self.better * self.of(network, examples, interpreter)

    def shown(self, *scores: float) -> str:
        """Return scores as they are read by people: one, or the mean with the least and the most."""
        numbers = [self.scale * self.better * score for score in scores]
        mean, low, high = (fixed(n, self.digits) for n in (float(np.mean(numbers)), min(numbers), max(numbers)))
        return mean + self.unit + (f" ({low}–{high})" if len(scores) > 1 else "")


def accuracy(network: Network, examples: Sequence[Example], interpreter: str) -> float:
    """Return how often what the network finds likeliest is right, 0 to 1, over all counted targets."""
    right = counted = 0
    for example in examples:
        ran = run_arrays(network, input_array(network, example.read), interpreter)
        assert ran.readout is not None, "a network that is trained says something"
        assert network.readout is not None
        said = ran.readout.values[network.readout.page.result]
        wanted = np.atleast_1d(np.asarray(example.target))
        rows = np.atleast_2d(said)
        chosen = np.where(np.isnan(rows).any(axis=1), NOT_COUNTED, rows.argmax(axis=1))  # of NaN none is the likeliest
        asked = wanted != NOT_COUNTED
        right += int((chosen == wanted)[asked].sum())
        counted += int(asked.sum())
    return right / max(counted, 1)


def bits(token: str) -> Measure:
    """Return the measure of a language model: how many bits its next token is worth, less is better."""
    return Measure(f"bits a {token}", _bits, -1, 3)


def _bits(network: Network, examples: Sequence[Example], interpreter: str) -> float:
    return mean_loss(network, examples, interpreter) / float(np.log(2))


def _error(network: Network, examples: Sequence[Example], interpreter: str) -> float:
    return float(np.sqrt(2 * mean_loss(network, examples, interpreter)))


ACCURACY = Measure("accuracy", accuracy, 1, 1, 100, " %")
ERROR = Measure("error", _error, -1, 4)
"""The root of the mean squared error."""
