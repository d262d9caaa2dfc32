"""A question about the past to its answer: token, step, equation, and the terms of that equation.

c[17] by .3      the last step that moved it by more than 0.3       c[17]     the step that moved it most
"Ganesh"         who lost this token's share of the memory          nan       where it was born
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lstm_tui.debugger.blame.birth import birth
from lstm_tui.debugger.blame.memory import loss_at, parts_of_change
from lstm_tui.debugger.blame.moves import Losses, Move, largest_losses, last_move
from lstm_tui.debugger.explain import explain
from lstm_tui.debugger.expressions import Expression, ExpressionError, Scope, evaluate, nodes, parse
from lstm_tui.debugger.expressions.asking import token_place
from lstm_tui.debugger.expressions.reading import equation_waited_for
from lstm_tui.debugger.expressions.say import number
from lstm_tui.debugger.expressions.scope import NoSuchName
from lstm_tui.debugger.expressions.shares import memory_meant, sizes_of
from lstm_tui.debugger.frame import Frame, equations_of
from lstm_tui.debugger.position import Position
from lstm_tui.debugger.stops.reading import split_at
from lstm_tui.debugger.worked import explained, mostly, through
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import change, percent
from lstm_tui.engine.trace import PassTrace
from lstm_tui.engine.visible import visible

_OTHERS = 3


@dataclass(frozen=True)
class Blame:
    """Who did it.

    Attributes:
        lines: The answer; the first line says what happened, and where.
        pass_name: In which pass; None where nothing was found.
        t: Place on the tape.
        equation: Number of the equation.
        value: Its value, where it is one; else empty.
        unit: Which unit of it.
    """

    lines: tuple[str, ...]
    pass_name: str | None = None
    t: int = 0
    equation: int = 0
    value: str = ""
    unit: int = 0


def who(text: str, scope: Scope, frame: Frame) -> Blame:
    """Answer who moved a value, lost a memory, or bore a NaN.

    Args:
        text: `c[17] by .3`, `share("Ganesh")`, `"Ganesh"`, `nan`; `erased`, `moved` and `last` may stand before.
        scope: The run, and the pass of names without one.
        frame: Where the run stands.

    Raises:
        UserError: It is no question, or means nothing in this run.
    """
    words = text.split(maxsplit=1)
    while len(words) == 2 and words[0] in ("last", "moved", "erased", "lost"):
        words = words[1].split(maxsplit=1)
    text = " ".join(words)
    if not text:
        raise UserError('who did what? such as: who c[17] by .3, who "not", who nan')
    if text in ("nan", "inf", "NaN"):
        return _born(scope)
    what, by = split_at(text, "by")
    limit = _limit(by, text)
    expression = parse(what)
    if isinstance(expression.node, nodes.Text):
        expression = parse(f"share({what})")
    scope = _own(expression, scope)
    value = evaluate(expression, scope, 0, 1)
    if value.kind == "text":
        raise ExpressionError("a text does not move: ask about numbers", what, 0)
    shared = _share(expression, scope)
    losses: Losses | None = None
    move: Move | None
    if shared and limit is None:
        passed, state, places, units = shared
        losses = largest_losses(expression, scope, frame, sizes_of(passed, state, places, units)[0].sum(axis=1))
        move = None if losses is None else losses.move
    else:
        move = last_move(expression, scope, frame, limit, falls=shared is not None)
    written = visible(what.strip())
    if move is None:
        than = f" by more than {number(limit)}" if limit else ""
        nothing = f"nothing {'lost' if shared else 'moved'} {written}{than} up to here"
        return Blame((nothing + _ahead(text, scope, frame) + _by_instead(expression),))
    if shared is None:
        return _moved(expression, scope, move, value.size, limit)
    return _lost(expression, scope, move, shared, limit, () if losses is None else losses.others)


def _own(expression: Expression, scope: Scope) -> Scope:
    """Return the scope of the pass to which a value belongs, where the question is about one of another pass."""
    node = expression.node
    while isinstance(node, nodes.Units):
        node = node.of
    if isinstance(node, nodes.Name) and node.name.rpartition(".")[0] in scope.trace:
        return Scope(scope.trace, node.name.rpartition(".")[0])
    return scope


def _ahead(text: str, scope: Scope, frame: Frame) -> str:
    """Return what will be found at the end of the run, where that lies ahead."""
    end = Position(scope.pass_name, scope.passed.tape_place(scope.steps - 1), len(equations_of(scope.passed)) - 1)
    if frame.position == end or frame.position.pass_name != scope.pass_name:
        return ""
    later = who(text, scope, replace(frame, position=end))
    return "" if later.pass_name is None else f"; it will be at {_place(scope, later.t)}: `goto end`, then ask again"


def _by_instead(expression: Expression) -> str:
    """Return how to ask for a change by so much, where a comparison was asked for."""
    node = expression.node
    if not (isinstance(node, nodes.Operation) and node.sign in "<>" and isinstance(node.right, nodes.Number)):
        return ""
    left = visible(expression.text_of(node.left))
    return f"; for a change by more than {number(node.right.value)}: who {left} by {number(node.right.value)}"


def _limit(by: str | None, text: str) -> float | None:
    if by is None:
        return None
    node = parse(by).node if by else None
    if not isinstance(node, nodes.Number):
        raise ExpressionError("behind `by` stands a number, such as .3", text, len(text) - len(by))
    return node.value


def _place(scope: Scope, t: int) -> str:
    return f"t={t} “{visible(scope.trace.sequence.tokens[t])}”"


def _which(limit: float | None) -> str:
    return "the most up to here" if limit is None else f"the last time it was more than {number(limit)}"


def _moved(expression: Expression, scope: Scope, move: Move, size: int, limit: float | None) -> Blame:
    name = visible(expression.text.strip()) + (f"[{move.unit}]" if size > 1 and move.unit is not None else "")
    head = (
        f"{name} moved by {change(move.after - move.before)} at {_place(scope, move.t)}, {scope.pass_name}: "
        f"{number(move.before)} → {number(move.after)} ({_which(limit)})"
    )
    unit = _unit_of_value(expression, scope, move)
    if unit is None:
        equation = equation_waited_for(expression, scope)
        text = visible(scope.passed.cell.equations[equation].text)
        return Blame((head, f"  after {text}"), scope.pass_name, move.t, equation)
    passed, value, number_of_unit = unit
    lines = [head, *explained(passed, value, move.t, number_of_unit)]
    lines += _by_parts(passed, value, number_of_unit, move.t)
    return Blame(tuple(lines), passed.name, move.t, passed.cell.values.index(value), value, number_of_unit)


def _unit_of_value(expression: Expression, scope: Scope, move: Move) -> tuple[PassTrace, str, int] | None:
    node = expression.node
    while isinstance(node, nodes.Units):
        node = node.of
    if not isinstance(node, nodes.Name) or move.unit is None:
        return None
    passed, value = scope.owner(node.name)
    return (passed, value, move.unit) if value in passed.cell.values and value in passed else None


def _by_parts(passed: PassTrace, value: str, unit: int, t: int) -> list[str]:
    """Say what keeping and writing made of a memory, and what weighs most in the gate that did it."""
    parts = parts_of_change(passed, value, unit, t)
    if parts is None:
        return []
    lines = [f"  keeping changed it by {change(parts.lost)}, writing by {change(parts.wrote)}"]
    return lines + [line for name in parts.values for line in mostly(passed, name, t, unit)]


def _share(
    expression: Expression, scope: Scope
) -> tuple[PassTrace, str, tuple[int, ...], tuple[int, int | None]] | None:
    """Return pass, memory, places and units when an expression is a share; else None."""
    node = expression.node
    if not (isinstance(node, nodes.Call) and node.function == "share"):
        return None
    token = node.arguments[0]
    what = node.arguments[1] if len(node.arguments) == 2 else None
    units: tuple[int, int | None] = (0, None)
    if isinstance(what, nodes.Units):
        units, what = (what.first, what.stop), what.of
    passed, state = memory_meant(scope, what.name if isinstance(what, nodes.Name) else None)
    place = token_place(token)
    if place is not None:
        return passed, state, (place,), units
    assert isinstance(token, nodes.Text)
    wanted = scope.as_read(token.value)
    places = tuple(t for t, one in enumerate(scope.tokens) if one == wanted)
    if not places:
        try:
            scope.place_of(token.value)
        except NoSuchName as error:
            raise ExpressionError(error.said, expression.text, token.start, error.near) from None
    return passed, state, places, units


def _lost(
    expression: Expression,
    scope: Scope,
    move: Move,
    shared: tuple[PassTrace, str, tuple[int, ...], tuple[int, int | None]],
    limit: float | None,
    others: tuple[tuple[int, float], ...],
) -> Blame:
    passed, state, places, units = shared
    equation = passed.cell.values.index(state)
    loss = loss_at(passed, state, places, units, move.t)
    which = _which(limit)
    if limit is None:
        which = "the most that was lost of it" if loss is not None and loss.by_keeping else "diluted, not lost"
    head = (
        f"{visible(expression.text.strip())} fell from {number(move.before)} to {number(move.after)} at "
        f"{_place(scope, move.t)}, {passed.name} ({which})"
    )
    if loss is None:
        return Blame((head,), passed.name, move.t, equation, state)
    did = f"{', '.join(loss.values)} {'kept' if loss.by_keeping else 'wrote over it; kept'}"
    lines = [
        head,
        f"  {did} {percent(loss.kept)} of it; {percent(loss.written)} of {state} is now this step's own",
    ]
    if others:
        listed = (f"{_place(scope, t)} {percent(kept)}" for t, kept in others[:_OTHERS])
        lines.append(f"  next in that: {', '.join(listed)}")
    lines += explained(passed, state, move.t, loss.unit)
    lines += [line for name in loss.values for line in mostly(passed, name, move.t, loss.unit)]
    return Blame(tuple(lines), passed.name, move.t, equation, state, loss.unit)


def _born(scope: Scope) -> Blame:
    found = birth(scope.trace)
    if found is None:
        return Blame(("every number of this run is finite",))
    passed = scope.trace[found.pass_name]
    what = f"{found.pass_name}.{found.value}[{found.unit}]"
    head = f"{what} is {number(found.number)} at {_place(scope, found.t)}: the first number that is not finite"
    if found.value not in passed.cell.values:
        return Blame((head, "  it was given so to the pass: look at the input or the embedding"), passed.name, found.t)
    equation = passed.cell.values.index(found.value)
    lines = [head, f"  {visible(passed.cell.equation(found.value).text)}"]
    lines += [f"  born in the op {visible(found.op)}"] * bool(found.op)
    lines += [f"  the weight {found.parameter} is itself not finite"] * bool(found.parameter)
    worked = explain(passed, found.value, found.t, found.unit)
    if worked.terms:
        lines.append("  terms: " + ", ".join(f"{visible(term.label)} {change(term.number)}" for term in worked.terms))
    lines += mostly(passed, found.value, found.t, found.unit)
    lines += through(passed, found.value, found.t, found.unit)
    return Blame(tuple(lines), passed.name, found.t, equation, found.value, found.unit)
