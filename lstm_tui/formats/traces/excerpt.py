"""Which part of a trace a file gets: all of it, or some values, units and steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UsageError, nearest
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_span

MOST_CLASSES = 32
TOP = 10


def parse_range(text: str, what: str) -> slice:
    """Read `A:B`, `A:`, `:B` or one number, from 0, end excluded, as in Python.

    Raises:
        UsageError: It is none of these.
    """
    span = whole_span(text.strip())
    if span is None or span == (None, None):
        raise UsageError(f"{what} {visible(text)!r} is not a range; write START:END, such as 0:8")
    return slice(*span)


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The arrays of a trace that go into a file.

    Attributes:
        trace: The whole trace.
        steps: First step and the one after the last.
        units: First unit and the one after the last, or None for all.
        names: The values that were asked for, or None for all.
        passes: For every pass its values (t, n); the readout's series, if any, stand under `readout`.
        initial: For every pass its states before the first of the steps it reads, (n,).
        whole: The readout's values of the whole sequence, (n,).
        comes: Whether more of the text still comes: what stands behind its last token is not read yet.
    """

    trace: Trace
    steps: tuple[int, int]
    units: tuple[int, int] | None
    names: tuple[str, ...] | None
    passes: Mapping[str, Mapping[str, Array]]
    initial: Mapping[str, Mapping[str, Array]]
    whole: Mapping[str, Array]
    comes: bool = False

    @property
    def output(self) -> Array | None:
        """What the network says at each of the steps, (t, K), or None."""
        return None if self.trace.output is None else self.trace.output[slice(*self.steps)]

    @property
    def has_top(self) -> bool:
        """Whether there are so many classes that only the largest are kept."""
        return len(self.trace.classes) > MOST_CLASSES


def excerpt(
    trace: Trace,
    values: Iterable[str] | None = None,
    units: slice | None = None,
    steps: slice | None = None,
    comes: bool = False,
) -> Excerpt:
    """Choose part of a trace; without arguments, all of it but `x`, which must be named.

    Args:
        trace: The trace.
        values: Names of values, in any pass that has them.
        units: A range of units, from 0; the readout is not cut.
        steps: A range of places on the tape, from 0.
        comes: Whether more of the text still comes.

    Raises:
        UsageError: A value, a unit or a step is not there.
    """
    names = None if values is None else tuple(dict.fromkeys(values))
    _check_names(trace, names)
    length = len(trace.sequence)
    span = _bounds(steps, length, "steps", f"the tape has {length} tokens")
    place = slice(*span)
    cut = slice(None)
    bounds = None
    if units is not None:
        widest = max((passed.hidden_size for passed in trace.values()), default=0)
        bounds = _bounds(units, widest, "units", f"the widest pass has {widest}")
        cut = slice(*bounds)
    passes: dict[str, dict[str, Array]] = {}
    for name, passed in trace.items():
        held = {**passed.inputs, **passed}
        wanted = passed.cell.values if names is None else names
        passes[name] = {value: held[value][place, _cut(value, cut)] for value in wanted if value in held}
    chosen = {name: array for name, array in trace.readout.items() if names is None or name in names}
    series = {name: array[place] for name, array in chosen.items() if array.ndim > 1}
    if chosen:
        passes[READOUT] = series
    return Excerpt(
        trace=trace,
        steps=span,
        units=bounds,
        names=names,
        passes=passes,
        initial={name: _before(passed, span, cut) for name, passed in trace.items()},
        whole={name: array for name, array in chosen.items() if array.ndim <= 1},
        comes=comes,
    )


def top_classes(row: Array) -> Array:
    """Return which ten of a row (K,) are largest, the largest first; a NaN counts as the smallest."""
    ranked = np.where(np.isnan(row), -np.inf, row)
    return np.argsort(-ranked, kind="stable")[:TOP]


def _before(passed: PassTrace, steps: tuple[int, int], cut: slice) -> dict[str, Array]:
    """Return the states before the first step that the pass reads: an excerpt stands alone."""
    first = steps[0] if passed.direction == "forward" else steps[1] - 1
    fresh = passed.reading_step(first) == 0
    return {state: passed.previous(state, first)[cut] for state in passed.initial if fresh or state in passed}


def _cut(value: str, units: slice) -> slice:
    return slice(None) if value == "x" else units  # x has columns, not units


def _check_names(trace: Trace, names: tuple[str, ...] | None) -> None:
    known = {name for passed in trace.values() for name in (*passed, *passed.inputs)} | set(trace.readout)
    for name in names or ():
        if name not in known:
            alike = nearest(name, known)
            advice = f"did you mean {alike}?" if alike else f"there are {', '.join(sorted(known))}"
            raise UsageError(f"there is no value {visible(name)!r}; {advice}")


def _bounds(part: slice | None, length: int, what: str, there: str) -> tuple[int, int]:
    start, stop, _ = (part or slice(None)).indices(length)
    if start >= stop:
        first = "" if part is None or part.start is None else part.start
        last = "" if part is None or part.stop is None else part.stop
        raise UsageError(f"{what} {first}:{last} are none; {there}, counted from 0")
    return start, stop
