"""Verbs that set, list and change breakpoints, watches and displays.

A breakpoint may wait for what this run does not have, such as a token of another line; the reply says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint
from lstm_tui.debugger.breakpoints.conditions import Trigger
from lstm_tui.debugger.breakpoints.parse import guarded, read_change, read_trigger
from lstm_tui.debugger.commands.goto import place_of
from lstm_tui.debugger.commands.table import VERBS, Act, Verb, with_numbers
from lstm_tui.debugger.expressions import ExpressionError, parse
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.parser import words_of
from lstm_tui.debugger.expressions.scope import OF_THE_RUN
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.debugger.held_values import LAST_BREAKPOINT
from lstm_tui.debugger.printf_format import is_format, read_format
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.stop_engine import HOLE
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

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


_LOCATION = re.compile(r"-l(?:ocation)?\s+")  # gdb's, which every watch here is
_LOGPOINT = re.compile(
    r"""(?P<where>(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^"'(,])+),(?P<text>.*)\Z""",
    re.DOTALL,
)
"""Where, up to the first comma outside quotes and brackets, and the text behind it."""
_NUMBERS = re.compile(r"\d[\d\s,-]*\Z", re.ASCII)
_LARGEST = 10**8 - 1
_RANGE = re.compile(r"(\d{1,8})-(\d{1,8})\Z", re.ASCII)
_PLACE = re.compile(r"(?:[+-]\d+|end|last)\Z", re.ASCII)
_HELD = re.compile(r"\$[$A-Za-z_0-9]*\Z")
_ANY_LINE = re.compile(r"\s+in\s+(?:any|every)\s+(?:line|sequence)\Z")
_LAST_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*\Z")


def complete_expression(session: Session, rest: str) -> Iterator[str]:
    """Yield what the last word of an expression may become."""
    match = _LAST_WORD.search(rest)
    word = match.group() if match else ""
    if not word and rest[-1:] not in ("", " ", *"([,+-*/@<>="):
        return iter(())  # behind a whole value stands a sign
    passed, trace = session.frame.passed, session.frame.trace
    known = [*passed, "x", *OF_THE_RUN, *(f"{name}(" for name in (*FUNCTIONS, "prev"))]
    if word:
        known += [f"{name}.{value}" for name, one in trace.items() for value in one]
        known += [f"readout.{value}" for value in trace.readout]
    before = rest[: len(rest) - len(word)]
    return (before + one for one in dict.fromkeys(known) if one.startswith(word))


def complete_where(session: Session, rest: str) -> Iterator[str]:
    """Yield what a place, token, equation or condition may become."""
    if rest.startswith('"') and rest.count('"') == 1:
        tokens = dict.fromkeys(session.frame.trace.sequence.tokens)
        yield from (f'"{one}"' for one in tokens if one.startswith(rest[1:]) and visible(one) == one and '"' not in one)
        return
    yield from (word for word in ("nan", "class") if word.startswith(rest))
    yield from complete_expression(session, rest)


def breakpoint_line(one: Breakpoint) -> str:
    """Return a breakpoint in one line."""
    facts = [visible(one.trigger.text), f"in {one.trigger.stops_in(one.pass_name)}"]
    facts += [f"prints {visible(one.log)}"] if one.log is not None else []
    facts += [f"executes {'; '.join(map(visible, one.commands.lines))}"] if one.commands is not None else []
    facts += ["in any line"] * one.any_line
    facts += ["once"] * one.temporary + [f"ignored {one.ignore} more times"] * (one.ignore > 0)
    facts += [f"hit {one.hits} time{'s' * (one.hits > 1)}"] * (one.hits > 0) + ["disabled"] * (not one.enabled)
    return f"{one.word} {one.number}: {', '.join(facts)}"


def place_or(session: Session, text: str) -> str:
    """Return a place such as `+2`, `end` or `$here` by its number; any other text as it is, a token before a word."""
    if _HELD.match(text) and text not in session.frame.trace.sequence.tokens:
        return with_numbers(session, text)
    if not _PLACE.match(text) or text in session.frame.trace.sequence.tokens:
        return text
    return str(place_of(session, text))


def noted(session: Session, made: Breakpoint) -> Breakpoint:
    """Have `$bpnum` be the number of a breakpoint that was set, as in gdb; return the breakpoint."""
    session.stops.held.set(LAST_BREAKPOINT, Series.constant(float(made.number)))
    return made


def _of_any_line(text: str) -> tuple[str, bool]:
    """Return what stands before `in any line`, and whether that stands there."""
    match = _ANY_LINE.search(text)
    return (text, False) if match is None else (text[: match.start()].strip(), True)


def _added(session: Session, trigger: Trigger, any_line: bool, log: str | None = None) -> Breakpoint:
    return session.breakpoints.add(trigger, session.frame.position.pass_name, log=log, any_line=any_line)


def _setting(temporary: bool) -> Act:
    def act(session: Session, rest: str) -> tuple[str, ...]:
        rest, any_line = _of_any_line(rest)
        name = session.frame.position.pass_name
        trigger = read_trigger(place_or(session, rest or str(session.frame.t)), session.scope())
        made = noted(session, session.breakpoints.add(trigger, name, temporary, any_line=any_line))
        return with_doubts((breakpoint_line(made),), session, trigger.text)

    return act


VERBS.add(Verb(
    "break", "break [WHERE]", 'stop at a token ("not"), place (12), equation (c, or c if EXPR), condition '
    "(mean(f) < .1), nan, or class; without WHERE, here; `in any line` behind it goes on into the lines that "
    "follow", _setting(False), ("b", "br"), complete_where,
    'break "not"',
))  # fmt: skip
VERBS.add(Verb(
    "tbreak", "tbreak [WHERE]", "the same, but stop only once", _setting(True), ("tb",), complete_where, "tbreak 2"
))  # fmt: skip


@VERBS.verb(
    "dprintf WHERE, TEXT",
    "print a text at each such place on the way, without stopping; {EXPR} in it is a value, or C's "
    'format with values behind it: "%.3f", f[7]',
    aliases=("logpoint",), complete=complete_where, example='dprintf "not", mean(f) is {mean(f)}',
)  # fmt: skip
def _dprintf(session: Session, rest: str) -> tuple[str, ...]:
    where, text = _split_log(rest)
    where, any_line = _of_any_line(where)
    trigger = read_trigger(place_or(session, where), session.scope())
    format = read_format(text) if is_format(text) else None
    for one in HOLE.findall(text) if format is None else format.values:
        session.evaluate(one)  # which tells what is wrong with it
    made = noted(session, _added(session, trigger, any_line, text))
    return with_doubts((breakpoint_line(made),), session, trigger.text)


def _split_log(rest: str) -> tuple[str, str]:
    """Return where, and the text behind the first comma that stands in no quotes and no brackets.

    Raises:
        UserError: There is none, or its values stand neither in braces nor behind a format.
    """
    match = _LOGPOINT.match(rest)
    if match is not None:
        text = match["text"].strip()
        if is_format(text):
            return match["where"].strip(), text
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1].removesuffix("\\n")
        if "%" in text and "{" not in text:
            raise UserError(
                'values stand in braces, as in mean(f) is {mean(f)}, or behind a format in quotes: "%g", f[7]'
            )
        if text:
            return match["where"].strip(), text
    raise UserError('print what, and where? such as: dprintf "not", mean(f) is {mean(f)}')


