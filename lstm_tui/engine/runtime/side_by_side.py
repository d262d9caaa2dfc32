"""Pieces of work of which none needs another, on a thread each where cores are idle and it is worth it.

What is compiled runs without Python's lock, so that the two directions of a layer, or two networks, take as long as the
longer of them. Every number is computed by the same operations in the same order, whichever thread it is on. What is
told of progress is told in the thread that asked; what that raises, Ctrl-C as well, ends all of them.
"""

from __future__ import annotations

import contextvars
import os
from _thread import allocate_lock, start_new_thread  # threads of `threading` are waited for twice: half as soon
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Items
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.runtime.cores import idle_cores
from lstm_tui.engine.runtime.progress_call import Progress

Found = TypeVar("Found")
Told = Callable[[int], None]
"""Is told how many steps are done, over all pieces of work."""
Work = Callable[[Progress], Found]
"""One of them: it is given what it tells of its own steps, and returns what it found."""

LEAST_TO_HELP = 2e-3
"""How long one piece of work has to take for a second thread to help with it."""
LEAST_SECONDS = 6e-4
"""How long a piece has to take to be given a thread: to begin one and to wait for it takes a third of that."""
_STEP = {"numba": 1e-7, "numpy": 4e-5}
_PRODUCT = 3.3e-11
"""Seconds that a step takes at least, by interpreter, and for each number of a matrix that it multiplies by: about."""


def seconds_of(program: Program, steps: int, interpreter: str = "numba") -> float:
    """Return about how long a program is run for so many steps on an ordinary core."""
    return steps * seconds_for(sum(one.inner * one.rows for one in program.groups), interpreter)


def seconds_for(numbers: int, interpreter: str = "numba") -> float:
    """Return about how long a step is that multiplies by so many numbers of matrices."""
    return _STEP[interpreter] + _PRODUCT * numbers


def threads_for(seconds: Iterable[float]) -> int:
    """Return on how many threads pieces of work are done that take so long each, the asking one included.

    A piece that is shorter than what a thread costs is not counted, so that two are wanted at least that are not.
    """
    long = sum(one >= LEAST_SECONDS for one in seconds)
    return 1 + min(long - 1, idle_cores()) if long > 1 else 1


def side_by_side(works: Items[Work[Found]], threads: int, told: Told | None = None) -> list[Found]:
    """Do pieces of work, and return what each found, in their order.

    Args:
        works: None of them needs another. Each is to tell of its steps often, since it is ended there.
        threads: On how many threads; with one, they are done one after the other.
        told: Called, in this thread alone, with the steps done in all; what it raises ends this.

    Raises:
        BaseException: What one of them raised; the others are ended before.
    """
    if told is None and threads == 1:
        return [work(_untold) for work in works]
    token = _is_helped.set(_is_helped.get() or threads > 1)
    try:
        return _Pieces(works, told).all(min(threads, len(works)))
    finally:
        _is_helped.reset(token)


_is_helped: contextvars.ContextVar[bool] = contextvars.ContextVar("is_helped", default=False)
"""Whether more threads than this one are at work already, or this is one of them."""


class Help:
    """What goes along with parts: called in the other thread behind them, until it is closed."""

    def there(self) -> None:
        """Help, in the other thread."""

    def close(self) -> None:
        """Have whoever helps, or comes to help, go: called in the asking thread."""


