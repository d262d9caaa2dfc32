"""A TOML page from a stranger: read within bounds, with the place of every key and every mistake."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_tui.engine.errors import LanguageError, UserError, nearest
from lstm_tui.engine.visible import visible

MAX_BYTES = 64 * 1024
_MAX_NESTING = 16
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
# Dotted keys make tomllib quadratic; nothing in our files needs them.
_DOTTED = re.compile(r"^[ \t]*\[{0,2}[ \t]*[\w\"'-]+(?:[ \t]*\.[ \t]*[\w\"'-]+){3,}", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The keys of a page and where they stand.

    Attributes:
        text: The page as read, with line ends made one character.
        source: Its name, for messages.
        keys: What it says.
    """

    text: str
    source: str
    keys: Mapping[str, Any]

    def fail(self, message: str, key: str = "", suggestion: str | None = None, at: str = "") -> LanguageError:
        """Return the error for a key, at the first mention of `at` after it or at the key itself."""
        line, column = self.place_of(key, at)
        return LanguageError(message, self.source, line, column, suggestion)

    def place_of(self, key: str, at: str = "") -> tuple[int, int]:
        """Return line and column of a key, or of some text behind it; 1, 1 when neither is found."""
        match = re.search(rf"^[ \t]*({re.escape(key)})[ \t]*=", self.text, re.MULTILINE) if key else None
        start = match.start(1) if match else 0
        if match and at:
            found = self.text.find(at, match.end())
            start = found if found >= 0 else start
        return self.text.count("\n", 0, start) + 1, start - (self.text.rfind("\n", 0, start) + 1) + 1

    def block(self, key: str) -> tuple[str, int]:
        """Return a block of equations and the line on which it begins."""
        block = self.string(key)
        found = self.text.find(block) if block else -1
        if found < 0:  # escapes were written: places inside are then those of the key
            return block, self.place_of(key)[0]
        return block, self.text.count("\n", 0, found) + 1

    def string(self, key: str, default: str | None = None) -> str:
        """Return the text of a key; one without a default is required."""
        if key not in self.keys and default is not None:
            return default
        if key not in self.keys:
            raise self.fail(f"`{key}` is missing", suggestion=None)
        value = self.keys[key]
        if not isinstance(value, str):
            raise self.fail(f"`{key}` must be text in quotes", key)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return the list of texts of a key, empty when it is left out."""
        value = self.keys.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f'`{key}` must be a list of names, such as ["h", "c"]', key)
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        """Return the table of a key, empty when it is left out."""
        value = self.keys.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(f"`{key}` must be a table, such as {{ c = 1 }}", key)
        return value

    def allow(self, known: Iterable[str]) -> None:
        """Refuse keys that mean nothing."""
        names = set(known)
        for key in self.keys:
            if key not in names:
                raise self.fail(f"`{visible(key[:40])}` means nothing here", key, nearest(key, names))


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
    except OSError as error:
        raise UserError(f"{shown}: {error.strerror or error}") from None


def parse_page(text: str, source: str) -> Page:
    """Parse the TOML of a page.

    Raises:
        LanguageError: With line and column of the mistake.
    """
    source = visible(source)
    text = text.replace("\r\n", "\n")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise LanguageError(f"a page of equations has at most {MAX_BYTES} bytes", source)
    dotted = _DOTTED.search(text)
    if dotted:
        raise LanguageError("dotted keys are not used here", source, text.count("\n", 0, dotted.start()) + 1)
    _check_nesting(text, source)
    try:
        return Page(text, source, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT.search(message)
        line, column = (int(at.group(1)), int(at.group(2))) if at and at.group(1) else (text.count("\n") + 1, 1)
        raise LanguageError(visible(_AT.sub("", message)), source, line, column) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise LanguageError(f"this is not TOML that can be read ({type(error).__name__})", source) from None


def _check_nesting(text: str, source: str) -> None:
    depth = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.lstrip().startswith(("[", "]", "}")) and "=" not in line and depth == 0:
            continue
        for column, character in enumerate(line, start=1):
            if character == "#":
                break
            depth = max(depth + (character in "[{") - (character in "]}"), 0)
            if depth > _MAX_NESTING:
                raise LanguageError(f"brackets nested deeper than {_MAX_NESTING}", source, line_number, column)
