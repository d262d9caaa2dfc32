"""What must be in sight at a stop of a lesson: its pane, its token, its unit, and the numbers that its sentences quote.

A number is looked for on the screen where it is one value of one unit, or a state one step before, one class of the
output, or a token's share of the memory that the ledger splits there. Of a product or a sum of such values it is enough
that all of them are in sight. What a sentence works out of all units, or of another word, need not stand there. What a
stop names by `see` must. What is said once something was done is looked for where that was done.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.expressions.parser import (
    CallNode,
    Class,
    NamedUnitNode,
    NameNode,
    Node,
    NumberNode,
    Operation,
    PreviousNode,
    TextNode,
    UnitsNode,
)
from lstm_tui.debugger.panes import OUTPUT, PANES, TAPE
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.lesson.bound_step import Standing
from lstm_tui.lesson.lesson import LOOKS, LessonText
from lstm_tui.lesson.templates import questions_in, written

_OUTPUTS = ("output", "result")
_OF_UNITS = tuple(pane.look for pane in PANES if pane not in (TAPE, OUTPUT))
"""Panes in which the stop's own unit must be in sight."""


@dataclass(frozen=True)
class Needed:
    """Something that must be in sight.

    Attributes:
        text: Where the lesson asks for it.
        words: What it is, for messages.
        pane: The number of a pane, or None.
        unit: A unit of the stop's pass, or None.
        token: A place on the tape, or None.
        number: A value, or None.
        label: What stands in the same line as the number: the name of a class or a token; may be empty. Without a
            number, what stands on the screen.
        made_of: The values that the number is worked out of, which may be in sight in its place.
    """

    text: LessonText
    words: str
    pane: int | None = None
    unit: int | None = None
    token: int | None = None
    number: float | None = None
    label: str = ""
    made_of: tuple[float, ...] = ()


def needed(standing: Standing) -> Iterator[Needed]:
    """Yield what must be in sight at a stop before anything is done there.

    Raises:
        LanguageError: What a stop names by `see` means nothing, with line and column.
    """
    stop, place = standing.stop, standing.place
    yield Needed(stop.say, f"the pane {stop.look}", pane=LOOKS.index(stop.look))
    token = standing.session.frame.trace.sequence.tokens[place.t]
    yield Needed(stop.say, f"the token {token}", token=place.t)
    if stop.look in _OF_UNITS and stop.show not in ("everyone", "map"):
        yield Needed(stop.say, f"unit {place.unit}", unit=place.unit)
    for text in (stop.say, *(() if stop.ask is None else (stop.ask.say,))):
        yield from _quoted(standing, text, standing.session)
    for text in stop.see:
        yield _named(standing, text)


def needed_then(standing: Standing, session: Session) -> Iterator[Needed]:
    """Yield what must be in sight once the question was answered, or what should be tried was done.

    Args:
        standing: The stop.
        session: One in which it was done.

    Raises:
        LanguageError: What is said then means nothing, with line and column.
    """
    stop = standing.stop
    then = stop.ask.then if stop.ask is not None else None if stop.task is None else stop.task.then
    if then is not None:
        yield from _quoted(standing, then, session)


def _quoted(standing: Standing, text: LessonText, session: Session) -> Iterator[Needed]:
    """Yield the numbers and names that a text quotes."""
    for begin, inside in questions_in(text.text):
        found = _number(standing, text, inside, begin, session)
        if found is not None:
            yield found


def _named(standing: Standing, text: LessonText) -> Needed:
    """Return what a text of `see` names."""
    kind, _, name = text.text.strip().partition(" ")
    trace, place = standing.session.frame.trace, standing.place
    if kind == "pane":
        if name not in LOOKS:
            standing.bound.fail(text, f"there is {', '.join(LOOKS)}", 0, nearest(name, LOOKS))
        return Needed(text, f"the pane {name}", pane=PANES[LOOKS.index(name)].number)
    if kind == "token":
        found = [t for t, token in enumerate(trace.sequence.tokens) if token.casefold() == name.casefold()]
        if not found:
            standing.bound.fail(text, f"there is no token “{name}” on this tape")
        return Needed(text, f"the token {name}", token=min(found, key=lambda t: abs(t - place.t)))
    if kind == "unit":
        names = standing.session.frame.names
        number = place.unit if not name else whole_number(name)
        number = names.number(place.pass_name, name) if number is None else number
        if number is None or number >= _units(trace[place.pass_name]):
            standing.bound.fail(text, f"there is no unit {name} in {place.pass_name}")
        return Needed(text, f"unit {name or number}", unit=number)
    needs = _number(standing, text, text.text, 0, standing.session)
    if needs is None:
        standing.bound.fail(text, "`see` names a pane, a token, a unit, or one value such as f[unit]")
    return needs


