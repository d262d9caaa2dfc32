"""What the screen is handed to keep work by: who writes it down, and what was left by a program that was cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lstm_tui.debugger.autosave import Autosave
from lstm_tui.debugger.session import Session


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, eq=False)
class Offer:
    """A session on the same input that can be resumed.

    Attributes:
        told: What it is, in a line.
        take_up: Makes a fresh session the one that was cut off; returns its reply.
        taken: To be called once it was resumed: it is forgotten where it was.
        forget: Throws it away.
        leave: Leaves it for the next start.
    """

    told: str
    take_up: Callable[[Session], Iterable[str]]
    taken: Callable[[], None] = _nothing
    forget: Callable[[], None] = _nothing
    leave: Callable[[], None] = _nothing


@dataclass(frozen=True, eq=False)
class Keeping:
    """How work is kept.

    Attributes:
        autosave: Keeps the work of this session.
        look: Looks for work that was cut off: an offer, and a remark on other inputs; either may be missing.
    """

    autosave: Autosave
    look: Callable[[], tuple[Offer | None, str]]
