"""Colours by what they mean, in the dark and in the light: the one table of them.

The themes of the screen and by them its pictures, the style sheet of reports and worksheets, and the page of `serve`
are made of it. The gates have the colours of Okabe and Ito, which colour-blind people can tell apart; darker on a
light ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Colour(NamedTuple):
    """One colour, as CSS writes it, on a dark and on a light ground."""

    dark: str
    light: str


VALUES: Mapping[str, Colour] = {
    "keep": Colour("#e69f00", "#d08f00"),
    "write": Colour("#56b4e9", "#3a9bd6"),
    "show": Colour("#00b080", "#009e73"),
    "candidate": Colour("#cc79a7", "#bb5f92"),
    "other": Colour("#e6dc50", "#a89b00"),
    "other2": Colour("#9a8cff", "#6a5bd6"),
    "other3": Colour("#d98c5f", "#a8643a"),
}
"""What values are drawn in, by what they do: the same on the screen and on paper."""

INK_OF_ROLE: Mapping[str, str] = {"keeps": "keep", "writes": "write", "shows": "show", "candidate": "candidate"}
"""The colour of a value by what its equation's form says it does."""

SCREEN: Mapping[str, Colour] = {
    **VALUES,
    "plain": Colour("#c8ced6", "#24292f"),
    "ground": Colour("#0d1014", "#fbfbf9"),
    "ink": Colour("#c8ced6", "#24292f"),
    "soft": Colour("#8f97a3", "#59626d"),
    "faint": Colour("#5f6873", "#838b95"),
    "frame": Colour("#2c343f", "#cdd2d8"),
    "focus": Colour("#7aa8f0", "#1f5fbf"),
    "title": Colour("#f0f3f7", "#000000"),
    "accent": Colour("#7aa8f0", "#1f5fbf"),
    "bar": Colour("#7aa8f0", "#3b78d0"),
    "track": Colour("#181d26", "#ebedee"),
    "row": Colour("#1d2838", "#dde7f6"),
    "key": Colour("#f0c060", "#8a5a00"),
    "alarm": Colour("#ff7d6b", "#b3261e"),
    "positive": Colour("#ec6a2c", "#d55e00"),
    "negative": Colour("#4a90e2", "#2a74c9"),
    "neutral": Colour("#12161d", "#f1f2f1"),
    "glow": Colour("#b8651a", "#f0a850"),
    "band": Colour("#171c26", "#e8ebef"),
}
"""The roles of the screen; a theme has a variable `lt-NAME` for each."""

WIDGETS: Mapping[str, Colour] = {
    "primary": SCREEN["accent"],
    "accent": SCREEN["accent"],
    "warning": SCREEN["key"],
    "error": Colour("#ff6b6b", "#b3261e"),
    "success": Colour("#00b080", "#00795a"),
    "foreground": SCREEN["ink"],
    "background": SCREEN["ground"],
    "surface": Colour("#151a22", "#f0f1ef"),
    "panel": Colour("#1a2130", "#e6e9ee"),
}
"""The roles that Textual's own widgets are drawn by."""

PAPER: Mapping[str, Colour] = {
    **VALUES,
    "plain": Colour("#9aa4b0", "#57606a"),
    "bar": SCREEN["bar"],
    "paper": Colour("#11151a", "#fdfdfb"),
    "ink": Colour("#dfe4ea", "#1c2127"),
    "soft": Colour("#a3acb7", "#505862"),
    "line": Colour("#313943", "#d5d9de"),
    "row": Colour("#1d2a3d", "#e3ecf8"),
    "axis": Colour("#67707b", "#a0a7b0"),
    "more": Colour("#c4561a", "#e8763a"),
    "less": Colour("#2f6fbf", "#4a8fdc"),
    "link": Colour("#8db8f5", "#1a56ad"),
    "alarm": Colour("#ff9d90", "#9c1c14"),
    "alarmed": Colour("#33191a", "#fbeae8"),
}
"""The roles of a document, which is read in more light and printed; a style sheet has a variable `--NAME` for each."""

PRINTED_PAPER = "#ffffff"
"""What `paper` is in print, where the sheet has a colour of its own."""

RAMP, RAMP_NEGATIVE = " ░▒▓█", " -=≡#"
"""Marks of numbers above 0 and below it where there is no colour, the larger the darker."""
