"""Standard input that is read while it grows: by a thread of its own, a little ahead of whoever takes the tokens.

Nothing is lost and nothing piles up: what is not taken yet is bounded, and behind that the pipe itself waits.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.formats.io.files import reason

_PIECE = 1 << 12  # bytes that are read at once
_AHEAD = 1 << 13  # tokens that may wait to be taken before reading goes on


class Incoming:
    """Tokens that come in.

    Attributes:
        most: How many are taken in all; behind them nothing is read.
    """

    def __init__(self, read: Callable[[int], bytes], arriving: Arriving, most: int) -> None:
        """Hold where the bytes come from; nothing is read before `start`.

        Args:
            read: Waits for bytes and returns some, at most as many as are asked for; none at the end.
            arriving: Makes tokens of them.
            most: How many tokens are taken.
        """
        self.most = most
        self._read, self._arriving = read, arriving
        self._waiting: Sequence | None = None
        self._taken = 0
        self._error = ""
        self._over = False
        self._changed = threading.Condition()

    @classmethod
    def of_descriptor(cls, descriptor: int, arriving: Arriving, most: int) -> Incoming:
        """Return what comes in by a file descriptor."""
        return cls(lambda size: os.read(descriptor, size), arriving, most)

    def start(self) -> Incoming:
        """Begin to read; the thread ends with the program."""
        threading.Thread(target=self._run, name="lstm-tui input", daemon=True).start()
        return self

    @property
    def is_full(self) -> bool:
        """Whether as many tokens were taken as can be held."""
        return self._taken >= self.most

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: the input has ended, cannot be read, or nothing more can be held."""
        with self._changed:
            return self.is_full or (self._over and self._waiting is None)

    @property
    def error(self) -> str:
        """Why the input could not be read to its end, once all before that was taken; else empty."""
        return self._error if self.is_over and not self.is_full else ""

    @property
    def full_words(self) -> str:
        """What is said where no more can be held."""
        return f"{self.most} tokens are all that is held: standard input is read no further"

    def take(self, most: int | None = None) -> Sequence | None:
        """Return the tokens that have come, at most so many, or None where there is none."""
        with self._changed:
            room = self.most - self._taken
            count = room if most is None else min(most, room)
            here = self._waiting
            if here is None or count <= 0:
                return None
            self._waiting = here.part(count) if len(here) > count else None
            found = here.part(0, count)
            self._taken += len(found)
            self._changed.notify_all()
            return found

    def stop(self, error: str) -> None:
        """Take nothing more, for a reason that is then the error."""
        with self._changed:
            self._waiting, self._error, self._over = None, error, True
            self.most = self._taken + 1  # it is not that nothing more can be held
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is something to take, and say whether there is; there is not at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._over or self.is_full, seconds)
            return self._waiting is not None and not self.is_full

    def _run(self) -> None:
        """Read to the end; in the thread."""
        error: UserError | None = None
        try:
            while self._arriving.error is None and self._has_room():
                data = self._read(_PIECE)
                self._put(self._arriving.feed(data) if data else self._arriving.end())
                if not data:
                    break
            error = self._arriving.error
        except OSError as failed:
            error = UserError(f"standard input: cannot be read: {reason(failed)}")
        finally:
            with self._changed:
                self._error, self._over = self._error or str(error or ""), True
                self._changed.notify_all()

    def _put(self, more: Sequence | None) -> None:
        if more is None:
            return
        with self._changed:
            if self._over:
                return
            self._waiting = more if self._waiting is None else self._waiting.followed_by(more)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until more may be read, and say whether it may."""
        with self._changed:
            self._changed.wait_for(lambda: self._ahead() < _AHEAD)
            return not self._over and self._taken + self._ahead() < self.most

    def _ahead(self) -> int:
        return 0 if self._waiting is None else len(self._waiting)
