"""A value at every step of a long run, read like an array and computed where it is looked at.

A run that is held in windows has no array of all its steps. What stands in the place of one is a series: it has the
shape of the array, its rows can be taken, and arithmetic on it makes another series. Rows come as arrays, with the
bits that the whole array would have. What needs all of it at once gets it, as long as that is little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, SupportsIndex, TypeGuard, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tape_places import TapePlaces, known_tape

Read = Callable[[int, int], Array]

AT_ONCE_BYTES = 8 * 2**20
"""Bytes up to which rows that are taken come as an array."""
MOST_BYTES = 128 * 2**20
"""Bytes up to which a whole series is put into one array."""
_CHUNK_BYTES, _CHUNK_LEAST, _CHUNK_STEPS = 2**20, 64, 4096
"""Of all of it at once so much is read together: what a narrow series is made of may be wide."""

_waits_for_nothing: ContextVar[bool] = ContextVar("waits_for_nothing", default=False)


@contextmanager
def computed_rows_only() -> Iterator[None]:
    """Have the rows that are not computed yet read as NaN in here, as what is drawn does: it waits for nothing."""
    token = _waits_for_nothing.set(True)
    try:
        yield
    finally:
        _waits_for_nothing.reset(token)


def wait_for_nothing() -> None:
    """Have them read so from here on in this context, and in the tasks that are begun in it; threads do wait."""
    _waits_for_nothing.set(True)


def waits_for_nothing() -> bool:
    """Say whether what runs here takes what is computed alone."""
    return _waits_for_nothing.get()


def is_windowed(values: Any) -> TypeGuard[WindowedSeries]:
    """Say whether values are computed where they are looked at, and not one array."""
    return isinstance(values, WindowedSeries)


class WindowedSeries(NDArrayOperatorsMixin):
    """A value at every step, (T, n) or (T,), whose rows are computed when they are read."""

    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, read: Read, steps: int, tail: tuple[int, ...], dtype: Any) -> None:
        """Hold how it is read.

        Args:
            read: Returns the rows from one step to before another, (stop - start, *tail); nobody writes to them.
            steps: T.
            tail: The shape of a row.
            dtype: Of its numbers.
        """
        self.read = read
        self.extremes: Callable[[], tuple[Array, Array] | None] | None = None  # least and largest over the steps
        self.source: tuple[Array, Array] | None = None  # ids and the table they are looked up in, where it is that
        self.tape: TapePlaces | None = None  # the tokens, where it is a value of a trace
        self.shape: tuple[int, ...] = (steps, *tail)
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes it would take as an array."""
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        """Return T."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Say what it is; no number of it is computed for that."""
        return f"<WindowedSeries {self.shape} {self.dtype}, held in windows>"

    def __iter__(self) -> Iterator[Array]:
        """Iterate over its rows."""
        for part in self.parts():
            yield from part

    def parts(self, step: int | None = None) -> Iterator[Array]:
        """Yield its rows as arrays of some steps each, from the first on."""
        step = step or self._chunk()
        for base in range(0, len(self), step):
            yield self.read(base, min(base + step, len(self)))

    def _chunk(self) -> int:
        each = max(math.prod(self.shape[1:]) * self.dtype.itemsize, 1)
        return min(max(_CHUNK_BYTES // int(each), _CHUNK_LEAST), _CHUNK_STEPS)

    # --- rows of it ---

    def at(self, where: str | SupportsIndex) -> Array:
        """Return the numbers at one token, (n,): the first of several alike, or a place on the tape.

        Raises:
            UserError: There is no such token or place, or this is a part of a value that knows no tape.
        """
        return cast(Array, self[known_tape(self.tape).of(where)])

    def __getitem__(self, index: Any) -> Any:
        """Return rows of it, as an array where they are few, else as a series; indices are those of an array."""
        rows, rest = (index[0], index[1:]) if isinstance(index, tuple) and index else (index, ())
        if rows is Ellipsis or rows is None:
            return self._whole()[index]
        if isinstance(rows, (int, np.integer)):
            t = int(rows)
            t += len(self) if t < 0 else 0
            if not 0 <= t < len(self):
                raise IndexError(f"step {int(rows)} of {len(self)}")
            row = self.read(t, t + 1)[0]
            return row[rest] if rest else row
        if isinstance(rows, slice):
            made = self if rows == slice(None) else self._sliced(*rows.indices(len(self)))
            made = made._picked(rest) if rest else made
            return made._whole() if made.nbytes <= AT_ONCE_BYTES and len(made) < len(self) else made
        places = np.asarray(rows)
        if places.dtype == np.bool_:
            if places.ndim != 1:
                return self._whole()[index]
            places = np.flatnonzero(places)
        if places.ndim != 1:
            return self._whole()[index]
        taken = self._taken(np.where(places < 0, places + len(self), places))
        if not rest:
            return taken
        if isinstance(rest[0], slice) or len(rest) > 1:
            return taken[(slice(None), *rest)]
        return taken[(np.arange(len(taken)), *rest)]

    def _sliced(self, start: int, stop: int, step: int) -> WindowedSeries:
        count = len(range(start, stop, step))
        if step == 1:
            return WindowedSeries(lambda a, b: self.read(start + a, start + b), count, self.shape[1:], self.dtype)
        if step == -1:
            made = WindowedSeries(
                lambda a, b: self.read(start - b + 1, start - a + 1)[::-1] if b > a else self.read(0, 0),
                count, self.shape[1:], self.dtype,
            )  # fmt: skip
            made.extremes = self.extremes if count == len(self) else None
            return made
        places = range(start, stop, step)
        return WindowedSeries(
            lambda a, b: self._taken(np.array(places[a:b], np.int64)), count, self.shape[1:], self.dtype
        )

    def _picked(self, rest: tuple[Any, ...]) -> WindowedSeries:
        """Return some entries of every row."""
        index = (slice(None), *rest)
        tail = np.empty((1, *self.shape[1:]), np.bool_)[index].shape[1:]
        return WindowedSeries(lambda a, b: self.read(a, b)[index], len(self), tail, self.dtype)

    def _taken(self, places: Array) -> Array:
        """Return the rows of some places, in their order, (S, …): those that lie together are read together."""
        result = np.empty((len(places), *self.shape[1:]), self.dtype)
        step, base = self._chunk(), 0
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        while base < len(ordered):
            first = int(ordered[base])
            end = int(np.searchsorted(ordered, first + step))
            near = ordered[base:end]
            result[order[base:end]] = self.read(first, int(near[-1]) + 1)[near - first]
            base = end
        return result

    # --- all of it ---

    def _whole(self) -> Array:
        """Return all of it as an array.

        Raises:
            UserError: It would be larger than a run that is held in windows may make it.
        """
        if self.nbytes > max(MOST_BYTES, AT_ONCE_BYTES):
            raise UserError(
                f"this needs {self.nbytes >> 20} MB of a run of {len(self)} tokens at once, which is held in windows "
                f"of a few hundred: ask for fewer tokens, or open fewer"
            )
        if len(self) <= self._chunk():
            return self.read(0, len(self))
        result = np.empty(self.shape, self.dtype)
        base = 0
        for part in self.parts():
            result[base : base + len(part)] = part
            base += len(part)
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all of it as an array."""
        made = self._whole()
        return made if dtype is None else made.astype(dtype, copy=False)

    def __getattr__(self, name: str) -> Any:
        """Return what an array has besides, of all of it in one array."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._whole(), name)

    # --- arithmetic ---

    def mapped(self, apply: Callable[[Array], Array]) -> WindowedSeries:
        """Return what a function makes of its rows, each of itself alone."""
        empty = np.asarray(apply(np.empty((0, *self.shape[1:]), self.dtype)))
        return WindowedSeries(lambda a, b: np.asarray(apply(self.read(a, b))), len(self), empty.shape[1:], empty.dtype)

    def astype(self, dtype: Any, **_: Any) -> WindowedSeries:
        """Return it in another type of number."""
        return self.mapped(lambda part: part.astype(dtype, copy=False))

    def view(self) -> WindowedSeries:
        """Return it; nobody can write to it."""
        return self

    def copy(self) -> Array:
        """Return all of it as an array."""
        return self._whole()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Do row by row what is done unit by unit, when its rows are read."""
        if method == "reduce" and len(inputs) == 1 and not kwargs.get("out"):
            return self._reduced(ufunc, **kwargs)
        if method != "__call__" or kwargs or ufunc.nout != 1 or ufunc.signature is not None:
            given = [one._whole() if isinstance(one, WindowedSeries) else one for one in inputs]
            return getattr(ufunc, method)(*given, **kwargs)
        return _elementwise(ufunc, inputs)

    def _reduced(
        self, ufunc: np.ufunc, axis: Any = 0, keepdims: bool = False, initial: Any = None, where: Any = True, **_: Any
    ) -> Any:
        along = axis + self.ndim if isinstance(axis, int) and axis < 0 else axis
        if isinstance(along, int) and along > 0 and initial is None and where is True:
            return self.mapped(lambda part: np.asarray(ufunc.reduce(part, axis=along, keepdims=keepdims)))
        if along not in (0, None) or ufunc not in _OF_PARTS or (ufunc is np.add and where is not True):
            beside: dict[str, Any] = {} if initial is None else {"initial": initial}
            beside |= {} if where is True else {"where": np.asarray(where)}
            return ufunc.reduce(self._whole(), axis=axis, keepdims=keepdims, **beside)
        if ufunc is np.add and self.dtype == np.bool_:  # truths are counted
            return self.astype(np.int64)._reduced(ufunc, axis, keepdims)
        found: Any = None
        base = 0
        for part in self.parts():
            told: dict[str, Any] = {} if where is True else {"where": rows_of(where, base, base + len(part))}
            base += len(part)
            if initial is not None:
                told["initial"] = initial
            if found is not None and ufunc is np.add and along == 0:  # added up from the first step on, as an array is
                part = np.concatenate([found if keepdims else found[None], part], dtype=part.dtype)
                found = None
            each = ufunc.reduce(part, axis=along, keepdims=keepdims, **told)
            found = each if found is None else ufunc(found, each)
        return found

    def max(
        self, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        """Return the largest of it; over the steps it may be known."""
        if axis == 0 and not keepdims and initial is None and where is True and (known := self._known_extremes()):
            return known[1]
        return self._reduced(np.maximum, axis, keepdims, initial, where)

    def min(
        self, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        """Return the smallest of it; over the steps it may be known."""
        if axis == 0 and not keepdims and initial is None and where is True and (known := self._known_extremes()):
            return known[0]
        return self._reduced(np.minimum, axis, keepdims, initial, where)

    def _known_extremes(self) -> tuple[Array, Array] | None:
        return None if self.extremes is None else self.extremes()

    def any(self, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
        """Return whether any of it is true."""
        return self._reduced(np.logical_or, axis, keepdims)

    def all(self, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
        """Return whether all of it is true."""
        return self._reduced(np.logical_and, axis, keepdims)

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
        """Return its sum."""
        return (self if dtype is None else self.astype(dtype))._reduced(np.add, axis, keepdims)

    def mean(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
        """Return its mean."""
        along = axis + self.ndim if isinstance(axis, int) and axis < 0 else axis
        if isinstance(along, int) and along > 0:
            return self.mapped(lambda part: np.asarray(part.mean(axis=along, dtype=dtype, keepdims=keepdims)))
        total = self.sum(axis, dtype, None, keepdims)
        count = self.size if along is None else len(self)
        return np.true_divide(total, count, dtype=np.asarray(total).dtype) if count else total


_OF_PARTS = (np.maximum, np.minimum, np.logical_or, np.logical_and, np.add)


def _elementwise(ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    """Return what a function of single numbers makes of series, and of arrays that are the same at every step."""
    steps = next(len(one) for one in inputs if isinstance(one, WindowedSeries))
    ndim = max(np.ndim(one) if not isinstance(one, WindowedSeries) else one.ndim for one in inputs)
    takes: list[Callable[[int, int], Any]] = []
    heads: list[Any] = []
    for one in inputs:
        if isinstance(one, WindowedSeries):
            if len(one) != steps or one.ndim != ndim:  # spread in another way
                return ufunc(*(np.asarray(each) if isinstance(each, WindowedSeries) else each for each in inputs))
            takes.append(one.read)
            heads.append(np.empty((0, *one.shape[1:]), one.dtype))
            continue
        given: Any = one if isinstance(one, (int, float, bool, np.generic)) else np.asarray(one)
        if np.ndim(given) == ndim and np.shape(given)[0] != 1:
            takes.append(lambda a, b, given=given: given[a:b])  # type: ignore[misc]
            heads.append(given[:0])
        else:
            takes.append(lambda a, b, given=given: given)  # type: ignore[misc]
            heads.append(given)
    with np.errstate(all="ignore"):
        empty = ufunc(*heads)
    return WindowedSeries(lambda a, b: ufunc(*(take(a, b) for take in takes)), steps, empty.shape[1:], empty.dtype)


class PendingValue(NDArrayOperatorsMixin):
    """A value of a whole run, (n,), that is computed when it is first looked at."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, compute: Callable[[], Array], is_ready: Callable[[], bool], size: int, dtype: Any) -> None:
        """Hold how it is computed.

        Args:
            compute: Returns it, (n,); it is asked again each time.
            is_ready: Says whether that takes no more than to look it up.
            size: n.
            dtype: Of its numbers.
        """
        self._compute, self._is_ready = compute, is_ready
        self.shape, self.ndim, self.dtype = (size,), 1, np.dtype(dtype)

    @property
    def is_ready(self) -> bool:
        """Whether it is computed."""
        return self._is_ready()

    def __len__(self) -> int:
        """Return n."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Say what it is; it is not computed for that."""
        return f"<PendingValue {self.shape} {self.dtype}>"

    def _whole(self) -> Array:
        if waits_for_nothing() and not self.is_ready:
            return np.full(self.shape, np.nan, self.dtype)
        return self._compute()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return it as an array."""
        made = self._whole()
        return made if dtype is None else made.astype(dtype, copy=False)

    def __getitem__(self, index: Any) -> Any:
        """Return a part of it; of a range, a value that is computed when it is looked at."""
        if isinstance(index, slice) and not self.is_ready:
            size = len(range(*index.indices(len(self))))
            return PendingValue(lambda: self._compute()[index], self._is_ready, size, self.dtype)
        return self._whole()[index]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over its numbers."""
        return iter(self._whole())

    def __getattr__(self, name: str) -> Any:
        """Return what an array has besides."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._whole(), name)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Do what is done with an array."""
        given = [one._whole() if isinstance(one, PendingValue) else one for one in inputs]
        return getattr(ufunc, method)(*given, **kwargs)


def is_not_known_yet(values: Any) -> bool:
    """Say whether a value of a whole run is still to be computed."""
    return isinstance(values, PendingValue) and not values.is_ready


def as_array(series: WindowedSeries | PendingValue) -> Array:
    """Return a series under the name of what it stands for: whoever reads it reads it like an array."""
    return cast(Array, series)


def rows_of(values: Array, start: int, stop: int) -> Array:
    """Return the rows of some steps as an array, of an array or of a series."""
    return values.read(start, stop) if is_windowed(values) else values[start:stop]


def joined(read: Callable[[int], Array], size: int, start: int, stop: int) -> Array:
    """Return rows that lie in windows of so many steps each.

    Args:
        read: Returns the rows of a window by its number.
        size: Steps of a window.
        start: First step.
        stop: Step after the last.
    """
    if stop <= start:
        return read(0)[:0]
    parts = []
    for number in range(start // size, (stop - 1) // size + 1):
        base = number * size
        rows = read(number)
        parts.append(rows[max(start - base, 0) : stop - base])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
