"""The table of verbs: how each is called and written, what it does, what completes it; a line is executed by its verb.

What gdb, rr and pdb have and this debugger has not is told with what does its work here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import quiet
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

_FRAMES = "a run has no call frames: `pass NAME` selects another pass, `goto T` another token"
_PAST = "every step is recorded already: `reverse-step`, `reverse-continue` and `who` go back"
_RUNS_NOTHING = "nothing outside the run is executed from here"
_SCREEN = "the screen is `lstm-tui run FILE` without --plain; `?` there lists its keys"

COUNTERPARTS: dict[str, str] = {
    **dict.fromkeys(("up", "down", "u", "frame-up", "frame-down", "inferior"), _FRAMES),
    **dict.fromkeys(("record", "when", "seek", "replay"), _PAST),
    **dict.fromkeys(("shell", "!", "python", "py", "compile", "make", "interact", "pipe"), _RUNS_NOTHING),
    **dict.fromkeys(("tui", "layout", "focus", "winheight", "refresh"), _SCREEN),
    "rwatch": "values are not read by anyone but the equations: `watch EXPR by X` waits for a change",
    "hbreak": "`break WHERE` is all there is: nothing is in hardware",
    "catch": "`break nan` waits for a number that is none, `break class` for another predicted class",
    "commands": "`dprintf WHERE, TEXT` prints at a place, `display EXPR` at every stop; `source` executes a script",
    "silent": "`dprintf WHERE, TEXT` prints at a place without stopping",
    "x": "`print c[0:4]` tells some units, `info values` every value here",
    "examine": "`print c[0:4]` tells some units, `info values` every value here",
    "args": "`info values` tells every value here",
    "a": "`info values` tells every value here",
    "locals": "`info values` tells every value here",
    "printf": "`print EXPR` tells a value; `> FILE` behind it writes that to a file",
    "output": "`print EXPR` tells a value; `> FILE` behind it writes that to a file",
    "echo": "`source FILE` executes a script; lines that begin with # in it are passed over",
    **dict.fromkeys(("ni", "nexti"), "`stepi` takes the next op of an equation"),
    "starti": "`start` goes back to before the first equation, `stepi` takes its first op",
    **dict.fromkeys(
        ("stop", "hit"), "`continue` goes on to the next breakpoint, `info break` tells how often each stopped"
    ),
    "disassemble": "`list` shows the equations, `stepi` takes one op of them after the other",
    "define": "`source FILE` executes a file of verbs",
    "alias": "`help VERB` tells the other names of a verb",
    "checkpoint": "`branch NAME` names the edits as they are now, `switch NAME` goes back to them",
    "snapshot": "`branch NAME` names the edits as they are now, `switch NAME` goes back to them",
    "kill": "`quit` leaves",
    "detach": "`quit` leaves",
    "attach": "`lstm_tui.debug(model, x)` opens a live PyTorch model",
    "file": "`lstm-tui run FILE --model M` opens a network on a text; `line N` another line of it",
    "show": "`info` tells what there is; `lstm-tui info` versions, paths and the terminal",
    "signal": "there are no signals in a run: `break nan` waits for what goes wrong in one",
    "handle": "there are no signals in a run: `break nan` waits for what goes wrong in one",
    "tobreakpoint": "`tbreak WHERE` stops once",
    "retval": "`print result` tells what the network says of the whole text",
    "rv": "`print result` tells what the network says of the whole text",
    "tstart": _PAST,
    "skip": "`disable N` keeps a breakpoint without stopping, `ignore N COUNT` passes over its next hits",
    "search": "`find TEXT` goes to the next token that holds a text",
    "call": "`print EXPR` tells any expression; edits are verbs of their own: `help set`",
    "cd": "give a whole path where a file is asked for",
    "pwd": "give a whole path where a file is asked for",
    "ed": '`replace T "TOKEN"`, `set`, `weight` and `let` edit; `help` lists them',
}
"""Words that are no verbs, and what to type instead."""


Act = Callable[[Session, str], Iterable[str]]
"""What a verb does with what stands behind it; returns the lines of its reply."""
Complete = Callable[[Session, str], Iterable[str]]
"""What the text behind a verb, as far as it is typed, may become."""


def nothing(session: Session, rest: str) -> tuple[str, ...]:
    """Complete nothing."""
    return ()


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        name: The word it begins with.
        usage: The whole form, such as `goto T`.
        help: One sentence.
        act: What it does with the text behind its name. It may move the session or edit it; a mistake is a
            `UserError` of one line, and then nothing is changed.
        aliases: Other words for it.
        complete: What the text behind it may become.
        example: A line that works on most networks; empty when the usage is one.
        touches_files: Whether it reads or writes a file that is named behind it. No other verb may; `sealing` refuses
            those that do where whoever types is only looking in.
    """

    name: str
    usage: str
    help: str
    act: Act
    aliases: tuple[str, ...] = ()
    complete: Complete = nothing
    example: str = ""
    touches_files: bool = False

    def __call__(self, session: Session, rest: str) -> tuple[str, ...]:
        """Act, and return the reply; nothing that is typed is passed over in silence.

        Raises:
            UserError: If it cannot, or takes nothing and is given something.
        """
        if rest and self.usage == self.name:
            raise UserError(f"`{self.name}` takes nothing behind it, and `{visible(rest[:40])}` stands there")
        return tuple(self.act(session, rest))


