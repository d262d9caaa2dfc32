"""TOML from a stranger, read within bounds and with the place of every key and mistake; and pages written as TOML."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import LanguageError, UserError, nearest
from lstm_tui.engine.language.toml_positions import TomlPositions, places_of, tokens_of
from lstm_tui.engine.text_safety import visible

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
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{shown}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{shown}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
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
