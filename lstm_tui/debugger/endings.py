"""How the program ends when nobody said `quit`: by a signal, or because its terminal or its server is gone.

One thread watches. It is told of a signal by the system itself and sees a terminal that hangs up, so it knows of an
end while the main thread computes, compiles or waits for a dead terminal. What is open is asked to leave; a process
that is still there after `GRACE` seconds is ended from here, its terminal put right first. Work that the journal
holds stays in the journal.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from lstm_tui.formats.io import files

GRACE = 1.4
"""Seconds between being told to end and being ended: with what is left to do then, the end is within two."""
_NAMES = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU",
    "SIGPOLL", "SIGPWR", "SIGSTKFLT",
)  # fmt: skip
"""Signals that end a program which does not handle them, and leave time for an end in good order."""
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
USAGE = 2
"""The exit code where what was typed on the command line is wrong, whatever the files hold."""
STOPPED = 3
"""Exit code of what did its work and found what it was to look for: a stop, a failed assertion, a difference."""
HUNG_UP = 129
INTERRUPTED = 130
_RESET = (
    b"\x18\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[<u"
    b"\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
)
"""Gives up a sequence that was cut off, and switches off what a screen switches on."""
_CURSOR = b"\x1b[?25h"
"""Shows the cursor, which a progress bar hides."""
_WRITING = 2.0
"""Most seconds in which a terminal is put right: it takes milliseconds, or as long as the machine is that busy."""
_STUCK = 0.01
"""Seconds after which a terminal that takes nothing is asked again."""
_AGAIN = 0.02
"""Seconds after which an interrupt is raised again that a callback has swallowed, which has come back by then."""

Leave = Callable[[int], None]
"""Asks what is open to leave with an exit code; called in another thread than the main one."""


class Watch:
    """Watches over one process.

    Attributes:
        code: The exit code it is to end with, once it is to end.
        talking: Whether SIGINT interrupts, and does not end.
        owned: Whether the process is this program, and may be ended by force.
        leaves_thread: Whether a thread goes on that cannot be stopped, so that the process is ended without it.
    """

    def __init__(self, owned: bool) -> None:
        """Watch nothing yet; `owned` says that the process is this program, and may be ended."""
        self.code: int | None = None
        self.owned = owned
        self.leaves_thread = False
        self._deadline = float("inf")
        self._again = (float("inf"), 0)  # when a signal is sent once more, and which
        self._leave: Leave | None = None
        self.talking = False
        self._over = False
        self._lines: tuple[int, ...] = ()
        self._handlers: dict[int, Any] = {}
        self._unraisable = sys.unraisablehook
        self._before = -1
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._terminal = _terminal_state()
        self._screen = self._forced = False
        self._turn = threading.Lock()
        self._pipe = threading.Lock()

    # --- what is watched ---

    def start(self) -> None:
        """Take over the signals that nobody has asked to be ignored; in the main thread."""
        for number in SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                self._handlers[number] = signal.signal(number, self._handle)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        if self.owned:
            sys.unraisablehook = self._swallowed
        threading.Thread(target=self._run, name="lstm-tui endings", daemon=True).start()

    def stop(self) -> None:
        """Give the signals back, unless the process ends here anyway; an end that has begun is still seen to."""
        self._over = True
        if not self.owned:
            signal.set_wakeup_fd(self._before)
            for number, handler in self._handlers.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, handler)
        self._wake()

    @contextlib.contextmanager
    def screen(self, leave: Leave, *descriptors: int) -> Iterator[None]:
        """Have `leave` called at an end while a screen is open, which also ends when one of the descriptors hangs up.

        An end that was told before is told at once.
        """
        self._screen, self._leave = True, leave
        if self.code is not None:
            leave(self.code)
        with self._seen(descriptors):
            try:
                yield
            finally:
                with self._turn:
                    self._leave, self._screen = None, False
                while self._forced:  # the thread puts the terminal right, and ends the process when it has
                    time.sleep(GRACE)

    @contextlib.contextmanager
    def talk(self, *descriptors: int) -> Iterator[None]:
        """Let SIGINT interrupt what is computed, and not end the program, while lines are typed on a terminal."""
        self.talking = True
        with self._seen(descriptors):
            try:
                yield
            finally:
                self.talking = False

    @contextlib.contextmanager
    def _seen(self, descriptors: tuple[int, ...]) -> Iterator[None]:
        self._lines = descriptors
        self._wake()
        try:
            yield
        finally:
            self._lines = ()
            self._wake()

    def hold(self) -> None:
        """Take the signals again, after another library has taken them; in the main thread."""
        for number in self._handlers:
            signal.signal(number, self._handle)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def begin(self, code: int) -> None:
        """Begin to end, from any thread: what is open is asked to leave, and does not outlive the grace."""
        with self._turn:
            if self.code is not None:
                return
            self.code = code
            self._deadline = time.monotonic() + GRACE
        self._wake()
        if self._leave is not None:
            self._leave(code)

    def finish(self, code: int) -> None:
        """Have the process end with a code, now that the command is over: a thread left behind does not keep it."""
        with self._turn:
            self.code = code if self.code is None else self.code
            self._deadline = min(self._deadline, time.monotonic() + GRACE)
        self._wake()
        if self.leaves_thread and self.owned:  # libraries are not taken down below it while it computes in them
            self._force()

    # --- the main thread ---

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Leave by way of every `finally`; a screen is told by the thread, and a second signal changes nothing."""
        if self._leave is not None or self._over:
            return
        if _is_within(frame, Watch._swallowed.__code__):  # it would be swallowed there
            self._raise_again(number)
        elif number == signal.SIGINT:
            if self.talking or self._first():
                raise KeyboardInterrupt
        elif self._first():
            raise SystemExit(128 + number)

    def _swallowed(self, told: sys.UnraisableHookArgs) -> None:
        """Interrupt once more where a callback of a library, or a finalizer, has swallowed it; that cannot raise."""
        end = told.exc_value
        if not isinstance(end, KeyboardInterrupt | SystemExit):
            self._unraisable(told)
        elif not self._over:
            self._raised = False
            self._raise_again(code_of(end) - 128)

    def _raise_again(self, number: int) -> None:
        """Have the thread send a signal once more, a moment later."""
        self._again = (time.monotonic() + _AGAIN, number)
        self._wake()

    def _send_again(self) -> None:
        _, number = self._again
        self._again = (float("inf"), 0)
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    _raised = False

    def _first(self) -> bool:
        first, self._raised = not self._raised, True
        return first

    # --- the thread ---

    def _wake(self) -> None:
        with self._pipe, contextlib.suppress(OSError):
            if self._writer >= 0:
                os.write(self._writer, b"\0")

    def _run(self) -> None:
        try:
            self._look()
        finally:
            if not self.owned:  # a process that goes on has its descriptors back
                with self._pipe:
                    os.close(self._reader)
                    os.close(self._writer)
                    self._reader = self._writer = -1

    def _look(self) -> None:
        gone: set[int] = set()
        while not (self._over and self._deadline == float("inf")):
            watched = select.poll()
            watched.register(self._reader, select.POLLIN)
            for line in self._lines:
                if line not in gone:
                    watched.register(line, 0)
            if time.monotonic() >= self._again[0]:
                self._send_again()
            left = min(self._deadline, self._again[0]) - time.monotonic()
            if time.monotonic() >= self._deadline:
                if self.owned:
                    self._force()
                return
            for descriptor, _ in watched.poll(None if left == float("inf") else max(left, 0) * 1000):
                if descriptor == self._reader:
                    self._told(os.read(self._reader, 4096))
                else:
                    gone.add(descriptor)
                    self._hung_up()

    def _told(self, numbers: bytes) -> None:
        for number in numbers:
            interrupts = number == signal.SIGINT and self.talking
            if number in self._handlers and not interrupts and signal.getsignal(number) == self._handle:
                self.begin(128 + number)

    def _hung_up(self) -> None:
        open_screen = self._leave is not None
        self.begin(HUNG_UP)
        if not open_screen:  # wake the main thread from the line it waits for
            with contextlib.suppress(OSError, AttributeError, RuntimeError):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGHUP)

    def _force(self) -> None:
        assert self.code is not None
        with self._turn:
            self._forced, screen = True, self._screen
        files.abandon()
        putting = threading.Thread(target=self._put_right, args=(screen,), daemon=True)
        putting.start()
        putting.join(_WRITING)
        os._exit(self.code)

    def _put_right(self, screen: bool) -> None:
        """Leave the terminal as it was found, also one that takes nothing since nobody reads what was drawn.

        Whoever draws may be waiting for it, and goes on once there is room: what that writes goes nowhere.
        """
        if self._terminal is None:
            return
        import termios

        descriptor, attributes = self._terminal

        def as_before() -> None:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

        as_before()
        if not (screen or os.isatty(2)):
            return
        with contextlib.suppress(OSError):
            terminal = _for_itself(2)
            _silence(2)
            left = _RESET if screen else _CURSOR
            while left:
                try:
                    left = left[os.write(terminal, left) :]
                except BlockingIOError:  # what was drawn stands in the way, and nobody needs it any more
                    with contextlib.suppress(termios.error):
                        termios.tcflush(terminal, termios.TCOFLUSH)
                    as_before()  # which wakes whoever waits to write
                    time.sleep(_STUCK)