@VERBS.verb(
    "watch EXPR [by X]", "stop when a value moves by more than x in one step", aliases=("awatch",),
    complete=complete_expression, example="watch norm(h) by .3",
)  # fmt: skip
def _watch(session: Session, rest: str) -> tuple[str, ...]:
    rest, any_line = _of_any_line(rest)
    trigger = read_change(_LOCATION.sub("", rest), session.scope())
    made = noted(session, _added(session, trigger, any_line))
    return with_doubts((breakpoint_line(made),), session, rest)


@VERBS.verb(
    "display [EXPR]", "show a value at every stop, marked when it changed; without EXPR, show all now",
    complete=complete_expression, example="display mean(h)",
)  # fmt: skip
def _display(session: Session, rest: str) -> tuple[str, ...]:
    if rest:
        session.displays.add(parse(rest), session.scope())
    shown = tuple(one.line for one in session.stops.shown())
    return with_doubts(shown, session, rest) or ("no displays",)


@VERBS.verb("undisplay [N…]", "delete displays, or all of them", takes_numbers=True)
def _undisplay(session: Session, rest: str) -> tuple[str, ...]:
    if rest:
        for number in _numbers(rest, "displays", (one.number for one in session.displays)):
            session.displays.delete(number)
    else:
        session.displays.clear()
    return (f"{len(session.displays)} displays are left",)


