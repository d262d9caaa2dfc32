"""A key that is held down: what is shown is where the run stands, and what lies between is not drawn."""

from __future__ import annotations

from driven_screen import LINES, Driver, drive, network, of_tokens
from textual import events

from lstm_tui.debugger.source import Source
from lstm_tui.tui.view import View


def test_keys_that_wait_are_drawn_once_and_the_next_key_acts_on_the_last_place() -> None:
    seen: list[int] = []

    async def act(driver: Driver) -> None:
        for _ in range(400):
            if not driver.screen.view.is_empty:
                break
            await driver.pilot.pause(0.02)

        def note(view: View | None) -> None:
            if view is not None:
                seen.append(view.t)

        driver.app.watch(driver.screen, "view", note, init=False)
        await driver.press("1")
        for key in ("n",) * 200 + ("b",):
            driver.app.post_message(events.Key(key, key))
        for _ in range(2000):
            await driver.pilot.pause(0.01)
            if driver.app.keys.is_done():
                break
        assert driver.view.t == 200
        assert driver.view.said.startswith("breakpoint 1: t == 200")
        assert len(set(seen)) < 10

    drive(act, Source(network(), [of_tokens((" ".join(LINES[:2]) + " ").split() * 12)]))
