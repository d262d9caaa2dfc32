"""Verbs of held values, as in gdb: `set $limit = EXPR`, `show values`, `output`, `printf`, `echo`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lstm_tui.debugger.commands.breakpoints import complete_expression
from lstm_tui.debugger.commands.foreign_words import SETTINGS, setting_told
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.expressions.series import there, value_text
from lstm_tui.debugger.held_values import read_written
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_ASSIGNMENT = re.compile(r"(?:var(?:iable)?\s+)?\$(?P<name>[A-Za-z_]\w*)\s*=(?!=)(?P<value>.*)\Z", re.ASCII | re.DOTALL)
_SHOWN = 10
"""Values of the history that `show values` tells, as in gdb."""
_FORMAT = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"\s*(?:,(?P<values>.*))?\Z', re.DOTALL)
_HOLE = re.compile(r"%(?:(?P<flags>[-+ 0]{0,3})(?P<width>\d{0,3})(?:\.(?P<places>\d{1,2}))?(?P<kind>[a-zA-Z])|%)")
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}


def assignment_of(text: str) -> tuple[str, str] | None:
    """Return the name and the text of `$limit = EXPR`; None where it is no assignment."""
    match = _ASSIGNMENT.match(text)
    return None if match is None else (match["name"], match["value"].strip())


def assigned(session: Session, name: str, text: str) -> tuple[str, ...]:
    """Have a name stand for what an expression is here.

    Raises:
        UserError: It is none, or not known here.
    """
    if not text:
        raise UserError(f"set ${name} to what? such as: set ${name} = mean(f)")
    value = read_written(text)
    if value is None:
        value = session.evaluate(text).value
        if not there(value) or (value.kind == "truth" and not value.known.all()):
            raise UserError(f"`{visible(text[:60])}` is not known here, so ${name} is not set")
    session.stops.held.set(name, value)
    return (f"${name} = {value_text(value)}",)


def check_no_setting(session: Session, text: str) -> None:
    """Refuse `set` of a setting of gdb, which has no value of that name.

    Raises:
        UserError: It is one.
    """
    word, _, behind = text.strip().partition(" ")
    if word in SETTINGS and word not in session.frame.passed and not behind.lstrip().startswith(("=", "@", "[")):
        raise UserError(f"`set {word}` is no setting here: {setting_told(word)}")


@VERBS.verb("init-if-undefined $NAME = EXPR", "the same as `set $NAME = EXPR`, unless $NAME stands for a value already",
            example="init-if-undefined $limit = .5")  # fmt: skip
def _init(session: Session, rest: str) -> tuple[str, ...]:
    found = assignment_of(rest)
    if found is None:
        raise UserError("which variable? such as: init-if-undefined $limit = .5")
    known = session.stops.held.find(found[0])
    return assigned(session, *found) if known is None else (f"${found[0]} = {value_text(known)}",)


@VERBS.verb("output EXPR", "tell a value without its name, and have the history not hold it",
            complete=complete_expression, example="output mean(f)")  # fmt: skip
def _output(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("output what? such as: output mean(f)")
    return (value_text(session.evaluate(rest).value),)


@VERBS.verb("echo TEXT", r"tell a text; \n in it begins a line", example="echo here")
def _echo(session: Session, rest: str) -> tuple[str, ...]:
    return _lines(rest)


def _lines(text: str) -> tuple[str, ...]:
    filled = re.sub(r'\\[nt"\\]', lambda found: _ESCAPES[found[0]], text)
    return tuple(visible(line) for line in filled.removesuffix("\n").split("\n"))


@VERBS.verb('printf "FORMAT", EXPR, …', r"tell values in a text: %g %f %d %s, as in C, and \n",
            example='printf "at %d: %.3f\\n", t, mean(f)')  # fmt: skip
def _printf(session: Session, rest: str) -> tuple[str, ...]:
    match = _FORMAT.match(rest)
    if match is None:
        raise UserError(r'printf what? such as: printf "at %d: %.3f\n", t, mean(f)')
    values = list(_split_commas(match["values"] or ""))
    holes = [one for one in _HOLE.finditer(match["text"]) if one["kind"]]
    if len(holes) != len(values):
        raise UserError(f"the format has {count_of(len(holes), 'place')} for values, and {len(values)} stand behind it")
    told = iter([_formatted(session, hole, text) for hole, text in zip(holes, values, strict=True)])
    return _lines(_HOLE.sub(lambda hole: next(told) if hole["kind"] else "%", match["text"]))


def _split_commas(text: str) -> Iterator[str]:
    """Yield what stands between commas outside brackets and quotes."""
    depth, begin, quote = 0, 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "," and not depth:
            yield text[begin:place].strip()
            begin = place + 1
        else:
            depth += (sign in "([") - (sign in ")]")
    if text[begin:].strip():
        yield text[begin:].strip()


def _formatted(session: Session, hole: re.Match[str], text: str) -> str:
    """Return one value as its place in the format wants it."""
    value, kind = session.evaluate(text).value, hole["kind"]
    if kind not in "digfeGEsu":
        raise UserError(f"`{hole[0]}` is no form of a number here: %g, %f, %e, %d or %s")
    if kind == "s" or value.kind != "number" or value.size != 1 or not there(value):
        told = visible(str(value.values[0, 0])) if value.kind == "text" and there(value) else value_text(value)
        return (
            f"{told:<{int(hole['width'] or 0)}}"
            if "-" in (hole["flags"] or "")
            else told.rjust(int(hole["width"] or 0))
        )
    number = float(value.values[0, 0])
    if kind in "diu" and number == number and abs(number) != float("inf"):
        return f"%{hole['flags']}{hole['width']}d" % int(number)
    places = "" if hole["places"] is None else f".{hole['places']}"
    return f"%{hole['flags']}{hole['width']}{places}{'g' if kind in 'diu' else kind}" % number


# --- show ---


def _shown_values(session: Session, rest: str) -> Iterator[str]:
    history = session.stops.held.history
    numbers = list(history)
    if rest and rest != "+":
        middle = whole_number(rest)
        if middle is None:
            raise UserError("values around which number? such as: show values 3")
        numbers = [one for one in numbers if abs(one - middle) <= _SHOWN // 2]
    for number in numbers[-_SHOWN:]:
        yield f"${number} = {value_text(history[number])}"


def _shown_variables(session: Session, rest: str) -> Iterator[str]:
    for name, value in session.stops.held.variables.items():
        yield f"${name} = {value_text(value)}"


def _shown_words(session: Session, rest: str) -> Iterator[str]:
    scripting = session.scripting
    if rest and rest not in scripting.words:
        raise UserError(f"`{visible(rest[:40])}` is no word of your own; `show user` lists them")
    for name, command in scripting.commands.items():
        if not rest or rest == name:
            yield from (visible(line) for line in command.written())
    yield from (visible(line) for line in scripting.alias_lines() if not rest or line.startswith(f"alias {rest} "))


def _shown_version(session: Session, rest: str) -> Iterator[str]:
    from lstm_tui.version import __version__

    yield f"lstm-tui {__version__}"


def _shown_arguments(session: Session, rest: str) -> Iterator[str]:
    yield visible(" ".join(("lstm-tui", *session.command)))


_SHOWS: dict[str, tuple[Callable[[Session, str], Iterator[str]], str]] = {
    "values": (_shown_values, "no values yet: `print EXPR` makes the first"),
    "convenience": (_shown_variables, "no variables yet; such as: set $limit = mean(f)"),
    "user": (_shown_words, "no words of your own yet: `define NAME`, `alias NAME = COMMAND`"),
    "version": (_shown_version, ""),
    "args": (_shown_arguments, ""),
}
"""What `show` shows, with what is said where there is none."""


def _complete_shows(session: Session, rest: str) -> Iterator[str]:
    return (one for one in _SHOWS if one.startswith(rest))


@VERBS.verb(
    f"show {'|'.join(_SHOWS)}",
    "list the value history ($1, $2 …), variables ($limit), your own words, the version or the command",
    complete=_complete_shows, example="show values",
)  # fmt: skip
def _show(session: Session, rest: str) -> tuple[str, ...]:
    word, _, behind = rest.partition(" ")
    if word in ("commands", "history"):
        raise UserError("the up key brings back what was typed before")
    begun = [one for one in _SHOWS if word and one.startswith(word)]
    if word in SETTINGS and word not in _SHOWS:
        raise UserError(f"`show {word}` has nothing to show: {setting_told(word)}")
    if len(begun) != 1:
        raise UserError(f"show what? {', '.join(_SHOWS)}")
    shown, none = _SHOWS[begun[0]]
    return tuple(shown(session, behind.strip())) or (none,)


@VERBS.verb("dont-repeat", "change nothing: an empty line says only what steps, goes on or asks again")
def _dont_repeat(session: Session, rest: str) -> tuple[str, ...]:
    return ()
