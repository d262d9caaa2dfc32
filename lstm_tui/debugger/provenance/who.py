"""A question about the past to its answer: token, step, equation, and the terms of that equation.

c[17] by .3      the last step that moved it by more than 0.3       c[17]     the step that moved it most
"Ganesh"         who lost this token's share of the memory          tok[3]    the same of one place of the tape
nan              where it was born
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.analysis.ledger import flow_between
from lstm_tui.debugger.breakpoints.parse import split_at
from lstm_tui.debugger.expressions import Expression, ExpressionError, Scope, evaluate, parse, parser, resolved
from lstm_tui.debugger.expressions.calls import token_place
from lstm_tui.debugger.expressions.dependencies import equation_waited_for
from lstm_tui.debugger.expressions.scope import NoSuchName
from lstm_tui.debugger.expressions.shares import ALL_UNITS, feature_meant, memory_meant
from lstm_tui.debugger.inspect.cut_words import reset_words
from lstm_tui.debugger.inspect.explain import explain
from lstm_tui.debugger.inspect.state_update import edit_in_words, explained, mostly, mostly_of, through
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.debugger.provenance.falls import Fall
from lstm_tui.debugger.provenance.memory_loss import Held, MemoryLoss, loss_at, losses, parts_of_change
from lstm_tui.debugger.provenance.nonfinite import birth, ops_are_finite
from lstm_tui.debugger.provenance.value_changes import Move, last_move, steps_reached
from lstm_tui.engine.compiler.roles import kept_states
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import change, from_to, percent
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.text_safety import visible

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
    """Answer who moved a value, lost a memory, or first became NaN.

    Args:
        text: `c[17] by .3`, `share("Ganesh")`, `"Ganesh"`, `tok[3]`, `nan`; before it `erased`, `moved` or `last`.
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
    if isinstance(expression.node, parser.TextNode) or token_place(expression.node) is not None:
        expression = parse(f"share({what})")
    try:
        expression = resolved(expression, scope)
        scope = _own(expression, scope)
        value = evaluate(expression, scope, 0, 1)
        held = _held(expression, scope)
    except ExpressionError as error:
        raise _where_typed(error, what) from None
    if value.kind == "text":
        raise ExpressionError("a text does not move: ask about numbers", what, 0)
    if held is not None and held.passed.name != scope.pass_name:
        scope = Scope(scope.trace, held.passed.name, names=scope.names)  # a memory is lost in the order of its own pass
    asked = (text, expression, scope, frame)
    if held is not None and limit is None:
        return _largest_loss(*asked, held)
    move = last_move(expression, scope, frame, limit, falls=held is not None)
    if isinstance(move, int):
        than = f" by more than {number(limit)}" if limit else ""
        return _nothing(*asked, "lost" if held else "moved", than, move)
    if held is None:
        return _moved(expression, scope, move, limit)
    return _share_fell(expression, scope, move, held, limit)


def _where_typed(error: ExpressionError, what: str) -> ExpressionError:
    """Return a mistake at its place in what was typed, where that was put into a `share(…)`."""
    added = error.text.find(what) if error.text != what else 0
    if added <= 0:
        return error
    return ExpressionError(error.problem, what, error.start - added, error.near)


def _nothing(text: str, expression: Expression, scope: Scope, frame: Frame, did: str, than: str, unknown: int) -> Blame:
    """Say that nothing did it, or that it is not known, where numbers are none."""
    written = visible(parse(split_at(text, "by")[0]).text.strip())
    if unknown:
        return Blame((f"not known what {did} {written}{than}: {_of_steps(unknown)}; `who nan` tells where it began",))
    nothing = f"nothing {did} {written}{than} up to here"
    return Blame((nothing + _ahead(text, scope, frame) + _by_instead(expression),))


def _of_steps(unknown: int) -> str:
    return f"at {unknown} step{'s' * (unknown > 1)} its change is no number"


def _own(expression: Expression, scope: Scope) -> Scope:
    """Return the scope of the pass to which a value belongs, where the question is about one of another pass."""
    node = expression.node
    while isinstance(node, parser.UnitsNode):
        node = node.of
    if isinstance(node, parser.NameNode) and node.name.rpartition(".")[0] in scope.trace:
        return Scope(scope.trace, node.name.rpartition(".")[0], names=scope.names)
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
    if not (isinstance(node, parser.Operation) and node.sign in "<>" and isinstance(node.right, parser.NumberNode)):
        return ""
    left = visible(expression.text_of(node.left))
    return f"; for a change by more than {number(node.right.value)}: who {left} by {number(node.right.value)}"


