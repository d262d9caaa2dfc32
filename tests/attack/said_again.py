"""More of what is said of a poisoned run, said again by plain definitions: who moved a value, what an edit changed,
and what a trace says that was written to a file and opened again.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.formats.file_endings import TRACES
from lstm_tui.formats.traces.reader import read
from lstm_tui.formats.traces.trace_file import write

_REDUCED: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "max": np.max, "min": np.min, "sum": np.sum}
_WHO = re.compile(r"(\w+)\((\w+)\) moved by (\S+) at t=(\d+) “.*”, (\S+): (\S+) → (\S+) \((.*)\)")
_NEAR = 2e-3  # of what is printed in four figures


# --- who moved a value ---


def who(session: Session, text: str, reply: str) -> Iterator[tuple[str, str]]:
    """Judge the answer to `who mean(c)` and its like: by loops over the steps the run has taken."""
    asked = re.fullmatch(r"(mean|max|min|sum)\((\w+)\)", text)
    passed = session.frame.passed
    if not asked or asked[2] not in passed:
        return
    series = _series(passed, asked[2], asked[1])
    taken = passed.reading_step(session.frame.t)  # what the step itself has made may not have been reached
    with np.errstate(all="ignore"):
        moves = np.abs(np.diff(series))
    before = moves[: max(taken - 1, 0)]
    said = _WHO.match(reply.splitlines()[0])
    if said:
        step = passed.reading_step(int(said[4]))
        if step and not _alike(float(said[3]), series[step] - series[step - 1], series[step], series[step - 1]):
            yield "a value did not move by what is said", f"{reply}: {series[step - 1]} → {series[step]}"
        if step and not (_alike(float(said[7]), series[step]) and _alike(float(said[6]), series[step - 1])):
            yield "a value was not what is said", f"{reply}: {series[step - 1]} → {series[step]}"
        largest = float(np.nanmax(before, initial=0.0))
        mine = abs(float(said[3]))
        if largest > mine * (1 + _NEAR) + 1e-6 * np.nanmax(np.abs(series[np.isfinite(series)]), initial=0.0):
            yield "another step moved it more", f"{reply}: one of {largest}"
    elif reply.startswith("nothing moved") and np.any(before > 0):
        yield "something moved it", f"{reply}: {series}"
    elif reply.startswith("not known") and not np.isnan(moves).any() and np.isfinite(series).all():
        yield "it is known what moved it", f"{reply}: {series}"


def _series(passed: PassTrace, value: str, reduced: str) -> np.ndarray:
    order = slice(None, None, -1 if passed.direction == "backward" else 1)
    with np.errstate(all="ignore"):
        return np.array([_REDUCED[reduced](row) for row in np.asarray(passed[value], np.float64)[order]])


def _alike(said: float, is_: float, *of: float) -> bool:
    """Say whether a number of four figures is one, give or take what float32 leaves open in numbers like `of`."""
    if math.isnan(said) or math.isnan(is_):
        return math.isnan(said) and math.isnan(is_)
    if math.isinf(said) or math.isinf(is_):
        return said == is_ or max(abs(said), abs(is_), *map(abs, of)) > 1e37  # its sum may be ∞ in float32
    return abs(said - is_) <= _NEAR * abs(is_) + 1e-6 * max(1e-6, *map(abs, of), abs(is_))


# --- what an edit changed ---

_CHANGED = re.compile(r"(\w+): (\S+) → (\S+)(?: \(without edits (\S+)\))?")


def outcome(trace: Trace) -> dict[str, float]:
    """Return what a run gives in the end, by class."""
    values = trace.result if trace.output is None else trace.output[-1]
    return {} if values is None else dict(zip(trace.classes, map(float, values), strict=False))


def changed(session: Session, before: Trace, reply: str) -> Iterator[tuple[str, str]]:
    """Judge what is said of an edit: the classes before and behind it, and that nothing changed where that is said.

    Args:
        session: Behind the edit.
        before: The run before it.
        reply: What is said.
    """
    after = session.frame.trace
    of_base = reply.startswith("t of base and")  # the state without edits, whatever network was opened since
    was, now, plain = outcome(session.edits.opened if of_base else before), outcome(after), outcome(session.baseline)
    for line in reply.splitlines():
        found = _CHANGED.fullmatch(line)
        if not found or found[1] not in was or found[1] not in now:
            continue
        for said, run in ((found[2], was), (found[3], now), (found[4], plain)):
            if said is not None and not _printed(said, run.get(found[1], math.nan)):
                yield "an edit's outcome is not that of the run", f"{line}: {was[found[1]]} → {now[found[1]]}"
    if "no number of this run changed" in reply and before is not after and not _same(before, after):
        yield "numbers changed though none is said to have", reply


def _printed(said: str, is_: float) -> bool:
    """Say whether a text of three places is a number."""
    try:
        number = float(said)
    except ValueError:
        return False
    if not math.isfinite(is_):
        return number == is_ or (math.isnan(number) and math.isnan(is_))
    return abs(number - is_) <= 5.1e-4 + 6e-3 * abs(is_) * (abs(is_) < 5e-4 or abs(is_) > 1e5)


def _same(one: Trace, other: Trace) -> bool:
    return one.passes.keys() == other.passes.keys() and all(
        _bits(passed[name]) == _bits(other.passes[key][name])
        for key, passed in one.passes.items()
        for name in passed.cell.values
        if name in passed and name in other.passes[key]
    )


def _bits(values: Any) -> bytes:
    """Return the bytes of numbers; a NaN is a NaN and a zero a zero, whatever their sign."""
    return np.where(np.isnan(values), np.nan, values + 0.0).tobytes()


# --- a trace in a file ---

_ASKED = ("list", "who nan", "who mean({v})", "print {v}", "print max(abs({v}))", "info frame")


def reopened(session: Session) -> Iterator[tuple[str, str]]:
    """Write the run in every format, open it again, and ask both the same: they answer alike."""
    trace = session.frame.trace
    live = TypedSession(trace)
    places = sorted({0, live.frame.steps // 2, live.frame.steps - 1})
    value = live.frame.passed.cell.output
    lines = [f"goto {t}" if n < 0 else _ASKED[n].replace("{v}", value) for t in places for n in range(-1, len(_ASKED))]
    expected = [_asked(live, line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        for ending in TRACES:
            file = Path(folder) / f"trace{ending}"
            write(trace, file)
            other = TypedSession(read(file))
            if not _same(trace, other.frame.trace):
                yield "a trace that was opened again has other numbers", ending
            for line, said in zip(lines, expected, strict=True):
                told = _asked(other, line)
                if line.startswith("who"):  # terms and weights need the network
                    told, said = told.splitlines()[0], said.splitlines()[0]
                if told != said and not _needs_network(said, told):
                    yield "a trace that was opened again says otherwise", f"{ending}, {line!r}: {said} / {told}"
                    break


def _needs_network(said: str, told: str) -> bool:
    """Say whether two answers differ by what a file does not hold: weights, gradients, inputs of the lowest layer."""
    of_weights = told.startswith("every value") and said.startswith("every number")
    return of_weights or "without its network" in told or bool(re.match(r"\S+\.x\[", said))


def _asked(session: TypedSession, line: str) -> str:
    try:
        return session.execute(line)
    except UserError as error:
        return str(error)
