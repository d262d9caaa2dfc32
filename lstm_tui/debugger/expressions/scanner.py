"""Text to words: a pass name such as `layer1.backward.f` is one of them. Length and depth are bounded here."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Literal

from lstm_tui.debugger.expressions.errors import ExpressionError
from lstm_tui.engine.vocabulary import MAX_DEPTH, MAX_NAME, MAX_OPERATORS, shortened

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
