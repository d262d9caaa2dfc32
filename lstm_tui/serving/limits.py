"""What one visitor may take: time without a key, memory, processor time, and places beside the other visitors."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import sentence

if sys.platform != "win32":
    import resource

_NICE = 5  # steps that a visitor's process stands back for the server and for whoever works at this computer
_KILLED = -9  # by the system, which is short of memory itself
_OUT_OF_MEMORY = "MemoryError", "not enough memory", "out of memory"
_USERS = "lstm-tui: "  # begins a line that says what a user can mend
MESSAGE_BYTES = 1 << 20
"""Longest message of a page: a long text pasted at once."""
MESSAGES = 1_000
"""Messages of a page that are executed in a second; more wait: a page that never stops leaves time to others."""
PACKET_BYTES = 64 << 20
"""Longest packet of a visitor's process: a frame is a few kilobytes, a part of a download 64."""


@dataclass(frozen=True)
class Limits:
    """Limits of each visitor.

    Attributes:
        idle: Minutes without a key or a click until the place is given free.
        memory: GB of data that the process may hold.
        processor: Minutes of processor time that it may use in all.
    """

    idle: float = 30.0
    memory: float = 1.5
    processor: float = 20.0

    def impose(self, number: int) -> None:
        """Impose the limits on a process that has just begun, as far as the system can.

        Linux limits memory and processor from outside; elsewhere the process only stands back for others.
        """
        if sys.platform == "win32":
            return
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, number, os.getpriority(os.PRIO_PROCESS, 0) + _NICE)
        if sys.platform == "linux":
            with suppress(OSError, ValueError):
                seconds = max(int(self.processor * 60), 1)
                _lower(number, resource.RLIMIT_DATA, int(self.memory * 2**30))
                _lower(number, resource.RLIMIT_CPU, seconds)
                _lower(number, resource.RLIMIT_CORE, 0)

    def say_idle(self) -> str:
        """Say on a visitor's screen why it ended for want of a key."""
        return f"Ended after {_say(self.idle, 'minute')} without a key: others may be waiting for the place."

    def say_ended(self, code: int, errors: str) -> str:
        """Say on a visitor's screen why the process ended, in one line; nothing when it was asked to end.

        Args:
            code: Its exit code; below 0, the signal that ended it.
            errors: The end of what it wrote on standard error.
        """
        if code in (0, 130, 143, -signal.SIGTERM):
            return ""
        if sys.platform != "win32" and code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            return f"Ended: it has used {_say(self.processor, 'minute')} of processor time, the most a visitor may."
        if any(sign in errors for sign in _OUT_OF_MEMORY) or code == _KILLED:
            return f"Ended: it needed more than {sentence(self.memory)} GB of memory, the most a visitor may have."
        last = errors.rstrip().rpartition("\n")[2]
        return last if last.startswith(_USERS) else "The debugger ended by an error of its own."


def may_have_another(held: int, places: int, alone: bool) -> bool:
    """Say whether an address that holds so many places is given one more.

    Args:
        held: Places it holds.
        places: All there are.
        alone: Whether it is this computer itself, where every visitor of a forwarded port comes from, too.
    """
    return alone or held < max(1, (places + 1) // 2)


def _lower(number: int, what: int, most: int) -> None:
    """Set a limit of a process, never above what already holds for it."""
    _, hard = resource.prlimit(number, what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.prlimit(number, what, (most, hard))


def _say(count: float, what: str) -> str:
    return f"{sentence(count)} {what}{'' if count == 1 else 's'}"
