"""What is said of a cut of the tape: where states are set back, and where a chunk begins."""

from __future__ import annotations

from lstm_tui.engine.model.cuts import CutKind
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import PassTrace

MARKED: dict[CutKind, str] = {"reset": "states set back", "chunk": "chunk begins"}
"""What the mark of a cut means, in a few words."""


def cut_words(sequence: Sequence, t: int) -> str:
    """Return what happens to the states before a token; nothing where nothing does."""
    kind = sequence.cut_before(t)
    return "" if kind is None else "states set back before it" if kind == "reset" else "a chunk begins with it"


def reset_words(passed: PassTrace, t: int) -> str:
    """Return that a pass reads a token from the states its cell begins with; nothing where it does not."""
    if not passed.resets.at(t):
        return ""
    side = "before" if passed.direction == "forward" else "behind"
    return f"the states were set back {side} this token: nothing read earlier reaches it"
