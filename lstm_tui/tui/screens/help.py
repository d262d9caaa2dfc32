"""The help page, made of the command table."""

from __future__ import annotations

from itertools import zip_longest

from textual.content import Content

from lstm_tui.tui.commands import CHANGE, COMMANDS, CURSOR, GO, LOOK, PROGRAM, STEP
from lstm_tui.tui.screens.page import Page

_LEFT = 68
"""Cells of the left of two columns."""
_ASKED = (
    ("T", "new to all this? short lessons on trained networks"),
    ("6", "which token does this memory come from? L: all units"),
    ("M", "which gate lost it? where its row goes dark, keep is low"),
    ("R", "how far back does it reach? b: an RNN beside an LSTM"),
    ("r", "which words does the answer hang on?"),
    ("p", "how does this number come about? 0: in large letters"),
    ("e", "what if a word, or a gate, were another?"),
)
_NOTES = (
    "Click a token to go there; click a unit, a value or a place of the",
    "map to look at it. n and N move on the tape; s and i walk in the",
    "selected pass's own reading order. What the run has not reached is",
    "faint; ╳ is NaN, ∞ infinite. A bar's side of its axis is its sign.",
)


def help_page(width: int) -> Page:
    """Return a page with every key and what it does, in two columns where the screen is wide enough."""
    asked = _asked()
    left = [*_group(STEP), *_group(GO), *_group(LOOK)]
    right = [
        *_group(CHANGE),
        *_group(CURSOR),
        *_group(PROGRAM),
        *(Content.styled(f"  {note}", "$lt-soft") for note in _NOTES),
    ]
    if width < 2 * _LEFT + 8:
        return Page("keys", [*asked, *left, *right])
    blank = Content("")
    pairs = zip_longest(left, [*asked, *right], fillvalue=blank)
    return Page(
        "keys", [Content.assemble(one.truncate(_LEFT - 2, ellipsis=True, pad=True), "  ", two) for one, two in pairs]
    )


def _asked() -> list[Content]:
    """Return what whoever is new asks first, and the key that answers it."""
    lines = [Content.styled("Ask", "bold $lt-accent")]
    for key, question in _ASKED:
        lines.append(Content.assemble((f"{key:>7}  ", "bold $lt-key"), (question, "$lt-soft")))
    return [*lines, Content("")]


def _group(name: str) -> list[Content]:
    lines = [Content.styled(name, "bold $lt-accent")]
    for command in COMMANDS:
        if command.group == name:
            key, word = (f"{command.key:>7}  ", "bold $lt-key"), (f"{command.word:<15} ", "$lt-ink")
            lines.append(Content.assemble(key, word, (command.help, "$lt-soft")))
    return [*lines, Content("")]
