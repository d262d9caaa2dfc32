"""The work on the screen is kept, what was cut off is offered, and a session comes back as it looked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from driven_screen import Driver, drive, network, sequences

from lstm_tui.cli.autosave import kept
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.panes import read_layout
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.formats.io.journal import Journal, cut_off, journal_folder
from lstm_tui.tui.controllers.autosave import Offer
from lstm_tui.tui.prompts.prompts import Recover

COMMAND = ("run", "sample.txt")
LOOKS = "pane=6 signal=2 order=index value=o unit.layer0.forward=5 maximised everyone alone"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def shown() -> Source:
    return Source(network(), sequences(), command=COMMAND)


def cut(*lines: str, command: tuple[str, ...] = COMMAND) -> None:
    """Leave the journal of a session that was cut off."""
    from lstm_tui.debugger.autosave import Autosave

    session = Session.open(Source(network(), sequences(), command=command))
    for line in lines:
        answer(session, line)
    session.layout = read_layout(LOOKS)
    autosave = Autosave(Journal.begin)
    autosave.note(session)
    autosave.leave(finished=False)


def offered(driver: Driver) -> bool:
    return isinstance(driver.app.screen, Recover)


def test_what_is_done_is_kept_within_a_moment() -> None:
    async def act(driver: Driver) -> None:
        assert not journal_folder().is_dir()
        await driver.press("n", "n", *":remove", "space", "0", "enter")
        await driver.until(lambda: driver.view.edits)
        await driver.press("o")
        await driver.until(lambda: any("order=change" in one.read_text() for one in journal_folder().glob("*.ltui")))
        (path,) = journal_folder().glob("*.ltui")
        text = path.read_text()
        assert "# command: run sample.txt --line 1\n" in text
        assert "goto 1\n" in text

    drive(act, shown(), keeping=kept(COMMAND))


def test_what_was_cut_off_is_offered_and_taken_up_as_it_looked() -> None:
    cut("line 2", "remove 0", "goto 3", 'break "bad"')

    async def act(driver: Driver) -> None:
        await driver.until(lambda: offered(driver))
        await driver.until(lambda: "sample.txt line 2: 1 edit, 1 stop" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: driver.view.edits)
        assert driver.view.frame.line == 1
        assert driver.view.t == 3
        assert "resumed: 1 edit, 1 stop" in driver.view.said
        await driver.until(lambda: driver.screen.shown == 6)
        view = driver.view
        assert (view.order, view.signal, view.everyone, view.beside, view.value) == ("index", 2, True, False, "o")
        assert view.units["layer0.forward"] == 5
        assert driver.screen.has_class("-maximised")
        layout = driver.screen.looks.layout()
        assert layout is not None
        assert set(read_layout(LOOKS).line.split()) <= set(layout.line.split())
        (path,) = journal_folder().glob("*.ltui")  # its own; the one that was interrupted is resumed
        assert "remove 0\n" in path.read_text()

    drive(act, shown(), keeping=kept(COMMAND))


def test_it_can_wait_or_be_thrown_away_and_a_hasty_d_does_not() -> None:
    cut("remove 0")

    async def later(driver: Driver) -> None:
        await driver.until(lambda: offered(driver))
        await driver.press("d", "n", "x")
        assert offered(driver)
        await driver.press("escape")
        assert not offered(driver)
        assert not driver.view.edits

    drive(later, shown(), keeping=kept(COMMAND))
    (found,) = cut_off()
    found.leave()

    async def away(driver: Driver) -> None:
        await driver.until(lambda: offered(driver))
        await driver.press("D")
        assert not offered(driver)

    drive(away, shown(), keeping=kept(COMMAND))
    assert cut_off() == []


def test_work_on_another_input_is_only_mentioned() -> None:
    cut("remove 0", command=("run", "/some/other.txt"))

    async def act(driver: Driver) -> None:
        await driver.until(lambda: driver.app._notifications)
        (said,) = driver.app._notifications
        assert said.message == "work on other.txt line 1 was interrupted: `lstm-tui recover` has it"
        assert not offered(driver)

    drive(act, shown(), keeping=kept(COMMAND))
    (found,) = cut_off()
    found.leave()


def test_work_that_does_not_fit_any_more_is_said_and_stays() -> None:
    cut('insert 0 "not"', "remove 5", "goto 4")
    (journal,) = cut_off()
    lines = [line.replace("remove 5", "remove 90") for line in journal.read()]
    journal.write(lines)
    journal.leave()

    async def act(driver: Driver) -> None:
        await driver.until(lambda: offered(driver))
        await driver.press("enter")
        await driver.until(lambda: driver.app._notifications)
        (said,) = driver.app._notifications
        assert said.message.startswith("interrupted work:")

    drive(act, shown(), keeping=kept(COMMAND))
    assert any(list(one.read()) == lines for one in cut_off())


def test_a_saved_session_opens_as_it_looked() -> None:
    async def act(driver: Driver) -> None:
        await driver.until(lambda: driver.screen.shown == 6)
        assert driver.view.order == "index"

    def take_up(session: Session) -> tuple[str, ...]:
        session.layout = read_layout(LOOKS)
        return ()

    drive(act, shown(), resume=Offer("", take_up))


def test_a_typed_line_opens_another_line_of_the_file_with_all_that_is_shown_of_it() -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*":line", "space", "3", "enter")
        await driver.until(lambda: driver.view.frame.line == 2)
        assert "line 3 of 3" in driver.line("header")
        assert driver.view.facts.trace is driver.view.trace
        await driver.press("}")
        assert driver.view.said == "last line"
        await driver.press(*":remove", "space", "0", "enter")
        await driver.until(lambda: driver.view.edits)
        await driver.press("{", "}")
        await driver.until(lambda: driver.view.edits)
        assert driver.view.trace.sequence.tokens == ("movie",)

    drive(act, shown())


def test_a_typed_line_that_is_still_computed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(driver: Driver) -> None:
        screen = driver.screen
        work: list[Callable[[], None]] = []
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.quick_steps", lambda name, passes: 0)
        assert not screen.edits.execute("let f = 20")
        screen.autosave.keep(now=True)
        (path,) = journal_folder().glob("*.ltui")
        assert path.read_text().splitlines()[-1] == "# computing: let f = 20"
        screen.progress.give_up()
        work.pop()()
        await driver.pilot.pause()
        screen.autosave.keep(now=True)
        assert not list(journal_folder().glob("*.ltui"))

    drive(act, shown(), keeping=kept(COMMAND))


def kept_lines() -> list[str]:
    return [line for path in journal_folder().glob("*.ltui") for line in path.read_text().splitlines()]


@pytest.fixture
def never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The regular look at what there is to keep never comes, as on a machine that is too busy for it."""
    monkeypatch.setattr("lstm_tui.tui.controllers.autosave._EVERY", 3600.0)


