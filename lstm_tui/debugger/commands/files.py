"""Verbs that read and write files: scripts, sessions, reports.

Typed lines never write over a file that their session did not write itself, unless they say `over`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.table import VERBS, answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import as_typed_now, breakpoints_script, digest, script_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.text_input import read_script
from lstm_tui.formats.io.files import replacing, script_content

OVER = "over"


def split_over(text: str) -> tuple[str, bool]:
    """Return what stands before a last word `over`, and whether there is one."""
    before, gap, last = text.rpartition(" ")
    return (before.rstrip(), True) if gap and last == OVER else (text, False)


def destination(session: Session, rest: str, verb: str, missing: str) -> tuple[str, Path]:
    """Return the file that a line is to write, as it was typed and as a path; behind it, `over` says it may be there.

    Args:
        session: Who writes.
        rest: What was typed behind the verb.
        verb: The verb, for the line that would write over a file.
        missing: What to say where no file is named.

    Raises:
        UserError: None is named, or it is there and not the session's own.
    """
    name, over = split_over(rest)
    if not name:
        raise UserError(missing)
    path = Path(name).expanduser()
    if not over:
        check_mine(session, path, f"{verb} {name}")
    return name, path


def check_mine(session: Session, path: Path, again: str) -> None:
    """Refuse to write over a file that is there, unless the session has written it and nobody has changed it since.

    Args:
        session: Who writes.
        path: The file; a device or a pipe is written to and not over.
        again: The line that would write over it.

    Raises:
        UserError: It is there and not the session's own.
    """
    if not path.is_file():
        return
    if not is_mine(session, path):
        known = session.written.get(os.path.realpath(path))
        since = "is there already" if known is None else "was changed since this session wrote it"
        raise UserError(f"{visible(str(path))}: {since}; to put this in its place: {visible(again)} {OVER}")


def is_mine(session: Session, path: Path) -> bool:
    """Say whether a session has written a file that nobody has changed since."""
    known = session.written.get(os.path.realpath(path))
    return known is not None and path.is_file() and known == _identity(path)


def note_mine(session: Session, path: Path) -> None:
    """Note that a session has written a file."""
    if path.is_file():
        session.written[os.path.realpath(path)] = _identity(path)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


_DEEPEST = 8


@VERBS.verb(
    "source FILE",
    "execute a file of commands, up to its first error",
    aliases=("script",),
    complete=complete_file,
    touches_files=True,
)
def _source(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError("execute which file? such as: source mine.ltui")
    return _executed(session, rest)


def _executed(session: Session, path: str) -> Iterator[str]:
    lines = as_typed_now(read_script(Path(path).expanduser()).lines)
    if session.sourcing >= _DEEPEST:
        raise UserError(f"{visible(path)}: scripts call each other more than {_DEEPEST} deep")
    session.sourcing += 1
    try:
        for number, line in enumerate(lines, start=1):
            try:
                yield from answer(session, line)
            except UserError as error:
                raise UserError(f"{visible(path)}:{number}: {error}") from error
        if unfinished := session.scripting.drop_block():
            raise UserError(f"{visible(path)}: {unfinished}")
    finally:
        session.scripting.drop_block()
        session.sourcing -= 1


@VERBS.verb(
    "save-session FILE [over]",
    "write edits, branches, stops, displays, layout and place for `lstm-tui open`; `save breakpoints FILE`: stops "
    "alone, for `source`; over: in the place of another file",
    aliases=("save",),
    complete=complete_file,
    touches_files=True,
)
def _save(session: Session, rest: str) -> tuple[str, ...]:
    first, _, behind = rest.partition(" ")
    only_stops = first == "breakpoints"  # as in gdb
    rest = behind.strip() if only_stops else rest
    name, _, over = rest.rpartition(" ") if rest.endswith(" over") else (rest, "", "")
    if not name:
        raise UserError("save the session where? such as: save-session mine.ltui")
    path = Path(name.strip()).expanduser()
    if not over:
        _check_mine(session, path, name)
    lines = breakpoints_script(session) if only_stops else script_of(session)
    content = script_content(lines, visible(name.strip()))
    with replacing(path) as stream:
        stream.write(content)
    session.files[os.path.realpath(path)] = digest(lines)
    return (f"{count_of(len(lines), 'line')} written to {visible(name)}",)


def _check_mine(session: Session, path: Path, name: str) -> None:
    """Refuse to write over what this session has not written or read itself, or what has changed since."""
    if not path.is_file():
        return
    known = session.files.get(os.path.realpath(path))
    try:
        same = known is not None and digest(read_script(path).lines) == known
    except UserError:
        same = False
    if not same:
        since = "was changed since this session wrote it" if known is not None else "is there already"
        raise UserError(f"{visible(name)}: {since}; to put this in its place: save-session {visible(name)} over")


_OPTION = re.compile(r"\s+(?P<name>steps|units|pass)\s+(?P<value>[\w:,.]+)\s*\Z")


@VERBS.verb(
    "report FILE.html [steps A:B] [units A:B] [pass NAME] [over]",
    "write the run as it stands to a page (or .md): tape, gates, memory, ledger, edits; other steps, units or passes",
    complete=complete_file,
    touches_files=True,
)
def _report(session: Session, rest: str) -> Iterable[str]:
    from lstm_tui.documents.report.report import check_name, write
    from lstm_tui.documents.report.selection import ReportSelection, read_units
    from lstm_tui.formats.traces.excerpt import parse_range

    asked = rest
    rest, over = split_over(rest)
    given: dict[str, str] = {}
    while found := _OPTION.search(f" {rest}"):
        if found["name"] in given:
            raise UserError(f"`{found['name']}` is given twice")
        given[found["name"]] = found["value"]
        rest = f" {rest}"[: found.start()].strip()
    if not rest:
        raise UserError("write the report where? such as: report mine.html, or report mine.html steps 0:8")
    check_name(rest)
    wanted = ReportSelection(
        steps=parse_range(given["steps"], "steps") if "steps" in given else None,
        units=read_units(given["units"], "units") if "units" in given else None,
        passes=tuple(given["pass"].split(",")) if "pass" in given else None,
        standing=True,
        before=f"report {rest} ",
    )
    path = Path(rest).expanduser()
    if not over:
        check_mine(session, path, f"report {asked}")
    size = write(session, wanted, path)
    note_mine(session, path)
    return (f"report written to {visible(rest)}, {size}",)
