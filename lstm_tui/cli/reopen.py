"""A saved session opened again: its command, checked as if it were typed, and then its verbs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import SCRIPT_BYTES, opened

if TYPE_CHECKING:
    from lstm_tui.debugger.session import Session
    from lstm_tui.debugger.session_file import Saved
    from lstm_tui.debugger.source import Source

ENDING = ".ltui"


def is_session(path: str) -> bool:
    """Say whether a file is a saved session, by its name or, whatever that is, by its first line."""
    from lstm_tui.debugger.session_file import TITLE

    if path.endswith(ENDING):
        return True
    if not Path(path).is_file():
        return False
    try:
        with opened(path, SCRIPT_BYTES) as (file, _):
            return file.read(len(TITLE)) == TITLE.encode()
    except (UserError, OSError):  # who reads it says so
        return False


@door("a session")
def reopened(path: str) -> tuple[Source, Saved]:
    """Read a saved session and open its input.

    Returns:
        What its command opens, and what was saved.

    Raises:
        UserError: It is no session, its command is none, or what it names cannot be opened.
    """
    from lstm_tui.cli.arguments import parse_handed
    from lstm_tui.cli.source import source_of
    from lstm_tui.debugger.session_file import read_saved
    from lstm_tui.formats.inputs.text_input import read_text

    where = visible(path)
    saved = read_saved(read_text(path, SCRIPT_BYTES).lines, where)
    try:
        options = parse_handed(saved.command)
    except UserError as error:
        raise UserError(f"{where}: its command cannot be executed: {error}") from None
    if options.module != "run" or options.script or options.batch or options.edits or options.file == "-":
        raise UserError(f"{where}: its command is no plain `run FILE`, and nothing else is executed")
    return source_of(options, aloud=False), saved


def taking_up(saved: Saved, path: str) -> Callable[[Session], tuple[str, ...]]:
    """Return what makes a session the one that was saved; its reply says what has changed since.

    A line that was still computed is told and not executed again: it may be what the program was ended for.
    """

    def act(session: Session) -> tuple[str, ...]:
        from lstm_tui.debugger.commands.dispatch import answer

        changed = _changed(saved, session)
        for number, line in saved.lines:
            try:
                answer(session, line)
            except UserError as error:
                after = f" ({changed})" if changed else ""
                raise UserError(f"{visible(path)}:{number}: {error}{after}") from error
        session.layout = saved.layout
        session.files[os.path.realpath(path)] = saved.digest
        counts = ((sum(len(one.states) for one in session.histories.values()), "edit"),
                  (len(session.breakpoints), "stop"))  # fmt: skip
        told = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts)
        unfinished = tuple(f"`{visible(line)}` was not finished: type it again" for line in saved.computing)
        return (f"{visible(Path(path).name)} resumed: {told}{f'; {changed}' if changed else ''}", *unfinished)

    return act


def _changed(saved: Saved, session: Session) -> str:
    """Say what of the network and the input is not as it was saved."""
    from lstm_tui.debugger.session_file import input_digest, network_digest

    model = session.baseline.model
    pairs = (
        ("network", saved.network, network_digest(str(model.get("name")), model.get("sha256"))),
        ("input", saved.input, input_digest(session.sequence_of(saved.line))),
    )
    changed = [what for what, before, now in pairs if before and before != now]
    return f"the {' and the '.join(changed)} changed since this was saved" if changed else ""
