"""The table of verbs: how each is called and written, what it does, what completes it; a line is executed by its verb.

What gdb, rr and pdb have and this debugger has not is told with what does its work here (`foreign_words`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import ModuleType

from lstm_tui.debugger.command_log import noted
from lstm_tui.debugger.commands.foreign_words import BEHIND, COUNTERPARTS, begun_by, no_formats
from lstm_tui.debugger.scripting import DEEPEST
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import quiet
from lstm_tui.engine.dataclass import dataclass
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
        edits: Whether it makes edits, so that `what-if` can ask what it would do and leave nothing.
        takes_numbers: Whether `$limit` behind it stands for its number: what it reads is no expression and no token.
    """

    name: str
    usage: str
    help: str
    act: Act
    aliases: tuple[str, ...] = ()
    complete: Complete = nothing
    example: str = ""
    touches_files: bool = False
    edits: bool = False
    takes_numbers: bool = False

    def __call__(self, session: Session, rest: str) -> tuple[str, ...]:
        """Act, and return the reply; nothing that is typed is passed over in silence.

        Raises:
            UserError: If it cannot, or takes nothing and is given something.
        """
        if rest and self.usage == self.name:
            told = f": {BEHIND[self.name]}" if self.name in BEHIND else ""
            raise UserError(f"`{self.name}` takes nothing behind it, and `{visible(rest[:40])}` stands there{told}")
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
        takes_numbers: bool = False,
        edits: bool = False,
    ) -> Callable[[Act], Act]:
        """Return a decorator that adds a function as the verb with which `usage` begins."""

        def added(act: Act) -> Act:
            name = usage.split()[0]
            self.add(Verb(name, usage, help, act, aliases, complete, example, touches_files, edits, takes_numbers))
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
        foreign = begun_by(word)
        if foreign is not None:
            raise UserError(f"`{visible(word[:40])}` is no verb here: {COUNTERPARTS[foreign]}")
        near = nearest(word, self.words)
        hint = f"did you mean {near}?" if near else "`help` lists them"
        raise UserError(f"there is no verb `{visible(word[:40])}`; {hint}")

    def _check_foreign(self, word: str) -> None:
        """Refuse a word of another debugger, told with what does its work here."""
        before, slash, _ = word.partition("/")
        told = COUNTERPARTS.get(before or word[:1]) or COUNTERPARTS.get(word[:1] if word[:1] == "!" else "")
        if told is None and slash and before in self.words:
            told = no_formats(before)
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


