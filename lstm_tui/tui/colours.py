"""The palette of the current theme, from its variables `lt-NAME`."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color

from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.render.palette import INKS, Palette


def palette_of(variables: Mapping[str, str], glyphs: Glyphs, few_colours: bool) -> Palette:
    """Return the palette of a theme's variables, which hold `lt-NAME` for every name in `INKS`.

    Variables rather than component classes: Textual works out each component class again whenever a class of
    the screen changes, and there would be one for every colour.
    """
    return Palette({name: Color.parse(variables[f"lt-{name}"]).rgb for name in INKS}, glyphs, few_colours)
