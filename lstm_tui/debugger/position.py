"""Where the run stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """A place in a run; it stands *after* what it names.

    Attributes:
        pass_name: The selected pass.
        t: Place on the tape, from 0.
        equation: The last equation that was taken, from 0; -1 before the first one of the pass.
        op: None when that equation is complete, else the last op taken inside it, from 0.
    """

    pass_name: str
    t: int
    equation: int
    op: int | None = None
