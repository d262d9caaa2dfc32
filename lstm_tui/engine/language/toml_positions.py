"""Where every key and every value of a TOML page stands: `tomllib` says what a page means, not where.

Texts from strangers are met here first, so scanning takes one pass whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Path = tuple[str, ...]

_TOKEN = re.compile(
    r"""
    (?P<string>
        '''(?:.*?'''(?:'{0,2})|.*)
      | \"\"\"(?:(?:\\.|[^\\])*?\"\"\"(?:"{0,2})|.*)
      | '[^'\n]*'?
      | "(?:\\[^\n]|[^"\\\n])*"?
    )
    | (?P<comment>\#[^\n]*)
    | (?P<line>\n)
    | (?P<sign>[\[\]{}=,.])
    | (?P<bare>[^\s\[\]{}=,.\#'"]+)
    | (?P<space>[^\S\n]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^\S\n]*\n\s*|.)", re.DOTALL)


class Token(NamedTuple):
    """One piece of a page: a string, a sign such as `=`, a bare word, a comment or the end of a line."""

    kind: str
    text: str
    start: int


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the pieces of a page, white space left out; a string that never ends reaches to the end."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "space"
        if kind != "space":
            yield Token(kind, match.group(), match.start())


@dataclass
class TomlPositions:
    """Offsets into a page.

    Attributes:
        keys: Where each key begins, by its path from the top.
        values: Where each value begins.
        strings: Where each character of a text stands in the page, with the end of the text last.
    """

    keys: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, int] = field(default_factory=dict)
    strings: dict[Path, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class _Open:
    """A table or an array that is being read."""

    kind: Literal["table", "array"]
    path: Path
    value: Path | None = None  # of a table: the key whose value is being read
    names: list[str] = field(default_factory=list)  # of a table: the parts of a key so far
    begins: int = 0  # where that key begins
    count: int = 0  # of an array: how many items came before


def places_of(text: str) -> TomlPositions:
    """Return where everything stands in a page that `tomllib` has read."""
    places = TomlPositions()
    stack = [_Open("table", ())]
    header = False
    for token in tokens_of(text):
        top = stack[-1]
        if token.kind == "comment":
            continue
        if token.kind == "line":
            if top is stack[0]:
                top.value, top.names = None, []
        elif header:
            if token.text == "]":
                top.path, top.names, header = tuple(top.names), [], False
                places.keys.setdefault(top.path, top.begins)
            elif token.kind != "sign":
                _name(top, token)
        elif top.kind == "table" and top.value is None:
            if token.text == "=":
                top.value = (*top.path, *top.names)
                places.keys.setdefault(top.value, top.begins)
                top.names = []
            elif token.text == "}" and len(stack) > 1:
                stack.pop()
            elif token.text == "[":
                header = True
                top.path, top.names = (), []
            elif token.kind != "sign":
                _name(top, token)
        else:
            _value(places, stack, top, token)
    return places


def _name(top: _Open, token: Token) -> None:
    if not top.names:
        top.begins = token.start
    top.names.append(token.text.strip("'\"") if token.kind == "string" else token.text)


def _value(places: TomlPositions, stack: list[_Open], top: _Open, token: Token) -> None:
    path = top.value if top.kind == "table" and top.value is not None else (*top.path, str(top.count))
    if token.text == ",":
        top.value = None
        top.count += 1
    elif token.text in "]}" and token.kind == "sign":
        if len(stack) > 1:
            stack.pop()
    else:
        places.values.setdefault(path, token.start)
        if token.kind == "string":
            places.strings.setdefault(path, characters_of(token))
        elif token.text in "[{":
            stack.append(_Open("array" if token.text == "[" else "table", path))


def characters_of(token: Token) -> tuple[int, ...]:
    """Return where each character of a string stands, with the end of the text last."""
    quotes = 3 if token.text.startswith(("'''", '"""')) else 1
    place, stop = quotes, len(token.text) - quotes
    if quotes == 3 and token.text.startswith("\n", quotes):
        place += 1
    offsets: list[int] = []
    while place < stop:
        escape = _ESCAPE.match(token.text, place) if token.text[0] == '"' else None
        if escape is None:
            offsets.append(token.start + place)
            place += 1
        else:
            if not escape.group()[1:].isspace():  # a line end that is escaped stands for nothing
                offsets.append(token.start + place)
            place = escape.end()
    return (*offsets, token.start + max(place, quotes))
