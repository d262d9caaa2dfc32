"""`lstm-tui recover`: work of programs that were cut off, by `kill` or a terminal that was closed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lstm_tui.cli.autosave import CALLED, journal_line
from lstm_tui.cli.open import open_session_file
from lstm_tui.engine.errors import UserError

if TYPE_CHECKING:
    from lstm_tui.formats.io.journal import Journal


def command(options: Namespace) -> int:
    """List what was cut off, take one of them up, or throw some away."""
    from lstm_tui.formats.io.journal import cut_off

    found = cut_off()
    try:
        if options.number is not None and options.number > len(found):
            raise UserError(f"there is no interrupted work {options.number}; `lstm-tui recover` lists {len(found)}")
        if options.forget:
            chosen = found if options.number is None else [found[options.number - 1]]
            for journal in chosen:
                journal.forget()
            print(f"{len(chosen)} thrown away")
            return 0
        if options.number is None:
            return _list(found)
        journal = found[options.number - 1]
        return open_session_file(options, str(journal.path), CALLED, journal.forget)
    finally:
        for journal in found:
            journal.leave()


def _list(found: list[Journal]) -> int:
    if not found:
        print("no interrupted work")
        return 0
    for number, journal in enumerate(found, 1):
        print(f"{number:>2}  {journal_line(journal)}")
    print("\n`lstm-tui recover N` takes one up, `lstm-tui recover N --forget` throws it away")
    return 0