def _limit(by: str | None, text: str) -> float | None:
    if by is None:
        return None
    node = parse(by).node if by else None
    if not isinstance(node, parser.NumberNode):
        raise ExpressionError("behind `by` stands a number, such as .3", text, len(text) - len(by))
    return node.value


def _place(scope: Scope, t: int) -> str:
    return f"t={t} “{visible(scope.trace.sequence.tokens[t])}”"


def _which(limit: float | None, unknown: int = 0) -> str:
    """Return which step it was: of all, or of all of which it is known by how much they moved it."""
    which = "the most up to here" if limit is None else f"the last time it was more than {number(limit)}"
    return f"{which}, as far as is known: {_of_steps(unknown)}" if unknown else which


def _moved(expression: Expression, scope: Scope, move: Move, limit: float | None) -> Blame:
    name, meant = move.name, _unit_of_value(expression, scope, move)
    if meant is not None and (called := scope.names.name(meant[0].name, meant[2])) and f"[{called}]" not in name:
        name += f" {called}"
    head = (
        f"{name} moved by {change(move.after - move.before)} at {_place(scope, move.t)}, {scope.pass_name}: "
        f"{from_to(move.before, move.after, 4, number)} ({_which(limit, move.unknown)})"
    )
    unit = meant
    if unit is None:
        equation = equation_waited_for(expression, scope)
        text = visible(scope.passed.cell.equations[equation].text)
        along = _along_direction(expression, scope, move.t)
        return Blame((head, f"  after {text}", *_edits_at(scope, move.t), *along), scope.pass_name, move.t, equation)
    passed, value, number_of_unit = unit
    lines = [head, *_set_back(passed, move.t), *explained(passed, value, move.t, number_of_unit)]
    lines += _by_parts(passed, value, number_of_unit, move.t)
    return Blame(tuple(lines), passed.name, move.t, passed.cell.values.index(value), value, number_of_unit)


def _along_direction(expression: Expression, scope: Scope, t: int) -> tuple[str, ...]:
    """Say what keeping and writing made of the sum of a feature at a place, and whether that is so behind it."""
    node = expression.node
    feature = feature_meant(scope, node.name) if isinstance(node, parser.NameNode) else None
    if feature is None or feature.pass_name not in scope.trace:
        return ()
    passed = scope.trace[feature.pass_name]
    behind = "" if feature.behind is None else f"; what comes out of {feature.behind.words} has no such parts"
    if feature.value not in kept_states(passed.cell):
        return (f"  the sum of {feature.name} is linear in {feature.value}{behind}",) if behind else ()
    step = passed.reading_step(t)
    part = flow_between(passed, feature.value, step, step + 1)
    if part is None:
        return ()
    with np.errstate(all="ignore"):
        before = np.asarray(passed.previous(feature.value, t), np.float64)
        lost = float((part.flow.keep[0] - 1.0) * before @ feature.direction)
        wrote = float(part.flow.write[0] @ feature.direction)
        put_in = 0.0 if part.flow.edit is None else float(part.flow.edit[0] @ feature.direction)
        sums = feature.sums(np.stack([before, np.asarray(passed[feature.value][t], np.float64)]))
    by_edits = f", an edit by {change(put_in)}" if put_in else ""
    moved = f"keeping moved its sum by {change(lost)}, writing by {change(wrote)}{by_edits}"
    if not behind:
        return (f"  {moved}",)
    return (f"  {moved}: {from_to(float(sums[0]), float(sums[1]), 4, number)}, exact of the sum{behind}",)


def _edits_at(scope: Scope, t: int) -> tuple[str, ...]:
    """Return one line where edits hold values of the pass at a place: what changes there may be of their making."""
    holds = scope.trace.ran.holds if scope.trace.ran is not None else ()
    mine = (one for one in holds if one.pass_name == scope.pass_name and t in one.places)
    names = dict.fromkeys(one.value for one in mine if not one.is_reset)
    held = (f"  edits hold {', '.join(names)} here",) if names else ()
    return (*_set_back(scope.passed, t), *held)


