"""The help page, made of the command table."""

from __future__ import annotations

from itertools import zip_longest

from textual.content import Content

from lstm_tui.tui.commands import CHANGE, COMMANDS, CURSOR, GO, LOOK, PROGRAM, STEP
from lstm_tui.tui.screens.page import Page

_LEFT = 68
"""Cells of the left of two columns."""
_NOTES = (
    "Click a token to go there; click a unit, a value or a place of the",
    "map to look at it. n and N move on the tape; s and i walk in the",
    "selected pass's own reading order. What the run has not reached is",
    "faint; ╳ is NaN, ∞ infinite. A bar's side of its axis is its sign.",
)


def help_page(width: int) -> Page:
    """Return a page with every key and what it does, in two columns where the screen is wide enough."""
    left = [*_group(STEP), *_group(GO), *_group(LOOK)]
    right = [
        *_group(CHANGE),
        *_group(CURSOR),
        *_group(PROGRAM),
        *(Content.styled(f"  {note}", "$lt-soft") for note in _NOTES),
    ]
    if width < 2 * _LEFT + 8:
        return Page("keys", [*left, *right])
    blank = Content("")
    pairs = zip_longest(left, right, fillvalue=blank)
    return Page("keys", [Content.assemble(one, " " * max(_LEFT - one.cell_length, 0), two) for one, two in pairs])


def _group(name: str) -> list[Content]:
    lines = [Content.styled(name, "bold $lt-accent")]
    for command in COMMANDS:
        if command.group == name:
            key, word = (f"{command.key:>7}  ", "bold $lt-key"), (f"{command.word:<15} ", "$lt-ink")
            lines.append(Content.assemble(key, word, (command.help, "$lt-soft")))
    return [*lines, Content("")]
