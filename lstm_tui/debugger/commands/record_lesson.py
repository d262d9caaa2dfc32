"""The verb that writes a session as a lesson, stop by stop."""

from __future__ import annotations

from pathlib import Path

from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.examine import happens_now
from lstm_tui.debugger.commands.files import is_mine, note_mine
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible


@VERBS.verb(
    "record-lesson FILE.toml [WORDS]",
    "add a stop to a lesson: where the run stands, its edits, and WORDS (or what happens here); a new file begins one",
    complete=complete_file,
    touches_files=True,
)
def _record(session: Session, rest: str) -> tuple[str, ...]:
    from lstm_tui.lesson.add_stop import add_stop

    name, _, words = rest.partition(" ")
    if not name:
        raise UserError("which lesson? such as: record-lesson mine.toml At *Ram* the gates fall.")
    path = Path(name).expanduser()
    if path.is_file() and not is_mine(session, path):
        raise UserError(f"{visible(name)}: is there already, and not of this session; give the lesson another name")
    stops = add_stop(session, path, words.strip() or _sentence(session))
    note_mine(session, path)
    return (f"{visible(name)} has {count_of(stops, 'stop')}; `lstm-tui tour {visible(name)}` opens it",)


def _sentence(session: Session) -> str:
    """Return what happens where the run stands, as a sentence in which nothing is an expression."""
    told = happens_now(session)
    return f"{told[:1].upper()}{told[1:]}.".replace("{", "{{").replace("}", "}}")
