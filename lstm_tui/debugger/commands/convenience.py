"""Verbs of held values, as in gdb: `set $limit = EXPR`, `show values`, `output`, `printf`, `echo`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lstm_tui.debugger.commands.breakpoints import complete_expression
from lstm_tui.debugger.commands.foreign_words import SETTINGS, setting_told
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.expressions.series import there, value_text
from lstm_tui.debugger.held_values import read_written
from lstm_tui.debugger.printf_format import lines_of, read_format
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_ASSIGNMENT = re.compile(
    r"(?:var(?:iable)?\s+)?\$(?P<name>[A-Za-z_]\w*)\s*(?P<sign>[-+*/]?)=(?!=)(?P<value>.*)\Z",
    re.ASCII | re.DOTALL,
)
_NUMBERED = re.compile(r"(?:var(?:iable)?\s+)?(?P<name>\$\$?[0-9]*)\s*=(?!=)", re.ASCII)
_SHOWN = 10
"""Values of the history that `show values` tells, as in gdb."""


def assignment_of(text: str) -> tuple[str, str] | None:
    """Return the name and the text of `$limit = EXPR`, or of `$limit += EXPR` and its like; None of anything else.

    Raises:
        UserError: It is one to a value of the history.
    """
    numbered = _NUMBERED.match(text)
    if numbered is not None:
        said = f"{numbered['name']} is of the value history, where each value stays as it was printed"
        raise UserError(f"{said}: a variable has a name of its own, such as `set $limit = 3`")
    match = _ASSIGNMENT.match(text)
    if match is None:
        return None
    name, sign, value = match["name"], match["sign"], match["value"].strip()
    return name, f"${name} {sign} ({value})" if sign and value else value


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
    return lines_of(rest)


@VERBS.verb('printf "FORMAT", EXPR, …', r"tell values in a text: %g %f %d %s, as in C, and \n",
            example='printf "at %d: %.3f\\n", t, mean(f)')  # fmt: skip
def _printf(session: Session, rest: str) -> tuple[str, ...]:
    format = read_format(rest)
    if format is None:
        raise UserError(r'printf what? such as: printf "at %d: %.3f\n", t, mean(f)')
    return format.lines(lambda text: session.evaluate(text).value)


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
