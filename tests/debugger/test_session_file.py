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
from present import present

from lstm_tui.cli.autosave import counted_edits
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.edit import EDIT_VERBS
from lstm_tui.debugger.edits.edit_reader import EDIT_WORDS, read_edit_script
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import as_typed_now, read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine import setbacks
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.formats.io.journal import Journal

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


def _large() -> Session:
    """Return a session with more in it than a megabyte of text."""
    network = build_network(
        {"name": "wide", "tokens": {"kind": "words", "vocabulary": ["<unk>", "a"]}, "embedding_size": 3,
         "layers": [{"cell": "rnn", "hidden_size": 1024}], "readout": "mean", "classes": ["x", "y"]},
        seed=1,
    )  # fmt: skip
    session = Session.open(Source(network, [sentence(network, "a a a a")], interpreter="numpy"))
    for n in range(60):
        answer(session, f"feature rare{n} = random(h)")
    for n in (1, 2, 3):
        answer(session, f"patch h @ {n} from base @ 0")
    return session


def test_a_session_that_is_saved_is_read_again_however_much_it_holds(tmp_path: Path) -> None:
    session = _large()
    path = tmp_path / "work.ltui"
    answer(session, f"save-session {path}")
    answer(session, f"save-edits {tmp_path / 'edits.txt'}")
    assert path.stat().st_size > 1 << 20
    again = Session.open(session.source)
    answer(again, f"source {path}")
    assert script_of(again) == script_of(session)
    assert len(again.frame.names.features) == 60
    assert len(read_edit_script(tmp_path / "edits.txt")) == 3
    journal = present(Journal.begin(tmp_path))
    journal.write(script_of(session))
    assert list(journal.read()) == script_of(session)
    journal.forget()


def test_what_would_not_be_read_again_is_not_written_and_what_was_kept_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, said = opened(), list[str]()
    path, edits = tmp_path / "work.ltui", tmp_path / "edits.txt"
    journal = present(Journal.begin(tmp_path))
    answer(session, "set layer0.forward.f[1] @ 1 = 0")
    before = script_of(session)
    answer(session, f"save-session {path}")
    answer(session, f"save-edits {edits}")
    journal.write(before)
    held = {one: one.read_bytes() for one in (path, edits, journal.path)}
    for name, most in (("SCRIPT_BYTES", 300), ("SCRIPT_LINES", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(f"lstm_tui.formats.io.files.{name}", most)
            for n in range(8):
                answer(session, f"set layer0.forward.f[1] @ 2 = 0.{n}")
            for line in (f"save-session {path} over", f"save-edits {edits} over"):
                with pytest.raises(UserError, match="is the most") as error:
                    answer(session, line)
                assert "\n" not in str(error.value)
            with setbacks.told_by(said.append):
                assert journal.ask()(script_of(session)) is False
    assert {one: one.read_bytes() for one in held} == held
    assert len(said) == 2
    assert all("the journal of this session cannot be used" in one for one in said)
    journal.forget()