def _for_itself(descriptor: int) -> int:
    """Return the terminal of a descriptor, opened so that writing to it does not wait; others' writing is as it was."""
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK
    with contextlib.suppress(OSError):
        return os.open(os.ttyname(descriptor), flags)
    with contextlib.suppress(OSError):  # it has no name here, as in some containers
        return os.open("/dev/tty", flags)
    return os.dup(descriptor)


def _silence(descriptor: int) -> None:
    """Have what is still written to a descriptor go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


_watch: Watch | None = None


def watch() -> Watch | None:
    """Return what watches over this process, if anything does."""
    return _watch


@contextlib.contextmanager
def watched(owned: bool) -> Iterator[Watch | None]:
    """Watch over this process during a block; outside the main thread, inside another watch and on Windows, no more.

    Args:
        talking: Whether SIGINT interrupts, and does not end.
        owned: Whether the process is this program, and may be ended by force.
    """
    global _watch
    main = threading.current_thread() is threading.main_thread()
    if _watch is not None or not main or sys.platform == "win32":
        yield _watch
        return
    _watch = mine = Watch(owned)
    mine.start()
    try:
        yield mine
    finally:
        _watch = None
        mine.stop()


def _is_within(frame: FrameType | None, code: CodeType) -> bool:
    """Say whether a function, by its code, is being executed."""
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


def begin(code: int) -> None:
    """Begin to end with a code, where something watches over this process."""
    if _watch is not None:
        _watch.begin(code)


def code_of(end: KeyboardInterrupt | SystemExit) -> int:
    """Return the exit code that is meant by what a signal raised in the main thread."""
    return end.code if isinstance(end, SystemExit) and isinstance(end.code, int) else INTERRUPTED


def leave_behind() -> None:
    """Say that a thread goes on which cannot be stopped: the process ends without waiting for it."""
    if _watch is not None:
        _watch.leaves_thread = True


def _terminal_state() -> tuple[int, list[Any]] | None:
    """Return the terminal of the standard streams and its state; None without one."""
    try:
        import termios
    except ImportError:  # Windows
        return None
    for descriptor in (0, 2, 1):
        try:
            return descriptor, termios.tcgetattr(descriptor)
        except (OSError, termios.error):
            continue
    return None


def open_streams() -> None:
    """Give the program three standard streams where it was started with less, before anything else is opened.

    Otherwise a file that is opened takes the number of a stream, and what is printed goes into it. A closed output
    refuses what is written to it, as it would in any other program; a closed standard error has nobody to tell.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, mode)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.set_inheritable(number, True)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            way = "w" if number else "r"
            stream = open(number, way, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
