"""The help page, made of the command table."""

from __future__ import annotations

import textwrap
from itertools import zip_longest

from textual.content import Content

from lstm_tui.tui.commands import CHANGE, COMMANDS, CURSOR, GO, LOOK, PROGRAM, STEP
from lstm_tui.tui.screens.page import Page

_LEFT = 68
"""Cells of the left of two columns."""
_SHARE, _AROUND = 0.96, 8
"""How much of the width a page takes, and what its frame and the bar beside it take of that."""
_INDENT, _LEAST = 25, 20
"""Cells before what a key does, and the fewest it is written in."""
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
    room = int(width * _SHARE) - _AROUND
    wide = room >= 2 * _LEFT + 2
    first, second = (_LEFT - 2, room - _LEFT) if wide else (room, room)
    left = [line for name in (STEP, GO, LOOK) for line in _group(name, first)]
    right = [line for name in (CHANGE, CURSOR, PROGRAM) for line in _group(name, second)]
    right += [Content.styled(f"  {note}", "$lt-soft") for note in _NOTES]
    if not wide:
        return Page("keys", [*_asked(), *left, *right])
    pairs = zip_longest(left, [*_asked(), *right], fillvalue=Content(""))
    return Page("keys", [Content.assemble(one, " " * max(_LEFT - one.cell_length, 0), two) for one, two in pairs])


def _asked() -> list[Content]:
    """Return what whoever is new asks first, and the key that answers it."""
    lines = [Content.styled("Ask", "bold $lt-accent")]
    for key, question in _ASKED:
        lines.append(Content.assemble((f"{key:>7}  ", "bold $lt-key"), (question, "$lt-soft")))
    return [*lines, Content("")]


def _group(name: str, room: int) -> list[Content]:
    """Return the keys of a group; what is too long for a line goes on in the next."""
    lines = [Content.styled(name, "bold $lt-accent")]
    for command in COMMANDS:
        if command.group == name:
            said = textwrap.wrap(command.help, max(room - _INDENT, _LEAST))
            key, word = (f"{command.key:>7}  ", "bold $lt-key"), (f"{command.word:<15} ", "$lt-ink")
            lines.append(Content.assemble(key, word, (said[0], "$lt-soft")))
            lines += [Content.styled(" " * _INDENT + more, "$lt-soft") for more in said[1:]]
    return [*lines, Content("")]
