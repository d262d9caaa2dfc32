"""What a session shows, as a report, and the report as a file."""

from __future__ import annotations

from pathlib import Path

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.documents.blocks import Page, Section, Sentence
from lstm_tui.documents.page_file import writer_of
from lstm_tui.documents.report.passes import pass_of, picture_of, readout_of
from lstm_tui.documents.report.sections import edits_of, opening_of, outputs_of, run_of, title_of
from lstm_tui.documents.report.selection import ReportSelection, choose
from lstm_tui.documents.report.subject import Subject
from lstm_tui.documents.report.tape import tape_of
from lstm_tui.engine.arrays import quiet
from lstm_tui.formats.io.files import replacing, size_text
from lstm_tui.version import __version__


@quiet()
def report_of(session: Session, wanted: ReportSelection) -> Page:
    """Return the report of what a session shows.

    Raises:
        UserError: What was asked for is not there, or is too much for a page.
    """
    frame = session.frame
    before = None if frame.difference is None else Facts(frame.difference.before)
    facts = Facts(frame.trace, before)
    choice = choose(frame, facts, wanted)
    subject = Subject(frame, facts, choice, wanted.standing, _edits(session))
    told: list[Section | None] = [edits_of(subject), outputs_of(subject), tape_of(subject)]
    told += [pass_of(subject, name, with_picture=name != choice.passes[0]) for name in choice.passes]
    told.append(readout_of(subject))
    if choice.left_out:
        told.append(Section("What is not told here", tuple(Sentence(one) for one in choice.left_out)))
    told.append(run_of(subject))
    first = picture_of(subject, choice.passes[0]) if choice.passes else ()
    sections = tuple(section for section in told if section is not None)
    closing = f"Written by lstm-tui {__version__}. Nothing on this page is fetched, and nothing in it runs."
    return Page(title_of(subject), (*opening_of(subject), *first), sections, closing, contents=True)


def _edits(session: Session) -> tuple[tuple[str, str], ...]:
    """Return the edits in force, in words and as lines; of a trace from a file, only its lines are known."""
    lines = session.frame.trace.edits
    words = session.words[: session.history.done]
    return tuple(zip(words if len(words) == len(lines) else [""] * len(lines), lines, strict=True))


def check_name(path: str) -> None:
    """Refuse a name that is none of a page.

    Raises:
        UserError: It has another ending.
    """
    writer_of(path, "a report")


def content(session: Session, wanted: ReportSelection, path: str | Path = "-.html") -> bytes:
    """Return the report of what a session shows, as a file of that name holds it.

    Raises:
        UserError: What was asked for is not there, or is too much for a page.
    """
    return writer_of(path)(report_of(session, wanted)).encode()


def write(session: Session, wanted: ReportSelection, path: str | Path) -> str:
    """Write the report of what a session shows, whole or not at all, and return its size in words.

    Raises:
        UserError: As `content`, or the file cannot be written.
    """
    data = content(session, wanted, path)
    with replacing(path) as stream:
        stream.write(data)
    return size_text(len(data))
