"""A saved session opened again: its command, checked as if it were typed, and then its verbs."""

from __future__ import annotations

import io
import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.cli.job import RunJob
    from lstm_tui.debugger.session import Session
    from lstm_tui.debugger.session_file import Saved

ENDING = ".ltui"
_LARGEST = 1 << 20
_FILES = ("file", "model", "map", "initial", "vocabulary", "cell")
_DROPPED = {"--plain": 0, "--batch": 0, "--debug": 0, "--light": 0, "-x": 1, "--edits": 1, "--line": 1}
"""Options that are no part of what is open, or stand in a session as verbs, with the words behind each."""


def command_of(options: Namespace) -> tuple[str, ...]:
    """Return the arguments that open the same input from any folder; none when it was standard input."""
    if options.file == "-":
        return ()
    files = {value for name in _FILES if isinstance(value := getattr(options, name), str) and Path(value).is_file()}
    command: list[str] = []
    for word in without(options.given, _DROPPED):
        option, sign, value = word.partition("=")
        if word in files:
            command.append(str(Path(word).resolve()))
        elif sign and value in files:
            command.append(f"{option}={Path(value).resolve()}")
        else:
            command.append(word)
    return tuple(command)


def without(words: Sequence[str], dropped: Mapping[str, int]) -> Iterator[str]:
    """Yield arguments but for some options and the words behind each."""
    rest = iter(words)
    for word in rest:
        option, sign, _ = word.partition("=")
        glued = next((one for one in dropped if one[1] != "-" and word.startswith(one) and word != one), None)
        if option in dropped and not sign:
            for _ in range(dropped[option]):
                next(rest, None)
        elif option not in dropped and glued is None:
            yield word


@door("a session")
def reopened(path: str) -> tuple[Namespace, RunJob, Saved]:
    """Read a saved session and open its input.

    Returns:
        The options of its command, what they open, and what was saved.

    Raises:
        UserError: It is no session, its command is none, or what it names cannot be opened.
    """
    from lstm_tui.cli.job import work
    from lstm_tui.cli.parser import parse
    from lstm_tui.debugger.session_file import read_saved
    from lstm_tui.formats.inputs.text import read_text

    where = visible(path)
    saved = read_saved(read_text(path, _LARGEST).lines, where)
    said = io.StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            options = parse(saved.command)
    except SystemExit:
        last = (said.getvalue().strip().splitlines() or [""])[-1].rpartition("error: ")[2]
        raise UserError(f"{where}: its command cannot be executed: {visible(last)}") from None
    if options.module != "run" or options.script or options.batch or options.edits or options.file == "-":
        raise UserError(f"{where}: its command is no plain `run FILE`, and nothing else is executed")
    return options, work(options, aloud=False), saved


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
