"""What gives panes another size is drawn once: not laid out and drawn again when nothing more has changed."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive
from textual.geometry import Region
from textual.strip import Strip

from lstm_tui.tui.panes.pane import Pane


@pytest.mark.parametrize("size", [(160, 45), (120, 36)])
def test_an_edit_that_makes_the_tape_higher_is_one_frame(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str | None, int]] = []
    real = Pane.render_lines

    def noted(self: Pane, crop: Region) -> list[Strip]:
        drawn.append((self.id, self.size.height))
        return real(self, crop)

    async def act(driver: Driver) -> None:
        await driver.press("n", "n")
        await driver.press(":", *"set f[3] @ 1:2 = 0", "enter")
        for key in ("z", "Z"):
            before = driver.pane("tape").size.height
            await driver.pilot.pause(0.2)
            drawn.clear()
            await driver.press(key)
            await driver.pilot.pause(0.2)
            assert driver.pane("tape").size.height != before
            assert [name for name, _ in drawn].count("tape") == 1
            assert {height for name, height in drawn if name == "tape"} == {driver.pane("tape").size.height}

    monkeypatch.setattr(Pane, "render_lines", noted)
    drive(act, size=size)
