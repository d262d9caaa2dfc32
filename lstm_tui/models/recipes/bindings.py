"""Names bound to colours: what a memory that is a matrix holds, and a vector of as many units does not.

Every word binds a name to a colour; a name may be bound anew. At the end a name is asked for, and the colour that it
was bound to last is the answer. A matrix writes the colour under the name, and reads it there.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.models.measures import Measure, accuracy
from lstm_tui.models.tasks import Task

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal")
COLOURS = ("red", "green", "blue", "yellow")
WORDS = (
    UNKNOWN,
    *COLOURS,
    *(f"{name}-{colour}" for name in NAMES for colour in COLOURS),
    *(f"{name}?" for name in NAMES),
)
PAIRS = 8
EXAMPLES_PER_EPOCH = 500
UNSEEN = 400
UNSEEN_SEED = 2_000_000


def bindings(pairs: int, seed: int) -> Task:
    """Return the task of saying the colour that a name was bound to last, of `pairs` words that each bind one.

    Guessing is right in one of four. Every epoch reads new sequences, and others judge.
    """
    return Task(
        "bindings",
        f"says the colour that a name was bound to last, of {pairs} that were bound",
        {
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
            "readout": "dense",
            "asked": "last",
        },
        lambda epoch: sequences(pairs, EXAMPLES_PER_EPOCH, seed * 1000 + epoch),
        sequences(pairs, UNSEEN, UNSEEN_SEED),
        Measure("right", accuracy, 1, 1, 100, " %", enough=1.0),
    )


def sequences(pairs: int, count: int, seed: int) -> tuple[Example, ...]:
    """Return sequences of `pairs` + 1 words, of which only the answer at the last one counts."""
    random = np.random.default_rng((seed, pairs))
    first, asked = 1 + len(COLOURS), 1 + len(COLOURS) + len(NAMES) * len(COLOURS)
    examples = []
    for _ in range(count):
        names = random.integers(len(NAMES), size=pairs)
        colours = random.integers(len(COLOURS), size=pairs)
        name = names[random.integers(pairs)]
        last = int(np.flatnonzero(names == name)[-1])
        read = np.array([*(first + names * len(COLOURS) + colours), asked + name], dtype=np.int64)
        target = np.full(pairs + 1, NOT_COUNTED, dtype=np.int64)
        target[-1] = 1 + int(colours[last])
        examples.append(Example(read, target))
    return tuple(examples)


def sample(pairs: int, number: int = 0) -> str:
    """Return one such sequence as a line of text, to step a trained network on; others by other numbers."""
    example = sequences(pairs, number + 1, UNSEEN_SEED)[number]
    return " ".join(WORDS[n] for n in example.read.tolist())
