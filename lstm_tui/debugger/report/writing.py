"""A report as a file."""

from __future__ import annotations

from pathlib import Path

from lstm_tui.debugger.report.choice import Wanted
from lstm_tui.debugger.report.page import page
from lstm_tui.debugger.report.report import report_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.atomic import replacing
from lstm_tui.formats.bytes_of import label, size_text

_ENDINGS = (".html", ".htm")


def check_name(path: str) -> None:
    """Refuse a name that is none of a page.

    Raises:
        UserError: It has another ending.
    """
    if Path(path).suffix.lower() not in _ENDINGS:
        raise UserError(f"{label(path)}: a report is an .html file; end its name so")


def content(session: Session, wanted: Wanted) -> bytes:
    """Return the report of what a session shows, as a file holds it.

    Raises:
        UserError: What was asked for is not there, or is too much for a page.
    """
    return page(report_of(session, wanted)).encode()


def write(session: Session, wanted: Wanted, path: str | Path) -> str:
    """Write the report of what a session shows, whole or not at all, and return its size in words.

    Raises:
        UserError: As `content`, or the file cannot be written.
    """
    data = content(session, wanted)
    with replacing(path) as stream:
        stream.write(data)
    return size_text(len(data))
