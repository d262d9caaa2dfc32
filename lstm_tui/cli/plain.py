"""`lstm-tui run --plain`: the session line by line, for screen readers, plain terminals, scripts and pipes."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, TextIO

from lstm_tui.cli.autosave import kept_plainly
from lstm_tui.cli.printing import Bar
from lstm_tui.debugger.commands.console import Console, mistake_lines
from lstm_tui.debugger.commands.dispatch import completions
from lstm_tui.debugger.commands.known_words import unknown_words
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.debugger.endings import INTERRUPTED, STOPPED, watch
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import as_typed_now
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.text_input import read_script
from lstm_tui.formats.io.command_history import Past

if TYPE_CHECKING:
    from lstm_tui.debugger.autosave import Autosave

Arrived = Callable[[Session], Iterable[str]]
PROMPT = "(ltui) "
_MOST_UNKNOWN = 4
"""Words the network does not know that are named at the beginning."""


def run_plain(
    session: Session,
    options: Namespace,
    taken: Callable[[], None] = lambda: None,
    arrived: Arrived = lambda session: (),
) -> int:
    """Obey scripts, then what is typed; return the exit code: 3 after a stop or a failed assertion in batch.

    Of lines from a pipe nobody sees the replies as they come: the mistakes among them are told on standard error, and
    the code is 3 where an assertion failed, 1 where a line could not be executed.

    Args:
        session: What is typed to.
        options: Those of the plain mode.
        taken: To be called once the work of the session is kept.
        arrived: Has the session take in what has come since the last line; returns what is said of it.
    """
    scripts = [(path, as_typed_now(read_script(path).lines)) for path in options.script or ()]
    console = Console(session)
    typed = None if options.batch else _typed(options, console)
    past, keeping = Past(), None
    if typed is not None and sys.stdin.isatty():
        past, keeping = Past.kept(), kept_plainly(session.command)
        complete_with(session, past)
    say(*_greeting(session))
    begin = getattr(options, "begin", None)
    if begin is not None:
        say(*begin(session))
    say(*console.execute("where"))
    if keeping is not None:
        keeping.autosave.note(session)
        taken()
        say(*keeping.remarks())
    finished = False
    try:
        for path, lines in scripts:
            code = _script(console, path, lines, options.batch, arrived)
            if code:
                return code
        if typed is not None:
            with _interruptible(options):
                code = _talk(console, typed, past, None if keeping is None else keeping.autosave, arrived)
            if code:
                return code
    except Leave:
        finished = True
    finally:
        if keeping is not None:
            if not finished:
                keeping.autosave.note(session, now=True)
            keeping.autosave.leave(finished)
            if not finished and keeping.autosave.is_kept:
                _part()
    if options.batch:
        return STOPPED if console.stopped or console.failed else 0
    return 0 if _is_talk(options) else _worst(console)


def _worst(console: Console) -> int:
    """Return the exit code of lines that were read to their end whatever they gave."""
    return STOPPED if console.failed else int(console.mistaken)


def _part() -> None:
    """Say where the work is, where there is somebody to be told."""
    with suppress(OSError, ValueError):
        say("the work is kept: `lstm-tui recover` has it; `quit` leaves without")


def _is_talk(options: Namespace) -> bool:
    """Say whether somebody types on a terminal, for whom Ctrl-C ends what is computed and not the program."""
    return options.file == "-" or sys.stdin.isatty()


def _interruptible(options: Namespace) -> AbstractContextManager[None]:
    """Let Ctrl-C of whoever types be an interruption, and a terminal that is gone the end."""
    watching = watch()
    if watching is None or not _is_talk(options):
        return nullcontext()
    return watching.talk(*([0] if sys.stdin.isatty() else []))


def open_session(source: Source) -> Session:
    """Return a session on what is open, with the edits to begin with made."""
    with Bar("running") as bar:
        bar(0, 1)
        return Session.open(source)


def say(*lines: str) -> None:
    """Print the lines of a reply, with nothing in them that a terminal would obey."""
    for line in lines:
        print(visible(line))
    sys.stdout.flush()


def _complain(error: UserError, stream: TextIO) -> None:
    """Print what is wrong in a line, behind all that was said before it."""
    sys.stdout.flush()
    for line in mistake_lines(error):
        print(line, file=stream, flush=True)


def _greeting(session: Session) -> tuple[str, ...]:
    trace = session.frame.trace
    name = visible(str(trace.model.get("name")))
    file = visible(trace.sequence.file or "")
    where = f"{file}{f':{trace.sequence.line}' if trace.sequence.line else ''}, " if file else ""
    known = (f"warning: {visible(remark)}" for remark in trace.remarks)
    note = (session.source.note,) if session.source.note else ()
    first = f"{name}, {where}{count_of(session.frame.steps, 'token')}; `help` lists the verbs"
    return (first, *note, *known, *unknown_words(session, _MOST_UNKNOWN))


def _script(console: Console, path: str, lines: Iterable[str], batch: bool, arrived: Arrived) -> int:
    """Obey a script; its first mistake ends it, and in batch the program."""
    for number, line in enumerate(lines, start=1):
        try:
            say(*arrived(console.session))
            say(*console.execute(line))
        except UserError as error:
            print(f"lstm-tui: {visible(path)}:{number}: {visible(line.strip())}", file=sys.stderr)
            _complain(error, sys.stderr)
            return (STOPPED if console.failed else 1) if batch else 0
        if console.interrupted and batch:
            return INTERRUPTED
    if unfinished := console.session.scripting.drop_block():
        print(f"lstm-tui: {visible(path)}: {unfinished}", file=sys.stderr)
        return 1 if batch else 0
    return 0


def _talk(console: Console, typed: Iterator[str], past: Past, autosave: Autosave | None, arrived: Arrived) -> int:
    """Obey what is typed; return the exit code, once nothing more comes."""
    watching = watch()
    while watching is None or watching.code is None:
        if autosave is not None:
            autosave.note(console.session)
        try:
            line = next(typed)
            say(*arrived(console.session))
            with nullcontext() if autosave is None else autosave.while_computing(console.session, line):
                reply = console.execute(line, repeat=sys.stdin.isatty())
            say(*reply)
            past.add(line)
        except StopIteration:
            return 0
        except UserError as error:
            _complain(error, sys.stdout if sys.stdin.isatty() else sys.stderr)
            if not sys.stdin.isatty():
                console.session.scripting.pass_over(line)
        except KeyboardInterrupt:
            if watching is not None and not watching.talking:  # nobody is there to type `quit`
                return INTERRUPTED
            if autosave is not None:
                autosave.settle()
            dropped = console.session.scripting.drop_block()
            say("", dropped or "interrupted; `quit` leaves")
        except EOFError:
            say("")
            return 0
    return watching.code


def _typed(options: Namespace, console: Console) -> Iterator[str]:
    """Return the lines that are typed, with a prompt and completion where there is a terminal.

    Raises:
        UserError: Standard input was read as the text, and there is no terminal to type on.
    """
    if options.file == "-":
        try:
            terminal = open("/dev/tty", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the program
        except OSError:
            raise UserError("standard input is the text, so nothing can be typed: give commands by -x FILE") from None
        return _lines(terminal, console)
    if sys.stdin.isatty():
        return _prompted(console)
    return _lines(sys.stdin, None)


def _prompt(console: Console) -> str:
    """Return the prompt; that of a block of lines is `>`, as in gdb."""
    return PROMPT if console.session.scripting.block is None else " > "


def _lines(stream: TextIO, console: Console | None) -> Iterator[str]:
    while True:
        if console is not None:
            print(_prompt(console), end="", flush=True)
        line = stream.readline()
        if not line:
            return
        yield line


class _prompted:  # an iterator, since a generator is over after Ctrl-C in it
    def __init__(self, console: Console) -> None:
        self._console = console

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return input(_prompt(self._console))


def complete_with(session: Session, past: Past) -> None:
    """Have the tab key complete verbs, names and tokens, and up bring lines before, where Python can read so."""
    try:
        import readline
    except ImportError:
        return

    for line in past.lines:
        readline.add_history(line)

    def complete(text: str, state: int) -> str | None:
        found = completions(session, text)
        return found[state] if state < len(found) else None

    readline.set_completer_delims("")  # a line is completed whole: tokens hold spaces, and quotes
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