def _units(passed: PassTrace) -> int:
    """Return how many units the memory of a pass has."""
    return int(passed[memory_of(passed.cell)].shape[1])


def _number(standing: Standing, text: LessonText, inside: str, begin: int, session: Session) -> Needed | None:
    """Return one number of a run, or the name of a class, that can stand on the screen; None of anything else."""
    own = None if session is standing.session else session
    try:
        asked, answer = standing.answer(inside, own)
    except ExpressionError as error:
        standing.bound.fail(text, error.said, begin + error.start)
    if asked.before or answer.size != 1 or not answer.known[-1, 0]:
        return None
    node, trace = asked.expression.node, session.frame.trace
    words = asked.expression.text.strip()
    if isinstance(node, CallNode) and node.function == "argmax" and _is_output(node):
        return Needed(text, f"the word {words}", label=written(answer))
    if answer.kind != "number":
        return None
    value, words = float(answer.values[-1, 0]), f"the number {words}"
    if isinstance(node, CallNode) and node.function == "share" and isinstance(node.arguments[0], TextNode | UnitsNode):
        if (standing.stop.show in ("everyone", "map")) != (len(node.arguments) == 1):
            return None  # of all units, where the ledger is that of one
        token = node.arguments[0]
        label = token.value if isinstance(token, TextNode) else trace.sequence.tokens[token.one() or 0]
        return Needed(text, words, number=value, label=label)
    parts = tuple(_parts(node))
    units = {_unit(part, standing) for part in parts}
    if len(units) == 1 and (unit := units.pop()) is not None:
        made_of = []
        for part in parts if len(parts) > 1 else ():
            _, of = standing.answer(asked.expression.text[part.start : part.end], own)
            made_of.append(float(of.values[-1, 0]))
        return Needed(text, words, unit=unit, number=value, made_of=tuple(made_of))
    if isinstance(node, Class) and isinstance(node.of, NameNode) and node.of.name in _OUTPUTS:
        return Needed(text, words, number=value, label=node.name)
    if isinstance(node, CallNode) and node.function == "max" and _is_output(node):
        return Needed(text, words, number=value)
    return None


def _parts(node: Node) -> Iterator[Node]:
    """Yield what a number is worked out of by signs alone."""
    if isinstance(node, Operation) and node.sign in ("+", "-", "*", "/"):
        yield from _parts(node.left)
        yield from _parts(node.right)
    elif not isinstance(node, NumberNode):
        yield node


def _unit(node: Node, standing: Standing) -> int | None:
    """Return the unit of a node that is one unit of one value of the cell, here or one step before."""
    cell = standing.session.frame.trace[standing.place.pass_name].cell
    values: Container[str] = cell.values
    if isinstance(node, PreviousNode):
        node, values = node.of, cell.state
    if not isinstance(node, UnitsNode | NamedUnitNode) or not isinstance(node.of, NameNode):
        return None
    if node.of.name not in values:
        return None
    if isinstance(node, UnitsNode):
        return node.one()
    return standing.session.frame.names.number(standing.place.pass_name, node.name)


def _is_output(node: CallNode) -> bool:
    return any(isinstance(one, NameNode) and one.name in _OUTPUTS for one in node.arguments)


_NUMBER = re.compile(r"([-+−]?(?:\d+\.\d+|\.\d+|\d+)(?:e[-+]?\d+)?)( ?%)?|(~[-+]?0)")


def holds_number(line: str, value: float) -> bool:
    """Say whether a number that is written in a line is a value, as far as it is written."""
    for text, percent, nearly in _NUMBER.findall(line):
        if nearly:
            if abs(value) < 0.01:
                return True
            continue
        digits, _, exponent = text.partition("e")
        last = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2])) / (100 if percent else 1)
        if abs(float(text.replace("−", "-")) / (100 if percent else 1) - value) <= 0.5001 * last:
            return True
    return False
