"""A task that only memory solves: a colour is named, many other words pass, and then it is asked for."""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.loss import NOT_COUNTED, Example
from lstm_tui.engine.tokens import UNKNOWN
from lstm_tui.models.measures import Measure, accuracy
from lstm_tui.models.tasks import Task

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
