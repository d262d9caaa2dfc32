"""What a lesson claims, tried on the networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.lessons.lesson import Stop, Text
from lstm_tui.debugger.lessons.meeting import Open
from lstm_tui.debugger.lessons.standing import Standing
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import LanguageError, UserError


def false_claims(standing: Standing) -> Iterator[tuple[Text, str]]:
    """Yield every claim that does not hold, of a stop and of its try once done, and why.

    Raises:
        LanguageError: A claim, or what should be tried, means nothing, with line and column.
    """
    yield from _false(standing, standing.stop.claims, standing.session)
    task = standing.stop.task
    if task is None:
        return
    if standing.noticed(standing.session):
        yield task.say, "this is noticed before it is tried"
    if task.lines or task.opens:
        session = standing.session.fork()
        for act, line in zip(standing.doings(), task.lines, strict=True):
            try:
                act(session)
            except LanguageError:
                raise
            except UserError as error:
                standing.fail(line, str(error))
        if not standing.noticed(session, (task.opens,)):
            yield (task.lines or (task.say,))[-1], "when these lines are done, that is not noticed"
        yield from _false(standing, task.claims, session)
        standing.then(session)


def _false(standing: Standing, claims: Iterable[Text], session: Session) -> Iterator[tuple[Text, str]]:
    for claim in claims:
        try:
            holds = standing.true(claim.text, session, session.frame.t)
        except ExpressionError as error:
            standing.fail(claim, error.said, error.start)
        if not holds:
            yield claim, f"this does not hold: {claim.text}"


def check(stop: Stop, open_network: Open) -> list[tuple[Text, str]]:
    """Meet a stop with its network, read every word of it and return the claims that are false, with why.

    Raises:
        LanguageError: Something means nothing, with line and column; a claim that is false is not a mistake here.
    """
    standing = Standing(stop, open_network)
    standing.say()
    standing.what_to_try()
    return list(false_claims(standing))
