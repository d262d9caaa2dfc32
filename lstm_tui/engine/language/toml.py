"""TOML from a stranger, read within bounds and with the place of every key and mistake; and pages written as TOML.

`tomllib` says what a page means, not where it stands. Texts from strangers are met here first, so scanning takes one
pass whatever they hold.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import LanguageError, UserError, nearest, utf8_text
from lstm_tui.engine.text_safety import visible

KeyPath = tuple[str, ...]

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

    keys: dict[KeyPath, int] = field(default_factory=dict)
    values: dict[KeyPath, int] = field(default_factory=dict)
    strings: dict[KeyPath, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class _Open:
    """A table or an array that is being read."""

    kind: Literal["table", "array"]
    path: KeyPath
    value: KeyPath | None = None  # of a table: the key whose value is being read
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
            _place_value(places, stack, top, token)
    return places


def _name(top: _Open, token: Token) -> None:
    if not top.names:
        top.begins = token.start
    top.names.append(token.text.strip("'\"") if token.kind == "string" else token.text)


def _place_value(places: TomlPositions, stack: list[_Open], top: _Open, token: Token) -> None:
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


Locate = Callable[[int], tuple[int, int]]
"""From the number of a character in a text to its line and column in the file, both from 1."""

MAX_BYTES = 64 * 1024
_MAX_NESTING = 16
_MAX_DOTS = 2  # dotted keys make tomllib quadratic; nothing in our files needs many
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class TomlPage:
    """The keys of a page and where they stand.

    Attributes:
        text: The page as read, with line ends made one character.
        source: Its name, for messages.
        keys: What it says.
    """

    text: str
    source: str
    keys: Mapping[str, Any]

    @cached_property
    def places(self) -> TomlPositions:
        """Where everything stands."""
        return places_of(self.text)

    def fail(self, message: str, *path: str, value: bool = False, suggestion: str | None = None) -> LanguageError:
        """Return the error for a key, or for its value; without a path, for the page."""
        line, column = self.place_of_value(*path) if value else self.place_of(*path)
        return LanguageError(message, self.source, line, column, suggestion)

    def fail_at(self, message: str, place: tuple[int, int], suggestion: str | None = None) -> LanguageError:
        """Return the error for a place."""
        return LanguageError(message, self.source, *place, suggestion)

    def place_of(self, *path: str) -> tuple[int, int]:
        """Return line and column of a key by its path; of the nearest key around it when it has none."""
        while path and path not in self.places.keys:
            path = path[:-1]
        return self.line_and_column(self.places.keys[path] if path else 0)

    def place_of_value(self, *path: str) -> tuple[int, int]:
        """Return line and column of the value of a key, or of an item of an array by its number."""
        if path not in self.places.values:
            return self.place_of(*path)
        return self.line_and_column(self.places.values[path])

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return where a character of the page stands, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def locate(self, *path: str) -> Locate:
        """Return where each character of a text stands in the page."""
        offsets = self.places.strings.get(path)
        if not offsets:
            return lambda character: self.place_of_value(*path)
        return lambda character: self.line_and_column(offsets[min(max(character, 0), len(offsets) - 1)])

    def string(self, key: str, default: str | None = None) -> str:
        """Return the text of a key; one without a default is required."""
        if key not in self.keys and default is not None:
            return default
        if key not in self.keys:
            raise self.fail(f"`{key}` is missing")
        value = self.keys[key]
        if not isinstance(value, str):
            raise self.fail(f"`{key}` must be text in quotes", key, value=True)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return the list of texts of a key, empty when it is left out."""
        value = self.keys.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f'`{key}` must be a list of names, such as ["h", "c"]', key, value=True)
        for number, item in enumerate(value):
            if item in value[:number]:
                raise self.fail(f"`{key}` names `{item}` twice", key, str(number), value=True)
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        """Return the table of a key, empty when it is left out."""
        value = self.keys.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(f"`{key}` must be a table, such as {{ c = 1 }}", key, value=True)
        return value

    def allow(self, known: Iterable[str]) -> None:
        """Refuse keys that mean nothing."""
        names = set(known)
        for key in self.keys:
            if key not in names:
                raise self.fail(f"`{key[:40]}` means nothing here", key, suggestion=nearest(key, names))


@door("a page of equations")
def read_text(path: Path) -> str:
    """Return the text of a page.

    Raises:
        UserError: If it is missing, too large, no file or not UTF-8.
    """
    shown = visible(str(path))
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise UserError(f"{shown}: is a folder; name a .toml file")
        if not path.is_file():  # a pipe without a writer would never end
            raise UserError(f"{shown}: is no regular file; name a .toml file")
        if size > MAX_BYTES:
            raise UserError(f"{shown}: {size} bytes; a page of equations has at most {MAX_BYTES}")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UserError(f"{shown}: more than {MAX_BYTES} bytes; a page of equations has no more")
        return utf8_text(data, shown)
    except FileNotFoundError:
        raise UserError(f"{shown}: no such file") from None
    except ValueError:  # a name that holds a zero byte
        raise UserError(f"{shown}: no such file") from None
    except OSError as error:
        raise UserError(f"{shown}: {error.strerror or error}") from None


def parse_page(text: str, source: str) -> TomlPage:
    """Parse the TOML of a page.

    Raises:
        LanguageError: With line and column of the mistake.
    """
    source = visible(source)
    text = text.replace("\r\n", "\n")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise LanguageError(f"a page of equations has at most {MAX_BYTES} bytes", source)
    page = TomlPage(text, source, {})
    _check_shape(page)
    try:
        return TomlPage(text, source, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT.search(message)
        line, column = (int(at.group(1)), int(at.group(2))) if at and at.group(1) else page.line_and_column(len(text))
        raise LanguageError(_AT.sub("", message), source, line, column) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise LanguageError(f"this is not TOML that can be read ({type(error).__name__})", source) from None


def _check_shape(page: TomlPage) -> None:
    """Refuse deep brackets and long dotted keys before any parser sees them."""
    depth = dots = 0
    for token in tokens_of(page.text):
        depth += (token.text in ("[", "{")) - (token.text in ("]", "}"))
        if token.kind in ("line", "comment") or token.text in ("=", ","):
            dots = 0
        dots += token.text == "."
        if depth > _MAX_NESTING:
            raise LanguageError(
                f"brackets nested deeper than {_MAX_NESTING}", page.source, *page.line_and_column(token.start)
            )
        if dots > _MAX_DOTS:
            raise LanguageError("dotted keys are not used here", page.source, *page.line_and_column(token.start))


_BARE = re.compile(r"[A-Za-z0-9_]+")
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def page_text(keys: Mapping[str, Any], block: str = "equations") -> str:
    """Return keys as TOML that reads back the same; `block` is written over several lines."""
    lines = []
    for key, value in keys.items():
        if key == block and isinstance(value, str):
            body = value.strip("\n").replace("'''", "''")  # three quotes can only stand in a comment
            lines.append(f"{key} = '''\n{body}\n'''")
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return "[" + ", ".join(map(_value, value)) + "]"


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _string(text)


def _string(text: str) -> str:
    return '"' + "".join(_SHORT.get(one, one if one.isprintable() else _escape(one)) for one in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
