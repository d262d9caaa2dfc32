"""The table of verbs: how each is called and written, what it does, what completes it, and how one says `quit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from lstm_tui.debugger.commands.foreign import COUNTERPARTS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

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
