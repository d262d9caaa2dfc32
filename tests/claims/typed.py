"""Lines of the debugger's language, typed one after another into sessions on our own samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import lstm_tui
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.engine.errors import UserError

from .stand_ins import scratch, with_real_words

_SESSIONS = (
    ("sample.txt", "sentiment", 1), ("sample.txt", "sentiment-forward", 1), ("story.txt", "story", 1),
    ("story.txt", "story", 3),
)  # fmt: skip
"""Where lines are typed: a file, a network, a line of the file. A line must be executed in one of them at least."""
_BEFORE = ("goto end", "break 0", "break 1")


@cache
def refused(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return, of lines that are typed one after another, why each is refused in every session; empty where it is not.

    A session that has refused a line goes on with the next, as a screen does.
    """
    answers = [_answers(lines, *one) for one in _SESSIONS]
    return tuple("" if "" in tried else tried[0] for tried in zip(*answers, strict=True))


def _answers(lines: Sequence[str], file: str, model: str, line: int) -> list[str]:
    with scratch():
        console = Console(lstm_tui.session(Path(file), model=model, line=line))
        for before in _BEFORE:
            console.execute(before)
        return [_refusal(console, one.removeprefix(":")) for one in lines]


def _refusal(console: Console, line: str) -> str:
    first = ""
    for real in with_real_words(line):
        try:
            console.execute(real)
        except UserError as error:
            first = first or str(error)
        except Leave:
            return ""
        else:
            return ""
    return first


def is_typed(span: str) -> bool:
    """Say whether a span is a line of the debugger's language: `:` before it, or a verb and something behind it."""
    word, _, rest = span.partition(" ")
    return (span.startswith(":") and len(span) > 1) or (bool(rest) and word in VERBS.words)
