"""Verbs that ask: of a value here, and of the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from lstm_tui.analysis.distribution import first_predicted, perplexity, surprise
from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.health import health
from lstm_tui.debugger.breakpoints.assertions import require, said
from lstm_tui.debugger.commands.breakpoints import breakpoint_line, breakpoints_named, complete_expression, with_doubts
from lstm_tui.debugger.commands.convenience import assigned, assignment_of
from lstm_tui.debugger.commands.foreign_words import INFO_COUNTERPARTS, no_formats
from lstm_tui.debugger.commands.goto import place_of, position_lines
from lstm_tui.debugger.commands.names import unit_meant
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.diagram.chain import chain_lines
from lstm_tui.debugger.diagram.characters import drawn, text_of
from lstm_tui.debugger.diagram.numbers import memory_first, standing
from lstm_tui.debugger.diagram.placement import fitted
from lstm_tui.debugger.expressions import parse, parser, resolved
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.scope import NoSuchName
from lstm_tui.debugger.expressions.series import NOT_READ, lines, there, value_text
from lstm_tui.debugger.inspect.diagnostics import health_lines, reach_words
from lstm_tui.debugger.inspect.now import now
from lstm_tui.debugger.inspect.prediction import perplexity_figure, verdict_at
from lstm_tui.debugger.inspect.state_update import explained, through
from lstm_tui.debugger.inspect.trace_facts import Facts, letter
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import bytes_text, fixed, percent, sentence
from lstm_tui.engine.runtime.memory_budget import memory_budget
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.runtime.windowed_series import is_not_known_yet
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number


@VERBS.verb(
    "print EXPR",
    "print a value; for one unit, its equation in numbers and its largest terms; $1 is then the first value that was "
    "printed, $ the last",
    aliases=("p", "pp", "call", "inspect", "print-object", "po"), complete=complete_expression, example="print mean(h)",
)  # fmt: skip
def _print(session: Session, rest: str) -> tuple[str, ...]:
    if rest.startswith("/"):
        raise UserError(no_formats("print"))
    held = session.stops.held
    if not rest and held.history:
        rest = "$"  # the last value again, as in gdb
    if not rest:
        raise UserError("print what? such as: print mean(f), print c[17], print c - prev(c)")
    if (assignment := assignment_of(rest)) is not None:
        return assigned(session, *assignment)
    answer = session.evaluate(rest)
    number = held.record(answer.value)
    shown = lines(answer.value)
    text = f"${number} = {visible(answer.expression.text.strip())}"
    absent = answer.value.missing == NOT_READ and not there(answer.value)
    later = "" if answer.reached or absent else "   (not computed yet)"
    result = [f"{text} = {shown[0]}{later}"] if shown == [value_text(answer.value)] else [f"{text} ={later}", *shown]
    unit = one_unit(session, resolved(answer.expression, session.scope()).node)
    if unit is not None:
        result += [*explained(*unit), *through(*unit)]
    return with_doubts(tuple(result), session, rest)


def one_unit(session: Session, node: parser.Node) -> tuple[PassTrace, str, int, int] | None:
    """Return pass, value, place and unit when an expression is one unit of a value here; else None."""
    if not (isinstance(node, parser.UnitsNode) and isinstance(node.of, parser.NameNode)) or node.one() is None:
        return None
    passed, value = session.scope().owner(node.of.name)
    if value not in passed.cell.values or value not in passed:
        return None
    (unit,) = range(passed[value].shape[1])[node.slice]
    return passed, value, session.frame.t, unit


def happens_now(session: Session) -> str:
    """Return in a sentence what happens where a session stands."""
    frame = session.frame
    facts, top = Facts(frame.trace), frame.trace[list(frame.trace)[-1]]
    reached = frame.reached(top.name, top.cell.output)
    return now(frame, facts, verdict_at(frame.trace, facts.parts, frame.t, reached)).text


@VERBS.verb("now", "tell in a sentence what this token does to the memory, and what the network says", example="now")
def _now(session: Session, rest: str) -> tuple[str, ...]:
    return (happens_now(session),)


@VERBS.verb(
    "who EXPR [by X]",
    'find what last changed a value by more than X (or the most), lost a memory (who "not"), or made a NaN (who nan)',
    aliases=("blame",), complete=complete_expression, example="who norm(h)",
)  # fmt: skip
def _who(session: Session, rest: str) -> tuple[str, ...]:
    return session.who(rest).lines


@VERBS.verb(
    "assert EXPR", "fail unless EXPR is true at every step", complete=complete_expression,
    example="assert not any(isnan(h))",
)  # fmt: skip
def _assert(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("assert what? such as: assert not any(isnan(c))")
    verdict = require(rest, session.scope())
    told = verdict.absent or verdict.pending
    return (said(rest, verdict, session.scope()) if told else f"{visible(rest)} holds at every step",)


@VERBS.verb("whatis EXPR", "describe a value, without its numbers", aliases=("ptype",), complete=complete_expression)
def _whatis(session: Session, rest: str) -> tuple[str, ...]:
    node = parse(rest).node
    value_here = session.evaluate(rest).value  # which tells what is wrong with a name, and where it stands
    if isinstance(node, parser.NameNode):
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
    if value_here.shape is not None:
        return (f"a matrix of {value_here.shape[0]} × {value_here.shape[1]} {kind}s",)
    return (f"{value_here.size} {kind}{'s' * (value_here.size > 1)}",)


_TOPICS = ("break", "watch", "display", "frame", "line", "passes", "values", "functions")
_OTHER_TOPICS = {
    "breakpoints": "break", "watchpoints": "watch", "locals": "values", "args": "values", "variables": "values",
    "registers": "values", "threads": "passes", "stack": "frame", "source": "frame", "program": "frame",
    "b": "break", "sources": "frame", "win": "frame",
}  # fmt: skip
"""Topics as gdb calls them."""


def _topics(session: Session, rest: str) -> Iterator[str]:
    return (topic for topic in _TOPICS if topic.startswith(rest))


def _result(session: Session) -> str:
    """Say what the network says of the whole text, where that is known."""
    if session.frame.trace.result is None:
        return f"no result: {session.frame.trace.why_no_answer}"
    if is_not_known_yet(session.frame.trace.result):
        return "result: not computed yet; `print result` does"
    return f"result: {value_text(session.evaluate('result').value)}"


def _held_in(session: Session) -> tuple[str, ...]:
    """Say how a run in windows is held, and how much of it was computed."""
    windows = session.frame.trace.windows
    if windows is None:
        return ()
    size, share = bytes_text(windows.nbytes), percent(windows.share)
    return (f"held in windows: {size} of at most {bytes_text(memory_budget())}; {share} computed once",)


def _topic(word: str) -> str | None:
    """Return the topic of a word: its name, gdb's name for it, or the beginning of either."""
    names = {**dict.fromkeys(_TOPICS), **_OTHER_TOPICS}
    if word in names:
        return names[word] or word
    if word in INFO_COUNTERPARTS:
        raise UserError(f"`info {word}` has no counterpart here: {INFO_COUNTERPARTS[word]}")
    begun = next((one for one in names if one.startswith(word)), None)
    return None if begun is None else names[begun] or begun