def _set_back(passed: PassTrace, t: int) -> tuple[str, ...]:
    """Return one line where a pass reads a token from the states that its cell begins with."""
    said = reset_words(passed, t)
    return (f"  {said}",) if said else ()


def _unit_of_value(expression: Expression, scope: Scope, move: Move) -> tuple[PassTrace, str, int] | None:
    node = expression.node
    while isinstance(node, parser.UnitsNode):
        node = node.of
    if not isinstance(node, parser.NameNode) or move.unit is None:
        return None
    passed, value = scope.owner(node.name)
    return (passed, value, move.unit) if value in passed.cell.values and value in passed else None


def _by_parts(passed: PassTrace, value: str, unit: int, t: int) -> list[str]:
    """Say what keeping and writing made of a memory, and what weighs most in the gate that did it."""
    parts = parts_of_change(passed, value, unit, t)
    if parts is None:
        return []
    if parts.origin.kind == "set":
        return [
            f"  an edit set {value}[{passed.entry_of(value, unit)}] here: keeping and writing had no part in the change"
        ]
    by = f", each multiplied by {number(parts.origin.number)} by an edit" if parts.origin.kind == "scaled" else ""
    lines = [f"  keeping changed it by {change(parts.lost)}, writing by {change(parts.wrote)}{by}"]
    return lines + [line for name in parts.values for line in mostly_of(passed, value, name, t, unit)]


def _held(expression: Expression, scope: Scope) -> Held | None:
    """Return which tokens in which memory are meant when an expression is a share; else None."""
    node = expression.node
    if not (isinstance(node, parser.CallNode) and node.function == "share"):
        return None
    token = node.arguments[0]
    what = node.arguments[1] if len(node.arguments) == 2 else None
    units = ALL_UNITS
    if isinstance(what, parser.UnitsNode):
        units, what = (what.first, what.stop, what.step), what.of
    name = what.name if isinstance(what, parser.NameNode) else None
    if feature_meant(scope, name) is not None:
        return None  # parts along a direction may cancel: a share of it moves like any number
    passed, state = memory_meant(scope, name)
    number = token_place(token)
    if number is not None:
        return Held(passed, state, (scope.place_numbered(number),), units)
    assert isinstance(token, parser.TextNode)
    wanted = scope.as_read(token.value)
    places = tuple(t for t, one in enumerate(scope.tokens) if one == wanted)
    if not places:
        try:
            scope.place_of(token.value)
        except NoSuchName as error:
            raise ExpressionError(error.said, expression.text, token.start, error.near) from None
    return Held(passed, state, places, units)


def _largest_loss(text: str, expression: Expression, scope: Scope, frame: Frame, held: Held) -> Blame:
    """Tell at which step tokens lost most of what they had; see `memory_loss`."""
    passed = held.passed
    steps = steps_reached(expression, scope, frame)
    reading = slice(None, None, -1 if passed.direction == "backward" else 1)
    shares = evaluate(expression, scope, 0, scope.steps).values[reading, 0][:steps]
    found = losses(held.amounts()[:steps], shares)
    if not found.found:
        return _nothing(text, expression, scope, frame, "lost", "", found.unknown)
    first = found.found[0]
    t = passed.tape_place(first.step + 1)
    share = f"{from_to(shares[first.step], shares[first.step + 1], 4, number)}"
    if shares[first.step + 1] > shares[first.step]:
        share += ": it grew, for the others lost more of theirs"
    known = f", as far as is known: {_of_steps(found.unknown)}" if found.unknown else ""
    if not found.of_amount:
        head = f"{visible(expression.text.strip())} fell from {number(first.before)} to {number(first.after)} at "
        return _told_of_loss(
            scope,
            f"{head}{_place(scope, t)}, {passed.name} (the most it fell in one step: diluted, not lost{known})",
            held,
            t,
            True,
            (),
        )
    node = expression.node
    assert isinstance(node, parser.CallNode)
    what = visible(expression.text_of(node.arguments[1])) if len(node.arguments) == 2 else held.state
    head = (
        f"{visible(expression.text_of(node.arguments[0]))} lost {number(first.by)} of its {number(first.before)} in "
        f"{what}{_summed(held)} at {_place(scope, t)}, {passed.name} (the most it lost in one step{known}); "
        f"share {share}"
    )
    return _told_of_loss(scope, head, held, t, False, found.found[1 : 1 + _OTHERS])


