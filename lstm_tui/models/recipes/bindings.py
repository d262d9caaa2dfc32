"""Names bound to colours: what a memory that is a matrix holds, and a vector of as many units does not.

Every word binds a name to a colour, as `ann_red` does; a name may be bound anew. At the end a name stands alone, and
the colour that it was bound to last is the answer. A matrix writes the colour under the name, and reads it there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.analysis.memory_reads import read_places, split_read
from lstm_tui.analysis.train.loop import Settings
from lstm_tui.analysis.train.loss import NOT_COUNTED, Example
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence as Tape
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.importers.untrained import Untrained
from lstm_tui.models.measures import Measure, accuracy
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span
from lstm_tui.models.tasks import Task
from lstm_tui.models.train_job import Job

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal")
COLOURS = ("red", "green", "blue", "yellow")
WORDS = (
    UNKNOWN,
    *COLOURS,
    *(f"{name}_{colour}" for name in NAMES for colour in COLOURS),
    *NAMES,
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


CELLS = {"bindings-delta": "gated_deltanet", "bindings-lstm": "lstm", "bindings-gru": "gru"}
HIDDEN = 8
EMBEDDING = 16
SETTINGS = Settings(epochs=100, rate=1e-2, batch=8, enough=1.0)
LONGER = 24
"""Bindings of a sequence that is longer than all that were learned from."""
SAMPLE_LINES = 4
_SPLIT = 100
"""Sequences whose reads are split by token: each is a run of its own."""
RIGHT, ANEW, LONG = "right", "right where bound anew", f"right of {LONGER} bindings"
MOST, BY_LAST = "the last binding wrote most of the read", "part of the read by the last binding"
BY_OLD = "part of the read by older bindings of the name"


def recipe(name: str) -> Recipe:
    """Return the recipe of `bindings-delta`, whose memory is a matrix, `bindings-lstm` or `bindings-gru`."""
    holds = (
        Bound(RIGHT, "at least", 0.99),
        Bound(ANEW, "at least", 0.99),
        Bound(LONG, "at least", 0.9),
        Bound(BY_LAST, "at least", 0.5),
        Bound(BY_OLD, "at most", 0.1),
    )
    return Recipe(
        name=name,
        task=bindings(PAIRS, 0).says,
        data=(
            Data(
                "lstm_tui.models.recipes.bindings",
                "MIT",
                f"{EXAMPLES_PER_EPOCH} generated sequences, new ones in every epoch; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the answer, {SETTINGS.epochs} epochs or until every answer is right",
        train=lambda seed, report: trained(name, seed, report),
        measure=measure,
        accuracy=bindings_accuracy,
        accepted=holds if CELLS[name] == "gated_deltanet" else (),
    )


def trained(name: str, seed: int, report: Report) -> Network:
    """Train one of the three from a seed."""
    made_of = Untrained(cell=CELLS[name], hidden=HIDDEN, seed=seed)
    how = Settings(epochs=SETTINGS.epochs, rate=SETTINGS.rate, batch=SETTINGS.batch, enough=SETTINGS.enough, seed=seed)
    network, _ = Job(bindings(PAIRS, seed), made_of, how, name, EMBEDDING).run(progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the share of right answers on unseen sequences, and of a matrix who wrote what the question reads."""
    task, how = bindings(PAIRS, 0), chosen_for_many()
    anew = [one for one in task.held_out if len(_places(one)) > 1]
    found = {
        RIGHT: task.measure.of(network, task.held_out, how),
        ANEW: task.measure.of(network, anew, how),
        LONG: task.measure.of(network, sequences(LONGER, UNSEEN, UNSEEN_SEED), how),
    }
    return found | (_read_by(network, anew[:_SPLIT]) if network.passes[0].program.matrices else {})


def _places(example: Example) -> list[int]:
    """Return where the name that is asked for was bound, the last of them last."""
    asked = WORDS[int(example.read[-1])]
    return [t for t, word in enumerate(example.read[:-1]) if WORDS[int(word)].startswith(f"{asked}_")]


def _read_by(network: Network, examples: Sequence[Example]) -> dict[str, float]:
    """Return which part of what the question reads was written by the last binding of the name, and by older ones."""
    most, last, older = [], [], []
    for example in examples:
        tokens = tuple(WORDS[int(word)] for word in example.read)
        passed = run(network, Tape("words", tokens, ids=example.read))[network.passes[0].name]
        parts = split_read(passed, next(iter(read_places(passed, new=True))), len(tokens) - 1).parts
        places = _places(example)
        most.append(float(np.argmax(parts) == places[-1]))
        last.append(parts[places[-1]])
        older.append(np.abs(parts[places[:-1]]).sum())
    return {MOST: float(np.mean(most)), BY_LAST: float(np.mean(last)), BY_OLD: float(np.mean(older))}


def bindings_accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds are right in half a line."""
    return f"{span(measured, RIGHT)} % right (guessing: {sentence(100 / len(COLOURS), 6)} %)"


def sample_text() -> str:
    """Return the text of `samples/bindings.txt`: sequences of which none was learned from."""
    return "".join(f"{sample(PAIRS, n)}\n" for n in range(SAMPLE_LINES))