def _line_told(session: Session) -> tuple[str, ...]:
    """Tell the line of the file that is open, the equation at which the run stands, and those that stop it."""
    frame = session.frame
    sequence = frame.trace.sequence
    file = visible(sequence.file or "a text")
    where = f"line {frame.line + 1} of {frame.lines} of {file}, {frame.steps} tokens"
    place = "before the first equation"
    if frame.equation is not None:
        place = f"equation {frame.position.equation + 1} of {len(frame.equations)}: {visible(frame.equation.text)}"
    return (where, f"t={frame.t} “{visible(frame.token)}”, {frame.position.pass_name}, {place}")


@VERBS.verb(
    f"info {'|'.join(_TOPICS)}", "list what there is", aliases=("i", "inf"), complete=_topics, example="info frame"
)
def _info(session: Session, rest: str) -> tuple[str, ...]:
    word, _, behind = (rest or "frame").partition(" ")
    topic, behind = _topic(word), behind.strip()
    frame = session.frame
    if behind and topic in ("display", "frame", "line", "passes"):
        raise UserError(f"`info {word}` takes nothing behind it, and `{visible(behind[:40])}` stands there")
    if topic in ("break", "watch"):
        wanted = [each for each in session.breakpoints if topic == "break" or each.word == "watch"]
        if behind:
            numbers = breakpoints_named(session, behind)
            wanted = [each for each in wanted if each.number in numbers]
        return tuple(
            ", ".join(filter(None, (breakpoint_line(value_text), session.stops.unknown(value_text))))
            for value_text in wanted
        ) or ("no breakpoints" if topic == "break" else "no watches",)
    if topic == "display":
        return tuple(f"{each.number}: {visible(each.expression.text)}" for each in session.displays) or ("no displays",)
    if topic == "line":
        return _line_told(session)
    if topic == "frame":
        trace = frame.trace
        made = f"{visible(str(trace.model.get('name')))}, {trace.interpreter} {trace.dtype}, {frame.steps} tokens"
        known = (f"warning: {visible(remark)}" for remark in trace.remarks)
        return (
            *position_lines(session.frame),
            made,
            f"line {frame.line + 1} of {frame.lines}",
            *_held_in(session),
            _result(session),
            *known,
        )
    if topic == "passes":
        return tuple(
            f"{'*' if name == frame.position.pass_name else ' '} {name}: {visible(passed.cell.name)}, "
            f"{passed.hidden_size} units, reads {passed.direction}"
            for name, passed in frame.trace.items()
        )
    if topic == "values":
        names = [value for value in frame.passed if behind in ("", value)]
        if not names:
            raise UserError(f"there is no value `{visible(behind[:40])}` here; there are {', '.join(frame.passed)}")
        answers = ((value, session.evaluate(value)) for value in names)
        return tuple(
            f"{value} = {value_text(each.value)}{'' if each.reached else '   (not yet)'}" for value, each in answers
        )
    if topic == "functions":
        functions = [f"{function.name}: {function.help}" for function in FUNCTIONS.values()]
        return tuple(line for line in functions if behind in line) or (f"no function with “{visible(behind[:40])}”",)
    raise UserError(f"info about what? {', '.join(_TOPICS)}")


