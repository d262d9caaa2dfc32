"""The two themes of the screen, made of the table of colours."""

from __future__ import annotations

from typing import Literal

from textual.theme import Theme

from lstm_tui.debugger.colours import SCREEN, WIDGETS


def _theme(ground: Literal["dark", "light"]) -> Theme:
    return Theme(
        name=f"lstm-{ground}",
        dark=ground == "dark",
        variables={f"lt-{name}": getattr(colour, ground) for name, colour in SCREEN.items()},
        **{name: getattr(colour, ground) for name, colour in WIDGETS.items()},
    )


DARK, LIGHT = _theme("dark"), _theme("light")
