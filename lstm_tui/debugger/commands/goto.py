"""Verbs that move the run."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.expressions import ExpressionError, parse
from lstm_tui.debugger.expressions.calls import token_place
from lstm_tui.debugger.expressions.parser import TextNode
from lstm_tui.debugger.expressions.scope import NoSuchName
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number


def stands(session: Session) -> tuple[str, ...]:
    """Return where the session stands, in one line, with its note when it has one."""
    frame = session.frame
    return (frame.place + (f" ({frame.note})" if frame.note else ""),)


def position_lines(frame: Frame) -> tuple[str, ...]:
    """Return why a run stopped, where there is a reason, and where it stands."""
    where = frame.where
    return (frame.note, where) if frame.note else (where,)


_MOST_PLACES = 8


def listed_places(places: Sequence[int]) -> str:
    """Return places on the tape as a reply lists them: the first few, and how many more."""
    more = len(places) - _MOST_PLACES
    return ", ".join(map(str, places[:_MOST_PLACES])) + (f" and {more} more" if more > 0 else "")


def place_of(session: Session, text: str) -> int:
    """Return the place a text names.

    That is a number from 0, `end`, `tok[3]` and from the end `tok[-1]`, the first place of a token in quotes, or so
    many tokens on as `+2` and `-2`.

    Raises:
        UserError: If it is none, or not on the tape.
    """
    last = session.frame.steps - 1
    number = text.removeprefix("@").strip()
    if number in ("end", "last"):
        return last
    if number[-1:] in ('"', "]"):
        return _written_place(session, number)
    body = number.lstrip("+-")
    places = whole_number(body)
    if places is None or len(number) - len(body) > 1:
        hint = f', or "{visible(number)}"' if number in session.frame.trace.sequence.tokens else ""
        raise UserError(f"`{visible(text[:40])}` is no place: give a number from 0 to {last}, `end`, +1, -1{hint}")
    if number[0] not in "+-":
        t, counted = places, ""
    else:
        t = session.frame.t + (-places if number[0] == "-" else places)
        counted = f"; {number} counts from here, and `tok[-1]` from the end"
    if not 0 <= t <= last:
        raise UserError(f"there is no place {t} on this tape: its last is {last}{counted}")
    return t


def _written_place(session: Session, text: str) -> int:
    """Return the place of `tok[3]`, or of a token in quotes."""
    node, scope = parse(text).node, session.scope()
    try:
        if isinstance(node, TextNode):
            return scope.place_of(node.value)
        if (number := token_place(node)) is not None:
            return min(scope.place_numbered(number), scope.steps - 1)
    except NoSuchName as error:
        raise ExpressionError(error.said, text, node.start, error.near) from None
    raise UserError(f"`{visible(text[:40])}` is no place: give a number from 0, `end`, tok[3], or a token in quotes")


@VERBS.verb(
    "goto [T]", 'go to the token at place T (from 0; also `end`, +2, -2, tok[-1], "not"); without T, to what the last '
    "`who` found",
    aliases=("t", "jump", "j"), example="goto 2", takes_numbers=True,
)  # fmt: skip
def _goto(session: Session, rest: str) -> tuple[str, ...]:
    if rest:
        session.goto(place_of(session, rest))
        return stands(session)
    return position_lines(session.stops.go_where_found())
