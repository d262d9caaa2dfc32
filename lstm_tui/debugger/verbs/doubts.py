"""What a line names that is not there: a breakpoint may wait for it all the same, but the user should know."""

from __future__ import annotations

from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.expressions.scanner import words_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.visible import visible

_LONGEST = 40


def with_doubts(reply: tuple[str, ...], session: Session, text: str) -> tuple[str, ...]:
    """Return a reply with what its line names and is not there; one of a single line stays one, to be read at a glance.

    Args:
        reply: What was done or found.
        session: The session.
        text: The expression or place that was typed.
    """
    found = doubts(session, text)
    return ("; ".join((*reply, *found)),) if len(reply) == 1 else (*reply, *found)


def doubts(session: Session, text: str) -> tuple[str, ...]:
    """Return a line for each token in quotes that stands nowhere on the tape, and is no class either."""
    scope = session.scope()
    try:
        quoted = [word.text for word in words_of(text) if word.kind == "text"]
    except ExpressionError:
        return ()
    found = []
    for token in dict.fromkeys(quoted):
        if token in scope.trace.classes or (scope.tokens == scope.as_read(token)).any():
            continue
        near = scope.nearest_token(token)
        hint = f"; did you mean “{visible(near)}”?" if near else ""
        found.append(f"there is no “{visible(token[:_LONGEST])}” on this tape{hint}")
    return tuple(found)
