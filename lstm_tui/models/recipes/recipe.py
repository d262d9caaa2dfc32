"""What a recipe says of one bundled network: how it is made, how it is judged, what it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from lstm_tui.analysis.train.loop import Progress
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed

Report = Callable[[Progress], None]
Measured = Mapping[str, float]


@dataclass(frozen=True)
class Data:
    """Something a network learned from, under which licence."""

    name: str
    licence: str
    use: str


@dataclass(frozen=True)
class Bound:
    """What a measure of a network must be for the network to be bundled: `at least` or `at most` a limit."""

    measure: str
    side: Literal["at least", "at most"]
    limit: float

    def met(self, measured: Measured) -> bool:
        """Say whether it is; a NaN is not."""
        number = measured[self.measure]
        return number >= self.limit if self.side == "at least" else number <= self.limit


def acceptance(bounds: Sequence[Bound], measured: Measured) -> str:
    """Return bounds as a table: the measure, what is asked of it, what it is, and whether that is enough."""
    width = max(len(one.measure) for one in bounds)
    return "\n".join(
        f"{one.measure:<{width}}  {one.side} {fixed(one.limit, 3):>6}  {fixed(measured[one.measure], 4):>9}  "
        + ("yes" if one.met(measured) else "NO")
        for one in bounds
    )


@dataclass(frozen=True)
class Recipe:
    """How to make one bundled network.

    Attributes:
        name: Of the network and its file.
        task: What it does, in half a line.
        data: What it learns from.
        how: How it is trained, in a sentence.
        train: From a seed to a trained network; reports its progress.
        measure: What a trained network reaches on what it has not seen, by name.
        accuracy: The same of several seeds in half a line.
        accepted: What the measures must be.
        grid: In how many rows and columns what is read lies, where it is a picture.
        units: From the measures to the units that have a name, as entries of the card: `pass`, `unit`, `name` and more.
    """

    name: str
    task: str
    data: tuple[Data, ...]
    how: str
    train: Callable[[int, Report], Network]
    measure: Callable[[Network], dict[str, float]]
    accuracy: Callable[[Sequence[Measured]], str]
    accepted: tuple[Bound, ...] = ()
    units: Callable[[Measured], list[dict[str, object]]] | None = None
    grid: tuple[int, int] | None = None


def span(measured: Sequence[Measured], key: str, digits: int = 1, scale: float = 100) -> str:
    """Return a measure of several seeds as `87.3` or `86.0-87.3`."""
    numbers = sorted(scale * one[key] for one in measured)
    low, high = (fixed(number, digits) for number in (numbers[0], numbers[-1]))
    return low if low == high else f"{low}–{high}"