class CommandTable:
    """Verbs by name, in the order in which they were added until it is arranged."""

    def __init__(self) -> None:
        """Begin empty."""
        self._verbs: dict[str, Verb] = {}
        self._aliases: dict[str, str] = {}

    def __iter__(self) -> Iterator[Verb]:
        """Return every verb."""
        return iter(self._verbs.values())

    def add(self, verb: Verb) -> Verb:
        """Add a verb; no two may share a word."""
        for word in (verb.name, *verb.aliases):
            assert word not in self._verbs, word
            assert word not in self._aliases, word
        self._verbs[verb.name] = verb
        self._aliases.update(dict.fromkeys(verb.aliases, verb.name))
        return verb

    def arrange(self, *modules: ModuleType) -> None:
        """Have the verbs stand in the order of the modules that make them, and within one as it has them."""
        order = [one.__name__ for one in modules]
        verbs = sorted(self._verbs.values(), key=lambda verb: order.index(verb.act.__module__))
        self._verbs = {verb.name: verb for verb in verbs}

    def change(self, verb: Verb) -> None:
        """Put another verb in the place of the one that has its name."""
        assert verb.name in self._verbs, verb.name
        self._verbs[verb.name] = verb

    def verb(
        self,
        usage: str,
        help: str,
        aliases: tuple[str, ...] = (),
        complete: Complete = nothing,
        example: str = "",
        touches_files: bool = False,
    ) -> Callable[[Act], Act]:
        """Return a decorator that adds a function as the verb with which `usage` begins."""

        def added(act: Act) -> Act:
            self.add(Verb(usage.split()[0], usage, help, act, aliases, complete, example, touches_files))
            return act

        return added

    @property
    def words(self) -> tuple[str, ...]:
        """Every name and alias."""
        return (*self._verbs, *self._aliases)

    def named(self, word: str) -> Verb:
        """Return the verb of a word: its name, an alias, or the beginning of one verb alone.

        Raises:
            UserError: If there is none, or several begin so.
        """
        name = self._aliases.get(word, word)
        if name in self._verbs:
            return self._verbs[name]
        self._check_foreign(word)
        begun = [one for one in self.words if word and one.startswith(word)]
        meant = {self._aliases.get(one, one) for one in begun}
        if len(meant) == 1:
            return self._verbs[meant.pop()]
        if begun:
            raise UserError(f"`{visible(word)}` may be {', '.join(begun)}")
        near = nearest(word, self.words)
        hint = f"did you mean {near}?" if near else "`help` lists them"
        raise UserError(f"there is no verb `{visible(word[:40])}`; {hint}")

    def _check_foreign(self, word: str) -> None:
        """Refuse a word of another debugger, told with what does its work here."""
        before, slash, _ = word.partition("/")
        told = COUNTERPARTS.get(before or word[:1]) or COUNTERPARTS.get(word[:1] if word[:1] == "!" else "")
        if told is None and slash and before in self.words:
            told = f"numbers have one form, so `{visible(before[:40])}` takes no /"
        if told is not None:
            raise UserError(f"`{visible(word[:40])}` is no verb here: {told}")


VERBS = CommandTable()
"""The one table."""


class Leave(Exception):
    """The user asked to leave."""


def split(line: str) -> tuple[str, str]:
    """Return the first word of a line and what stands behind it; a colon before the word is not part of it."""
    word, _, rest = line.strip().removeprefix(":").strip().partition(" ")
    return word, rest.strip()


def answer(session: Session, line: str) -> tuple[str, ...]:
    """Obey one line and return the reply; an empty line and one that begins with # do nothing.

    Raises:
        UserError: If the line cannot be executed; the session is then as it was.
        Leave: If the line asks to leave.
    """
    word, rest = split(line)
    if not word or word.startswith("#"):
        return ()
    before = session.frame
    with quiet():
        reply = VERBS.named(word)(session, rest)
        after = session.frame
        if len(session.displays) and (after.position != before.position or after.trace is not before.trace):
            reply += tuple(one.line for one in session.stops.shown())
    return reply
