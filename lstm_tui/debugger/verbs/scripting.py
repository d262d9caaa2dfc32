"""Verbs of scripts: obey a file of lines, write the session as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lstm_tui.debugger.saved import script_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.file_names import complete_file
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.atomic import replacing
from lstm_tui.formats.text import read_text

_LARGEST = 1 << 20
_DEEPEST = 8


@VERBS.verb(
    "source FILE", "obey a file of commands; its first mistake ends it", aliases=("script",), complete=complete_file
)
def _source(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError("obey which file? such as: source mine.ltui")
    return _obeyed(session, rest)


def _obeyed(session: Session, path: str) -> Iterator[str]:
    from lstm_tui.debugger.verbs.lines import answer

    lines = read_text(Path(path).expanduser(), _LARGEST).lines
    if session.sourcing >= _DEEPEST:
        raise UserError(f"{visible(path)}: scripts call each other more than {_DEEPEST} deep")
    session.sourcing += 1
    try:
        for number, line in enumerate(lines, start=1):
            try:
                yield from answer(session, line)
            except UserError as error:
                raise UserError(f"{visible(path)}:{number}: {error}") from error
    finally:
        session.sourcing -= 1


@VERBS.verb(
    "save-session FILE",
    "write edits, branches, breakpoints, displays and the place as a file for `lstm-tui open`",
    aliases=("save",),
    complete=complete_file,
)
def _save(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("save the session where? such as: save-session mine.ltui")
    lines = script_of(session)
    with replacing(Path(rest).expanduser()) as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())
    return (f"{len(lines)} lines written to {visible(rest)}",)
