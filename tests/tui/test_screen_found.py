"""What a search of states found, one key away: over the lines of the file, and back."""

from __future__ import annotations

from driven_screen import Driver, drive

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.tui.main import MainScreen


def test_full_stop_and_comma_go_through_what_was_found() -> None:
    async def act(driver: Driver) -> None:
        session = driver.screen.run.session
        answer(session, "find c[0:4] @ 1")
        places = [(one.place.sequence, one.place.t) for one in session.findings]
        assert len({line for line, _ in places}) > 1
        for place in places[:6]:
            await driver.press("full_stop")
            driver.on_top(MainScreen)
            assert (driver.view.frame.line, driver.view.t) == place
        await driver.press("comma")
        assert (driver.view.frame.line, driver.view.t) == places[4]
        await driver.press("slash", *driver.view.frame.token, "enter")
        assert not driver.screen.run.session.findings, "a text that is looked for later is what the keys go through"

    drive(act)
