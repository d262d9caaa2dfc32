"""Recipes as files: one edit a line, `#` begins a comment line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lstm_tui.debugger.recipe import Edit, parse_recipe
from lstm_tui.engine.doors import door
from lstm_tui.formats.atomic import replacing
from lstm_tui.formats.text import read_text

_LARGEST = 1 << 20


@door("edits")
def read_recipe(path: str | Path) -> tuple[Edit, ...]:
    """Read the edits of a file, at most a mebibyte of them.

    Raises:
        UserError: If it cannot be read, or with the line of the first mistake.
    """
    text = read_text(path, _LARGEST)
    return parse_recipe(text.content, text.where)


def write_recipe(path: str | Path, lines: Iterable[str], words: Iterable[str] = ()) -> None:
    """Write edits, each under its words as a comment; the file appears whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    rows: list[str] = []
    told = iter(words)
    for line in lines:
        said = next(told, "")
        rows += [f"# {said}", line] if said else [line]
    with replacing(path) as stream:
        stream.write(("\n".join(rows) or "# no edits").encode() + b"\n")
