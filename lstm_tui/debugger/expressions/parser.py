"""Words to nodes: one expression, read from left to right with the usual strengths of signs.

Text to words: a pass name such as `layer1.backward.f` is one of them. Length and depth are bounded here.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Literal

from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.nodes import (
    COMPARISONS,
    AtNode,
    CallNode,
    Class,
    ExpressionError,
    Inverse,
    NameNode,
    Node,
    NumberNode,
    Operation,
    PreviousNode,
    Shifted,
    TextNode,
    UnitsNode,
)
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.language.vocabulary import MAX_DEPTH, MAX_NAME, MAX_OPERATORS, shortened

MAX_TEXT = 1_000
_WORD = re.compile(
    r"""(?P<blank>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z_0-9.]))
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)
    |(?P<sign><=|>=|==|!=|\*\*|//|&&|\|\||[-+*/@<>()\[\],:=!&|%^?;{}~])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_INSTEAD = {
    "&&": "`and`", "||": "`or`", "&": "`and`", "|": "`or`", "!": "`not`", "~": "`not`", "**": "a product such as c * c",
    "//": "/", "^": "a product such as c * c",
}  # fmt: skip
_REFUSED = frozenset({*_INSTEAD, "%", "?", ";", "{", "}"})


@dataclass(frozen=True)
class Word:
    """One word of an expression.

    Attributes:
        kind: What it is; `end` stands behind the last one.
        text: As written; of a text in quotes, what the quotes hold.
        start: Place of its first character.
        end: Place behind its last.
    """

    kind: Literal["text", "number", "name", "sign", "end"]
    text: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """Return the words of an expression.

    Raises:
        ExpressionError: It is too long or too deep, or holds a sign that is not in the language.
    """
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"an expression of {len(text)} characters; {MAX_TEXT} is the most", text, 0)
    words: list[Word] = []
    depth = operators = 0
    for match in _WORD.finditer(text):
        kind, found, start, end = match.lastgroup, match.group(), match.start(), match.end()
        if kind == "blank":
            continue
        if kind == "sign":
            depth += (found in "([") - (found in ")]")
            operators += found in "+-*/@"
            _check_sign(found, text, start)
            words.append(Word("sign", found, start, end))
        elif kind == "number":
            if not math.isfinite(float(found)):
                raise ExpressionError("this number is not finite", text, start)
            words.append(Word("number", found, start, end))
        elif kind == "name":
            operators += found in ("not", "and", "or")
            if len(found) > 3 * MAX_NAME:
                raise ExpressionError(f"`{shortened(found)}` is too long for a name", text, start)
            words.append(Word("name", found, start, end))
        elif kind == "text":
            words.append(Word("text", _unquoted(found, text, start), start, end))
        else:
            raise ExpressionError(_other(found, text, start), text, start)
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}", text, start)
        if operators > MAX_OPERATORS:
            raise ExpressionError(f"more than {MAX_OPERATORS} operators", text, start)
    return [*words, Word("end", "", len(text.rstrip()), len(text.rstrip()))]


def _check_sign(sign: str, text: str, start: int) -> None:
    if sign in _REFUSED:
        instead = f": write {_INSTEAD[sign]}" if sign in _INSTEAD else ""
        raise ExpressionError(f"`{sign}` is not in the language{instead}", text, start)


def _other(found: str, text: str, start: int) -> str:
    if found in "\"'":
        return f"this text has no closing {found}"
    if found.isdigit() or found == ".":
        return f"`{shortened(re.split(r'[^A-Za-z_0-9.]', text[start:], maxsplit=1)[0] or found)}` is not a number"
    return f"`{shortened(found)}` is not in the language; only texts in quotes may hold it"


def _unquoted(quoted: str, text: str, start: int) -> str:
    try:
        value = ast.literal_eval(quoted.replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0"))
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, str):
        raise ExpressionError("a \\ in this text means nothing: write \\\\", text, start)
    return value