_MOST = 8
"""Findings of one pass that are listed."""


_DRAWN_WIDTH = 118
"""Cells of a diagram where it need not fit a screen; one that cannot be so narrow is as wide as it must be."""


def _named(session: Session, t: int) -> str:
    return f"t={t} “{visible(session.frame.trace.sequence.tokens[t])}”"


@VERBS.verb(
    "reach [T]",
    "gradient through time: how far back the memory reaches from here, or from place T",
    example="reach end",
    takes_numbers=True,
)
def _reach(session: Session, rest: str) -> tuple[str, ...]:
    passed = session.frame.passed
    t = place_of(session, rest) if rest else session.frame.t
    found = long_memory(passed, t)
    memory, output = letter(found.memory.value), letter(found.output.value)
    heads = [f"∂{memory}", *(["Π kept"] if found.kept_size is not None else [])]
    columns = [found.memory.size, *([found.kept_size] if found.kept_size is not None else [])]
    if found.output is not found.memory:
        heads, columns = [*heads, f"∂{output}"], [*columns, found.output.size]
    heads, columns = [*heads, "ρ"], [*columns, found.radius]
    lines = ["".join(f"{head:>10}" for head in heads)]
    for step, place in enumerate(found.places):
        lines.append("".join(sentence(column[step], 3).rjust(10) for column in columns) + f"  {_named(session, place)}")
    return (*lines, *reach_words(found, lambda place: _named(session, place)))


@VERBS.verb(
    "diagram [UNIT]",
    "draw the cell with the numbers of a unit on its wires, and the chain of steps; without UNIT the largest memory",
    example="diagram 3",
    takes_numbers=True,
)
def _diagram(session: Session, rest: str) -> tuple[str, ...]:
    frame, passed = session.frame, session.frame.passed
    name = memory_first(passed)[0] if memory_first(passed) else passed.cell.output
    memory = passed[name][frame.t]
    if not rest:
        unit = int(np.argmax(np.nan_to_num(np.abs(memory), nan=np.inf)))
    elif "," in rest:
        unit = unit_meant(session, rest)[1]
    else:
        unit = -1 if (number := whole_number(rest)) is None else number
    if not 0 <= unit < len(memory):
        last = passed.entry_of(name, len(memory) - 1)
        raise UserError(f"diagram of which unit? 0 to {last}, such as: diagram {passed.entry_of(name, 3)}")
    step = standing(frame, unit)
    if step is None:
        raise UserError(f"{frame.position.pass_name} cannot be drawn: the sizes of its cell are not known here")
    layout = fitted(step.flow, _DRAWN_WIDTH, backward=step.backward)
    here = "before the first equation" if step.op is None else f"at {step.op.text}"
    chain = chain_lines(frame, dict.fromkeys(frame.trace, unit), _DRAWN_WIDTH)
    lines = (
        f"unit {passed.entry_of(name, unit)} of {frame.position.pass_name} at {_named(session, frame.t)}, {here}",
        *text_of(layout, drawn(layout, step.written)), "",
        *("".join(piece.text for piece in line).rstrip() for line in chain),
    )  # fmt: skip
    return tuple(visible(line) for line in lines)


@VERBS.verb("health", "list units that are never active or dead, and gates that are stuck", example="health")
def _health(session: Session, rest: str) -> tuple[str, ...]:
    lines: list[str] = []
    for one in health([session.frame.trace]):
        told = health_lines(session.frame.trace[one.name], one, _MOST, names=session.frame.names)
        lines += [f"{one.name}: {line.text}" if line.heads else f"  {visible(line.text)}" for line in told]
    return tuple(lines)


@VERBS.verb("surprise", "surprise of each token to a language model, in bits, and the perplexity")
def _surprise(session: Session, rest: str) -> tuple[str, ...]:
    bits = surprise(session.frame.trace)
    if bits is None:
        raise UserError("this network says no next token: `model story` or `model chars` opens one that does")
    lines = [
        f"{fixed(bits[t]):>8}  {_named(session, t)}" for t in range(first_predicted(session.frame.trace), len(bits))
    ]
    level = perplexity(bits, first_predicted(session.frame.trace))
    return (*lines, "one token: nothing was predicted" if level is None else f"perplexity {perplexity_figure(level)}")
