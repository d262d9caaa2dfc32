"""What still comes is "not read yet": a value of expressions, displays and checks, never 0 and never a mistake."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from lstm_tui.debugger.breakpoints.assertions import judge
from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.debugger.expressions import evaluate, parse
from lstm_tui.debugger.expressions.series import NOT_READ, value_text
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime import windows
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.windowed_series import computed_rows_only
from lstm_tui.models.bundled import open_model

TEXT = "the rain in spain stays mainly in the plain"
NETWORK = open_model("chars")
WHOLE = read_as(TEXT, NETWORK)


def coming(over: bool = False) -> tuple[Session, SimpleNamespace]:
    """Return a session on the first tokens of a text, and whether the rest still comes."""
    incoming = SimpleNamespace(is_over=over)
    source = Source(NETWORK, [WHOLE.part(0, 6)], incoming=cast(Any, incoming))
    return Session.open(source), incoming


ASKED = [
    "mean(c[0], at=9)", "c[t+8]", "norm(h, at=9)", 'mean(c, at="m")', "max(h, at=30)", "mean(c[0], at=9) + 1",
    "mean(c[0], at=9) > 0", "argmax(output, at=9)", "mean(t, at=9)", "share(tok[9], c)", "token[t+9] == \"n\"",
    "mean(c, at=9) < mean(c, at=2)", "not (mean(f[0], at=9) > .5)", "any(c > 0, at=9)", "c[t+8] > 0 and f[0] < 2",
]  # fmt: skip


@pytest.mark.parametrize("text", ASKED)
def test_what_has_not_come_is_not_read_yet_and_is_there_once_it_has(text: str) -> None:
    session, incoming = coming()
    value = session.evaluate(text).value
    told = value_text(value)
    assert told == NOT_READ or text.startswith("share")
    assert not value.known.any()
    assert NOT_READ in " ".join(answer(session, f"print {text}")) or text.startswith("share")
    session.grow(WHOLE.part(6))
    whole = Session.open(Source(NETWORK, [WHOLE]))
    whole.goto(session.frame.t)
    assert value_text(session.evaluate(text).value) == value_text(whole.evaluate(text).value)
    incoming.is_over = True
    if "t+" not in text:
        assert NOT_READ not in value_text(session.evaluate(text).value)


@pytest.mark.parametrize("text", ["mean(c[0], at=9)", 'mean(c[0], at="m")', "share(tok[9], c)"])
def test_where_nothing_more_comes_it_is_a_mistake_as_before(text: str) -> None:
    session, _ = coming(over=True)
    with pytest.raises(UserError, match=r"tokens, from 0|there is no token|takes a token"):
        session.evaluate(text)


def test_a_condition_waits_and_a_display_tells() -> None:
    session, _ = coming()
    answer(session, "display mean(c[0], at=9)")
    answer(session, "break mean(c[0], at=9) > -10")
    answer(session, "goto 0")
    answer(session, "continue")
    assert session.frame.t == 5
    assert not (session.stops.stop and session.stops.stop.by)
    assert [one.value for one in session.stops.shown()] == [NOT_READ]
    session.grow(WHOLE.part(6))
    assert [one.value for one in session.stops.shown()] == [value_text(session.evaluate("mean(c[0], at=9)").value)]
    answer(session, "goto 0")
    answer(session, "continue")
    assert session.stops.stop is not None
    assert session.stops.stop.by


def test_a_check_counts_it_as_neither() -> None:
    session, incoming = coming()
    for text in ("mean(c[0], at=9) > -10", 'mean(c[0], at="m") > 100'):
        verdict = judge(text, session.stops.scope())
        assert (verdict.holds, verdict.asked, verdict.pending, verdict.why) == (None, False, True, NOT_READ)
        assert answer(session, f"assert {text}") == (f"{text}: {NOT_READ}",)
    mixed = judge("norm(c[t+1]) < 1e9", session.stops.scope())
    assert mixed.holds
    assert mixed.absent == 1
    incoming.is_over = True
    with pytest.raises(UserError):
        judge("mean(c[0], at=9) > -10", session.stops.scope())


def test_python_has_nan_and_none_for_it() -> None:
    session = TypedSession.open(Source(NETWORK, [WHOLE.part(0, 6)], incoming=cast(Any, SimpleNamespace(is_over=False))))
    assert math.isnan(session.value("mean(c[0], at=9)"))
    assert session.value("mean(c[0], at=9) > 0") is None


def test_a_run_computed_behind_says_so_where_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    monkeypatch.setattr(windows, "_SPAN_BYTES", 1)
    long = read_as(TEXT * 20, NETWORK)
    trace = run(NETWORK, long, "numpy", array_bytes=1)
    session = Session(trace)
    scope, last = session.stops.scope(), len(long) - 1
    assert trace.windows is not None
    trace.windows.begin()
    whole = run(NETWORK, long, "numpy")
    for text, waits in (("c[0]", True), ("norm(h)", True), ("f[0] > .5", True), ("output", True), ("token", False)):
        with computed_rows_only():
            here = evaluate(parse(text), scope, 0, 1)
            there = evaluate(parse(text), scope, last, last + 1)
            stretch = evaluate(parse(text), scope, 0, len(long))
        assert here.known.all()
        assert (value_text(there) == NOT_READ) == waits
        known = np.broadcast_to(stretch.known, (len(long), 1))[:, 0]
        ready = [trace.is_ready("layer0.forward", t) for t in range(len(long))] if waits else [True] * len(long)
        assert known.tolist() == ready
    with computed_rows_only():
        assert value_text(evaluate(parse("result"), scope, 0, 1)) == NOT_READ
    now = evaluate(parse("c[0]"), scope, last, last + 1)
    assert now.values[0, 0] == whole["layer0.forward"]["c"][last, 0]
