"""Edit scripts: files of edits, one a line, `#` before a comment."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import Edit
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.formats.io.files import SCRIPT_BYTES, replacing


def parse_edit_script(text: str, source: str = "edit script") -> tuple[Edit, ...]:
    """Read every edit of an edit script; `#` begins a comment line.

    Raises:
        UserError: With the line of the first mistake.
    """
    edits: list[Edit] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            edits.append(parse_edit(line))
        except UserError as error:
            raise UserError(f"{visible(source)}:{number}: {error}") from None
    return tuple(edits)


@door("edits")
def read_edit_script(path: str | Path) -> tuple[Edit, ...]:
    """Read the edits of a file, at most a mebibyte of them.

    Raises:
        UserError: If it cannot be read, or with the line of the first mistake.
    """
    text = read_text(path, SCRIPT_BYTES)
    return parse_edit_script(text.content, text.where)


def write_edit_script(path: str | Path, lines: Iterable[str], words: Iterable[str] = ()) -> None:
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
