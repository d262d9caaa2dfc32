"""What goes past a recurrent layer: each layer is given what it reads and, behind it, what only layers above read.

So whatever is computed step by step of layers below and of the input stands in one row of layers: a residual around a
norm, a skip over two layers, towers that read the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.formats.importers.dense_layers import comment
from lstm_tui.formats.importers.equations_of_values import ReadoutWriting, apply, write
from lstm_tui.formats.importers.plan import PositionEmbedding, Recurrent, WrittenSteps
from lstm_tui.formats.importers.values import (
    Given,
    OpValue,
    PartValue,
    Reduced,
    Spread,
    State,
    StepsSoftmax,
    Value,
    in_order,
    joined,
    names_of,
    read_by,
)

_OVER_STEPS = (Reduced, Spread, StepsSoftmax)


def entering_each(
    reads: Sequence[Value], shown: Sequence[Sequence[State]], entering: Value
) -> list[tuple[Value, ...]] | None:
    """Return what each of a row of layers is given: what it reads, and behind it what layers above need.

    Args:
        reads: What each layer reads, from the lowest up.
        shown: The hidden states of each, by its passes.
        entering: What enters the network.

    Returns:
        None where a layer reads what is not computed step by step of these.
    """
    known = {id(entering): 0} | {id(one): n + 1 for n, states in enumerate(shown) for one in states}
    depth: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    every: list[Value] = []
    for n, value in enumerate(reads):
        for one in in_order(value, known):
            if id(one) in depth:
                continue
            leaf = id(one) in known
            below = [] if leaf else [depth[id(each)] for each in read_by(one)]
            if not leaf and (isinstance(one, _OVER_STEPS) or not one.series or not below):
                return None
            depth[id(one)] = known[id(one)] if leaf else max(below)
            every.append(one)
            for each in read_by(one) if below else ():
                readers.setdefault(id(each), []).append(id(one))
        if depth[id(value)] > n:
            return None
    given: list[tuple[Value, ...]] = []
    for n, value in enumerate(reads):
        later = {id(one) for one in reads[n + 1 :]}
        past = [
            one
            for one in every
            if depth[id(one)] <= n
            and one is not value
            and (id(one) in later or any(depth[each] > n for each in readers.get(id(one), ())))
        ]
        given.append((value, *past))
    return given


def between(values: Sequence[Value], shown: Sequence[Value], padding: int) -> WrittenSteps | None:
    """Return a page that computes values of what the layer below shows; None where they are just that.

    Args:
        values: What the layer above is given, end to end.
        shown: What the layer below shows, end to end, or what enters the network.
        padding: How many zeros stand behind the values.

    Raises:
        UserError: One of them has no equation, or there is too much of it.
    """
    if not padding and [id(one) for one in values] == [id(one) for one in shown]:
        return None
    x = Given("x", sum(one.width for one in shown))
    writing = ReadoutWriting({}, ())
    writing.names[id(x)] = "x"
    starts = np.cumsum([0, *(one.width for one in shown)])
    leaves = {id(one): PartValue(x, int(start), one.width) for one, start in zip(reversed(shown), starts[-2::-1],
                                                                                 strict=True)}  # fmt: skip
    for value in values:
        for one in in_order(value, leaves):
            if id(one) not in writing.names:
                _write(writing, leaves.get(id(one), one), one, x)
    _end(writing, values, padding)
    names = list(dict.fromkeys(name for value in values for name in names_of(value, leaves)))
    return WrittenSteps(
        ", ".join(map(comment, names)) or "carried past", writing.each, writing.made.given, writing.made.sizes,
        writing.made.states, x.width, sum(one.width for one in values) + padding,
    )  # fmt: skip


def _write(writing: ReadoutWriting, value: Value, known_as: Value, x: Given) -> None:
    """Write one value, which others read by the identity of another."""
    if isinstance(value, PartValue) and value.of is x and value.width == x.width:
        writing.names[id(known_as)] = "x"
        return
    if isinstance(value, OpValue) and isinstance(value.op, PositionEmbedding):
        apply(writing, value, value.op, writing.names[id(value.of)])
    else:
        write(writing, value, False)
    writing.names[id(known_as)] = writing.names[id(value)]


def _end(writing: ReadoutWriting, values: Sequence[Value], padding: int) -> None:
    """Write the last line, which puts everything end to end."""
    names = [writing.names[id(one)] for one in values]
    width = sum(one.width for one in values)
    text = f"concat({', '.join(names)})" if len(names) > 1 else names[0]
    if padding:
        together = joined(values) if len(values) > 1 else None
        if together is not None:
            text = writing.line(together, text, "joined: values end to end")
        filled = np.concatenate([np.eye(width, dtype=np.float32), np.zeros((padding, width), np.float32)])
        writing.made.given["S_h"] = filled
        text = f"S_h @ {text}"
    writing.each.append(f"h = {text}   # what enters the layer above, and behind it what goes past that")
    writing.made.sizes["h"] = width + padding


def padding_of(values: Sequence[Value]) -> int:
    """Return how many zeros make what a layer is given a multiple of what it reads, so that this is a part of it."""
    rest = sum(one.width for one in values) % values[0].width
    return values[0].width - rest if rest else 0


def passing(part: Recurrent, beside: int) -> Recurrent:
    """Return a layer that shows all it is given too, of which the last numbers are not read by it."""
    second = None if part.second is None else replace(part.second, inputs=part.inputs + beside, beside=beside)
    return replace(part, inputs=part.inputs + beside, beside=beside, second=second).passed_on("joined")


def shown_with(states: Sequence[State], given: Sequence[Value], padding: int) -> list[Value]:
    """Return what a layer that passes on shows: what it is given stands behind the state of each pass."""
    zeros: list[Value] = [Given("padding", padding)] if padding else []
    return [one for state in states for one in (state, *given, *zeros)]
