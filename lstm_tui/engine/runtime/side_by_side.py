"""Pieces of work of which none needs another, on a thread each where cores are idle and it is worth it.

What is compiled runs without Python's lock, so that the two directions of a layer, or two networks, take as long as the
longer of them. Every number is computed by the same operations in the same order, whichever thread it is on. What is
told of progress is told in the thread that asked; what that raises, Ctrl-C as well, ends all of them.
"""

from __future__ import annotations

import contextvars
from _thread import allocate_lock, start_new_thread  # threads of `threading` are waited for twice: half as soon
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Items
from queue import SimpleQueue
from typing import Any, TypeVar

from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.runtime.cores import idle_cores
from lstm_tui.engine.runtime.storage import Progress

Found = TypeVar("Found")
Told = Callable[[int], None]
"""Is told how many steps are done, over all pieces of work."""
Work = Callable[[Progress], Found]
"""One of them: it is given what it tells of its own steps, and returns what it found."""

LEAST_SECONDS = 1e-3
"""How long a piece has to take to be given a thread: to begin one and to wait for it takes a quarter of that."""
_STEP = {"numba": 1e-7, "numpy": 4e-5}
_PRODUCT = 3.3e-11
"""Seconds that a step takes at least, by interpreter, and for each number of a matrix that it multiplies by: about."""


def seconds_of(program: Program, steps: int, interpreter: str = "numba") -> float:
    """Return about how long a program is run for so many steps on an ordinary core."""
    return steps * (_STEP[interpreter] + _PRODUCT * sum(one.inner * one.rows for one in program.groups))


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
    return _Pieces(works, told).all(min(threads, len(works)))


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