@pytest.mark.usefixtures("never_looks")
def test_a_change_is_kept_as_it_is_made() -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*":remove", "space", "0", "enter")
        await driver.until(lambda: "remove 0" in kept_lines())

    drive(act, shown(), keeping=kept(COMMAND))


@pytest.mark.usefixtures("never_looks")
def test_a_line_that_takes_long_is_kept_as_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr("lstm_tui.tui.controllers.changes.Changes.is_quick", property(lambda self: False))
    monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", begun.append)  # it never ends

    async def act(driver: Driver) -> None:
        driver.screen.edits.execute("remove 0")
        assert begun
        await driver.until(lambda: "# computing: remove 0" in kept_lines())

    drive(act, shown(), keeping=kept(COMMAND))


@pytest.mark.usefixtures("never_looks")
def test_the_work_is_written_before_anything_is_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking the screen down may take longer than the time that is left."""
    monkeypatch.setattr("lstm_tui.tui.controllers.autosave._AT_ONCE", float("inf"))
    told: list[list[str]] = []

    async def act(driver: Driver) -> None:
        await driver.press(*":remove", "space", "0", "enter")
        await driver.until(lambda: driver.view.edits)
        assert kept_lines() == []
        with monkeypatch.context() as patched:
            patched.setattr(driver.app, "exit", lambda code: told.append(kept_lines()))
            driver.app._told_to_end(130)
            await driver.until(lambda: told)
        assert "remove 0" in told[0]

    drive(act, shown(), keeping=kept(COMMAND))


@pytest.mark.usefixtures("never_looks")
def test_lines_that_nobody_has_come_to_are_kept_at_an_end() -> None:
    from textual.events import Key, Paste

    from lstm_tui.tui.keys import keys_of

    def typed(text: str) -> list[Key]:
        return list(keys_of(text))  # by the names that a terminal's keys have

    async def act(driver: Driver) -> None:
        keys = driver.app.keys
        for waiting, begun, expected in (
            (typed(":remove 0\rnn:set c[0] = 1\r:half"), None, ["remove 0", "set c[0] = 1"]),
            (typed("ve 1\r"), "remo", ["remove 1"]),
            ([*typed(":abc"), Key("escape", None), *typed("n\r:x\r")], None, ["x"]),
            ([*typed(":ab"), Key("backspace", None), *typed("c\r")], None, ["ac"]),
            ([Paste(":remove 2\nn:x\n")], None, ["remove 2", "x"]),
            ([Paste("one\ntwo\n"), *typed("\r")], "", ["one two"]),
            (typed("n" * 5), None, []),
        ):
            keys._waiting.extend(cast("list[Key | Paste]", waiting))
            assert list(keys.lines_waiting(begun)) == expected
            keys._waiting.clear()
        keys._waiting.extend(typed(":remove 0\r"))
        driver.app.keep()
        keys._waiting.clear()
        assert "# computing: remove 0" in kept_lines()

    drive(act, shown(), keeping=kept(COMMAND))