class Parts:
    """Short parts of a piece of work, which two threads take one after another, and what the other does then."""

    def __init__(self, parts: Iterable[Callable[[], None]], then: Help | None = None) -> None:
        """Begin with all of them left."""
        self._left, self._turn, self._taken = iter(parts), allocate_lock(), allocate_lock()
        self._then = then
        self._is_ended = False
        self._failure: BaseException | None = None

    def finish(self) -> None:
        """Take what is left, and wait for what the other thread has begun.

        Raises:
            BaseException: What a part raised there.
        """
        self._take()
        with self._taken:
            pass
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Leave what is left."""
        self._is_ended = True
        if self._then is not None:
            self._then.close()

    def there(self) -> None:
        """Take parts in the other thread."""
        try:
            with self._taken:
                self._take()
            if self._then is not None and not self._is_ended:
                self._then.there()
        except BaseException as error:  # which is raised in the thread that asked
            self._failure, self._is_ended = error, True

    def _take(self) -> None:
        while not self._is_ended:
            with self._turn:
                part = next(self._left, None)
            if part is None:
                return
            part()


class Second:
    """A second thread that helps with a piece of work while it lasts: nobody ever waits for it to come."""

    def __init__(self) -> None:
        """Begin it; where the system gives no more of them, nobody helps."""
        self._offers: SimpleQueue[Parts | None] = SimpleQueue()
        self._process, self._newest = os.getpid(), Parts(())
        try:
            start_new_thread(self._help, (self._offers,))
        except RuntimeError:
            self._process = 0

    def offer(self, parts: Parts) -> None:
        """Have it take some parts, if it comes in time; what was offered before is closed."""
        self._newest.close()
        self._newest = parts
        if os.getpid() == self._process:  # a process that was forked has no such thread
            self._offers.put(parts)

    def end(self) -> None:
        """Have it end when it is done with what it has begun."""
        self._newest.close()
        self._offers.put(None)

    @staticmethod
    def _help(offers: SimpleQueue[Parts | None]) -> None:
        while (parts := offers.get()) is not None:
            parts.there()


def would_be_helped(seconds: float) -> bool:
    """Say whether a second thread helps with what takes so long: not where it is short, or no core is idle."""
    return seconds >= LEAST_TO_HELP and not _is_helped.get() and idle_cores() > 0


@contextmanager
def second_thread(seconds: float) -> Iterator[Second | None]:
    """Have a second thread help with what takes so long; None where it is short, or no core is idle."""
    if not would_be_helped(seconds):
        yield None
        return
    token = _is_helped.set(True)
    second = Second()
    try:
        yield second
    finally:
        second.end()
        _is_helped.reset(token)


def _untold(_: int, __: int) -> None:
    return None


class _Ended(Exception):
    """A piece of work is ended, since another has failed."""


class _Pieces:
    """Pieces of work that some threads take one after another until none is left."""

    def __init__(self, works: Items[Work[Any]], told: Told | None) -> None:
        self._works, self._told = works, told
        self._left, self._turn = iter(range(len(works))), allocate_lock()
        self._done, self._found = [0] * len(works), [None] * len(works)
        self._is_ended = False
        self._failure: BaseException | None = None
        self._heard: SimpleQueue[bool] = SimpleQueue()  # of the other threads: whether one of them has ended

    def all(self, threads: int) -> list[Any]:
        """Do all of them, on this thread and some others."""
        left = 0  # other threads that have not ended
        try:
            for _ in range(threads - 1):
                context = contextvars.copy_context()
                try:
                    start_new_thread(context.run, (self._beside,))
                except RuntimeError:  # the system gives no more of them
                    break
                left += 1
            self._take(self._tell)
            while left:
                left -= self._heard.get()
                self._tell()
        except _Ended:
            pass
        finally:
            self._is_ended = True
            while left:
                left -= self._heard.get()
        if self._failure is not None:
            raise self._failure
        return self._found

    def _take(self, tell: Callable[[], None]) -> None:
        while not self._is_ended:
            with self._turn:
                number = next(self._left, None)
            if number is None:
                return
            self._found[number] = self._works[number](self._progress(number, tell))

    def _progress(self, number: int, tell: Callable[[], None]) -> Progress:
        def progress(done: int, _: int) -> None:
            self._done[number] = done
            if self._is_ended:
                raise _Ended
            tell()

        return progress

    def _tell(self) -> None:
        """Tell in the thread that asked how far all of them are."""
        if self._told is not None:
            self._told(sum(self._done))

    def _beside(self) -> None:
        """Take pieces in another thread."""
        try:
            self._take(lambda: self._heard.put(False))
        except _Ended:
            pass
        except BaseException as error:  # which is raised in the thread that asked
            self._failure, self._is_ended = error, True
        finally:
            self._heard.put(True)
