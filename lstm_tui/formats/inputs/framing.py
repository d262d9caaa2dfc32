"""How samples become steps, as it is said by options."""

from __future__ import annotations

from lstm_tui.engine.dataclass import dataclass

MOST_FRAME = 10**6
"""Samples of a frame, of a hop and of a context at most."""


@dataclass(frozen=True)
class Framing:
    """How samples become steps.

    Attributes:
        frame: Samples that are new to a step; None for as many as the network reads beside the context.
        hop: Samples from one frame to the next; None for a frame.
        context: Samples of before that stand in front of each frame.
    """

    frame: int | None = None
    hop: int | None = None
    context: int = 0

    @property
    def is_given(self) -> bool:
        """Whether anything is said."""
        return self != PLAIN


PLAIN = Framing()
"""Frames of which nothing is said."""
