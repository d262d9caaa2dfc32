"""Rows of a document's tables that a campaign has counted, with the command that made each in a comment below them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_MADE = re.compile(r"<!-- made by: (python -m tests\.campaigns\.\w+ .*) -->")
_ROW = re.compile(r"<!-- foreign: (\| .* \|) -->")


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
    new = {_name(row): row for row in rows}
    old: dict[str, str] = {}
    made_by: dict[str, list[str]] = {}
    lines, below = text.splitlines(), list[int]()
    last = ""
    for n, line in enumerate(lines):
        if made := _MADE.fullmatch(line):
            last = made[1]
            below.append(n)
        elif last and (row := _ROW.fullmatch(line)):
            name = _name(row[1])
            old[name] = row[1]
            made_by.setdefault(command if name in new else last, []).append(new.get(name, row[1]))
            below.append(n)
        else:
            last = ""
    missing = [name for name in new if name not in old or old[name] not in lines]
    if missing:
        raise ValueError(f"there is no row of {', '.join(missing)}, or no command below it")
    comments = [line for made, its in made_by.items()
                for line in (f"<!-- made by: {made} -->", *(f"<!-- foreign: {row} -->" for row in its))]  # fmt: skip
    kept: list[str] = []
    for n, line in enumerate(lines):
        kept += comments if n == below[0] else []
        known = _name(line) if line.startswith("| ") else ""
        if n not in below:
            kept.append(new[known] if known in new and old[known] == line else line)
    return "\n".join(kept) + "\n"


def _name(row: str) -> str:
    return row.split("|")[1].strip()