def _numbers(text: str, what: str, there: Iterator[int]) -> list[int]:
    """Return numbers as typed, such as `1 3-5`, `all` for every one; all of them exist."""
    known = list(there)
    if text.strip() == "all":
        return known
    if text.startswith(("once", "delete")):
        raise UserError("`tbreak WHERE` stops once")
    numbers: list[str] = []
    for word in text.replace(",", " ").split():
        span = _RANGE.match(word)
        inside = [str(one) for one in known if span and int(span[1]) <= one <= int(span[2])]
        if span and not inside:
            raise UserError(f"there are no {what} {word}; there are: {_listed(known)}")
        numbers += inside or [word]
    read = [whole_number(one, most=_LARGEST) for one in numbers]
    chosen = [one for one in read if one is not None]
    if not chosen or len(chosen) < len(read):
        raise UserError(f"which {what}? by their numbers, or `all`")
    for one in chosen:
        if one not in known:
            raise UserError(f"there is no {what.removesuffix('s')} {one}; there are: {_listed(known)}")
    return list(dict.fromkeys(chosen))


def breakpoints_named(session: Session, text: str) -> list[int]:
    """Return the breakpoints of numbers as typed, such as `1 3-5` and `$bpnum`; all of them exist.

    Raises:
        UserError: They are no numbers, or there is none of one.
    """
    return _numbers(with_numbers(session, text), "breakpoints", (one.number for one in session.breakpoints))


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _on_numbers(change: Callable[[Session, int], object], said: str) -> Act:
    def act(session: Session, rest: str) -> tuple[str, ...]:
        there = [one.number for one in session.breakpoints]
        numbers = there if not rest else _numbers(rest, "breakpoints", iter(there))
        if not there:
            raise UserError("there are no breakpoints")
        for number in numbers:
            change(session, number)
        return (f"{said}: {_listed(numbers)}",)

    return act


def _complete_number(session: Session, rest: str) -> Iterator[str]:
    return (text for one in session.breakpoints if (text := str(one.number)).startswith(rest))


for _name, _help, _change, _said in (
    ("enable", "enable breakpoints, or all", lambda s, n: s.breakpoints.enable(n), "enabled"),
    ("disable", "disable breakpoints but keep them, or all", lambda s, n: s.breakpoints.enable(n, False), "disabled"),
):  # fmt: skip
    act = _on_numbers(_change, _said)
    others = ("dis", "disa") if _name == "disable" else ()
    VERBS.add(Verb(_name, f"{_name} [N…]", _help, act, others, _complete_number, takes_numbers=True))


@VERBS.verb(
    "unbreak [N…|all|WHERE]", "delete breakpoints: by number, by where they stop, or those that stop here",
    aliases=("clear", "cl"), complete=_complete_number, example="unbreak all",
)  # fmt: skip
def _unbreak(session: Session, rest: str) -> tuple[str, ...]:
    there = tuple(session.breakpoints)
    first = rest.partition(" ")[0]
    if first == "all" or _NUMBERS.match(rest) or first in ("once", "delete"):
        numbers = _numbers(rest, "breakpoints", (one.number for one in there))
    else:
        trigger = read_trigger(place_or(session, rest or str(session.frame.t)), session.scope())
        numbers = [one.number for one in there if one.trigger.text == trigger.text]
        if not numbers:
            where = visible(rest) or f"t={session.frame.t}"
            raise UserError(f"no breakpoint waits for {where}; `info break` lists them, `unbreak all` takes all away")
    for number in numbers:
        session.breakpoints.delete(number)
    return (f"taken away: {_listed(numbers)}",)