_HELD = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\$(\$[0-9]*|[0-9]+|[A-Za-z_][A-Za-z_0-9]*)?""")


def with_numbers(session: Session, text: str) -> str:
    """Return a text in which each `$1` or `$limit` outside quotes is its number.

    Raises:
        UserError: One stands for nothing, or for no single number.
    """

    def number(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[0]
        value = session.evaluate(found[0]).value
        if value.size != 1 or value.kind != "number":
            raise UserError(f"`{visible(found[0][:40])}` is not one number")
        held = float(value.values[0, 0])
        return str(int(held)) if held.is_integer() and abs(held) < 1 << 53 else repr(held)

    return _HELD.sub(number, text)


def answer(session: Session, line: str) -> tuple[str, ...]:
    """Obey one line and return the reply; an empty line and one that begins with # do nothing.

    A line of a block, such as `define NAME … end`, is kept until its `end`. What stands between `;;` is one line after
    the other.

    Raises:
        UserError: If the line cannot be executed; the session is then as it was.
        Leave: If the line asks to leave.
    """
    if session.scripting.depth or session.scripting.at_stop:
        return _executed(session, line)
    try:
        reply = _executed(session, line)
    except UserError as error:
        noted(line, (f"! {error}",))
        raise
    noted(line, reply)
    return reply


def _executed(session: Session, line: str) -> tuple[str, ...]:
    if session.scripting.block is not None:
        return _collected(session, line)
    parts = _parts(session, line)
    if len(parts) == 1:
        return _answer(session, line)
    reply: tuple[str, ...] = ()
    for part in parts:
        reply += _executed(session, part)
    return reply


def _parts(session: Session, line: str) -> list[str]:
    """Return the lines that `;;` joins; a saved session joins none, so that its lines are what they begin with."""
    from lstm_tui.debugger.commands.statements import parts_of  # the first frame types no line

    return [line] if session.scripting.is_restoring else parts_of(line)


def _collected(session: Session, line: str) -> tuple[str, ...]:
    """Keep the lines of a block; once it is whole, have it become what it is."""
    lines = _parts(session, line)
    for number, one in enumerate(lines, start=1):
        block, reply = session.scripting.collect(one)
        if block is not None:
            reply = tuple(block.close(session, block.lines))
            for behind in lines[number:]:
                reply += _executed(session, behind)
            break
    return reply


def _answer(session: Session, line: str) -> tuple[str, ...]:
    word, rest = split(line)
    if not word or word.startswith("#"):
        return ()
    scripting = session.scripting
    _passed_by(session)
    scripting.passing = None
    before, stop = session.frame, session.stop
    with quiet():
        if word in scripting.aliases:
            reply = _of_alias(session, word, rest)
        elif word in scripting.commands:
            from lstm_tui.debugger.commands.statements import obey

            reply = obey(session, scripting.commands[word].body, answer, f"`{word}`", rest)
        else:
            verb, rest = _meant(session, word, rest, line)
            check_not_restored(session, verb)
            reply = verb(session, with_numbers(session, rest) if verb.takes_numbers and "$" in rest else rest)
        after = session.frame
        moved = after.position != before.position or after.trace is not before.trace
        if len(session.displays) and moved and not scripting.depth:
            reply += tuple(one.line for one in session.stops.shown())
        if not moved and after.note != before.note and session.stop is stop:
            scripting.passing = (after, before.note)
    return reply


def _passed_by(session: Session) -> None:
    """Forget what was said of a line that went nowhere: it is not why the run stands where it does."""
    if session.scripting.passing is not None:
        frame, note = session.scripting.passing
        if session.frame is frame:
            session.cursor.show(replace(frame, note=note))


def check_not_restored(session: Session, verb: Verb) -> None:
    """Refuse a verb that touches files, or ends the session, where it comes from a saved one.

    Raises:
        UserError: It does.
    """
    if session.scripting.is_restored and (verb.touches_files or verb.name == "quit"):
        raise UserError(f"`{verb.name}` is not executed from a saved session: `define` the word again yourself")


def _meant(session: Session, word: str, rest: str, line: str) -> tuple[Verb, str]:
    """Return the verb of a line and what stands behind it; a bare expression is printed, as in pdb.

    Raises:
        UserError: It is neither.
    """
    try:
        return VERBS.named(word), rest
    except UserError as error:
        if COUNTERPARTS.get(word) is not None or COUNTERPARTS.get(word.partition("/")[0]) is not None:
            raise
        text = line.strip().removeprefix(":").strip()
        try:
            session.evaluate(text)
        except UserError:
            near = None if begun_by(word) else nearest(word, session.scripting.words)
            if near is None or "did you mean" in str(error):
                raise error from None
            raise UserError(f"there is no verb `{visible(word[:40])}`; did you mean {near}?") from None
        return VERBS.named("print"), text


def check_executable(session: Session, line: str) -> None:
    """Refuse a line that begins with no verb, no word of the user's own and no expression of this run.

    Raises:
        UserError: It does.
    """
    word, rest = split(line)
    has_places = "%" in line or "$" in line  # filled when it is called
    if word not in session.scripting.words and not (has_places and word not in VERBS.words):
        _meant(session, word, rest, line)


def _of_alias(session: Session, word: str, rest: str) -> tuple[str, ...]:
    """Execute what an alias stands for, with what is behind it in the place of `%1`, `%*`, or at its end."""
    scripting = session.scripting
    if scripting.depth >= DEEPEST:
        raise UserError(f"`{word}`: called more than {DEEPEST} deep")
    alias, restored = scripting.aliases[word], scripting.is_restored
    text = alias.lines[0]
    words = rest.split()
    if "%" in text:
        filled = text.replace("%*", rest)
        for number in range(9, 0, -1):
            filled = filled.replace(f"%{number}", words[number - 1] if number <= len(words) else "")
    else:
        filled = f"{text} {rest}".strip()
    scripting.depth, scripting.is_restored = scripting.depth + 1, restored or alias.restored
    try:
        return answer(session, filled)
    finally:
        scripting.depth, scripting.is_restored = scripting.depth - 1, restored
