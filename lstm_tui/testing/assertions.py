"""What a test may assert of a run; each says where it fails, with the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lstm_tui
from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.debugger.breakpoints.assertions import AssertionResult, asked_pass, judge, said
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array, Rows
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import change, count_of, exact, fixed
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedRun

_AROUND = 8
"""Tokens of a picture before and behind the one that matters."""
_BAR = 20
"""Cells of a whole bar."""
_TOGETHER = 4_096
"""Steps that are compared at once."""
Run = Trace | CapturedRun
"""A run that is there already; of a capture, one sequence through one module."""
Model = str | Path | Network | Run | None
Read = str | Path | Rows | Run


def assert_remembers(
    model: Model,
    source: Read,
    token: str | None = None,
    *,
    at: str | int,
    more_than: float | None = None,
    less_than: float | None = None,
    pass_name: str | None = None,
) -> None:
    """Assert how large a share of the memory a token has at another one: attribution by the ledger, not causation.

    Args:
        model: A network, a bundled name or a file, as for `lstm_tui.trace`; ignored for a run. A run may stand here
            alone, a trace or a sequence of a capture: `assert_remembers(run["rnn", 3], "not", at="bad", …)`.
        source: What is read, as for `lstm_tui.trace`, or a run.
        token: Whose share is asked for; all its occurrences together.
        at: The token, or the place on the tape from 0, at which the memory is looked at.
        more_than: The share must be above this, from 0 to 1.
        less_than: The share must be below this.
        pass_name: Whose memory; by default the top pass that reads forwards.

    Raises:
        AssertionError: It is not so, or it is not known, with a picture of the shares.
        UserError: Nothing is asked, or a token or a pass is not there.
    """
    __tracebackhide__ = True
    limits = [(sign, limit) for sign, limit in ((">", more_than), ("<", less_than)) if limit is not None]
    if not limits:
        raise UserError("assert_remembers needs more_than=, less_than= or both")
    if token is None and isinstance(source, str):
        token = source
        source = _run_of(model)
    if token is None:
        raise UserError('assert_remembers needs a token: (MODEL, TEXT, "not", …), or (RUN, "not", …)')
    where = str(at) if isinstance(at, int) else in_quotes(at)
    share = f"share({in_quotes(token)}, at={where})"
    asked = " and ".join(f"{share} {sign} {exact(limit)}" for sign, limit in limits)
    given = isinstance(source, Trace | CapturedRun | CapturedBatch)
    trace = _run_of(source) if given else lstm_tui.trace(source, model)  # type: ignore[arg-type]
    try:
        assert_holds(model, trace, asked, pass_name=pass_name)
    except AssertionError as error:
        lost = () if more_than is None else _who_lost(trace, pass_name, token, at)
        raise AssertionError("\n".join((str(error), *lost))) from None


def _who_lost(trace: Trace, pass_name: str | None, token: str, at: str | int) -> Iterator[str]:
    """Yield what `who` tells of a memory before a place; nothing where it can tell nothing."""
    session, name = Session(trace), asked_pass(trace, pass_name)
    try:
        session.select_pass(name)
        session.goto(at if isinstance(at, int) else Scope(trace, name).place_of(at))
        answer(session, "finish")
        told = answer(session, f"who {in_quotes(token)}")
    except UserError:
        return
    yield f"  who lost it (`who {in_quotes(token)}`):"
    yield from (f"    {line}" for line in told)


def _run_of(given: object) -> Trace:
    """Return a run as a trace.

    Raises:
        UserError: It is none.
    """
    if isinstance(given, CapturedRun):
        return given.trace
    if isinstance(given, CapturedBatch):
        raise UserError(f"a capture holds {count_of(len(given.runs), 'run')}: give one, as run[MODULE, SEQUENCE]")
    if not isinstance(given, Trace):
        raise UserError(f"a run is a trace, or one of a capture as run[MODULE, SEQUENCE]; this is {kind_of(given)}")
    return given


def assert_holds(model: Model, source: Read, *assertions: str, pass_name: str | None = None) -> None:
    """Assert expressions of the debugger at every step at which they can be asked, such as `not any(isnan(c))`.

    Args:
        model: A network, a bundled name or a file, as for `lstm_tui.trace`; ignored for a run. A run may stand here
            alone: `assert_holds(run["rnn"], "not any(isnan(c))")`.
        source: What is read, as for `lstm_tui.trace`, or a run.
        *assertions: What holds at every step.
        pass_name: The pass that names without one belong to; by default the top one that reads forwards.

    Raises:
        AssertionError: One fails or is not known, with the first step, its numbers and a picture of the shares there.
        UserError: One is no condition, means nothing in this run, or can be asked at no step.
    """
    __tracebackhide__ = True
    if isinstance(model, Trace | CapturedRun | CapturedBatch) and isinstance(source, str):
        assertions = (source, *assertions)
        source = _run_of(model)
    given = isinstance(source, Trace | CapturedRun | CapturedBatch)
    trace = _run_of(source) if given else lstm_tui.trace(source, model)  # type: ignore[arg-type]
    scope = Scope(trace, asked_pass(trace, pass_name))
    for text in assertions:
        try:
            verdict = judge(text, scope)
        except ExpressionError as error:
            raise UserError(f"{visible(text)}: {error}") from None  # one line, and no frames of ours below it
        if not verdict.asked:
            raise UserError(f"{visible(text)}: {verdict.why}")
        if not verdict.holds:
            raise AssertionError("\n".join((said(text, verdict, scope), *_picture(scope, verdict))))


def assert_same_run(one: Run, other: Run, *, tolerance: float = 0.0) -> None:
    """Assert that two runs have the same tokens and the same numbers: bit for bit, or within a tolerance.

    NaN is the same as NaN and an infinite number as itself; 0 and -0 are the same.

    Args:
        one: A run: a trace, or a sequence of a capture.
        other: Another.
        tolerance: Largest difference of two numbers that are the same; 0 asks for equal ones.

    Raises:
        AssertionError: They are not, with the first token, or the first value in the order of computing, that differs.
        UserError: The tolerance is no such number.
    """
    __tracebackhide__ = True
    if not (tolerance >= 0 and np.isfinite(tolerance)):
        raise UserError(f"a tolerance is a number from 0, and {tolerance!r} is none")
    found = next(_differences(_run_of(one), _run_of(other), tolerance), None)
    if found is not None:
        raise AssertionError(found)


def _differences(one: Trace, other: Trace, tolerance: float) -> Iterator[str]:
    """Yield what differs, the first of each pass first."""
    mine, theirs = one.sequence.tokens, other.sequence.tokens
    if len(mine) != len(theirs):
        yield f"the runs are of {len(mine)} and {len(theirs)} tokens"
        return
    if mine != theirs:
        t = next(t for t, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
        yield f"the token at t={t} is “{visible(mine[t])}” and “{visible(theirs[t])}”"
        return
    if list(one) != list(other):
        yield f"the passes are {', '.join(map(visible, one))} and {', '.join(map(visible, other))}"
        return
    for name in one:
        yield from _in_pass(one, other, name, tolerance)
    for name in ("output", "result"):
        a, b = getattr(one, name), getattr(other, name)
        if (a is None) != (b is None):
            yield f"only one of the runs has an {name}" if name == "output" else "only one of the runs has a result"
        elif a is not None:
            yield from _in_rows(name, np.atleast_2d(a), np.atleast_2d(b), one, tolerance, a.ndim == 2)


def _in_pass(one: Trace, other: Trace, name: str, tolerance: float) -> Iterator[str]:
    """Yield the first difference of a pass, in the order in which its values are computed."""
    mine, theirs = one[name], other[name]
    values = [value for value in mine if value in theirs]
    if set(mine) != set(theirs):
        yield f"{visible(name)} has the values {', '.join(mine)} and {', '.join(theirs)}"
        return
    step = 0
    while step < mine.steps:
        stop = min(step + _TOGETHER, mine.steps)
        a, b = mine.between(step, stop), theirs.between(step, stop)
        first: tuple[int, int] | None = None
        for n, value in enumerate(values):
            if a[value].shape != b[value].shape:
                yield f"{visible(name)}.{value} has {a[value].shape[1]} and {b[value].shape[1]} units"
                return
            rows = np.flatnonzero(_differ(a[value], b[value], tolerance).any(axis=1))
            for row in rows:
                where = (a.reading_step(int(row)), n)
                first = where if first is None else min(first, where)
        if first is not None:
            t = mine.tape_place(step + first[0])
            value = values[first[1]]
            told = _told(f"{visible(name)}.{value}", mine[value][t], theirs[value][t], one, t, tolerance, mine)
            yield "\n".join((told, *_apart(one, value, mine[value], theirs[value], t)))
            return
        step = stop


def _in_rows(name: str, a: Array, b: Array, trace: Trace, tolerance: float, by_token: bool) -> Iterator[str]:
    if a.shape != b.shape:
        yield f"{name} has {a.shape[-1]} and {b.shape[-1]} numbers"
        return
    rows = np.flatnonzero(_differ(a, b, tolerance).any(axis=1))
    if len(rows):
        t = int(rows[0])
        told = _told(name, a[t], b[t], trace, t if by_token else None, tolerance)
        yield "\n".join((told, *(_apart(trace, name, a, b, t) if by_token else ())))


def _differ(a: Array, b: Array, tolerance: float) -> Array:
    """Return where two arrays differ; NaN does not differ from NaN, nor an infinite number from itself."""
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        near = np.abs(np.subtract(a, b, dtype=np.float64)) <= tolerance if tolerance else False
    return np.asarray(~(same | near))


def _told(
    name: str, a: Array, b: Array, trace: Trace, t: int | None, tolerance: float, passed: PassTrace | None = None
) -> str:
    """Say what the first numbers are that differ."""
    units = np.flatnonzero(_differ(a, b, tolerance))
    unit = int(units[0])
    more = f", and {len(units) - 1} more of it there" if len(units) > 1 else ""
    where = "" if t is None else f" at t={t} “{visible(trace.sequence.tokens[t])}”"
    allowed = f" (more than {number(tolerance)})" if tolerance else ""
    by = change(float(b[unit]) - float(a[unit]))
    entry = str(unit) if passed is None else passed.entry_of(name.rpartition(".")[2], unit)
    return f"{name}[{entry}] is {exact(a[unit])} and {exact(b[unit])}{where}: by {by}{allowed}{more}"


def _apart(trace: Trace, name: str, a: Any, b: Any, t: int) -> Iterator[str]:
    """Yield how far a value of two runs is apart around a token, the largest of its units, a token a line."""
    shown = _around(trace, t)
    far: dict[int, float] = {}
    with np.errstate(all="ignore"):
        for k in shown:
            apart = np.abs(np.subtract(a[k], b[k], dtype=np.float64))
            far[k] = float(np.where(_differ(a[k], b[k], 0.0), apart, 0.0).max(initial=0.0))
    most = max((one for one in far.values() if np.isfinite(one)), default=0.0)

    def told(k: int) -> str:
        bar = "█" * round(_BAR * far[k] / most) if most and np.isfinite(far[k]) else ""
        return f"{number(far[k])} {bar}".rstrip()

    yield f"  how far {name} is apart at each token, the largest of its units:"
    yield from _by_token(trace, t, told)


def _around(trace: Trace, t: int) -> range:
    """Return the places of a picture of a token."""
    return range(max(t - _AROUND, 0), min(t + _AROUND + 1, len(trace.sequence)))


def _by_token(trace: Trace, t: int, told: Callable[[int], str]) -> Iterator[str]:
    """Yield what is told of each token around one, which has a mark, a token a line."""
    tokens = {k: visible(trace.sequence.tokens[k]) for k in _around(trace, t)}
    width = max(map(len, tokens.values()))
    for k, token in tokens.items():
        yield f"  {'>' if k == t else ' '} {k:>4} {token:<{width}}  {told(k)}"


def _picture(scope: Scope, verdict: AssertionResult) -> Iterator[str]:
    """Yield whose memory is in the pass at the step that decides, a token a line; nothing where there is no ledger."""
    if verdict.t is not None:
        yield from memory_picture(scope.trace, scope.passed, verdict.t)


def memory_picture(trace: Trace, passed: PassTrace, t: int) -> Iterator[str]:
    """Yield whose memory is in a pass after a token, a token a line; nothing where there is no ledger.

    Args:
        trace: The run.
        passed: One of its passes.
        t: Place on the tape.
    """
    state = memory_of(passed.cell)
    if passed.is_windowed or state not in passed:
        return
    flow = flow_of(passed, state)
    if flow is None:
        return
    ledger = ledger_at(passed, flow, t)
    shares = ledger.shares()

    def told(k: int) -> str:
        bar = "" if np.isnan(shares[k]) else "█" * round(_BAR * float(shares[k]))
        return "not read yet" if not ledger.read[k] else f"{fixed(shares[k])} {bar}" if bar else fixed(shares[k])

    yield f"  whose memory is in {visible(passed.name)} at t={t}:"
    yield from _by_token(trace, t, told)
