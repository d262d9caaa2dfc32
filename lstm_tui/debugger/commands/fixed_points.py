"""`fixed-points`: what kind of memory the step at a token is."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lstm_tui.debugger.commands.goto import place_of
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.inspect.dynamics import DynamicsQuestion, dynamics_content, dynamics_words
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.json import encode

_JSON = re.compile(r"(?:^|\s+)--json\s*\Z")


def _passes(session: Session, rest: str) -> Iterable[str]:
    return (name for name in session.frame.trace if name.startswith(rest))


@VERBS.verb(
    "fixed-points [PASS] [@ T] [--json]",
    "search for states that stay as they are while the token here is read again and again, and how long changes last; "
    "--json has every point in one line",
    complete=_passes,
    example="fixed-points @ 1",
)
def _fixed_points(session: Session, rest: str) -> Iterable[str]:
    asked = _JSON.sub("", rest)
    found = dynamics_question(session, asked).answer(session.work.progress)
    if asked != rest:
        return (encode(dynamics_content(found)).decode("utf-8"),)
    return tuple(dynamics_words(found))


def dynamics_question(session: Session, rest: str) -> DynamicsQuestion:
    """Return what is asked by what stands behind the verb.

    Raises:
        UserError: There is no such pass or place.
    """
    frame = session.frame
    name, at, place = (part.strip() for part in rest.partition("@"))
    name = name or frame.position.pass_name
    if name not in frame.trace.passes:
        near = nearest(name, frame.trace.passes)
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(frame.trace.passes)}"
        raise UserError(f"there is no pass `{visible(name[:40])}`{hint}")
    t = place_of(session, place) if at else frame.t
    return DynamicsQuestion(frame.trace, name, t, frame.names)
