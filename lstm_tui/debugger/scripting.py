"""What a user adds to the language of a session, as in gdb: words of their own, and blocks of lines up to `end`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, CommandList
    from lstm_tui.debugger.stop_engine import Obeyed

MOST_LINES = 1_000
"""Lines of one block."""
MOST_EXECUTED = 10_000
"""Lines of blocks that one typed line executes."""
MOST_WORDS = 200
"""Words of the user's own."""
DEEPEST = 8
"""How deep what the user has defined may call itself."""
OPENING = frozenset({"if", "while", "define", "document", "commands"})
"""Verbs behind which lines follow, up to `end`."""
END = "end"

Close = Callable[[Any, tuple[str, ...]], Iterable[str]]
"""What becomes of the lines of a block in a session, which this module does not know; returns the reply."""


@dataclass(frozen=True)
class UserCommand:
    """A word of the user's own.

    Attributes:
        name: The word.
        body: What it executes.
        document: What `help` tells of it, a line each.
    """

    name: str
    body: CommandList
    document: tuple[str, ...] = ()

    def written(self) -> Iterator[str]:
        """Yield the lines that define it again."""
        yield from (f"define {self.name}", *self.body.lines, END)
        if self.document:
            yield from (f"document {self.name}", *self.document, END)


@dataclass(frozen=True)
class OpenBlock:
    """A block that is being typed.

    Attributes:
        head: The line that opened it.
        close: What becomes of it.
        is_text: Whether its lines are text, and none of them opens another.
        lines: What was typed so far.
        depth: How many blocks inside it are open.
    """

    head: str
    close: Close
    is_text: bool = False
    lines: tuple[str, ...] = ()
    depth: int = 0


@dataclass
class Scripting:
    """What the user of a session has defined; a fork has a copy.

    Attributes:
        commands: Words of the user's own; another object after each change, as `aliases` is.
        aliases: What stands for what, each one line.
        block: The block that is being typed.
        obey: Executes the commands of breakpoints; None before any was given.
        is_restoring: Whether a saved session is being read, which may be a stranger's.
        is_restored: Whether what is executed comes from one, and may touch no file.
        at_stop: Whether the commands of a breakpoint are executed, in which `continue` goes on.
        executed: Lines of blocks that the present line has executed.
        depth: How deep what is executed was called.
        begun: What the lines of .ltuirc have made; whoever made nothing else has no work to lose.
        passing: The frame at which a line went nowhere, and the reason to stand there that was known before.
    """

    commands: Mapping[str, UserCommand] = field(default_factory=dict)
    aliases: Mapping[str, CommandList] = field(default_factory=dict)
    block: OpenBlock | None = None
    obey: Callable[[Any, tuple[Breakpoint, ...]], Obeyed] | None = None
    is_restoring: bool = False
    is_restored: bool = False
    at_stop: bool = False
    executed: int = 0
    depth: int = 0
    begun: tuple[Any, ...] = ()
    passing: tuple[Any, str] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that the user has added."""
        return (*self.commands, *self.aliases)

    def alias_lines(self) -> Iterator[str]:
        """Yield the lines that make every alias again."""
        return (f"alias {name} = {one.lines[0]}" for name, one in self.aliases.items())

    def check_room(self, word: str) -> None:
        """Refuse one more word where there are as many as there may be.

        Raises:
            UserError: There are.
        """
        if word not in self.words and len(self.words) >= MOST_WORDS:
            raise UserError(f"there are {MOST_WORDS} words of your own already")

    def collect(self, line: str) -> tuple[OpenBlock | None, tuple[str, ...]]:
        """Take a line of the block that is being typed; return the block once it is whole, and what is said.

        Raises:
            UserError: It is too long; nothing of it is kept.
        """
        block = self.block
        assert block is not None
        line = line.strip()
        word = line.removeprefix(":").split(" ", 1)[0]
        if word == END and not block.depth:
            self.block = None
            return block, ()
        if len(block.lines) >= MOST_LINES:
            self.block = None
            raise UserError(f"`{visible(block.head[:40])}` has more than {MOST_LINES} lines; nothing of it is kept")
        deeper = 0 if block.is_text else (word in OPENING) - (word == END)
        self.block = OpenBlock(block.head, block.close, block.is_text, (*block.lines, line), block.depth + deeper)
        return None, (f"> {visible(line)}   (`{END}` closes `{visible(block.head[:40])}`)",)

    def pass_over(self, line: str) -> None:
        """Pass over the lines of a block whose first line was refused, up to its `end`, so that none is executed."""
        word = line.strip().removeprefix(":").split(" ", 1)[0]
        if word in OPENING and self.block is None:
            said = f"the lines up to `{END}` are passed over: `{visible(line.strip()[:40])}` was refused"
            self.block = OpenBlock(line.strip(), lambda session, lines: (said,), is_text=word == "document")

    def drop_block(self) -> str:
        """Give up a block that is being typed; return what is said of it, or nothing."""
        block, self.block = self.block, None
        return "" if block is None else f"`{visible(block.head[:40])}` has no `{END}`: nothing of it is kept"
