"""A typed line is executed by the verb that it names; a script's lines are, too."""

from __future__ import annotations

from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.quiet import quiet


def split(line: str) -> tuple[str, str]:
    """Return the first word of a line and what stands behind it; a colon before the word is not part of it."""
    word, _, rest = line.strip().removeprefix(":").strip().partition(" ")
    return word, rest.strip()


def answer(session: Session, line: str) -> tuple[str, ...]:
    """Obey one line and return the reply; an empty line and one that begins with # do nothing.

    Raises:
        UserError: If the line cannot be executed; the session is then as it was.
        Leave: If the line asks to leave.
    """
    word, rest = split(line)
    if not word or word.startswith("#"):
        return ()
    before = session.frame
    with quiet():
        reply = VERBS.named(word)(session, rest)
        after = session.frame
        if len(session.displays) and (after.position != before.position or after.trace is not before.trace):
            reply += tuple(one.line for one in session.stops.shown())
    return reply
