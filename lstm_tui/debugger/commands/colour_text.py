"""`colour-text`: the text as it reads, each token coloured by what an expression is there."""

from __future__ import annotations

from collections.abc import Iterable

from lstm_tui.debugger.commands.breakpoints import complete_expression
from lstm_tui.debugger.commands.names import unit_meant
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.inspect.coloured_text import coloured_lines, coloured_text
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.whole_number import whole_number


@VERBS.verb(
    "colour-text [EXPR]",
    "show the text as it reads, each token marked by what one unit, or any one number, is at it; U shows it in colours",
    aliases=("color-text",),
    complete=complete_expression,
    example="colour-text mean(h)",
)
def _colour_text(session: Session, rest: str) -> Iterable[str]:
    rest = rest or session.coloured
    if whole_number(rest) is not None or session.frame.names.number(session.frame.position.pass_name, rest) is not None:
        pass_name, unit = unit_meant(session, rest)
        rest = f"{pass_name}.{memory_of(session.frame.trace[pass_name].cell)}[{unit}]"
    if not rest:
        frame = session.frame
        pass_name, unit = session.chosen or (frame.position.pass_name, 0)
        rest = f"{pass_name}.{memory_of(frame.trace[pass_name].cell)}[{unit}]"
    found = coloured_text(session.scope(), rest, session.frame.t)
    session.coloured = rest
    return tuple(coloured_lines(found))
