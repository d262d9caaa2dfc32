"""The words a network knows, and those of the text that it does not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lstm_tui.debugger.commands.complete import tokens_like
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.unknown_words import unknown_lines
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

_MOST = 2_000
"""Words that are listed at once."""
_WIDTH = 68  # a popup on 80 columns has as much
_MOST_UNKNOWN = 20


def known_tokens(session: Session) -> Tokens:
    """Return how the network of a session reads text.

    Raises:
        UserError: It reads numbers, or is not at hand.
    """
    network = session.frame.trace.network
    if network is None or network.tokens is None:
        raise UserError("there is no vocabulary: this network reads numbers, or its file is not at hand")
    return network.tokens


def unknown_words(session: Session, most: int) -> Iterator[str]:
    """Yield a line for each of the first words of the text that the network does not know, and how many more there are.

    Args:
        session: Whose text it is.
        most: How many words have a line, with where they stand and near ones.
    """
    trace = session.frame.trace
    if trace.network is not None and trace.network.tokens is not None:
        yield from unknown_lines(trace.sequence, trace.network.tokens, most)


def _words(session: Session, rest: str) -> Iterator[str]:
    return (visible(token) for token in tokens_like(session, rest))


@VERBS.verb(
    "vocabulary [TEXT]", "list the words the network knows, or those with TEXT; first what it does not know here",
    aliases=("vocab",), complete=_words, example="vocabulary th",
)  # fmt: skip
def _vocabulary(session: Session, rest: str) -> tuple[str, ...]:
    known = known_tokens(session)
    wanted = rest.casefold()
    found = [token for token in known.vocabulary if wanted in token.casefold()]
    found.sort(key=lambda token: (not token.casefold().startswith(wanted), token.casefold()))
    if rest and not found:
        near = ", ".join(visible(one) for one in known.near(rest))
        raise UserError(f"no word of it contains “{visible(rest[:40])}”" + (f"; near: {near}" if near else ""))
    kind = "word" if known.kind == "words" else "token"
    head = count_of(len(known.vocabulary), kind) + (f", {len(found)} with “{visible(rest)}”" if rest else "")
    listed = textwrap.wrap("  ".join(visible(one) for one in found[:_MOST]), _WIDTH, break_on_hyphens=False)
    more = (f"… and {len(found) - _MOST} more: `vocabulary TEXT` lists those that contain a text",)
    return (*unknown_words(session, _MOST_UNKNOWN), head, *listed, *(more if len(found) > _MOST else ()))
