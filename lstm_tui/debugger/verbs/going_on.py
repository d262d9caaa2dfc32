"""`generate`: a language model goes on with the text, each token an edit that can be taken back."""

from __future__ import annotations

import math

from lstm_tui.analysis.words_to_come import choose, perplexity, surprise
from lstm_tui.debugger.recipe import TokenEdit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.debugger.verdict import perplexity_figure
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.visible import visible

MOST = 500
"""Tokens of one command; every one is an edit."""
_HOTTEST = 100.0


def append(session: Session, temperature: float = 0.0, seed: int = 0) -> str:
    """Append the most likely token, or one that is drawn, as an edit, and stand at it; return it.

    Raises:
        UserError: If the network says no next token, or cannot be run again.
    """
    token = choose(session.frame.trace, temperature, seed)
    session.edit(TokenEdit("insert", session.frame.steps, token))
    session.goto(session.frame.steps - 1)
    return token


@VERBS.verb(
    "generate N [TEMPERATURE [SEED]]",
    "go on with the text by N tokens: the likeliest, or drawn at a temperature",
)
def _generate(session: Session, rest: str) -> tuple[str, ...]:
    words = rest.split()
    if len(words) > 3:
        raise UserError("`generate` takes a count, a temperature and a seed, such as: generate 20 0.8 7")
    count = _whole(words[0], "tokens", MOST) if words else 1
    temperature = _temperature(words[1]) if len(words) > 1 else 0.0
    seed = _whole(words[2], "seed", 10**9, least=0) if len(words) > 2 else 0
    tokens = []
    for number in range(count):
        session.work.part(number, count)
        tokens.append(append(session, temperature, seed))
    kind = session.frame.trace.sequence.kind
    text = visible(("" if kind in ("chars", "bytes") else " ").join(tokens))
    bits = surprise(session.frame.trace)
    level = None if bits is None else perplexity(bits)
    said = "" if level is None else f"; perplexity of the text {perplexity_figure(level)}"
    return (f"appended: {text}{said}",)


def _whole(text: str, what: str, most: int, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        raise UserError(f"`{visible(text[:40])}` is no number of {what}: give one from {least} to {most}")
    return int(text)


def _temperature(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= _HOTTEST:
        most = sentence(_HOTTEST)
        raise UserError(f"`{visible(text[:40])}` is no temperature: give one from 0 (the likeliest) to {most}")
    return number
