"""How the command line has work kept, finds what was cut off, tells of it in a line, and opens a saved session again.

A session is opened by its command, checked as if it were typed, and then by its verbs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.io.files import SCRIPT_BYTES, opened

if TYPE_CHECKING:
    from lstm_tui.debugger.autosave import Autosave
    from lstm_tui.debugger.session import Session
    from lstm_tui.debugger.session_file import Saved
    from lstm_tui.debugger.source import Source
    from lstm_tui.formats.io.journal import Journal
    from lstm_tui.tui.controllers.autosave import Keeping, Offer


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
        What its command opens, a text with a network or a capture, and what was saved.

    Raises:
        UserError: It is no session, its command is none, or what it names cannot be opened.
    """
    from lstm_tui.cli.arguments import parse_handed
    from lstm_tui.cli.source import capture_source, source_of
    from lstm_tui.debugger.session_file import read_saved
    from lstm_tui.formats.inputs.text_input import read_script

    where = visible(path)
    saved = read_saved(read_script(path).lines, where)
    try:
        options = parse_handed(saved.command)
    except UserError as error:
        raise UserError(f"{where}: its command cannot be executed: {error}") from None
    if getattr(options, "log", None) is not None:
        raise UserError(f"{where}: its command writes a log, and nothing else is executed")
    if options.module == "open" and not (options.script or options.batch):
        return capture_source(options, aloud=False), saved
    if options.module != "run" or options.script or options.batch or options.edits or options.file == "-":
        raise UserError(f"{where}: its command is no plain `run FILE`, and nothing else is executed")
    return source_of(options, aloud=False), saved


def taking_up(saved: Saved, path: str) -> Callable[[Session], tuple[str, ...]]:
    """Return what makes a session the one that was saved; its reply says what has changed since.

    A line that was still computed is told and not executed again: it may be what the program was ended for.
    """

    def act(session: Session) -> tuple[str, ...]:
        from lstm_tui.debugger.autosave import made_by_user
        from lstm_tui.debugger.commands.dispatch import answer

        changed = _changed(saved, session)
        if made_by_user(session) == session.scripting.begun:  # what .ltuirc made is in what was saved
            session.breakpoints.clear(anew=True)
            session.displays.clear()
        session.scripting.is_restoring = True
        try:
            for number, line in saved.lines:
                try:
                    answer(session, line)
                except UserError as error:
                    after = f" ({changed})" if changed else ""
                    raise UserError(f"{visible(path)}:{number}: {error}{after}") from error
        finally:
            session.scripting.is_restoring = False
            session.scripting.drop_block()
        session.layout = saved.layout
        session.files[os.path.realpath(path)] = saved.digest
        done = sum(one.done for one in session.histories.values())
        undone = sum(len(one.states) for one in session.histories.values()) - done
        aside = f" ({undone} more not in force)" if undone else ""
        told = f"{count_of(done, 'edit')}{aside}, {count_of(len(session.breakpoints), 'stop')}"
        unfinished = tuple(f"`{visible(line)}` was not finished: type it again" for line in saved.computing)
        own = len(session.scripting.words)
        words = f", {count_of(own, 'word')} of your own" if own else ""
        return (f"{visible(Path(path).name)} resumed: {told}{words}{f'; {changed}' if changed else ''}", *unfinished)

    return act


def _changed(saved: Saved, session: Session) -> str:
    """Say what of the network and the input is not as it was saved."""
    from lstm_tui.debugger.session_file import input_digest, network_digest

    model = session.edits.opened.model
    pairs = (
        ("network", saved.network, network_digest(str(model.get("name")), model.get("sha256"))),
        ("input", saved.input, input_digest(session.sequence_of(saved.line))),
    )
    changed = [what for what, before, now in pairs if before and before != now]
    return f"the {' and the '.join(changed)} changed since this was saved" if changed else ""


CALLED = "interrupted work"
"""What messages call a journal, whose path means nothing to anybody."""
_STOPS, _SHOWN = ("break", "tbreak", "watch", "dprintf"), ("display",)
_AGES = ((60.0, "second"), (3600.0, "minute"), (86400.0, "hour"), (float("inf"), "day"))


def journal_line(journal: Journal) -> str:
    """Return what a journal holds, in a line."""
    age = journal.age
    unit = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    name = next(name for most, name in _AGES if age < most)
    count = max(int(age / unit[name]), 1)
    try:
        saved = _saved(journal)
    except UserError as error:
        return str(error)
    return f"{_input(saved)}: {_work(saved)}, {count} {name}{'s' * (count != 1)} ago"


