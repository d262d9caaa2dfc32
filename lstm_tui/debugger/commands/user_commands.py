"""Verbs of blocks and of the user's own words, as in gdb: `define`, `document`, `commands`, `if`, `while`, `alias`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, CommandList
from lstm_tui.debugger.commands.breakpoints import breakpoint_line, breakpoints_named
from lstm_tui.debugger.commands.goto import position_lines
from lstm_tui.debugger.commands.statements import GoesOn, obey, read_statements
from lstm_tui.debugger.commands.table import VERBS, Act, Verb, answer, check_executable
from lstm_tui.debugger.scripting import END, OpenBlock, UserCommand
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.stop_engine import Obeyed
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

_NAME = re.compile(r"[A-Za-z_][\w-]{0,39}\Z", re.ASCII)
_SILENT = "silent"


def _named(session: Session, name: str, verb: str) -> str:
    """Return a word that the user may give a meaning.

    Raises:
        UserError: It is none, or a verb's.
    """
    if not _NAME.match(name):
        raise UserError(f"{verb} which word? letters, digits, - and _, such as: {verb} gates")
    if name in VERBS.words or name == END:
        raise UserError(f"`{name}` is a verb and stays one: {verb} another word")
    if name.startswith(("hook-", "hookpost-")):
        raise UserError("verbs have no hooks here: `display EXPR` tells a value at every stop, `commands N` does more")
    session.scripting.check_room(name)
    return name


def _opened(
    session: Session, head: str, close: Callable[[Session, tuple[str, ...]], Iterable[str]], is_text: bool = False
) -> tuple[str, ...]:
    session.scripting.block = OpenBlock(head, close, is_text)
    return (f"{visible(head)}: its lines follow, `{END}` closes it",)


def _complete_words(session: Session, rest: str) -> Iterator[str]:
    return (word for word in session.scripting.words if word.startswith(rest))


@VERBS.verb("define NAME", "give the lines up to `end` a word of your own; $arg0, $arg1 … is what is typed behind "
            "it", complete=_complete_words, example="define gates")  # fmt: skip
def _define(session: Session, rest: str) -> tuple[str, ...]:
    name = _named(session, rest, "define")

    def close(session: Session, lines: tuple[str, ...]) -> tuple[str, ...]:
        _check(f"`{name}`", lines)
        scripting = session.scripting
        body = CommandList(lines, scripting.is_restoring or scripting.is_restored)
        before = scripting.commands.get(name)
        made = UserCommand(name, body, before.document if before is not None else ())
        scripting.commands = {**scripting.commands, name: made}
        scripting.aliases = {word: text for word, text in scripting.aliases.items() if word != name}
        return (f"`{name}` is a word now, of {count_of(len(lines), 'line')}",)

    return _opened(session, f"define {name}", close)


def _check(where: str, lines: tuple[str, ...]) -> None:
    try:
        read_statements(lines)
    except UserError as error:
        raise UserError(f"{where}, {error}; nothing of it is kept") from None


@VERBS.verb("document NAME", "say in the lines up to `end` what `help` tells of a word of your own",
            complete=_complete_words)  # fmt: skip
def _document(session: Session, rest: str) -> tuple[str, ...]:
    if rest not in session.scripting.commands:
        near = nearest(rest, session.scripting.commands)
        hint = f"did you mean {near}?" if near else "`define NAME` makes one"
        raise UserError(f"`{visible(rest[:40])}` is no word of your own; {hint}")

    def close(session: Session, lines: tuple[str, ...]) -> tuple[str, ...]:
        commands = session.scripting.commands
        if rest in commands:
            session.scripting.commands = {**commands, rest: replace(commands[rest], document=lines)}
        return (f"`help {rest}` tells it",)

    return _opened(session, f"document {rest}", close, is_text=True)


@VERBS.verb(
    "commands [N…]",
    "execute the lines up to `end` where breakpoint N stops, or the last one: `silent` says nothing of the stop, "
    "`continue` goes on",
)
def _commands(session: Session, rest: str) -> tuple[str, ...]:
    there = tuple(session.breakpoints)
    if not there:
        raise UserError("there are no breakpoints; `break WHERE` makes one")
    numbers = breakpoints_named(session, rest) if rest else [there[-1].number]

    def close(session: Session, lines: tuple[str, ...]) -> tuple[str, ...]:
        _check(f"commands {' '.join(map(str, numbers))}", lines)
        scripting = session.scripting
        made = CommandList(lines, scripting.is_restoring or scripting.is_restored) if lines else None
        scripting.obey = obeyed
        known = {one.number for one in session.breakpoints}
        return tuple(
            breakpoint_line(session.breakpoints.command(number, made)) for number in numbers if number in known
        )

    return _opened(session, f"commands {' '.join(map(str, numbers))}", close)


def obeyed(session: Session, by: tuple[Breakpoint, ...]) -> Obeyed:
    """Execute the commands of breakpoints at which a run has stopped, up to the first that continues.

    Args:
        session: It stands where it stopped.
        by: What stopped it.
    """
    where = position_lines(session.frame)
    if any(one.any_line for one in by):
        where = (*where[:-1], f"line {session.frame.line + 1}, {where[-1]}")
    said: list[str] = []
    silent = goes_on = False
    session.scripting.at_stop = True
    try:
        for one in by:
            if one.commands is None:
                continue
            lines = one.commands.lines
            if lines and lines[0] == _SILENT:
                silent, lines = True, lines[1:]
            try:
                told = obey(session, replace(one.commands, lines=lines), answer, f"commands of {one.word} {one.number}")
                said += told
            except GoesOn as on:
                said += on.lines
                goes_on = True
                break
            except UserError as error:
                said.append(str(error))
                break
    finally:
        session.scripting.at_stop = False
    if goes_on and not silent:
        said = [*where, *said]
    return Obeyed(tuple(said), goes_on, silent)


def _executing(word: str) -> Act:
    def act(session: Session, rest: str) -> tuple[str, ...]:
        if not rest:
            raise UserError(f"{word} what? such as: {word} mean(f) < .1")

        def close(session: Session, lines: tuple[str, ...]) -> tuple[str, ...]:
            whole = (f"{word} {rest}", *lines, END)
            return obey(session, CommandList(whole, session.scripting.is_restored), answer, f"`{word}`")

        return _opened(session, f"{word} {rest}", close)

    return act


VERBS.add(Verb("if", "if EXPR", "choose the lines up to `end`, or `else`, where EXPR is true", _executing("if")))
VERBS.add(Verb("while", "while EXPR", "repeat the lines up to `end` as long as EXPR is true; loop_break leaves it",
               _executing("while")))  # fmt: skip


@VERBS.verb("alias [NAME = COMMAND]", "give the beginning of a line a word of your own; without one, list them",
            example="alias kept = print mean(f)")  # fmt: skip
def _alias(session: Session, rest: str) -> tuple[str, ...]:
    scripting = session.scripting
    if not rest:
        return tuple(visible(line) for line in session.scripting.alias_lines()) or (
            "no aliases; such as: alias kept = print mean(f)",
        )
    left, sign, command = rest.removeprefix("-a ").removeprefix("-- ").partition("=")
    if not sign:  # as in pdb
        left, _, command = rest.partition(" ")
    name, command = left.strip(), command.strip()
    if not command and name in scripting.aliases:
        return (f"alias {name} = {visible(scripting.aliases[name].lines[0])}",)
    if not command:
        raise UserError("alias what for what? such as: alias kept = print mean(f)")
    _named(session, name, "alias")
    if not scripting.is_restoring:
        check_executable(session, command)
    made = CommandList((command,), scripting.is_restoring or scripting.is_restored)
    scripting.aliases = {**scripting.aliases, name: made}
    scripting.commands = {word: made for word, made in scripting.commands.items() if word != name}
    return (f"alias {name} = {visible(command)}",)


@VERBS.verb("unalias NAME", "take a word of your own away", complete=_complete_words)
def _unalias(session: Session, rest: str) -> tuple[str, ...]:
    scripting = session.scripting
    if rest not in scripting.words:
        raise UserError(f"`{visible(rest[:40])}` is no word of your own; `alias` and `show user` list them")
    scripting.aliases = {word: text for word, text in scripting.aliases.items() if word != rest}
    scripting.commands = {word: made for word, made in scripting.commands.items() if word != rest}
    return (f"taken away: {rest}",)
