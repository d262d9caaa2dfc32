"""Small lies for the documents: a number, an option, a verb, a command, a path, a key or a direction is changed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.tui.commands import COMMANDS

from .documents import COMMENT, DOCUMENTS, FENCED, GENERATED, MANUAL, ROOT, name_of
from .numbers import WORDS
from .shown import OPPOSITE, strong_words
from .spans import option_helps

_CODE = re.compile(r"`[^`]+`")
_KEYS = sorted({key for command in COMMANDS for key in command.key.split()})
_VERBS = sorted({word for word in VERBS.words if word})


@dataclass(frozen=True)
class Break:
    """One small change of a document.

    Attributes:
        path: The document.
        kind: What was changed.
        start: Where, in characters.
        old: What stood there.
        new: What stands there now.
    """

    path: Path
    kind: str
    start: int
    old: str
    new: str

    @property
    def text(self) -> str:
        """The whole document, broken."""
        text = self.path.read_text("utf-8")
        return text[: self.start] + self.new + text[self.start + len(self.old) :]

    def __str__(self) -> str:
        """Return the line that is broken, and how."""
        text = self.path.read_text("utf-8")
        line = text[text.rfind("\n", 0, self.start) + 1 :].partition("\n")[0]
        return f"{name_of(self.path)}: {self.kind} {self.old!r} → {self.new!r} in: {line}"


def breaks(seed: int, count: int, only: str = "") -> list[Break]:
    """Return as many breaks, by a seed: the kinds in turn, of each any place of any document with the same chance.

    Of one kind alone, where one is named.
    """
    rng = random.Random(seed)
    asked = [only] if only else list(_KINDS)
    places = {kind: [(path, *place) for path in DOCUMENTS for place in _places(path, kind)] for kind in asked}
    kinds = [kind for kind in asked if places[kind]]
    found: list[Break] = []
    while len(found) < count:
        kind = kinds[len(found) % len(kinds)]
        path, start, old = rng.choice(places[kind])
        new = _KINDS[kind][1](old, rng)
        if new != old:
            found.append(Break(path, kind, start, old, new))
    return found


def _places(path: Path, kind: str) -> Iterator[tuple[int, str]]:
    """Yield where something of a kind is seen, and what stands there."""
    if kind == WHICH_WAY and path not in (ROOT / "README.md", *MANUAL):
        return  # users' documents alone say by what it is shown
    text = path.read_text("utf-8")
    hidden = [range(*one.span()) for one in COMMENT.finditer(text)]
    for found in _KINDS[kind][0](text):
        start = found.start(found.lastindex or 0)
        if not any(start in one for one in hidden):
            yield start, found[found.lastindex or 0]


def _another(among: list[str]) -> Callable[[str, random.Random], str]:
    return lambda old, rng: rng.choice([one for one in among if one != old])


def _digits(text: str) -> Iterator[re.Match[str]]:
    """Find the digits of sentences and tables; a value in an example line is a choice, and no statement."""
    filled = [range(*one.span()) for one in GENERATED.finditer(text)]
    fences = [range(*one.span()) for one in FENCED.finditer(text)]
    unfenced = FENCED.sub(lambda fence: " " * len(fence[0]), text)  # whose backticks are in pairs
    code = [*fences, *(range(*one.span()) for one in _CODE.finditer(unfenced))]
    for found in re.finditer(r"(\d)", text):
        at = found.start()
        if any(at in one for one in filled) or not any(at in one for one in code):
            yield found


def _digit(old: str, rng: random.Random) -> str:
    return rng.choice([one for one in "0123456789" if one != old])


def _word(old: str, rng: random.Random) -> str:
    new = rng.choice([one for one in WORDS[1:] if one != old.lower()])
    return new.capitalize() if old[0].isupper() else new


def _option(old: str, rng: random.Random) -> str:
    """Return another option that some command has, or the option misspelt."""
    return rng.choice([one for one in option_helps() if one != old]) if rng.random() < 0.5 else _misspelt(old, rng)


def _misspelt(old: str, rng: random.Random) -> str:
    letters = [at for at, letter in enumerate(old) if letter.isalpha()]
    at = rng.choice(letters)
    return old[:at] + old[at + 1 :]


def _finder(pattern: str) -> Callable[[str], Iterator[re.Match[str]]]:
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda text: compiled.finditer(text)


def _typed(text: str) -> Iterator[re.Match[str]]:
    """Find the verb of each span that begins with one."""
    fences = [range(*one.span()) for one in FENCED.finditer(text)]
    for found in re.finditer(r"`:?([a-z-]+)(?= [^`]|`)", text):
        if found[1] in _VERBS and not any(found.start() in one for one in fences):
            yield found


def _which_way(text: str) -> Iterator[re.Match[str]]:
    """Find the words that say which way, but for those in code."""
    yield from strong_words(FENCED.sub(lambda fence: "`" * len(fence[0]), text))


def _turned(old: str, rng: random.Random) -> str:
    new = OPPOSITE[old.lower()]
    return new.capitalize() if old[0].isupper() else new


def _keys(text: str) -> Iterator[re.Match[str]]:
    for found in re.finditer(r"`(\S|space|esc)`", text):
        if found[1] in _KEYS:
            yield found


_COMMANDS = sorted(command_names())
WHICH_WAY = "which way"
_SMALL = "|".join(WORDS[2:])
_KINDS: dict[str, tuple[Callable[[str], Iterator[re.Match[str]]], Callable[[str, random.Random], str]]] = {
    "digit": (_digits, _digit),
    "option": (_finder(r"(?<![\w-])(--[a-z][a-z-]+)"), _option),
    "verb": (_typed, _another(_VERBS)),
    "path": (_finder(r"[`( ]((?:[\w.-]+/)+[\w.-]*)(?=[`) .])"), _misspelt),
    "key": (_keys, _another(_KEYS)),
    "command": (_finder(rf"lstm-tui ({'|'.join(_COMMANDS)})\b"), _another(_COMMANDS)),
    WHICH_WAY: (_which_way, _turned),
    "number in words": (_finder(rf"\b((?i:{_SMALL}))\b(?! by one)"), _word),
}
"""Of each kind: what finds its places in a text (as the first group), and what is put in place of what stands there."""