_STRENGTH = {"or": 1, "and": 2, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6, "@": 6}
_NOT, _COMPARED, _NEGATIVE = 3, 4, 7
_LARGEST = 10**9
NOT_FUNCTIONS = frozenset({"prev"})


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


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: With the place of the first mistake.
    """
    return Expression(text, _Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words_of(text)
        self.at = 0
        self.depth = 0

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def is_sign(self, sign: str) -> bool:
        return self.word.kind == "sign" and self.word.text == sign

    def is_end(self) -> bool:
        return self.word.kind == "end"

    def fail(self, said: str, start: int | None = None, near: str | None = None) -> ExpressionError:
        return ExpressionError(said, self.text, self.word.start if start is None else start, near)

    def take(self) -> Word:
        word = self.word
        self.at = min(self.at + 1, len(self.words) - 1)
        return word

    def expect(self, sign: str, opened: Word) -> Word:
        if self.is_sign(sign):
            return self.take()
        if self.word.kind == "end":
            raise self.fail(f"`{opened.text}` is not closed", opened.start)
        raise self.unexpected()

    def unexpected(self) -> ExpressionError:
        word = self.word
        if word.kind == "end":
            return self.fail("something is missing here")
        if word.text == "=" and word.kind == "sign":
            return self.fail("`=` changes nothing here: == compares")
        return self.fail(f"`{shortened(self.text[word.start : word.end])}` does not belong here")

    def whole(self) -> Node:
        if self.is_end():
            raise self.fail("nothing stands here")
        node = self.expression(0)
        if not self.is_end():
            raise self.unexpected()
        return node

    def expression(self, least: int) -> Node:
        """Read what binds more strongly than `least`."""
        self.depth += 1
        if self.depth > 4 * MAX_DEPTH:
            raise self.fail(f"nested deeper than {MAX_DEPTH}")
        left = self.first()
        compared: Node | None = None  # of a chain such as 0 < f < 1: its last side
        while (strength := self.strength()) > least:
            sign = self.take()
            right = self.expression(strength)
            if strength == _COMPARED and compared is not None:
                more = Operation(compared.start, right.end, sign.text, compared, right, sign.start)
                left = Operation(left.start, right.end, "and", left, more, sign.start)
            else:
                left = Operation(left.start, right.end, sign.text, left, right, sign.start)
            compared = right if strength == _COMPARED else None
        self.depth -= 1
        return left

    def strength(self) -> int:
        word = self.word
        return _STRENGTH.get(word.text, 0) if word.kind in ("sign", "name") else 0

    def first(self) -> Node:
        """Read what can begin an expression, with everything that is bound to its right."""
        word = self.take()
        if word.kind == "name" and word.text == "not":
            of = self.expression(_NOT)
            return Inverse(word.start, of.end, "not", of)
        if word.kind == "sign" and word.text in "+-":
            of = self.expression(_NEGATIVE)
            return Inverse(word.start, of.end, "-", of) if word.text == "-" else of
        return self.subscripts(self.atom(word))

    def atom(self, word: Word) -> Node:
        if word.kind == "number":
            return NumberNode(word.start, word.end, float(word.text))
        if word.kind == "text":
            return TextNode(word.start, word.end, word.text)
        if word.kind == "sign" and word.text == "(":
            node = self.expression(0)
            self.expect(")", word)
            return node
        if word.kind == "name" and word.text not in ("and", "or"):
            if self.is_sign("("):
                return self.call(word)
            return NameNode(word.start, word.end, word.text)
        self.at = self.words.index(word)
        raise self.unexpected()

    def call(self, name: Word) -> Node:
        function = FUNCTIONS.get(name.text)
        if function is None and name.text not in NOT_FUNCTIONS:
            near = nearest(name.text, {*FUNCTIONS, *NOT_FUNCTIONS})
            raise self.fail(f"there is no function `{shortened(name.text)}`", name.start, near)
        opened = self.take()
        arguments: list[Node] = []
        where: Node | None = None
        while not self.is_sign(")"):
            if arguments or where is not None:
                self.expect(",", opened)
            named = self.word
            if named.kind == "name" and self.words[self.at + 1].text == "=":
                if named.text != "at" or where is not None:
                    raise self.fail("only at= is given by name, once")
                self.at += 2
                where = self.expression(0)
            elif where is not None:
                raise self.fail("at= comes last")
            else:
                arguments.append(self.expression(0))
        end = self.take().end
        least, most = (1, 1) if function is None else (function.least, function.most)
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.fail(
                f"`{name.text}` takes {wanted} argument{'s' * (most > 1)}, not {len(arguments)}", name.start
            )
        node: Node = (
            PreviousNode(name.start, end, arguments[0])
            if function is None
            else CallNode(name.start, end, name.text, tuple(arguments))
        )
        return node if where is None else AtNode(name.start, end, node, where)

    def subscripts(self, node: Node) -> Node:
        while self.is_sign("["):
            if isinstance(node, NumberNode | TextNode):
                raise self.fail("a number or a text has no units")
            opened = self.take()
            node = self.subscript(node, opened)
        return node

    def subscript(self, of: Node, opened: Word) -> Node:
        word = self.word
        if word.kind == "text":
            self.take()
            return Class(of.start, self.expect("]", opened).end, of, word.text)
        if word.kind == "name" and word.text == "t":
            self.take()
            shift = 0
            if self.word.kind == "sign" and self.word.text in "+-":
                sign = -1 if self.take().text == "-" else 1
                shift = sign * self.place()
            return Shifted(of.start, self.expect("]", opened).end, of, shift)
        first = self.place() if word.kind == "number" else 0
        stop: int | None = first + 1
        if self.is_sign(":"):
            self.take()
            stop = self.place() if self.word.kind == "number" else None
        elif self.words[self.at - 1] is opened:
            raise self.fail('units are written c[17] or c[0:8], from 0; steps c[t-1]; classes output["good"]')
        return UnitsNode(of.start, self.expect("]", opened).end, of, first, stop)

    def place(self) -> int:
        word = self.word
        if word.kind != "number" or not word.text.isdigit() or int(word.text) > _LARGEST:
            raise self.fail("a whole number from 0 stands here")
        return int(self.take().text)
