"""Text to words: the one tokenizer of equations and of questions about a run.

It is ours and not Python's, because Python's reads another language. A token in quotes may hold a line end, a NUL or
any letter, and Python refuses the first two and counts columns in bytes behind the third; its messages and their
columns differ from one Python to the next; and deep, long or odd text makes it raise four kinds of errors or print
a warning on the terminal. Everything here and in `syntax.py` takes time and depth that are bounded by the text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.vocabulary import MAX_DEPTH, MAX_OPERATORS, shortened

_WORD = re.compile(
    r"""(?P<blank>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>[0-9.][A-Za-z_0-9.]*(?:(?<=[0-9.][eE])[+-][0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)
    |(?P<held>\$(?:\$[0-9]*|[0-9]+|[A-Za-z_][A-Za-z_0-9]*)?)
    |(?P<sign><=|>=|==|!=|\*\*|//|&&|\|\||[-+*/@<>()\[\]{},:;=!&|%^?~])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_UNITS = re.compile(r"([0-9]+)\.\.+([0-9]+)\Z")
COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
TRANSPOSED = ".T"
_OPERATORS = COMPARISONS | {"+", "-", "*", "/", "**", "@", "[", TRANSPOSED, "not", "and", "or"}  # the tree gets deeper
_PREFIXES = frozenset({"+", "-", "~", "not"})


@dataclass(frozen=True)
class Word:
    """One word of an expression.

    Attributes:
        kind: What it is; `end` stands behind the last one, `other` is one character that begins no word, `held` a value
            that a session holds, such as `$1`.
        text: As written; of a text in quotes that was checked, what the quotes hold; of a name that stands for a
            number, that number.
        start: Place of its first character.
        end: Place behind its last.
    """

    kind: Literal["blank", "text", "number", "name", "held", "sign", "other", "end"]
    text: str
    start: int
    end: int


class Mistake(Exception):
    """What is wrong in an expression, at a place in its text from 0; whoever reads it makes a user's error of it."""

    def __init__(self, said: str, start: int, near: str | None = None) -> None:
        """Hold what is wrong, where, and the nearest right name."""
        super().__init__(said)
        self.said, self.start, self.near = said, start, near


@dataclass(frozen=True)
class Notation:
    """What may stand in an expression, by where it stands.

    Attributes:
        noun: What the text is, such as `an equation`.
        longest: Most characters.
        check: Refuses a word, blanks included, by raising a `Mistake`; it is also given how many brackets are open.
        subscripts: How to write what stands in square brackets, where they may stand at all.
        finite: Whether a number too large for a float is refused.
        names: Names that stand for a whole number, with it.
        held: Whether `$1` and `$limit` are values in it, and `.T` stands behind one.
    """

    noun: str
    longest: int
    check: Callable[[Word, int], None]
    subscripts: str = ""
    finite: bool = True
    names: tuple[tuple[str, int], ...] = ()
    held: bool = False


def words_of(text: str, notation: Notation) -> list[Word]:
    """Return the words of an expression without its blanks, an `end` behind them.

    Raises:
        Mistake: It is too long or too deep, or holds what is not in the language.
    """
    if len(text) > notation.longest:
        raise Mistake(f"{notation.noun} of {len(text)} characters; {notation.longest} is the most", 0)
    words: list[Word] = []
    named = dict(notation.names)
    depth = operators = prefixes = 0
    for match in _WORD.finditer(text):
        word = Word(match.lastgroup, match.group(), match.start(), match.end())  # type: ignore[arg-type]
        if word.kind == "held" and not notation.held:
            word = Word("other", word.text[0], word.start, word.start + 1)
        if word.text == TRANSPOSED and notation.held:
            word = Word("sign", word.text, word.start, word.end)
        one = word.text if word.kind in ("sign", "name") else ""
        if word.kind != "blank":
            depth += (one in ("(", "[", "{")) - (one in (")", "]", "}"))
            prefixes = prefixes + 1 if one in _PREFIXES else 0
            operators += one in _OPERATORS
            if depth > MAX_DEPTH or prefixes > MAX_DEPTH:
                raise Mistake(f"nested deeper than {MAX_DEPTH}", word.start)
            if operators > MAX_OPERATORS:
                raise Mistake(f"more than {MAX_OPERATORS} operators in {notation.noun}", word.start)
        notation.check(word, depth)
        if word.kind == "number":
            _check_number(word, notation.finite)
        elif word.kind == "name" and word.text in named:
            word = Word("number", str(named[word.text]), word.start, word.end)
        elif word.kind == "text":
            word = Word("text", _held(word), word.start, word.end)
        if word.kind != "blank":
            words.append(word)
    end = len(text.rstrip())
    return [*words, Word("end", "", end, end)]


def _check_number(word: Word, finite: bool) -> None:
    if word.text[0] == "." and word.text[1:2].isalpha():
        raise Mistake(f"`{shortened(word.text)}` does not belong here: a value has no attributes", word.start)
    if not _NUMBER.match(word.text):
        units = _UNITS.match(word.text)
        hint = f": units are written {units[1]}:{units[2]}" if units and len(word.text) < 20 else ""
        raise Mistake(f"`{shortened(word.text)}` is not a number{hint}", word.start)
    if finite and not math.isfinite(float(word.text)):
        raise Mistake("this number is not finite", word.start)


def _held(word: Word) -> str:
    held = unquoted(word.text)
    if held is None:
        raise Mistake("a \\ in this text means nothing: write \\\\", word.start)
    return held


_ESCAPE = re.compile(
    r"\\(?:(?P<code>x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|N\{(?P<name>[^}]*)\}|(?P<octal>[0-7]{1,3})"
    r"|(?P<one>[\\'\"abfnrtv\n])|(?P<wrong>.?))",
    re.DOTALL,
)
_SINGLE = {
    "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\n": "",
}  # fmt: skip


def unquoted(text: str) -> str | None:
    r"""Return what a text in quotes holds; None where a \ in it means nothing. The escapes are Python's."""
    try:
        return _ESCAPE.sub(_character, text[1:-1])
    except (KeyError, ValueError, OverflowError):
        return None


def _character(match: re.Match[str]) -> str:
    if match["code"]:
        return chr(int(match["code"][1:], 16))
    if match["octal"]:
        return chr(int(match["octal"], 8))
    if match["name"] is not None:
        return unicodedata.lookup(match["name"])
    return _SINGLE[match["one"] or match["wrong"] or "no such escape"]
