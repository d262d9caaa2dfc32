"""Long work of a session in a thread: how far it is, and whether it is to be given up."""

from __future__ import annotations

from threading import Event
from time import monotonic

STEPS_TOGETHER = 4_096
"""Steps of a run that an expression is asked about together: few enough that being given up is heard soon."""


class GivenUp(Exception):
    """The work was given up before it was done; what it was done on is as it was."""


class Cancellation:
    """What a thread tells of its work, and is told.

    Attributes:
        share: How much of it is done, from 0 to 1.
        begun: When it began, in seconds of the monotonic clock.
        why: Why it takes long, where that is known; may be empty.
    """

    def __init__(self, why: str = "") -> None:
        """Begin."""
        self.share, self.why = 0.0, why
        self.begun = monotonic()
        self._asked = Event()
        self._part, self._parts = 0, 1

    def give_up(self) -> None:
        """Ask for it to be given up; whoever works finds out when it next tells how far it is."""
        self._asked.set()

    def is_given_up(self) -> bool:
        """Say whether that was asked for."""
        return self._asked.is_set()

    def check(self) -> None:
        """Stop here if that was asked for.

        Raises:
            GivenUp: It was.
        """
        if self.is_given_up():
            raise GivenUp

    def part(self, number: int, of: int) -> None:
        """Begin one of so many like parts; what is told of progress from here on is of this part.

        Raises:
            GivenUp: It was asked for.
        """
        self._part, self._parts = number, of
        self.progress(0, 1)

    def progress(self, done: int, total: int) -> None:
        """Tell how far the part is; this is what the engine is given where it runs.

        Raises:
            GivenUp: It was asked for.
        """
        self.look(done, total)
        self.check()

    def look(self, done: int, total: int) -> None:
        """Tell how far the part is, where being given up is asked for apart and leaves something."""
        self.share = (self._part + done / max(total, 1)) / self._parts
