"""What is asked about a run, from the tree of what is written to nodes: units, steps, classes, `prev` and `at=`.

A mistake in a question is shown under it at its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from lstm_tui.debugger.expressions.functions import FUNCTIONS, elsewhere
from lstm_tui.debugger.expressions.scope import UNITS
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of, nearest
from lstm_tui.engine.language import words
from lstm_tui.engine.language.syntax import (
    CallNode,
    EntriesNode,
    HeldNode,
    IndexNode,
    Inverse,
    NameNode,
    Node,
    NumberNode,
    Operation,
    RangeNode,
    TextNode,
    parse_syntax,
)
from lstm_tui.engine.language.vocabulary import MAX_NAME, shortened
from lstm_tui.engine.language.words import COMPARISONS, Mistake, Notation, Word
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

__all__ = [
    "COMPARISONS",
    "AtNode",
    "BlockNode",
    "CallNode",
    "Class",
    "EntryNode",
    "ExpressionError",
    "HeldNode",
    "IndexNode",
    "Inverse",
    "NameNode",
    "NamedUnitNode",
    "Node",
    "NumberNode",
    "Operation",
    "PreviousNode",
    "RangeNode",
    "Shifted",
    "TextNode",
    "UnitsNode",
    "inside",
    "walk",
]


@dataclass(frozen=True)
class UnitsNode(Node):
    """`v[17]`, `v[0:8]`, `v[-1]`, `v[::2]`: units from 0, or from the end; None for an open end."""

    of: Node
    first: int | None
    stop: int | None
    step: int | None = None

    @property
    def slice(self) -> slice:
        """The units, as an array takes them."""
        return slice(self.first, self.stop, self.step)

    def one(self) -> int | None:
        """Return the unit, where it is one alone, by its number from 0 (from the end if negative)."""
        if self.first is None or self.step not in (None, 1):
            return None
        return self.first if self.stop == (self.first + 1 or None) else None


@dataclass(frozen=True)
class NamedUnitNode(Node):
    """`v[gender]`: the unit of that name, whichever it is in the run that is asked."""

    of: Node
    name: str


@dataclass(frozen=True)
class EntryNode(Node):
    """`S[2,3]`, `S[0,2,3]`: one number of a value that is a matrix a head, by head, row and column."""

    of: Node
    entries: tuple[int, ...]


Part = int | str | tuple[int | None, int | None, int | None]
"""A row or column by its number (from the end if negative) or name, or some as first, stop and step."""


@dataclass(frozen=True)
class BlockNode(Node):
    """`W_f[:,3]`, `W_f[2:5,1]`, `S[0,:,3]`: rows and columns of a matrix, of several heads behind the head."""

    of: Node
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Class(Node):
    """`output["positive"]`: one number by the name of its class."""

    of: Node
    name: str


@dataclass(frozen=True)
class Shifted(Node):
    """`v[t-1]`: places further on the tape."""

    of: Node
    by: int


@dataclass(frozen=True)
class PreviousNode(Node):
    """`prev(v)`: one step earlier in a pass's own reading order."""

    of: Node


@dataclass(frozen=True)
class AtNode(Node):
    """`f(…, at="bad")`: what it is at one token."""

    of: Node
    where: Node


def transposed_name(name: str) -> str | None:
    """Return what `W_f.T` has the rows and columns of exchanged; None of any other name."""
    return (name.removesuffix(words.TRANSPOSED) or None) if name.endswith(words.TRANSPOSED) else None


