"""Arrays that begin at a cache line, arrays that grow at their end, and memory that is used again.

Matrix products run up to a third faster on aligned rows. Growing costs what is added; what was handed out of a growing
array is never written again.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

LINE = 64
"""Bytes that a processor fetches at once."""


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array that is not cleared and starts a line of memory."""
    return aligned_at(shape, dtype)[0]


def aligned_at(shape: tuple[int, ...], dtype: Any) -> tuple[Array, int]:
    """Return such an array, and its address: to ask an array for that takes a microsecond."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + LINE, dtype=np.uint8)
    begin = room.ctypes.data
    start = -begin % LINE
    return np.ndarray(shape, dtype, room, start), begin + start


def aligned_copy(array: Array, dtype: Any = None) -> Array:
    """Return a copy, in another dtype if asked, that starts a line of memory."""
    copy = aligned(array.shape, array.dtype if dtype is None else dtype)
    copy[...] = array
    return copy


Take = Callable[[tuple[int, ...], Any], Array]
"""What gives an array of a shape and dtype that is not cleared and starts a line of memory, as `aligned` does."""


class Workspace:
    """Memory that is used again for one piece of work after another, since memory fresh from the system is slow.

    Threads may take of it at once.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._turn = threading.Lock()
        self._room, self._begin = aligned_at((0,), np.uint8)
        self._used = self._wanted = 0

    @property
    def wanted(self) -> int:
        """Bytes that were taken at once, or may be taken without any that are new."""
        return max(self._wanted, len(self._room))

    def begin(self) -> None:
        """Begin with the next piece of work: every array that was taken before may be written over."""
        if self._wanted > len(self._room):
            self._room, self._begin = aligned_at((self._wanted,), np.uint8)
        self._used = self._wanted = 0

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array that is not cleared and starts a line of memory; it is new where there is not enough."""
        return self.take_at(shape, dtype)[0]

    def take_at(self, shape: tuple[int, ...], dtype: Any) -> tuple[Array, int]:
        """Return such an array, and its address."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with self._turn:
            start = self._used
            stop = self._used = start + -(-size // LINE) * LINE
            self._wanted = max(self._wanted, stop)
        if stop > len(self._room):
            return aligned_at(shape, dtype)
        return np.ndarray(shape, dtype, self._room, start), self._begin + start

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Give what is taken inside to whoever takes next."""
        used = self._used
        try:
            yield
        finally:
            self._used = used


class SpareMemory:
    """Workspaces that nobody works in now: whoever works next, in any thread, has the memory of who worked before.

    What is given back to the system comes cleared, page by page, which takes as long as to pack the matrices of 512
    units that are put there.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        """Begin with none.

        Args:
            most: Workspaces that are kept.
            most_bytes: Most bytes of one that is kept.
        """
        self._idle: list[Workspace] = []
        self._most, self._most_bytes = most, most_bytes

    def take(self) -> Workspace:
        """Return a workspace that is the caller's own until it is given back."""
        try:
            made = self._idle.pop()
        except IndexError:
            made = Workspace()
        made.begin()
        return made

    def give_back(self, workspace: Workspace) -> None:
        """Have its memory used again: nothing that was taken of it may be read from here on."""
        if len(self._idle) < self._most and workspace.wanted <= self._most_bytes:
            self._idle.append(workspace)


_LEAST = 64  # rows for which there is room at first


class Room:
    """An array with room behind it, twice as much whenever it is full.

    Attributes:
        used: How many of its rows are in use.
    """

    def __init__(self, array: Array) -> None:
        """Begin with what is there, which is copied when it first grows."""
        self._array, self.used = array, len(array)

    def more(self, count: int) -> Array:
        """Return it with so many rows behind it, which are still to be written."""
        used = self.used + count
        if used > len(self._array):
            array = aligned((max(2 * used, _LEAST), *self._array.shape[1:]), self._array.dtype)
            array[: self.used] = self._array[: self.used]
            self._array = array
        self.used = used
        return self._array[:used]

    def put(self, rows: Array) -> Array:
        """Return it with rows behind it."""
        array = self.more(len(rows))
        array[len(array) - len(rows) :] = rows
        return array
