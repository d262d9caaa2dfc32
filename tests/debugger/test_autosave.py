"""A session's work is kept while there is any, each time it has changed, and not once it is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from edited_networks import sentence, stacked

from lstm_tui.cli.autosave import journal_line, taking_up
from lstm_tui.debugger.autosave import Autosave, has_work
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.journal import Journal, cut_off, journal_folder

NETWORK = stacked()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return journal_folder()


def opened(*command: str) -> Session:
    return Session.open(
        Source(NETWORK, [sentence(NETWORK, "The movie was not bad")], command=command or ("run", "t.txt"))
    )


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.glob("*")) if folder.is_dir() else []


def test_it_keeps_what_would_be_missed_and_nothing_else(folder: Path) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    answer(session, "n")
    autosave.note(session)
    assert not has_work(session)
    assert files(folder) == []
    for line in ('break "not"', "remove 0", "display mean(h)", "undo", "goto 2"):
        answer(session, line)
        autosave.note(session)
        (path,) = folder.glob("*.ltui")
        assert path.read_text().splitlines() == script_of(session)
    autosave.leave(finished=True)
    assert files(folder) == []
    autosave.note(session)
    assert files(folder) == []


def test_work_that_is_taken_back_is_not_kept(folder: Path) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    answer(session, 'break "not"')
    autosave.note(session)
    answer(session, "unbreak 1")
    autosave.note(session)
    assert files(folder) == [".lock"]
    autosave.leave(finished=False)
    assert files(folder) == []


def test_nothing_is_written_while_nothing_changes(folder: Path) -> None:
    session, written = opened(), []
    autosave = Autosave(Journal.begin, lambda write: written.append(write))
    answer(session, "remove 0")
    for _ in range(3):
        autosave.note(session)
    assert len(written) == 1
    answer(session, "n")
    autosave.note(session)
    assert len(written) == 2
    autosave.leave(finished=True)


def test_what_was_cut_off_is_there_to_take_up(folder: Path) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    answer(session, "remove 0")
    autosave.note(session)
    autosave.leave(finished=False)
    (found,) = cut_off()
    assert list(found.read()) == script_of(session)
    found.forget()


def test_an_input_that_no_command_opens_again_is_not_kept(folder: Path) -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad")]))
    autosave = Autosave(Journal.begin)
    answer(session, "remove 0")
    autosave.note(session)
    autosave.leave(finished=False)
    assert files(folder) == []


def test_a_line_that_is_still_computed_is_written_down_and_offered(folder: Path) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    answer(session, "goto 2")
    with autosave.while_computing(session, "set c[0] @ 0 = 1"):
        while not list(folder.glob("*.ltui")):  # the line takes longer than a moment
            pass
        (path,) = folder.glob("*.ltui")
        saved = read_saved(path.read_text().splitlines(), "it")
        assert saved.computing == ("set c[0] @ 0 = 1",)
        assert all(not line.startswith("set") for _, line in saved.lines)
    autosave.note(session)
    assert not list(folder.glob("*.ltui"))  # it did nothing that would be missed


@pytest.mark.parametrize(("end", "kept"), [(KeyboardInterrupt(), True), (UserError("no"), False)])
def test_a_line_that_was_cut_off_stays_and_one_that_was_refused_does_not(
    folder: Path, end: BaseException, kept: bool
) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    answer(session, "remove 0")
    with pytest.raises(type(end)), autosave.while_computing(session, "let f = 20"):
        raise end
    autosave.note(session, now=True)
    autosave.leave(finished=False)
    (journal,) = cut_off()
    assert ("`let f = 20` not finished" in journal_line(journal)) == kept
    fresh = opened()
    reply = taking_up(read_saved(journal.read(), "it"), "it")(fresh)
    assert ("let f = 20" in "\n".join(reply)) == kept
    assert len(fresh.history.states) == 1  # it is told of, and not obeyed
    journal.forget()


def test_a_line_that_was_given_up_is_not_kept(folder: Path) -> None:
    session, autosave = opened(), Autosave(Journal.begin)
    with pytest.raises(KeyboardInterrupt), autosave.while_computing(session, "let f = 20"):
        raise KeyboardInterrupt
    autosave.settle()
    autosave.note(session, now=True)
    assert not list(folder.glob("*.ltui"))
