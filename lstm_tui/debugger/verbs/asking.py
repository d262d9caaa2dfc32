"""Verbs that ask: print a value, explain it, tell what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from lstm_tui.debugger.assertions import require
from lstm_tui.debugger.expressions import nodes, parse
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.say import lines, one
from lstm_tui.debugger.expressions.scope import NoSuchName
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.doubts import with_doubts
from lstm_tui.debugger.verbs.moving import position_lines
from lstm_tui.debugger.verbs.stopping import complete_expression, told
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.debugger.worked import explained, through
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.roles import roles_of
from lstm_tui.engine.trace import PassTrace
from lstm_tui.engine.visible import visible


@VERBS.verb(
    "print EXPR", "tell a value here; of one unit, its equation in numbers and its largest terms", aliases=("p", "pp"),
    complete=complete_expression, example="print mean(h)",
)  # fmt: skip
def _print(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("print what? such as: print mean(f), print c[17], print c - prev(c)")
    answer = session.evaluate(rest)
    shown = lines(answer.value)
    text = visible(answer.expression.text.strip())
    later = "" if answer.reached else "   (the run has not come to it yet)"
    result = [f"{text} = {shown[0]}{later}"] if shown == [one(answer.value)] else [f"{text} ={later}", *shown]
    unit = one_unit(session, answer.expression.node)
    if unit is not None:
        result += [*explained(*unit), *through(*unit)]
    return with_doubts(tuple(result), session, rest)


def one_unit(session: Session, node: nodes.Node) -> tuple[PassTrace, str, int, int] | None:
    """Return pass, value, place and unit when an expression is one unit of a value here; else None."""
    if not (isinstance(node, nodes.Units) and isinstance(node.of, nodes.Name) and node.stop == node.first + 1):
        return None
    passed, value = session.scope().owner(node.of.name)
    return (passed, value, session.frame.t, node.first) if value in passed.cell.values and value in passed else None


@VERBS.verb(
    "who EXPR [by X]",
    'tell which step moved a value last by more than x (or most), lost a memory (who "not"), or bore a NaN (who nan)',
    aliases=("blame",), complete=complete_expression, example="who norm(h)",
)  # fmt: skip
def _who(session: Session, rest: str) -> tuple[str, ...]:
    return session.who(rest).lines


@VERBS.verb(
    "assert EXPR", "refuse a run in which this is not true at every step", complete=complete_expression,
    example="assert not any(isnan(h))",
)  # fmt: skip
def _assert(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("assert what? such as: assert not any(isnan(c))")
    require(rest, session.scope())
    return (f"{visible(rest)} holds at every step",)


@VERBS.verb(
    "whatis EXPR", "tell of a value what it is, without its numbers", aliases=("ptype",), complete=complete_expression
)
def _whatis(session: Session, rest: str) -> tuple[str, ...]:
    node = parse(rest).node
    value_here = session.evaluate(rest).value  # which tells what is wrong with a name, and where it stands
    if isinstance(node, nodes.Name):
        with suppress(NoSuchName):  # of the readout, of the tape
            passed, value = session.scope().owner(node.name)
            if value not in passed.cell.values:
                raise NoSuchName(f"{value} is none of the cell's")
            equation, role = passed.cell.equation(value), roles_of(passed.cell).get(value)
            says = ": ".join(part for part in (equation.label, equation.help) if part)
            size = passed[value].shape[1]
            head = f"{passed.name}.{value}: {size} units{f', {role}' if role else ''}"
            return tuple(visible(fact) for fact in (head, f"  {equation.text}", f"  {says}") if fact.strip())
    kind = {"number": "number", "truth": "truth", "text": "text"}[value_here.kind]
    return (f"{value_here.size} {kind}{'s' * (value_here.size > 1)}",)


_TOPICS = ("break", "watch", "display", "frame", "passes", "values", "functions")
_OTHER_TOPICS = {
    "breakpoints": "break", "watchpoints": "watch", "locals": "values", "args": "values", "variables": "values",
    "registers": "values", "threads": "passes", "stack": "frame", "source": "frame", "program": "frame",
    "line": "frame",
}  # fmt: skip
"""Topics as gdb calls them."""


def _topics(session: Session, rest: str) -> Iterator[str]:
    return (topic for topic in _TOPICS if topic.startswith(rest))


@VERBS.verb(f"info {'|'.join(_TOPICS)}", "tell what there is", aliases=("i",), complete=_topics, example="info frame")
def _info(session: Session, rest: str) -> tuple[str, ...]:
    word = rest.split()[0] if rest.split() else "frame"
    topic = _OTHER_TOPICS.get(word) or next((one for one in _TOPICS if one.startswith(word)), None)
    frame = session.frame
    if topic in ("break", "watch"):
        wanted = [each for each in session.breakpoints if topic == "break" or each.word == "watch"]
        return tuple(", ".join(filter(None, (told(one), session.unknown(one)))) for one in wanted) or (
            "no breakpoints" if topic == "break" else "no watches",
        )
    if topic == "display":
        return tuple(f"{each.number}: {visible(each.expression.text)}" for each in session.displays) or ("no displays",)
    if topic == "frame":
        trace = frame.trace
        made = f"{visible(str(trace.model.get('name')))}, {trace.interpreter} {trace.dtype}, {frame.steps} tokens"
        result = () if trace.result is None else (f"result: {one(session.evaluate('result').value)}",)
        remarks = () if trace.network is None else trace.network.remarks
        known = (f"warning: {visible(remark)}" for remark in remarks)
        return (*position_lines(session.frame), made, f"line {frame.line + 1} of {frame.lines}", *result, *known)
    if topic == "passes":
        return tuple(
            f"{'*' if name == frame.position.pass_name else ' '} {name}: {visible(passed.cell.name)}, "
            f"{passed.hidden_size} units, reads {passed.direction}"
            for name, passed in frame.trace.items()
        )
    if topic == "values":
        answers = ((value, session.evaluate(value)) for value in frame.passed)
        return tuple(f"{value} = {one(each.value)}{'' if each.reached else '   (not yet)'}" for value, each in answers)
    if topic == "functions":
        return tuple(f"{function.name}: {function.help}" for function in FUNCTIONS.values())
    raise UserError(f"info about what? {', '.join(_TOPICS)}")
