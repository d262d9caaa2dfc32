"""The tree of edits: against plain lists of edits, back to the same bits, names, and two states side by side."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.history import History
from lstm_tui.debugger.edits.language import Edit, TokenEdit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

NETWORK = stacked()
LINES = [
    'replace 3 "good"',
    "remove 1",
    'insert 2 "not"',
    "set layer0.forward.f[1] @ 1 = 0",
    "scale layer0.forward.i[0] @ : * 2",
    "weight layer0.forward/b_f[2] = -4",
    "weight layer1.backward/b_o * 0.5",
]
EDITS = [parse_edit(line) for line in LINES]


def opened(network: Network = NETWORK) -> Session:
    return Session.open(Source(network, [sentence(network, "The movie was not bad")]))


class Lists:
    """The same tree, naively: every state is the whole list of its edits."""

    def __init__(self) -> None:
        self.states: list[tuple[Edit, ...]] = [()]
        self.here: tuple[Edit, ...] = ()

    def edit(self, edit: Edit) -> None:
        self.here = (*self.here, edit)
        if self.here not in self.states:
            self.states.append(self.here)


def walked(steps: list[int]) -> tuple[History, Lists]:
    history, lists = History(), Lists()
    for step in steps:
        if step < len(EDITS):
            history = history.with_edit(EDITS[step])
            lists.edit(EDITS[step])
        elif step < len(EDITS) + 3:
            history = history.undone()
            lists.here = lists.here[:-1]
        else:
            state = step % len(lists.states)
            history = history.switched(state)
            lists.here = lists.states[state]
    return history, lists


STEPS = st.lists(st.integers(0, len(EDITS) + 12), max_size=25)


@given(STEPS)
def test_every_state_is_kept_and_is_the_list_of_its_edits(steps: list[int]) -> None:
    history, lists = walked(steps)
    assert history.active == lists.here
    assert [history.edits_of(n) for n in range(len(history.states) + 1)] == lists.states
    assert history.edits[: history.done] == history.active
    assert len(history.onward) == len(history.states) + 1


@given(STEPS)
def test_redo_takes_back_what_undo_took_back(steps: list[int]) -> None:
    history, _ = walked(steps)
    back = history
    for _ in range(history.done):
        back = back.undone()
    assert back.done == 0
    assert back.edits == history.edits
    assert back.undone() == back
    for _ in range(history.done):
        back = back.redone()
    assert back == history
    assert history.at(0) == history.switched(0)
    assert history.at(history.done) == history
    end = history.at(99)
    assert end.redone() == end


@given(STEPS, st.integers(0, 99), st.integers(0, 99))
def test_the_common_state_is_the_longest_common_beginning(steps: list[int], a: int, b: int) -> None:
    history, lists = walked(steps)
    one, other = a % len(lists.states), b % len(lists.states)
    edits, others = lists.states[one], lists.states[other]
    same = 0
    while same < min(len(edits), len(others)) and edits[same] == others[same]:
        same += 1
    assert history.edits_of(history.common(one, other)) == edits[:same]


def same_bits(one: Trace, other: Trace) -> bool:
    return one.sequence.tokens == other.sequence.tokens and all(
        np.array_equal(passed[value], other[name][value], equal_nan=True)
        for name, passed in one.items()
        for value in passed
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(EDITS) + 6), max_size=10), st.integers(0, 99))
def test_however_a_state_is_reached_its_run_has_the_same_bits(steps: list[int], last: int) -> None:
    session = opened()
    for step in steps:
        if step < len(EDITS):
            with suppress(UserError):  # a place that is gone; nothing is changed then
                session.edit(EDITS[step])
        elif step < len(EDITS) + 3:
            session.undo()
        else:
            session.switch(str(step % (len(session.history.states) + 1)))
    session.switch(str(last % (len(session.history.states) + 1)))
    made = apply(session.history.active, NETWORK, sentence(NETWORK, "The movie was not bad"))
    assert same_bits(session.frame.trace, run(made.network, made.sequence, holds=made.holds))
    assert session.frame.trace.edits == session.history.lines
    session.switch("base")
    assert same_bits(session.frame.trace, opened().frame.trace)
    assert session.frame.difference is None


def test_going_back_and_editing_differently_keeps_both() -> None:
    session = opened()
    answer(session, "remove 3")
    answer(session, "branch nofriend")
    answer(session, "undo")
    answer(session, 'replace 4 "good"')
    answer(session, "branch kind")
    assert answer(session, "branch") == (
        "  0  [base]",
        "    1 token 3, “not”, deleted  [nofriend]",
        "*   2 token 4: “bad” → “good”  [kind]",
    )
    assert answer(session, "switch nofriend")[0] == "nofriend: 1 edits in force"
    assert session.frame.trace.sequence.tokens == ("The", "movie", "was", "bad")
    session.undo()
    session.redo()
    assert session.history.name_of(session.history.here) == "nofriend"
    answer(session, "switch 2")
    assert session.words == ("token 4: “bad” → “good”",)
    assert "switch nofriend" in completions(session, "switch n")


def test_two_states_are_compared_token_by_token() -> None:
    session = opened()
    session.edit(TokenEdit("insert", 2, "not"))
    session.edit(TokenEdit("delete", 0))  # movie not was not bad
    session.edits.name_state("one")
    session.undo()
    session.edit(TokenEdit("replace", 3, "good"), TokenEdit("insert", 5, "bad"))  # The movie not good not bad bad
    session.edits.name_state("other")
    compared = session.edits.compare("one", "other")
    places = [(column.before, column.after) for column in compared.columns]
    assert places == [(None, 0), (0, 1), (1, 2), (2, 3), (3, 4), (None, 5), (4, 6)]
    assert compared.names == ("one", "other")
    assert compared.one.sequence.tokens == ("movie", "not", "was", "not", "bad")
    assert compared.other.sequence.tokens == ("The", "movie", "not", "good", "not", "bad", "bad")
    lines = answer(session, "diff one other")
    assert [line.split()[-1] for line in lines[1:8]] == ["The", "movie", "not", "good", "not", "bad", "bad"]
    assert [line[26] for line in lines[1:8]] == ["+", " ", " ", " ", " ", "+", " "]
    assert lines[-1].split()[-2] == "→"
    assert answer(session, "diff base")[1:] == answer(session, "diff")[1:]
    same = session.edits.compare("here", "other")
    assert all(same.memory_distance(column, "layer0.forward") == 0 for column in same.columns)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("branch base", "cannot name"),
        ("branch 7", "cannot name"),
        ("branch a b", "cannot name"),
        ("switch", "which state"),
        ("switch nofreind", "did you mean nofriend"),
        ("switch 9", "no state 9"),
        ("diff a b c", "two states"),
        ("diff base zzz", "no state zzz"),
    ],
)
def test_what_is_no_state_is_refused(line: str, said: str) -> None:
    session = opened()
    session.edit(TokenEdit("delete", 3))
    session.edits.name_state("nofriend")
    frame, history = session.frame, session.history
    with pytest.raises(UserError, match=said):
        answer(session, line)
    assert session.frame is frame
    assert session.history is history
