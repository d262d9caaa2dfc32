"""Traces put together by hand, so that the formats are tested without a run."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.sequence import Direction, Sequence
from lstm_tui.engine.runtime.trace import PassTrace, Trace

TOKENS = ("The", "movie", "[/nope]", "\x1b]52;c;aGk=\x07", "naïve", "日本", "e\u0301", "\u202egnp", '"\\', "\x9b2J")


def make_pass(
    direction: Direction, steps: int, units: int, dtype: str = "float32", cell: str = "lstm", seed: int = 0
) -> PassTrace:
    """Return a pass of random values."""
    random = np.random.default_rng([seed, direction == "forward"])
    page = load_cell(cell)
    values = {name: np.tanh(random.standard_normal((steps, units))).astype(dtype) for name in page.values}
    inputs = {"x": random.standard_normal((steps, 3)).astype(dtype)}
    initial = {name: random.standard_normal(units).astype(dtype) for name in page.state}
    return PassTrace(f"layer0.{direction}", page, direction, 3, units, values, initial, inputs)


def make_trace(
    tokens: tuple[str, ...] = TOKENS,
    units: int = 4,
    dtype: str = "float32",
    classes: int = 2,
    both: bool = True,
    seed: int = 0,
    cell: str = "lstm",
) -> Trace:
    """Return a trace of text with a readout that has a series and a single value."""
    steps = len(tokens)
    random = np.random.default_rng(seed)
    directions: tuple[Direction, ...] = ("forward", "backward") if both else ("forward",)
    output = random.random((steps, classes)).astype(dtype)
    return Trace(
        model={"name": "made up", "file": None, "sha256": "0" * 64},
        sequence=Sequence(
            "words", tokens, np.arange(steps) % 3, tuple(t for t in range(steps) if t % 3 == 0), None, "sample.txt", 2
        ),
        interpreter="numpy",
        dtype=dtype,
        passes={f"layer0.{d}": make_pass(d, steps, units, dtype, cell, seed) for d in directions},
        readout={"a": random.random((steps, 1)).astype(dtype), "z": random.random(5).astype(dtype)},
        output=output,
        result=output[-1],
        classes=tuple(f"class {k}" for k in range(classes)),
        edits=("set c[3] at layer0.forward t=2 to 0.5",),
    )


def make_series(steps: int = 6, dtype: str = "float32") -> Trace:
    """Return a trace of numeric input without classes and without a result."""
    random = np.random.default_rng(1)
    x = random.standard_normal((steps, 2))
    return Trace(
        model={"name": "numbers", "file": "my model.safetensors", "sha256": None},
        sequence=Sequence("numbers", tuple("row" for _ in x), x=x, file="waves.csv", columns=("a", "b")),
        interpreter="numba",
        dtype=dtype,
        passes={"layer0.forward": make_pass("forward", steps, 3, dtype, "gru")},
        output=random.random((steps, 2)).astype(dtype),
    )
