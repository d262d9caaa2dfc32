"""Which verbs may touch files: none where the debugger is served to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lstm_tui.debugger.commands.table import VERBS, nothing
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError


def seal() -> None:
    """Have every verb that touches files refuse, and complete nothing; for as long as the process lives."""
    for verb in tuple(VERBS):
        if verb.touches_files:
            VERBS.change(replace(verb, act=_refuse, complete=nothing))


def check_unsealed() -> None:
    """Refuse to touch a file where verbs are kept from them.

    Raises:
        UserError: They are.
    """
    if any(verb.touches_files and verb.act is _refuse for verb in VERBS):
        raise UserError("this debugger is served to others, and keeps off the files of its computer")


def _refuse(session: Session, rest: str) -> Iterable[str]:
    check_unsealed()
    raise AssertionError("an unsealed verb refuses")
