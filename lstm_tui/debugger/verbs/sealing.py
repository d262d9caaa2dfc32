"""Keeping typed lines from the files of this computer, where whoever types them is only looking in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs import lines
from lstm_tui.debugger.verbs.file_names import complete_file
from lstm_tui.debugger.verbs.table import VERBS, nothing
from lstm_tui.engine.errors import UserError

assert lines  # which has every verb in the table


def seal() -> None:
    """Have every verb that completes names of files refuse; for as long as the process lives."""
    for verb in tuple(VERBS):
        if verb.complete is complete_file:
            VERBS.change(replace(verb, act=_refuse, complete=nothing))


def _refuse(session: Session, rest: str) -> Iterable[str]:
    raise UserError("this debugger is served to others, and keeps off the files of its computer")
