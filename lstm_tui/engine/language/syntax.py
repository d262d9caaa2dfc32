"""Words to a tree of what is written: the one parser of equations and of questions about a run.

It knows how strongly signs bind and where brackets close. What a name may mean, and which forms are allowed, is
decided by who reads the tree: `equations.py` for equations, `debugger/expressions/parser.py` for questions.
"""

from __future__ import annotations

from functools import lru_cache

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.vocabulary import MAX_DEPTH, shortened
from lstm_tui.engine.language.words import COMPARISONS, TRANSPOSED, Mistake, Notation, Word, words_of


@dataclass(frozen=True)
class Node:
    """A part of an expression: the characters `start` to `end` of its text, brackets around its parts included."""

    start: int
    end: int


@dataclass(frozen=True)
class NumberNode(Node):
    """A finite number; `written` is its digits as they stand there, or those that a name stands for."""

    value: float
    written: str


@dataclass(frozen=True)
class TextNode(Node):
    """A text in quotes: a token, or the name of a class."""

    value: str


@dataclass(frozen=True)
class NameNode(Node):
    """A name such as `f`, `token`, or `layer1.backward.f`."""

    name: str


@dataclass(frozen=True)
class HeldNode(Node):
    """A value that a session holds: `$1` of the value history, `$limit` by its name; the name is without its `$`."""

    name: str


@dataclass(frozen=True)
class Argument:
    """`at="bad"`: an argument that is given by name; `place` is where the name stands."""

    name: str
    place: int
    value: Node


@dataclass(frozen=True)
class CallNode(Node):
    """A function on its arguments, and what is given by name behind them."""

    function: str
    arguments: tuple[Node, ...]
    named: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class RangeNode(Node):
    """`0:8`, or `0:8:2` by steps, in square brackets; None for an open end."""

    first: Node | None
    stop: Node | None
    step: Node | None = None


@dataclass(frozen=True)
class EntriesNode(Node):
    """`2,3` or `2:5,1` in square brackets: one place, or range of places, after the other."""

    entries: tuple[Node, ...]


@dataclass(frozen=True)
class IndexNode(Node):
    """`v[…]`; `place` is where the bracket opens."""

    of: Node
    index: Node
    place: int


@dataclass(frozen=True)
class Operation(Node):
    """`+ - * / ** @`, a comparison, `and` or `or`; `place` is where the sign itself stands.

    A chain such as `0 < f < 1` is its comparisons joined by `and`.
    """

    sign: str
    left: Node
    right: Node
    place: int


@dataclass(frozen=True)
class Inverse(Node):
    """`-v`, `not v`, or the `+v` that is v."""

    sign: str
    of: Node


@lru_cache(maxsize=256)
def parse_syntax(text: str, notation: Notation) -> Node:
    """Return the tree of an expression.

    Raises:
        Mistake: With the place of the first one.
    """
    return _Parser(text, notation).whole()


_STRENGTH = {"or": 1, "and": 2, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6, "@": 6, "**": 8}
_NOT, _COMPARED, _NEGATIVE, _POWER = 3, 4, 7, 8
_MOST_ENTRIES = 3  # a head, a row and a column
TRANSPOSE = "transpose"
"""The function that `.T` behind a value stands for."""
_DEEPEST = 5 * MAX_DEPTH  # calls of `expression` inside each other: brackets, and the strengths between them


class WordReader:
    """Takes the words of a text from left to right: what an expression, and any other line of ours, is read with.

    Attributes:
        text: What is read.
        words: Its words, an `end` behind them.
        at: Number of the word that comes next.
    """

    def __init__(self, text: str, notation: Notation) -> None:
        """Stand before the first word.

        Raises:
            Mistake: The text is too long or too deep, or holds what is not in the language.
        """
        self.text = text
        self.words = words_of(text, notation)
        self.at = 0

    @property
    def word(self) -> Word:
        """The word that comes next."""
        return self.words[self.at]

    @property
    def behind(self) -> int:
        """Place behind the word that was taken last."""
        return self.words[self.at - 1].end

    def is_end(self) -> bool:
        """Say whether nothing comes any more."""
        return self.word.kind == "end"

    def is_sign(self, *signs: str) -> bool:
        """Say whether one of some signs comes next."""
        return self.word.kind == "sign" and self.word.text in signs

    def written(self, word: Word) -> str:
        """Return a word as it stands in the text, short and safe to show."""
        return shortened(self.text[word.start : word.end])

    def take(self) -> Word:
        """Return the word that comes next, and stand behind it."""
        word = self.word
        self.at = min(self.at + 1, len(self.words) - 1)
        return word