def _summed(held: Held) -> str:
    """Say of how many units it is the sum of sizes; empty of a single one."""
    count = len(range(held.passed[held.state].shape[1])[slice(*held.units)])
    return f" (sizes, summed over {count} units)" if count > 1 else ""


def _share_fell(expression: Expression, scope: Scope, move: Move, held: Held, limit: float | None) -> Blame:
    """Tell of the last step at which a share fell by more than was asked."""
    head = (
        f"{visible(expression.text.strip())} fell from {number(move.before)} to {number(move.after)} at "
        f"{_place(scope, move.t)}, {held.passed.name} ({_which(limit, move.unknown)})"
    )
    return _told_of_loss(scope, head, held, move.t, False, ())


def _told_of_loss(scope: Scope, head: str, held: Held, t: int, diluted: bool, others: tuple[Fall, ...]) -> Blame:
    """Return an answer on what some tokens have: what kept it and wrote over it at a step."""
    passed, state = held.passed, held.state
    equation = passed.cell.values.index(state)
    loss = loss_at(held, t)
    if loss is None:
        return Blame((head,), passed.name, t, equation, state)
    set_back = _set_back(passed, t)
    lines = [head, *(set_back or (f"  {_did(loss, state, diluted)}",))]
    if others:
        listed = (f"{_place(scope, held.passed.tape_place(one.step + 1))} {number(one.by)}" for one in others)
        lines.append(f"  next largest: {', '.join(listed)}")
    worked = explained(passed, state, t, loss.unit)
    if scope.names.name(passed.name, loss.unit):
        worked.insert(0, f"  the largest part of it in {scope.names.words(passed.name, loss.unit)}")
    lines += worked
    if not loss.all_edited and not set_back:
        values = loss.written_by if diluted else loss.kept_by
        lines += [line for name in values for line in mostly_of(passed, state, name, t, loss.unit)]
    return Blame(tuple(lines), passed.name, t, equation, state, loss.unit)


def _did(loss: MemoryLoss, state: str, diluted: bool) -> str:
    """Return what was done to what tokens have: what kept how much of it, and how much is newly written."""
    kept = "an unknown part" if loss.kept is None else f"{percent(loss.kept)}"
    written = "an unknown part" if loss.written is None else f"{percent(loss.written)}"
    by = [f"an edit of {state}"] * bool(loss.edits) + [", ".join(loss.kept_by)] * (not loss.all_edited)
    who_kept = " and ".join(one for one in by if one) or state
    did = f"{', '.join(loss.written_by)} wrote over it; kept" if diluted else f"{who_kept} kept"
    return f"{did} {kept} of it; {written} of {state} is now this step's own"


def _born(scope: Scope) -> Blame:
    found = birth(scope.trace)
    if found is None:
        return Blame((f"every {'number' if ops_are_finite(scope.trace) else 'value'} of this run is finite",))
    what = f"{found.pass_name}.{scope.names.value(found.pass_name, found.value, found.unit)}"
    first = found.origin.kind == "initial"
    where = f"before {_place(scope, found.t)}" if first else f"at {_place(scope, found.t)}"
    head = f"{what} is {number(found.number)} {where}: the first number that is not finite"
    if found.origin.edited:
        by = edit_in_words(found.origin, found.number)
        if found.pass_name == READOUT or found.value not in scope.trace[found.pass_name].cell.values:
            return Blame((head, f"  {by}"), None if found.pass_name == READOUT else found.pass_name, found.t)
        equation = scope.trace[found.pass_name].cell.values.index(found.value)
        return Blame((head, f"  {by}"), found.pass_name, found.t, equation, found.value, found.unit)
    if first:
        return Blame(
            (head, "  the state was begun with it: look at what the run starts from"), found.pass_name, found.t
        )
    if found.pass_name not in scope.trace:
        return Blame((head, "  every value of the passes is finite: look at the weights of the readout"))
    passed = scope.trace[found.pass_name]
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
