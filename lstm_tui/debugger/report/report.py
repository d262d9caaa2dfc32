"""What a session shows, as a report."""

from __future__ import annotations

from lstm_tui import __version__
from lstm_tui.debugger.facts import Facts
from lstm_tui.debugger.report.choice import Wanted, choose
from lstm_tui.debugger.report.contents import Report, Section, Sentence
from lstm_tui.debugger.report.opening import edits_of, opening_of, title_of
from lstm_tui.debugger.report.outputs import outputs_of
from lstm_tui.debugger.report.passes import pass_of, readout_of
from lstm_tui.debugger.report.subject import Subject
from lstm_tui.debugger.report.tape import tape_of
from lstm_tui.debugger.session import Session


def report_of(session: Session, wanted: Wanted) -> Report:
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
    told += [pass_of(subject, name) for name in choice.passes]
    told.append(readout_of(subject))
    if choice.left_out:
        told.append(Section("What is not told here", tuple(Sentence(one) for one in choice.left_out)))
    sections = tuple(section for section in told if section is not None)
    closing = f"Written by lstm-tui {__version__}. Nothing on this page is fetched, and nothing in it runs."
    return Report(title_of(subject), tuple(opening_of(subject)), sections, closing)


def _edits(session: Session) -> tuple[tuple[str, str], ...]:
    """Return the edits in force, in words and as lines; of a trace from a file, only its lines are known."""
    lines = session.frame.trace.edits
    words = session.words[: session.history.done]
    return tuple(zip(words if len(words) == len(lines) else [""] * len(lines), lines, strict=True))
