"""Findings are worded once: plain mode, `stats` and the screen tell the same ones, each once, in the same words."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.health import Finding, PassHealth, health
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.inspect.diagnostics import HEADINGS, finding_summary, health_lines, influence_words
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.view import View
from lstm_tui.tui.views.health import Healthy, draw_health

CELLS = ("lstm", "gru", "rnn_relu")
TEXT = "The movie was not bad , not bad good movie the good"


@cache
def session_of(cell: str) -> Session:
    """Return a session in which gates are shut and open, units dead, stuck and not finite."""
    network = stacked(cell)
    tensors = network.tensors()
    for name, tensor in tensors.items():
        if "/b_" in name:
            tensor[0], tensor[1] = -90, 90
    next(tensor for name, tensor in tensors.items() if name.startswith("layer1.forward/W_"))[-1] = np.inf
    return Session.open(Source(network, [sentence(network, TEXT)]))


def found(cell: str) -> list[tuple[Trace, PassHealth]]:
    trace = session_of(cell).frame.trace
    return [(trace, one) for one in health([trace])]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("most", [None, 1, 2, 100])
def test_every_finding_is_told_once_or_counted(cell: str, most: int | None) -> None:
    told_at_all = 0
    for trace, one in found(cell):
        lines = list(health_lines(trace[one.name], one, most))
        told = [line.number for line in lines if line.number is not None]
        assert len(set(told)) == len(told)
        by_kind = Counter(finding.kind for finding in one.findings)
        for kind, count in by_kind.items():
            mine = [line for line in lines if line.kind == kind]
            assert mine[0].text == f"{HEADINGS[kind]} ({count})"
            numbers = [line.number for line in mine if line.number is not None]
            assert len(numbers) == (count if most is None else min(most, count))
            assert all(one.findings[n].kind == kind for n in numbers)
            assert (mine[-1].text == f"… and {count - len(numbers)} more") == (count > len(numbers))
        for line in lines:
            if line.number is not None:
                finding: Finding = one.findings[line.number]
                assert line.text.split("  ", 1)[1].endswith(finding_summary(trace[one.name], finding))
                assert (line.unit, line.kind) == (finding.unit, finding.kind)
        told_at_all += len(told)
    assert told_at_all


@pytest.mark.parametrize("cell", CELLS)
def test_plain_mode_and_the_screen_say_the_same(cell: str) -> None:
    session = session_of(cell)
    reply = "\n".join(answer(session, "health"))
    view = View(session.frame, Facts(session.frame.trace))
    for trace, one in found(cell):
        picture = Healthy(view, one.name, {one.name: one}, working=False)
        screen = "\n".join(line.strip().text for line in draw_health(picture, 200, 200, DARK_PALETTE).lines)
        for line in health_lines(trace[one.name], one, 3):
            if not line.words.startswith("…"):
                assert line.text in reply
                assert line.words in screen


NUMBERS = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(np.array)


@given(NUMBERS, NUMBERS | st.none(), NUMBERS)
def test_what_three_measures_say_is_what_their_numbers_are(
    first: np.ndarray, shares: np.ndarray | None, effects: np.ndarray
) -> None:
    lines = list(influence_words(first, shares, effects, None, lambda t: f"token {t}"))
    lost = max(effects)
    head = dict(one.split(": ") for one in lines[0].split("; "))
    measures = {"largest by deletion": effects, "to first order": first}
    assert list(head) == ["largest by deletion", *["in the ledger"] * (shares is not None), "to first order"]
    for words, numbers in (measures if shares is None else {**measures, "in the ledger": shares}).items():
        if head[words] == "none":
            assert not numbers.any()
        elif head[words] != "not known":
            assert numbers[int(head[words][-1])] == max(numbers) > 0
    for line in lines[1:]:
        t = int(line[len("token ")])
        assert shares is not None
        apart = shares[t] / max(max(shares), 1e-12) - effects[t] / max(lost, 1e-12)
        assert abs(apart) > 0.25
        assert not ("only" in line and effects[t] >= max(lost, 1e-12) / 2)


def test_of_a_word_that_is_asked_about_nothing_is_said_to_be_left_out() -> None:
    """Where only the token that is asked about could have an effect, none has the largest."""
    (line,) = influence_words(np.array([0.5, 0, 0]), None, np.array([np.nan, 0, 0]), 0, str)
    assert line == "largest by deletion: none; to first order: 0"


def test_where_nothing_is_known_nothing_is_said() -> None:
    nothing = np.full(3, np.nan)
    assert list(influence_words(np.ones(3), np.ones(3), nothing, None, str)) == []
