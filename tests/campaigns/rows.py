"""Rows of a document's tables that a campaign has counted, with the command that made each in a comment below them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_MADE = re.compile(r"<!-- made by: (python -m tests\.campaigns\.\w+ .*) -->")
_ROW = re.compile(r"<!-- foreign: (\| .* \|) -->")
_BLOCK = re.compile(rf"(?:^{_MADE.pattern}\n(?:^{_ROW.pattern}\n)+)+", re.MULTILINE)
_Key = tuple[str, int]


def write(path: Path, rows: Sequence[str], command: str) -> None:
    """Put rows in place of those of the same names, in a document's tables and in the comments below them.

    Args:
        path: The document.
        rows: Lines of Markdown; the first cell is the name.
        command: What made them.

    Raises:
        ValueError: The document has no such row, or does not say what made it.
    """
    path.write_text(written(path.read_text(encoding="utf-8"), rows, command), encoding="utf-8")


def written(text: str, rows: Sequence[str], command: str) -> str:
    """Return a document with rows put in; see `write`."""
    new = {_key(row): row for row in rows}
    old: dict[_Key, str] = {}

    def made_anew(block: re.Match[str]) -> str:
        made_by: dict[str, list[str]] = {}
        last = ""
        for line in block[0].splitlines():
            if made := _MADE.fullmatch(line):
                last = made[1]
            elif row := _ROW.fullmatch(line):
                old[_key(row[1])] = row[1]
                here = command if _key(row[1]) in new else last
                made_by.setdefault(here, []).append(new.get(_key(row[1]), row[1]))
        return "".join(
            "".join([f"<!-- made by: {made} -->\n", *(f"<!-- foreign: {row} -->\n" for row in its)])
            for made, its in made_by.items()
        )

    after = _BLOCK.sub(made_anew, text)
    for key, row in new.items():
        if f"\n{old.get(key)}\n" not in text:
            raise ValueError(f"there is no row of {key[0]}, or no command below it")
        after = after.replace(f"\n{old[key]}\n", f"\n{row}\n")
    return after


def _key(row: str) -> _Key:
    """Return the name of a row and how many cells it has, which tells it from one of another table."""
    cells = row.strip("| ").split(" | ")
    return cells[0], len(cells)