class _Parser(WordReader):
    """Reads an expression, each sign with what it binds more strongly than the sign before it."""

    def __init__(self, text: str, notation: Notation) -> None:
        super().__init__(text, notation)
        self.subscripts = notation.subscripts
        self.depth = 0

    def close(self, sign: str, opened: Word) -> int:
        """Take a closing bracket; return the place behind it."""
        if self.is_sign(sign):
            return self.take().end
        if self.is_end():
            raise Mistake(f"`{opened.text}` is not closed", opened.start)
        raise self.unexpected()

    def unexpected(self) -> Mistake:
        word = self.word
        if self.is_sign("="):
            return Mistake("`=` changes nothing here: == compares, and `set c[3] = 1` is an edit", word.start)
        why = ": commas stand between the arguments of a function" if self.is_sign(",") else ""
        return Mistake(f"`{self.written(word)}` does not belong here{why}", word.start)

    def missing(self) -> Mistake:
        """Return the mistake for a place where a value should begin."""
        word, before = self.word, self.words[self.at - 1] if self.at else None
        if word.kind == "end" and before is not None:
            return Mistake(f"something is missing after `{self.written(before)}`", word.start)
        if self.strength() or (before is not None and self.is_sign(")", "]", ",")):
            return Mistake(f"something is missing before `{self.written(word)}`", word.start)
        return self.unexpected()

    def whole(self) -> Node:
        if self.is_end():
            raise Mistake("nothing stands here", 0)
        node = self.expression(0)
        if not self.is_end():
            raise self.unexpected()
        return node

    def expression(self, least: int) -> Node:
        """Read what binds more strongly than `least`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Mistake("nested too deeply", self.word.start)
        start = self.word.start
        left = self.first()
        compared: tuple[int, Node] | None = None  # of a chain such as 0 < f < 1: its last side, and where that begins
        while (strength := self.strength()) > least:
            sign, begin = self.take(), self.word.start
            right = self.expression(strength - (strength == _POWER))  # 2 ** 3 ** 2 is 2 ** (3 ** 2)
            end = self.behind
            if strength == _COMPARED and compared is not None:
                more = Operation(compared[0], end, sign.text, compared[1], right, sign.start)
                left = Operation(start, end, "and", left, more, sign.start)
            else:
                left = Operation(start, end, sign.text, left, right, sign.start)
            compared = (begin, right) if strength == _COMPARED else None
        self.depth -= 1
        return left

    def strength(self) -> int:
        return _STRENGTH.get(self.word.text, 0) if self.word.kind in ("sign", "name") else 0

    def first(self) -> Node:
        """Read what can begin an expression, with everything that is bound to its right."""
        word = self.word
        if (word.kind == "name" and word.text == "not") or self.is_sign("-", "+"):
            self.take()
            of = self.expression(_NOT if word.text == "not" else _NEGATIVE)
            return Inverse(word.start, self.behind, word.text, of)
        node = self.value()
        while self.is_sign("[", "(", TRANSPOSED):
            opened = self.take()
            if opened.text == TRANSPOSED:
                node = CallNode(word.start, opened.end, TRANSPOSE, (node,))
                continue
            if opened.text == "(":
                raise Mistake("only a function can be called, by its name", word.start)
            index = self.index()
            node = IndexNode(word.start, self.close("]", opened), node, index, opened.start)
        return node

    def value(self) -> Node:
        """Read a number, a text, a name, a call or what stands in brackets."""
        word = self.word
        if word.kind == "number":
            self.take()
            return NumberNode(word.start, word.end, float(word.text), word.text)
        if word.kind == "text":
            self.take()
            return TextNode(word.start, word.end, word.text)
        if word.kind == "held":
            self.take()
            return HeldNode(word.start, word.end, word.text[1:])
        if word.kind == "name" and word.text not in ("and", "or"):
            self.take()
            return self.call(word) if self.is_sign("(") else NameNode(word.start, word.end, word.text)
        if self.is_sign("("):
            opened = self.take()
            node = self.expression(0)
            self.close(")", opened)
            return node
        raise self.missing()

    def call(self, name: Word) -> CallNode:
        opened = self.take()
        arguments: list[Node] = []
        named: list[Argument] = []
        while not self.is_sign(")"):
            word, behind = self.word, self.words[min(self.at + 1, len(self.words) - 1)]
            if word.kind == "name" and behind.kind == "sign" and behind.text == "=":
                self.at += 2
                named.append(Argument(word.text, word.start, self.expression(0)))
            elif named:
                raise Mistake(f"{shortened(named[-1].name)}= comes last", word.start)
            else:
                arguments.append(self.expression(0))
            if not self.is_sign(","):
                break
            self.take()
        return CallNode(name.start, self.close(")", opened), name.text, tuple(arguments), tuple(named))

    def index(self) -> Node:
        """Read what stands in square brackets."""
        start = self.word.start
        if self.is_sign("]") or self.is_end():
            raise Mistake(self.subscripts, start)
        entries = [self.entry()]
        while self.is_sign(",") and len(entries) < _MOST_ENTRIES:
            self.take()
            entries.append(self.entry())
        return entries[0] if len(entries) == 1 else EntriesNode(start, self.behind, tuple(entries))

    def entry(self) -> Node:
        """Read one place, or a range of places, up to a comma or the bracket that closes."""
        start = self.word.start
        first = None if self.is_sign(":") else self.expression(0)
        if first is not None and not self.is_sign(":"):
            return first
        self.take()
        stop = None if self.is_sign("]", ":", ",") or self.is_end() else self.expression(0)
        step = None
        if self.is_sign(":"):
            self.take()
            step = None if self.is_sign("]", ",") or self.is_end() else self.expression(0)
        return RangeNode(start, self.behind, first, stop, step)