@VERBS.verb(
    "delete [N…]", "delete breakpoints by number, or all of them; `remove T` deletes a token",
    aliases=("d", "del"), complete=_complete_number, example="delete", takes_numbers=True,
)  # fmt: skip
def _delete(session: Session, rest: str) -> tuple[str, ...]:
    """Delete breakpoints as gdb does; whoever means a token, as this verb once did, is told how."""
    what, _, behind = rest.partition(" ")
    if what == "display":
        return VERBS.named("undisplay")(session, behind.strip())
    if what == "token":
        return VERBS.named("remove")(session, behind.strip())
    numbers = behind.strip() if what in ("breakpoint", "breakpoints") else rest
    there = [one.number for one in session.breakpoints]
    if numbers in ("", "all") and not there:
        return ("there are no breakpoints; `remove T` takes a token away",)
    try:
        chosen = _numbers(numbers or "all", "breakpoints", iter(there))
    except UserError as error:
        raise UserError(f"{error}{_or_token(session, numbers)}") from None
    for number in chosen:
        session.breakpoints.delete(number)
    return (f"taken away: {_listed(chosen)}",)


def _or_token(session: Session, text: str) -> str:
    """Return how to take a token away, where a text may mean one."""
    tokens, bare = session.frame.trace.sequence.tokens, text.strip().strip('"')
    place = whole_number(text, most=len(tokens) - 1)
    if place is not None:
        return f"; `remove {text}` takes the token “{visible(tokens[place])}” away"
    return f"; `remove {visible(text[:40])}` takes that token away" if bare and bare in tokens else ""


_MOST_FOUND = 20


@VERBS.verb(
    "lines WHERE", "list the lines of the file in which the run stops at WHERE, each with the first such place",
    complete=complete_where, example='lines "not"',
)  # fmt: skip
def _lines(session: Session, rest: str) -> tuple[str, ...]:
    if not session.can_run:
        raise UserError("a trace file holds one line and no network to run others with")
    trigger = read_trigger(rest, session.scope())
    asked = Breakpoint(0, trigger, session.frame.position.pass_name)
    found: list[str] = []
    for fork, stop in session.lines_that_stop((asked,)):
        if len(found) == _MOST_FOUND:
            return (*found, f"and more: the first {_MOST_FOUND} are listed; `line N` opens one")
        token = visible(fork.frame.trace.sequence.tokens[stop.t])
        found.append(f"line {fork.frame.line + 1}: t={stop.t} “{token}”")
    return tuple(found) or (f"none of the {session.source.count} lines stops at {visible(trigger.text)}",)


@VERBS.verb("ignore N COUNT", "ignore the next COUNT hits of a breakpoint", complete=_complete_number)
def _ignore(session: Session, rest: str) -> tuple[str, ...]:
    number, _, count = rest.partition(" ")
    one = session.breakpoints[_number(session, number)]
    hits = whole_number(count.strip(), most=_LARGEST)
    if hits is None:
        raise UserError("ignore it how often? such as: ignore 1 10")
    return (breakpoint_line(session.breakpoints.ignore(one.number, hits)),)


@VERBS.verb("rebreak N WHERE", "change what a breakpoint stops at", complete=_complete_number)
def _rebreak(session: Session, rest: str) -> tuple[str, ...]:
    number, _, where = rest.partition(" ")
    one = session.breakpoints[_number(session, number)]
    scope = session.scope(one.pass_name)
    trigger = read_change(where, scope) if one.word == "watch" else read_trigger(where, scope)
    return (breakpoint_line(session.breakpoints.change(one.number, trigger, one.pass_name)),)


@VERBS.verb("condition N [EXPR]", "stop there only where EXPR is true; without EXPR, always", aliases=("cond",),
            complete=_complete_number)  # fmt: skip
def _condition(session: Session, rest: str) -> tuple[str, ...]:
    number, _, text = rest.partition(" ")
    one = session.breakpoints[_number(session, number)]
    text = text.strip().removeprefix("if ").strip()
    changed = guarded(one.trigger, text, session.scope(one.pass_name))
    return (breakpoint_line(session.breakpoints.change(one.number, changed, one.pass_name)),)


def _number(session: Session, text: str) -> int:
    number = whole_number(with_numbers(session, text), most=_LARGEST)
    if number is None:
        raise UserError("which breakpoint? by its number; `info break` lists them")
    return number