def inside(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node."""
    if isinstance(node, AtNode):
        return node.of, node.where
    if isinstance(node, CallNode):
        return node.arguments
    if isinstance(node, Operation):
        return node.left, node.right
    return (
        (node.of,)
        if isinstance(
            node, UnitsNode | NamedUnitNode | EntryNode | BlockNode | Class | Shifted | PreviousNode | Inverse
        )
        else ()
    )


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for part in inside(node):
        yield from walk(part)


_SHOWN = 72  # characters of an expression that are repeated around a mistake


class ExpressionError(UserError):
    """What is wrong in an expression, and where.

    Attributes:
        said: What is wrong and what to do.
        text: The expression.
        start: Place of the first wrong character, from 0.
        problem: What is wrong, without the nearest right name.
        near: The nearest right name, or None.
    """

    def __init__(self, said: str, text: str, start: int, near: str | None = None) -> None:
        """Compose the one line; `near` is the nearest right name."""
        hint = f"; did you mean {near}?" if near else ""
        self.said = visible(f"{said}{hint}")
        self.text = text
        self.start = min(max(start, 0), len(text))
        self.problem, self.near = said, near
        self._made_of = (said, text, start, near)
        super().__init__(f"column {self.start + 1}: {said}{hint}")

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, str, int, str | None]]:
        """Return what it is made of again where it has come from another process."""
        return type(self), self._made_of

    @property
    def under(self) -> tuple[str, str]:
        """The expression, and the mistake under it at its column."""
        from rich.cells import cell_len

        first = max(0, min(self.start - _SHOWN // 2, len(self.text) - _SHOWN))
        before = visible(self.text[first : self.start])
        shown = before + visible(self.text[self.start : first + _SHOWN])
        return f"  {shown}", f"  {' ' * cell_len(before)}^ {self.said}"


MAX_TEXT = 1_000
_INSTEAD = {
    "&&": "`and`", "||": "`or`", "&": "`and`", "|": "`or`", "!": "`not`", "~": "`not`", "//": "/", "^": "c ** 2",
}  # fmt: skip
_REFUSED = frozenset({*_INSTEAD, "%", "?", ";", "{", "}"})
_LARGEST = 10**9
NOT_FUNCTIONS = frozenset({"prev"})


def _check(word: Word, depth: int) -> None:
    """Refuse a word that means nothing in a question; `depth` brackets are open."""
    if word.kind == "sign" and word.text in _REFUSED:
        instead = f": write {_INSTEAD[word.text]}" if word.text in _INSTEAD else ""
        raise Mistake(f"`{word.text}` is not in the language{instead}", word.start)
    if word.kind == "name" and len(word.text) > 3 * MAX_NAME:
        raise Mistake(f"`{shortened(word.text)}` is too long for a name", word.start)
    if word.kind == "other":
        if word.text in "\"'":
            raise Mistake(f"this text has no closing {word.text}", word.start)
        said = f"`{shortened(word.text)}` is not in the language; only texts in quotes may hold it"
        raise Mistake(said, word.start)


QUESTION = Notation("an expression", MAX_TEXT, _check, UNITS, held=True)


@dataclass(frozen=True)
class Expression:
    """An expression that was read.

    Attributes:
        text: As it was written.
        node: What it means.
    """

    text: str
    node: Node

    def text_of(self, node: Node) -> str:
        """Return how a part of it was written."""
        return self.text[node.start : node.end]

    def entry_of(self, node: Node, answer: Series, entry: int) -> str:
        """Return one entry of a part as it may be asked for: `c[7]`, of `c[4:8]` as well as of `c`; safe to show."""
        whole = node
        while isinstance(whole, UnitsNode | NamedUnitNode | EntryNode | BlockNode):
            whole = whole.of
        if isinstance(whole, NameNode):
            return visible(self.text_of(whole) + answer.entry_name(entry))
        written = self.text_of(node)
        closed = isinstance(
            node, CallNode | Class | Shifted | PreviousNode | AtNode | UnitsNode | NamedUnitNode | EntryNode | BlockNode
        )
        place = answer.unnamed().entry_name(entry)
        return visible(f"{written if closed else f'({written})'}{place}")


def words_of(text: str) -> list[Word]:
    """Return the words of an expression, an `end` behind them.

    Raises:
        ExpressionError: It is too long or too deep, or holds a sign that is not in the language.
    """
    try:
        return words.words_of(text, QUESTION)
    except Mistake as error:
        raise ExpressionError(error.said, text, error.start, error.near) from None


def parse(text: str, names: tuple[tuple[str, int], ...] = ()) -> Expression:
    """Read an expression, or return what was read of the same text before; `names` stand for whole numbers in it.

    Raises:
        ExpressionError: With the place of the first mistake.
        UserError: It is no text.
    """
    if not isinstance(text, str):
        raise UserError(f"an expression is a text, such as 'mean(f) < .1'; this is {kind_of(text)}")
    return _parsed(text, names)


@lru_cache(maxsize=256)
def _parsed(text: str, names: tuple[tuple[str, int], ...]) -> Expression:
    try:
        return Expression(text, _read(parse_syntax(text, replace(QUESTION, names=names))))
    except Mistake as error:
        raise ExpressionError(error.said, text, error.start, error.near) from None


def _read(node: Node) -> Node:
    """Return what a node of the tree asks."""
    if isinstance(node, Operation):
        return replace(node, left=_read(node.left), right=_read(node.right))
    if isinstance(node, Inverse):
        of = _read(node.of)
        return of if node.sign == "+" else replace(node, of=of)
    if isinstance(node, IndexNode):
        return _subscript(node)
    return _call(node) if isinstance(node, CallNode) else node


def _call(node: CallNode) -> Node:
    name = node.function
    function = FUNCTIONS.get(name)
    if function is None and name not in NOT_FUNCTIONS:
        instead = elsewhere(name)
        if instead is not None:
            raise Mistake(f"there is no function `{shortened(name)}` here: {instead}", node.start)
        near = nearest(name, {*FUNCTIONS, *NOT_FUNCTIONS})
        raise Mistake(f"there is no function `{shortened(name)}`", node.start, near)
    if wrong := [one for n, one in enumerate(node.named) if n or one.name != "at"]:
        raise Mistake("only at= is given by name, once", wrong[0].place)
    least, most = (1, 1) if function is None else (function.least, function.most)
    if not least <= len(node.arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        said = f"`{name}` takes {wanted} argument{'s' * (most > 1)}, not {len(node.arguments)}"
        raise Mistake(said, node.start)
    arguments = tuple(_read(one) for one in node.arguments)
    asked: Node = replace(node, arguments=arguments, named=())
    if function is None:
        asked = PreviousNode(node.start, node.end, arguments[0])
    return AtNode(node.start, node.end, asked, _read(node.named[0].value)) if node.named else asked


def _subscript(node: IndexNode) -> Node:
    if isinstance(node.of, NumberNode | TextNode):
        raise Mistake("a number or a text has no units", node.place)
    of, index, start, end = _read(node.of), node.index, node.start, node.end
    if isinstance(index, TextNode):
        return Class(start, end, of, index.value)
    if _is_t(index):
        return Shifted(start, end, of, 0)
    if isinstance(index, Operation) and index.sign in ("+", "-") and _is_t(index.left):
        shift = _whole(index.right)
        return Shifted(start, end, of, -shift if index.sign == "-" else shift)
    if isinstance(index, NameNode) and "." not in index.name:
        return NamedUnitNode(start, end, of, index.name)
    if isinstance(index, EntriesNode):
        parts = tuple(_part(one) for one in index.entries)
        entries = tuple(one for one in parts if isinstance(one, int) and one >= 0)
        return EntryNode(start, end, of, entries) if len(entries) == len(parts) else BlockNode(start, end, of, parts)
    if isinstance(index, RangeNode):
        return UnitsNode(start, end, of, *_range(index))
    if isinstance(index, NumberNode) or (isinstance(index, Inverse) and isinstance(index.of, NumberNode)):
        first = _from_end(index)
        return UnitsNode(start, end, of, first, first + 1 or None)
    raise Mistake(UNITS, index.start)


def _part(node: Node) -> Part:
    """Return a row or column, or some, of what stands between commas."""
    if isinstance(node, RangeNode):
        return _range(node)
    return node.name if isinstance(node, NameNode) and "." not in node.name and not _is_t(node) else _from_end(node)


def _range(node: RangeNode) -> tuple[int | None, int | None, int | None]:
    first, stop, step = (None if one is None else _from_end(one) for one in (node.first, node.stop, node.step))
    if step == 0 and node.step is not None:
        raise Mistake("a step is not 0", node.step.start)
    return first, stop, step


def _from_end(node: Node) -> int:
    """Return a whole number that may be negative, as places from the end are."""
    return -_whole(node.of) if isinstance(node, Inverse) and node.sign == "-" else _whole(node)


def _whole(node: Node) -> int:
    """Return a whole number as it is written: 1e3 is none."""
    number = whole_number(node.written, most=_LARGEST) if isinstance(node, NumberNode) else None
    if number is None:
        too_large = isinstance(node, NumberNode) and set(node.written) <= set("0123456789")
        said = f"{_LARGEST} is the most" if too_large else "a whole number from 0 stands here"
        raise Mistake(said, node.start)
    return number


def _is_t(node: Node) -> bool:
    return isinstance(node, NameNode) and node.name == "t"
