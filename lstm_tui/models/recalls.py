"""The recall networks: a plain RNN, an LSTM and a GRU on one task that only memory solves, to be seen side by side.

All three have as many units, read the same sequences in the same order and learn as long. The RNN lacks no weight:
between the word and the question its gradient is lost, as the view of long memories shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstm_tui.analysis.training import Settings
from lstm_tui.engine.interpreters import chosen_for_many
from lstm_tui.engine.network import Network
from lstm_tui.engine.number_text import sentence
from lstm_tui.formats.opening import Untrained
from lstm_tui.models.job import Job
from lstm_tui.models.recall import COLOURS, EXAMPLES_PER_EPOCH, UNSEEN, recall, sample
from lstm_tui.models.recipe import Data, Measured, Recipe, Report, span

DISTANCE = 20
HIDDEN = 16
EMBEDDING = 8
SETTINGS = Settings(epochs=60, rate=1e-2, batch=8, enough=1.0)
SAMPLE_LINES = 4


def recipe(name: str) -> Recipe:
    """Return the recipe of `recall-rnn`, `recall-lstm` or `recall-gru`."""
    return Recipe(
        name=name,
        task=recall(DISTANCE, 0).says,
        data=(
            Data(
                "lstm_tui.models.recall",
                "MIT",
                f"{EXAMPLES_PER_EPOCH} generated sequences, new ones in every epoch; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the answer, {SETTINGS.epochs} epochs or until every answer is right",
        train=lambda seed, report: trained(name, seed, report),
        measure=measure,
        accuracy=accuracy,
    )


def trained(name: str, seed: int, report: Report) -> Network:
    """Train one of the three from a seed."""
    made_of = Untrained(cell=name.removeprefix("recall-"), hidden=HIDDEN, seed=seed)
    how = Settings(epochs=SETTINGS.epochs, rate=SETTINGS.rate, batch=SETTINGS.batch, enough=SETTINGS.enough, seed=seed)
    job = Job(recall(DISTANCE, seed), made_of, how, name, EMBEDDING, memory=DISTANCE)
    network, _ = job.run(progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the share of right answers on sequences it has not read."""
    task = recall(DISTANCE, 0)
    return {"recalled": task.measure.of(network, task.held_out, chosen_for_many())}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds recall in half a line."""
    return f"{span(measured, 'recalled')} % recalled (guessing: {sentence(100 / len(COLOURS), 6)} %)"


def sample_text() -> str:
    """Return the text of `samples/recall.txt`: sequences of which none was learned from."""
    return "".join(f"{sample(DISTANCE, n)}\n" for n in range(SAMPLE_LINES))
