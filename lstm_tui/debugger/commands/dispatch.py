"""The verbs in their order, the completions of a typed line, and which verbs may touch files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from lstm_tui.debugger.commands import (
    branch,
    breakpoints,
    edit,
    examine,
    files,
    generate,
    goto,
    help,
    known_words,
    memory_reads,
    names,
    step,
)
from lstm_tui.debugger.commands.table import VERBS, answer, nothing, split
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError

__all__ = ["VERBS", "answer", "check_unsealed", "completed", "completions", "seal", "split"]

VERBS.arrange(step, goto, breakpoints, examine, memory_reads, names, known_words, edit, branch, generate, files, help)

_MOST = 200
"""Completions that are worth showing."""


def completions(session: Session, line: str) -> tuple[str, ...]:
    """Return the lines that a line, as far as it is typed, may become; at most 200 of them."""
    word, gap, rest = line.removeprefix(":").lstrip().partition(" ")
    if not gap:
        return tuple(f"{name} " for name in VERBS.words if name.startswith(word) and name)
    try:
        found = islice(VERBS.named(word).complete(session, rest.lstrip()), _MOST)
        return tuple(f"{word} {one}" for one in found)
    except UserError:  # no verb, or no network: nothing to complete
        return ()


def completed(line: str, found: Iterable[str]) -> str:
    """Return the longest line that all completions begin with; the line itself when that is no longer."""
    lines = list(found)
    if not lines:
        return line
    first, last = min(lines), max(lines)  # what these two share, all share
    length = next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length] if length > len(line) else line


def seal() -> None:
    """Have every verb that touches files refuse, and complete nothing; for as long as the process lives."""
    for verb in tuple(VERBS):
        if verb.touches_files:
            VERBS.change(replace(verb, act=_refuse, complete=nothing))


def check_unsealed() -> None:
    """Refuse to touch a file where verbs are kept from them.

    Raises:
        UserError: They are.
    """
    if any(verb.touches_files and verb.act is _refuse for verb in VERBS):
        raise UserError("this debugger is served to others, and keeps off the files of its computer")


def _refuse(session: Session, rest: str) -> Iterable[str]:
    check_unsealed()
    raise AssertionError("an unsealed verb refuses")
