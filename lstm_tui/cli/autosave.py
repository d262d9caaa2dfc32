"""How the command line has work kept, finds what was cut off, and tells of it in a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.autosave import Autosave
    from lstm_tui.debugger.session_file import Saved
    from lstm_tui.formats.io.journal import Journal
    from lstm_tui.tui.controllers.autosave import Keeping, Offer

CALLED = "interrupted work"
"""What messages call a journal, whose path means nothing to anybody."""
_STOPS, _SHOWN, _PLACE = ("break", "tbreak", "watch"), ("display",), {"line", "pass", "goto", "step", "reverse-finish"}
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
    verbs = [line.split()[0] for _, line in saved.lines]
    other = {*_STOPS, *_SHOWN, *_PLACE, "switch", "branch", "ignore", "disable"}
    counts = (
        (sum(verb not in other for verb in verbs), "edit"),
        (sum(verb in _STOPS for verb in verbs), "stop"),
        (sum(verb in _SHOWN for verb in verbs), "display"),
    )
    held = [f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count]
    return ", ".join([*held, *(f"`{visible(line)}` not finished" for line in saved.computing)]) or "its place"


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
    from lstm_tui.cli.reopen import taking_up
    from lstm_tui.tui.controllers.autosave import Offer

    return Offer(journal_line(journal), taking_up(saved, CALLED), journal.forget, journal.forget, journal.leave)


def _without_line(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without the line at which it begins."""
    from lstm_tui.cli.source import without

    return tuple(without(command, {"--line": 1}))
