"""Verbs of scripts: obey a file of lines, write the session as one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lstm_tui.debugger.saved import as_typed_now, digest, script_of
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
    "source FILE",
    "obey a file of commands; its first mistake ends it",
    aliases=("script",),
    complete=complete_file,
    touches_files=True,
)
def _source(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError("obey which file? such as: source mine.ltui")
    return _obeyed(session, rest)


def _obeyed(session: Session, path: str) -> Iterator[str]:
    from lstm_tui.debugger.verbs.lines import answer

    lines = as_typed_now(read_text(Path(path).expanduser(), _LARGEST).lines)
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
    "save-session FILE [over]",
    "write edits, branches, stops, displays, layout and place for `lstm-tui open`; over: in the place of another file",
    aliases=("save",),
    complete=complete_file,
    touches_files=True,
)
def _save(session: Session, rest: str) -> tuple[str, ...]:
    rest = rest.removeprefix("breakpoints ").strip()  # as gdb has it; there is one file for all of a session
    name, _, over = rest.rpartition(" ") if rest.endswith(" over") else (rest, "", "")
    if not name:
        raise UserError("save the session where? such as: save-session mine.ltui")
    path = Path(name.strip()).expanduser()
    if not over:
        _check_mine(session, path, name)
    lines = script_of(session)
    with replacing(path) as stream:
        stream.write("".join(f"{line}\n" for line in lines).encode())
    session.files[os.path.realpath(path)] = digest(lines)
    return (f"{len(lines)} lines written to {visible(name)}",)


def _check_mine(session: Session, path: Path, name: str) -> None:
    """Refuse to write over what this session has not written or read itself, or what has changed since."""
    if not path.is_file():
        return
    known = session.files.get(os.path.realpath(path))
    try:
        same = known is not None and digest(read_text(path, _LARGEST).lines) == known
    except UserError:
        same = False
    if not same:
        since = "was changed since this session wrote it" if known is not None else "is there already"
        raise UserError(f"{visible(name)}: {since}; to put this in its place: save-session {visible(name)} over")
