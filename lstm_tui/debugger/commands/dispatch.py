"""The verbs in their order, and the completions of a typed line."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from lstm_tui.debugger.commands import (
    attention,
    beside_recording,
    branch,
    breakpoints,
    colour_text,
    convenience,
    edit,
    examine,
    feature,
    files,
    find,
    fixed_points,
    generate,
    goto,
    help,
    known_words,
    memory_reads,
    names,
    openings,
    patch,
    probe,
    record_lesson,
    reset_cost,
    smallest_change,
    step,
    trace_cause,
    user_commands,
)
from lstm_tui.debugger.commands.sealing import check_unsealed, seal
from lstm_tui.debugger.commands.table import VERBS, answer, split
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError

__all__ = ["VERBS", "answer", "check_unsealed", "completed", "completions", "seal", "split"]

VERBS.arrange(
    step,
    goto,
    find,
    breakpoints,
    examine,
    memory_reads,
    convenience,
    names,
    probe,
    feature,
    known_words,
    openings,
    edit,
    patch,
    branch,
    generate,
    trace_cause,
    attention,
    fixed_points,
    colour_text,
    smallest_change,
    files,
    record_lesson,
    reset_cost,
    beside_recording,
    user_commands,
    help,
)

_MOST = 200
"""Completions that are worth showing."""


def completions(session: Session, line: str) -> tuple[str, ...]:
    """Return the lines that a line, as far as it is typed, may become; at most 200 of them."""
    word, gap, rest = line.removeprefix(":").lstrip().partition(" ")
    if not gap:
        words = (*VERBS.words, *session.scripting.words)
        return tuple(f"{name} " for name in words if name.startswith(word) and name)
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