def _input(saved: Saved) -> str:
    """Return what was open, as its command says: the file, and the network where one was named."""
    words = [Path(word).name if "/" in word else word for word in _without_line(saved.command)[1:]]
    line = "" if saved.line is None else f" line {saved.line + 1}"
    return f"{visible(' '.join(words)) or 'the sample'}{line}"


def _work(saved: Saved) -> str:
    from lstm_tui.debugger.session_file import outside_blocks

    verbs = [line.split()[0] for _, line in outside_blocks(saved.lines)]
    made, done = counted_edits(saved)
    counts = (
        (done, "edit"),
        (sum(verb in _STOPS for verb in verbs), "stop"),
        (sum(verb in _SHOWN for verb in verbs), "display"),
        (sum(verb in ("define", "alias") for verb in verbs), "word"),
    )
    held = [count_of(count, what) for count, what in counts if count]
    undone = [f"{count_of(made - done, 'edit')} not in force"] if made > done else []
    return ", ".join([*held, *undone, *(f"`{visible(line)}` not finished" for line in saved.computing)]) or "its place"


def counted_edits(saved: Saved) -> tuple[int, int]:
    """Return how many edits a session holds, and how many of them are in force where it stands."""
    from lstm_tui.debugger.edits.edit_reader import EDIT_WORDS
    from lstm_tui.debugger.session_file import outside_blocks

    lengths, here = [0], 0  # of the way from the first edit to each state
    made = done = 0
    for _, line in outside_blocks(saved.lines):
        verb, _, rest = line.partition(" ")
        if verb == "line":  # the edits of one line of the file are done with
            made, done, lengths, here = made + len(lengths) - 1, done + lengths[here], [0], 0
        elif verb == "switch":
            number = whole_number(rest.strip(), most=len(lengths) - 1)
            here = here if number is None else number
        elif verb in EDIT_WORDS and not (verb == "set" and rest.startswith("$")):
            lengths.append(lengths[here] + 1)
            here = len(lengths) - 1
    return made + len(lengths) - 1, done + lengths[here]


def _saved(journal: Journal) -> Saved:
    from lstm_tui.debugger.session_file import read_saved

    return read_saved(journal.read(), visible(str(journal.path)))


# --- beside a running session ---


@dataclass(frozen=True, eq=False)
class Autosaved:
    """How the work of a session line by line is kept."""

    autosave: Autosave
    remarks: Callable[[], tuple[str, ...]]


def kept_plainly(command: tuple[str, ...]) -> Autosaved | None:
    """Return how the work on what a command opens is kept line by line; None where it could not be opened again."""
    if not command:
        return None
    from lstm_tui.debugger.autosave import Autosave
    from lstm_tui.formats.io.journal import Journal

    def remarks() -> tuple[str, ...]:
        offer, remark = look(command)
        if offer is not None:
            offer.leave()
        mine = "" if offer is None else f"work on this was interrupted ({offer.told}): `lstm-tui recover` has it"
        return tuple(one for one in (mine, remark) if one)

    return Autosaved(Autosave(Journal.begin), remarks)


def kept(command: tuple[str, ...]) -> Keeping | None:
    """Return how the work on what a command opens is kept on the screen; None where it could not be opened again."""
    from lstm_tui.tui.environment import is_sealed

    if not command or is_sealed():
        return None
    from lstm_tui.debugger.autosave import Autosave
    from lstm_tui.formats.io.journal import Journal
    from lstm_tui.tui.controllers.autosave import Keeping
    from lstm_tui.tui.threads import in_background

    return Keeping(Autosave(Journal.begin, in_background), lambda: look(command))


def look(command: tuple[str, ...]) -> tuple[Offer | None, str]:
    """Return what was cut off of the same command, and a remark on what was of others."""
    from lstm_tui.formats.io.journal import cut_off

    offer: Offer | None = None
    others: list[str] = []
    for journal in cut_off():
        try:
            saved = _saved(journal)
        except UserError:  # no journal of ours, or of another version: `recover` tells of it
            journal.leave()
            continue
        if offer is None and _without_line(saved.command) == _without_line(command):
            offer = _offer(journal, saved)
        else:
            others.append(_input(saved))
            journal.leave()
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return offer, f"work on {others[0]}{more} was interrupted: `lstm-tui recover` has it" if others else ""


def _offer(journal: Journal, saved: Saved) -> Offer:
    from lstm_tui.tui.controllers.autosave import Offer

    return Offer(journal_line(journal), taking_up(saved, CALLED), journal.forget, journal.forget, journal.leave)


def _without_line(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without the line at which it begins."""
    from lstm_tui.cli.source import without

    return tuple(without(command, {"--line": 1}))
