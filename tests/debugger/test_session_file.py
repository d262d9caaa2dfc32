"""A session written as a script and obeyed again is the same session."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_tui.cli.autosave import counted_edits
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.edit import EDIT_VERBS
from lstm_tui.debugger.edits.edit_reader import EDIT_WORDS
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import as_typed_now, read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

NETWORK = stacked()
LINES = [
    'replace 3 "good \\"x\\""', "delete 1", 'insert 2 "not"', "set layer0.forward.f[1] @ 1 = 0",
    "weight layer0.forward/b_f[2] = -4", "let layer0.forward.f = 1", "undo", "undo 2", "redo", "switch base",
    "switch 1", "branch one", "branch two", 'break "not"', "tbreak c if t > 1", "watch c[1] by .2", "break nan",
    'dprintf c if t > 1, at {token}, "{c[0]}"', "dprintf max(c[0], .1) > 0,  x ",
    r'dprintf 2,"%.3f\n", c[0]', "dprintf 3, {t} is 100% done",
    'dprintf 1, "{t}: 5% d"', "break mean(f) < .4", "disable 1", "ignore 2 3", "unbreak 1",
    "condition 1 t > 1", "display mean(h)",
    "display token", "undisplay 1", "n", "s", "s 2", "rs", "si", "pass layer1.backward", "pass layer0.forward", "c",
    "rc", "goto 2", "reverse-finish", "g", "name 1 first", "name 2 first", "name 1", "name layer1.backward.0 last",
    "break c[first] > 0", "set f[first] = 0", "reset @ 2", "reset every 2", "chunk @ 1, 3", "chunk every 2",
    "feature rare = random(c)",
]  # fmt: skip


def opened() -> Session:
    return Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad")]))


def obey(session: Session, lines: list[str]) -> None:
    for line in lines:
        try:
            answer(session, line)
        except UserError:
            continue


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(LINES), max_size=14))
def test_what_was_saved_is_the_session_again(tmp_path: Path, lines: list[str]) -> None:
    first, second = opened(), opened()
    obey(first, lines)
    path = tmp_path / "work.ltui"
    answer(first, f"save-session {path} over")
    assert path.read_text().splitlines() == script_of(first)
    with pytest.raises(UserError, match="does not say what to open"):  # nor anything else: every line is part of one
        read_saved(script_of(first), "work.ltui")
    head, *lines_of_it = script_of(first)
    saved = read_saved([head, "# command: run t.txt", *lines_of_it], "work.ltui")
    assert counted_edits(saved) == (len(first.history.states), first.history.done)
    answer(second, f"source {path}")
    assert second.history.states == first.history.states
    assert second.history.here == first.history.here
    assert sorted(second.history.names) == sorted(first.history.names)
    mine, other = first.frame, second.frame
    assert (other.position.t, other.position.equation) == (mine.position.t, mine.position.equation)
    assert other.position.pass_name == mine.position.pass_name
    assert other.names == mine.names
    assert other.trace.sequence.tokens == mine.trace.sequence.tokens
    for name, passed in mine.trace.items():
        for value in passed:
            assert np.array_equal(passed[value], other.trace[name][value], equal_nan=True)
    lost = [line.rpartition("run: ")[2] for line in lines_of_it if line.startswith("# means nothing")]
    displays = [[one.expression.text.strip() for one in each.displays] for each in (first, second)]
    assert displays[1] == [one for one in displays[0] if f"display {one}" not in lost]
    facts = [
        [(one.trigger.text, one.pass_name, one.enabled, one.temporary, one.ignore, one.log) for one in each.breakpoints]
        for each in (first, second)
    ]
    assert facts[1] == [one for one in facts[0] if not any(line.split(" ", 1)[1] == one[0] for line in lost)]
    for line in lost:  # it would be refused
        with pytest.raises(UserError):
            answer(second, line)


@pytest.mark.parametrize("word", sorted(EDIT_WORDS))
def test_whatever_begins_an_edit_is_part_of_a_session(word: str) -> None:
    lines = ["# lstm-tui session", "# command: run t.txt", f"{word} 1"]
    assert [line for _, line in read_saved(lines, "work.ltui").lines] == [f"{word} 1"]


def test_every_verb_of_an_edit_script_is_written_by_a_word_that_begins_an_edit() -> None:
    assert set(EDIT_VERBS) <= EDIT_WORDS


def test_a_stop_at_a_name_that_is_gone_keeps_nothing_from_being_opened(tmp_path: Path) -> None:
    first, second = opened(), opened()
    obey(first, ["name 1 first", "break c[first] > 0", "display c[first]", "break c[2] > 0", "disable 2", "name 1"])
    path = tmp_path / "work.ltui"
    answer(first, f"save-session {path} over")
    assert "# means nothing in this run: break c[first] > 0" in path.read_text().splitlines()
    assert "# means nothing in this run: display c[first]" in path.read_text().splitlines()
    answer(second, f"source {path}")
    assert [(one.trigger.text, one.enabled) for one in second.breakpoints] == [("c[2] > 0", False)]
    assert not list(second.displays)


def test_a_script_s_first_mistake_ends_it_and_is_named(tmp_path: Path) -> None:
    session = opened()
    path = tmp_path / "a.ltui"
    path.write_text("n\nnonsense\nn\n")
    with pytest.raises(UserError, match=r"a\.ltui:2: there is no verb `nonsense`"):
        answer(session, f"source {path}")
    assert session.frame.t == 1
    path.write_text(f"source {path}\n")
    with pytest.raises(UserError, match="more than 8 deep"):
        answer(session, f"source {path}")
    assert session.sourcing == 0
    for line, said in {"source": "which file", "save-session": "where", "source no.ltui": "no such file"}.items():
        with pytest.raises(UserError, match=said):
            answer(session, line)
    with pytest.raises(UserError, match="cannot be written"):
        answer(session, f"save-session {tmp_path}/no/a.ltui")


def test_a_session_of_before_says_delete_of_a_token_and_a_script_says_it_of_a_breakpoint() -> None:
    old = ["# lstm-tui session", "# command: run x.txt", "break 3", "delete 2", "  delete  1 "]
    assert [line for _, line in read_saved(old, "old.ltui").lines] == ["break 3", "remove 2", "remove 1 "]
    assert as_typed_now(old[2:]) == old[2:], "no session: `delete` is the verb that is typed"


def test_a_stop_is_read_once_for_a_run_and_not_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = opened(), []
    obey(session, ["break c[2] > 0", "display c[1]"])
    for name in ("breakpoints.parse.read_trigger", "expressions.evaluate"):
        true = pkgutil.resolve_name(f"lstm_tui.debugger.{name}")

        def counted(*given: object, true: Callable[..., object] = true, name: str = name) -> object:
            read.append(name)
            return true(*given)

        monkeypatch.setattr(f"lstm_tui.debugger.{name}", counted)
    script_of(session)
    first = len(read)
    assert first >= 2
    session.next()
    script_of(session)
    assert len(read) == first
    obey(session, ["set c[0] = 1"])
    script_of(session)
    assert len(read) > first
