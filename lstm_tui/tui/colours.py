"""The palette of the current theme, read from the component classes of the screen."""

from __future__ import annotations

from textual.screen import Screen

from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.render.palette import INKS, RGB, Palette


def palette_of(screen: Screen[None], glyphs: Glyphs, few_colours: bool) -> Palette:
    """Return the palette of a screen that has a component class `ink--NAME` for every name in `INKS`."""
    return Palette({name: _colour(screen, name) for name in INKS}, glyphs, few_colours)


def _colour(screen: Screen[None], name: str) -> RGB:
    colour = screen.get_component_styles(f"ink--{name}").color
    return colour.rgb
