"""Screens without a terminal are painted where a test has them come to rest, and frames between, unseen, are not.

Which of these frames there are depends on how busy the machine is: Textual paints sixty a second at most, and at once
where a screen comes on top. Each paints every widget in sight, for a terminal that is not there. Here what is out of
date is kept, and painted as one frame once `Pilot.pause` or a `Driver` has waited; so whatever a test looks at is
painted, and a pane that cannot be painted fails the test. Where there is a terminal nothing is changed.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

_refresh, _pause = Screen._compositor_refresh, Pilot.pause


def paint(app: App[Any]) -> None:
    """Paint what is out of date of the screen on top."""
    if app._running and app._screen_stack and app.screen._compositor._dirty_regions:
        _refresh(app.screen)


def _refresh_later(screen: Screen[Any]) -> None:
    if screen.app.is_headless and screen is screen.app.screen:
        screen._dirty_widgets.clear()  # the compositor knows where they stand, and is asked for these places in the end
        screen.app._update_mouse_over(screen)
    else:
        _refresh(screen)


async def _pause_and_paint(pilot: Pilot[Any], delay: float | None = None) -> None:
    await _pause(pilot, delay)
    paint(pilot.app)


def install() -> None:
    """Have every test that runs an app by `run_test` paint so."""
    Screen._compositor_refresh = _refresh_later  # type: ignore[assignment, method-assign]
    Pilot.pause = _pause_and_paint  # type: ignore[assignment, method-assign]


def withdraw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a test see every frame that a terminal would get."""
    monkeypatch.setattr(Screen, "_compositor_refresh", _refresh)
    monkeypatch.setattr(Pilot, "pause", _pause)
