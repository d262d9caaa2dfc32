"""The help page, made of the command table."""

from __future__ import annotations

from textual.content import Content

from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.screens.page import Page


def help_page() -> Page:
    """Return a page with every key and what it does."""
    lines: list[Content] = []
    group = ""
    for command in COMMANDS:
        if command.group != group:
            group = command.group
            lines += [Content(""), Content.styled(group, "bold $lt-accent")] if lines else [
                Content.styled(group, "bold $lt-accent")
            ]
        lines.append(
            Content.assemble((f"{command.key:>7}  ", "bold $lt-key"), (f"{command.word:<15} ", "$lt-ink"), (command.help, "$lt-soft"))
        )
    lines += [
        Content(""),
        Content.styled("The mouse: click a token to go there, a unit, a value or a place of the map to look at it.", "$lt-soft"),
        Content.styled("n and N move on the tape; s and i walk in the selected pass's own reading order.", "$lt-soft"),
        Content.styled("What the run has not reached is drawn faint; ╳ is NaN, ∞ is infinite.", "$lt-soft"),
    ]
    return Page("keys", lines)
