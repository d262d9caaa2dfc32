"""The recall networks: a plain RNN, an LSTM and a GRU on one task that only memory solves, side by side.

A colour is named, many other words pass, and then it is asked for. All three have as many units, read the same
sequences in the same order and learn as long. The RNN lacks no weight: between the word and the question its gradient
is lost, as the view of gradients through time shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.analysis.train.loop import Settings
from lstm_tui.analysis.train.loss import NOT_COUNTED, Example
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.formats.importers.untrained import Untrained
from lstm_tui.models.measures import Measure, accuracy
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span
from lstm_tui.models.tasks import Task
from lstm_tui.models.train_job import Job

COLOURS = ("red", "green", "blue", "yellow", "black", "white", "brown", "grey")
PASSING = ("na", "ta", "da", "la")
ASKED = "which"
WORDS = (UNKNOWN, *COLOURS, *PASSING, ASKED)

EXAMPLES_PER_EPOCH = 500
UNSEEN = 400
UNSEEN_SEED = 1_000_000


def recall(distance: int, seed: int) -> Task:
    """Return the task of saying, at the last word, the colour that was named `distance` words before.

    Guessing is right in one of eight. Every epoch reads new sequences, and others judge.
    """

    return Task(
        "recall",
        f"says the colour that was named {distance} words before it is asked for",
        {
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
            "readout": "dense",
            "asked": "last",
        },
        lambda epoch: sequences(distance, EXAMPLES_PER_EPOCH, seed * 1000 + epoch),
        sequences(distance, UNSEEN, UNSEEN_SEED),
        Measure("recalled", accuracy, 1, 1, 100, " %", enough=1.0),
    )


def sequences(distance: int, count: int, seed: int) -> tuple[Example, ...]:
    """Return sequences of `distance` + 1 words, of which only the answer at the last one counts."""
    random = np.random.default_rng((seed, distance))
    examples = []
    for _ in range(count):
        colour = int(random.integers(len(COLOURS)))
        passing = random.integers(1 + len(COLOURS), len(WORDS) - 1, distance - 1)
        read = np.array([1 + colour, *passing, len(WORDS) - 1], dtype=np.int64)
        target = np.full(distance + 1, NOT_COUNTED, dtype=np.int64)
        target[-1] = 1 + colour
        examples.append(Example(read, target))
    return tuple(examples)


def sample(distance: int, number: int = 0) -> str:
    """Return one such sequence as a line of text, to step a trained network on; others by other numbers."""
    example = sequences(distance, number + 1, UNSEEN_SEED)[number]
    return " ".join(WORDS[n] for n in example.read.tolist())


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
                "lstm_tui.models.recipes.recall",
                "MIT",
                f"{EXAMPLES_PER_EPOCH} generated sequences, new ones in every epoch; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the answer, {SETTINGS.epochs} epochs or until every answer is right",
        train=lambda seed, report: trained(name, seed, report),
        measure=measure,
        accuracy=recall_accuracy,
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


def recall_accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds recall in half a line."""
    return f"{span(measured, 'recalled')} % recalled (guessing: {sentence(100 / len(COLOURS), 6)} %)"


def sample_text() -> str:
    """Return the text of `samples/recall.txt`: sequences of which none was learned from."""
    return "".join(f"{sample(DISTANCE, n)}\n" for n in range(SAMPLE_LINES))
