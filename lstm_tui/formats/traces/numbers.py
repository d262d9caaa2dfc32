"""The numbers of a trace file, whatever its format, and the checks that every format needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.json import Fields
from lstm_tui.formats.traces.header import FORMAT, VERSION


@dataclass
class Numbers:
    """The arrays of a trace file before they are put together.

    Attributes:
        passes: (t, n) by pass and value; the readout's series under `readout`.
        whole: The readout's values of the whole sequence, (n,).
        x: Numeric input (t, I), or None.
        output: (t, K) or None; a class that was not kept is NaN.
        result: (K,) or None; likewise.
    """

    passes: dict[str, dict[str, Array]] = field(default_factory=dict)
    whole: dict[str, Array] = field(default_factory=dict)
    x: Array | None = None
    output: Array | None = None
    result: Array | None = None


def check_header(content: Any, where: str) -> Fields:
    """Return a header whose format and version are ours.

    Raises:
        UserError: They are not.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{where}: is not a trace file; `lstm-tui trace FILE -o OUT.json` writes one")
    header = Fields(content, where)
    version = header.get("version", int)
    if version != VERSION:
        raise UserError(f"{where}: is of version {version}, and this program reads {VERSION}; update lstm-tui")
    return header


def dtype_of(header: Fields) -> np.dtype[Any]:
    """Return the precision of the run."""
    return np.dtype(header.inside("engine").choice("dtype", ("float32", "float64")))


def x_dtype_of(header: Fields) -> np.dtype[Any]:
    """Return the precision of the numeric input."""
    source = header.inside("input")
    return np.dtype(source.choice("dtype", ("float32", "float64")) if "dtype" in source.content else "float64")


def vector(values: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array:
    """Return a JSON list of numbers and nulls as an array (n,); a null is NaN."""
    array = _array(values, dtype, header, what)
    if array is None or array.ndim != 1:
        raise header.damaged(what, "must be a list of numbers")
    return array


def matrix(rows: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array:
    """Return equally long JSON lists of numbers and nulls as an array (t, n)."""
    array = _array(rows, dtype, header, what)
    if array is None or array.ndim != 2:
        raise header.damaged(what, "must be lists of numbers, equally long at every step")
    return array


def _array(values: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array | None:
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=dtype)
    except (ValueError, TypeError, OverflowError):
        return None
    if np.isinf(array).any():  # JSON has no infinity, so that it was a number
        raise header.damaged(what, f"holds a number that is too large for {dtype.name}")
    return array


def restore(array: Array, place: tuple[int, ...], word: Any, header: Fields) -> None:
    """Put NaN or an infinity back where the file has a null."""
    if word not in ("nan", "inf", "-inf"):
        raise header.damaged("nonfinite", 'must say "nan", "inf" or "-inf"')
    if any(not 0 <= k < n for k, n in zip(place, array.shape, strict=True)):
        raise header.damaged("nonfinite", "names a place that is not there")
    array[place] = float(word)
