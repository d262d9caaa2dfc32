"""Every line of a file keeps its edits, and those of the network go along from line to line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import Edit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

NETWORK = stacked()
TEXTS = ("The movie was not bad", "It was good", "not bad")
LINES = [
    'replace 1 "good"', "remove 1", 'insert 0 "not"', "set layer0.forward.f[1] @ 0 = 0",
    "weight layer0.forward/b_f[2] = -4", "let layer0.forward.f = 1", "undo", "redo", "switch base", "branch one",
    "line 1", "line 2", "line 3", "line 2 own", "n", 'break "not"',
]  # fmt: skip


def opened() -> Session:
    return Session.open(Source(NETWORK, [sentence(NETWORK, text) for text in TEXTS]))


def obey(session: Session, *lines: str) -> None:
    for line in lines:
        answer(session, line)


def tokens(session: Session) -> str:
    return " ".join(session.frame.trace.sequence.tokens)


def test_a_line_keeps_its_edits_while_another_is_open() -> None:
    session = opened()
    obey(session, "remove 0", "undo", 'insert 0 "not"', "line 2")
    assert tokens(session) == TEXTS[1]
    obey(session, "remove 0", "line 1")
    assert tokens(session) == f"not {TEXTS[0]}"
    assert len(session.history.states) == 2
    obey(session, "line 2")
    assert tokens(session) == "was good"


def test_the_network_stays_as_it_was_edited_and_as_it_was_undone() -> None:
    session = opened()
    obey(session, "weight layer0.forward/b_f[2] = -4", "remove 0", "line 2", "line 3")
    assert session.history.lines == ("weight layer0.forward/b_f[2] = -4.0",)
    obey(session, "undo", "line 1")
    assert session.history.lines == ("remove 0",)
    obey(session, "weight layer0.forward/b_f[2] = -5", "line 3 own")
    assert list(session.history.lines) == []
    obey(session, "line 2 own")
    assert session.history.lines == ("weight layer0.forward/b_f[2] = -4.0",)
    assert not session.edits.to_edit


def test_an_edit_that_does_not_fit_a_line_is_kept_all_the_same() -> None:
    session = opened()
    obey(session, "line 3", "set layer0.forward.f[1] @ 0 = 0", "line 1")
    session.edits._left = {**session.histories, 2: session.histories[2].with_edit(wrong())}
    with pytest.raises(UserError):
        answer(session, "line 3")
    assert len(session.histories[2].states) == 2
    assert session.edits.to_edit


def wrong() -> Edit:
    return parse_edit("remove 90")


def test_states_that_go_on_from_line_to_line_go_on() -> None:
    def begun(line: int, *lines: str) -> np.ndarray:
        session = Session.open(Source(NETWORK, [sentence(NETWORK, text) for text in TEXTS], line, carry=True))
        obey(session, *lines)
        return session.frame.trace["layer0.forward"]["c"]

    assert np.array_equal(begun(0, "line 3"), begun(2))
    assert np.array_equal(begun(0, "line 3", "line 2"), begun(1))
    assert not np.array_equal(begun(1), opened_at(1))


def opened_at(line: int) -> np.ndarray:
    return Session.open(Source(NETWORK, [sentence(NETWORK, text) for text in TEXTS], line)).frame.trace[
        "layer0.forward"
    ]["c"]


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(LINES), max_size=16))
def test_the_edits_of_every_line_are_saved(tmp_path: Path, lines: list[str]) -> None:
    first, second = opened(), opened()
    for line in lines:
        try:
            answer(first, line)
        except UserError:
            continue
    path = tmp_path / "work.ltui"
    path.write_text("".join(f"{line}\n" for line in script_of(first)))
    answer(second, f"source {path}")
    assert edits_of(second) == edits_of(first)
    assert second.frame.line == first.frame.line
    assert second.history.here == first.history.here
    assert np.array_equal(
        second.frame.trace["layer1.backward"]["c"], first.frame.trace["layer1.backward"]["c"], equal_nan=True
    )
    assert script_of(second) == script_of(first)


def edits_of(session: Session) -> dict[int, object]:
    """Return the tree of edits of every line, and where each stands; how an edit is told depends on the run."""
    return {
        line: (tuple((state.parent, state.edit) for state in one.states), one.here)
        for line, one in session.histories.items()
    }
