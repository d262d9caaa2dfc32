"""Lines of a block as statements: verbs, `if … else … end`, `while … end`, and what follows `define`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lstm_tui.debugger.breakpoints.breakpoints import CommandList
from lstm_tui.debugger.scripting import DEEPEST, END, MOST_EXECUTED, OPENING
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

Execute = Callable[[Session, str], tuple[str, ...]]
"""Executes one line and returns its reply."""
_ARGUMENT = re.compile(r"\$arg(c|\*|[0-9]{1,2})(?![A-Za-z_0-9])")
_PART = re.compile(r""";;|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""")
_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S)+""")
CONTINUE = ("continue", "c", "cont", "fg")
"""Words that end the commands of a breakpoint and have the run go on."""


@dataclass(frozen=True)
class LineStatement:
    """A line that is executed as if it were typed; `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True)
class IfStatement:
    """`if`: one of two lists of statements."""

    number: int
    condition: str
    yes: tuple[Statement, ...]
    no: tuple[Statement, ...]


@dataclass(frozen=True)
class WhileStatement:
    """`while`: statements as long as something is true."""

    number: int
    condition: str
    body: tuple[Statement, ...]


Statement = LineStatement | IfStatement | WhileStatement


class GoesOn(Exception):
    """A command of a breakpoint says to continue; `lines` is what was printed before it."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        """Hold what was printed."""
        super().__init__()
        self.lines = lines


class _LoopEnds(Exception):
    """`loop_break`, or `loop_continue`, in a `while`."""

    def __init__(self, breaks: bool) -> None:
        super().__init__()
        self.breaks = breaks


def parts_of(line: str) -> list[str]:
    """Return what stands between `;;` outside quotes, as pdb has it; a remark and the text of an alias are one part."""
    if ";;" not in line or line.lstrip().startswith(("#", "alias ")):
        return [line]
    parts, begin = [], 0
    for found in _PART.finditer(line):
        if found.group() == ";;":
            parts.append(line[begin : found.start()])
            begin = found.end()
    return [*parts, line[begin:]]


def read_statements(lines: tuple[str, ...]) -> tuple[Statement, ...]:
    """Read the lines of a block.

    Raises:
        UserError: An `else` or `end` stands where none can be, or an `end` is missing.
    """
    reader = _Reader(lines)
    found = reader.read(closed=False)
    return tuple(found)


class _Reader:
    def __init__(self, lines: tuple[str, ...]) -> None:
        self._lines, self._at = lines, 0

    def read(self, closed: bool) -> Iterator[Statement]:
        """Yield statements up to the `end` or `else` that closes them, or to the last line."""
        while self._at < len(self._lines):
            number, line = self._at + 1, self._lines[self._at].strip()
            word, _, rest = line.removeprefix(":").strip().partition(" ")
            if word in (END, "else"):
                if not closed:
                    raise UserError(f"line {number}: `{word}` closes nothing")
                return
            self._at += 1
            if word in ("if", "while"):
                if not rest.strip():
                    raise UserError(f"line {number}: {word} what? such as: {word} mean(f) < .1")
                yes = tuple(self.read(True))
                no: tuple[Statement, ...] = ()
                if word == "if" and self._is("else"):
                    self._at += 1
                    no = tuple(self.read(True))
                self._close(word, number)
                yield (
                    IfStatement(number, rest.strip(), yes, no)
                    if word == "if"
                    else WhileStatement(number, rest.strip(), yes)
                )
            elif word in OPENING:
                yield from self._inside(number, line)
            elif word and not word.startswith("#"):
                yield LineStatement(number, line)

    def _is(self, word: str) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].strip() == word

    def _close(self, word: str, number: int) -> None:
        if not self._is(END):
            raise UserError(f"line {number}: `{word}` has no `{END}`")
        self._at += 1

    def _inside(self, number: int, head: str) -> Iterator[LineStatement]:
        """Yield the lines of a block whose verb collects them itself, its `end` too."""
        yield LineStatement(number, head)
        depth, is_text = 1, head.split()[0] == "document"
        while depth:
            if self._at >= len(self._lines):
                raise UserError(f"line {number}: `{visible(head[:40])}` has no `{END}`")
            line = self._lines[self._at].strip()
            word = line.split(" ", 1)[0]
            depth += (word in OPENING and not is_text) - (word == END)
            self._at += 1
            yield LineStatement(self._at, line)


def obey(session: Session, commands: CommandList, execute: Execute, where: str, arguments: str = "") -> tuple[str, ...]:
    """Execute the lines of a block and return what they print.

    Args:
        session: Which session.
        commands: The lines.
        execute: Executes one.
        where: What messages call the block.
        arguments: What was typed behind its name: `$arg0`, `$arg1` …, `$argc`.

    Raises:
        UserError: A line cannot be executed, or too much is.
        GoesOn: It is of a breakpoint, and says to continue.
    """
    scripting = session.scripting
    if scripting.depth >= DEEPEST:
        raise UserError(f"{where}: called more than {DEEPEST} deep")
    if not scripting.depth:
        scripting.executed = 0
    restored = scripting.is_restored
    scripting.is_restored = restored or commands.restored
    scripting.depth += 1
    run = _Run(session, execute, where, _WORD.findall(arguments), [])
    try:
        run.all_of(read_statements(commands.lines))
    except GoesOn as error:
        raise GoesOn((*run.said, *error.lines)) from None
    except _LoopEnds:
        raise UserError(f"{where}: `loop_break` and `loop_continue` stand in a `while`") from None
    finally:
        scripting.depth -= 1
        scripting.is_restored = restored
        if scripting.block is not None:
            scripting.drop_block()
    return tuple(run.said)


def truth_of(session: Session, text: str) -> bool:
    """Say whether an expression is true where a session stands; a number is true when it is not 0, as in gdb.

    Raises:
        UserError: It is no one number or truth, or nobody knows.
    """
    from lstm_tui.debugger.expressions.series import there  # only when it is asked

    answer = session.evaluate(text).value
    if not there(answer):
        raise UserError(f"`{visible(text[:60])}` is not known here: {answer.missing}")
    if answer.kind == "text" or answer.values.shape[1] != 1:
        raise UserError(f"`{visible(text[:60])}` is not one number, nor true or false")
    if not answer.known.all() or (answer.kind == "number" and answer.values[0, 0] != answer.values[0, 0]):
        raise UserError(f"`{visible(text[:60])}` is not known here")
    return bool(answer.values[0, 0])


@dataclass(frozen=True)
class _Run:
    """A block that is executed."""

    session: Session
    execute: Execute
    where: str
    arguments: list[str]
    said: list[str]

    def all_of(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self._one(statement)

    def _one(self, statement: Statement) -> None:
        self._count()
        try:
            if isinstance(statement, LineStatement):
                self._plain(statement)
            elif isinstance(statement, IfStatement):
                yes = truth_of(self.session, self._filled(statement.condition))
                chosen = statement.yes if yes else statement.no
        except UserError as error:
            raise UserError(f"{self.where}, line {statement.number}: {error}") from error
        if isinstance(statement, IfStatement):
            self.all_of(chosen)
        elif isinstance(statement, WhileStatement):
            self._loop(statement)

    def _loop(self, loop: WhileStatement) -> None:
        while True:
            self._count()
            try:
                holds = truth_of(self.session, self._filled(loop.condition))
            except UserError as error:
                raise UserError(f"{self.where}, line {loop.number}: {error}") from error
            if not holds:
                return
            try:
                self.all_of(loop.body)
            except _LoopEnds as end:
                if end.breaks:
                    return

    def _plain(self, statement: LineStatement) -> None:
        text = self._filled(statement.text)
        word = text.removeprefix(":").strip().partition(" ")[0]
        if word in ("loop_break", "loop_continue") and self.session.scripting.block is None:
            raise _LoopEnds(word == "loop_break")
        if word in CONTINUE and self.session.scripting.at_stop and self.session.scripting.block is None:
            raise GoesOn(())
        reply = self.execute(self.session, text)
        if self.session.scripting.block is None:  # what is said of a block that is still open is for who types it
            self.said.extend(reply)

    def _count(self) -> None:
        self.session.work.check()
        self.session.scripting.executed += 1
        if self.session.scripting.executed > MOST_EXECUTED:
            raise UserError(f"{self.where}: more than {MOST_EXECUTED} lines were executed")

    def _filled(self, text: str) -> str:
        """Return a line with what was typed behind the name in the place of `$arg0` and its like."""

        def value(found: re.Match[str]) -> str:
            which = found[1]
            if which == "c":
                return str(len(self.arguments))
            if which == "*":
                return " ".join(self.arguments)
            if int(which) >= len(self.arguments):
                given = count_of(len(self.arguments), "word")
                raise UserError(f"$arg{which} is missing: {given} behind the name")
            return self.arguments[int(which)]

        return _ARGUMENT.sub(value, text)
