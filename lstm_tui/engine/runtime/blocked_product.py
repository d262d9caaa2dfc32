"""Products of many rows at once as NumPy takes them, of which a row has the same bits however it is reached.

A matrix product of another shape may round differently, so they are always taken for 64 steps at a time, at multiples
of 64 of the pass's own steps and filled up with zeros. What is compiled needs no such rule: see `fused.products`.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime.blas import one_thread

BLOCK = 64


@one_thread
def blocked_product(
    series: Array, block: Array, start: int = 0, stop: int | None = None, out: Array | None = None
) -> Array:
    """Return series[start:stop] @ block, taken 64 rows at a time at multiples of 64; see `interpreters.Interpreter`."""
    stop = len(series) if stop is None else stop
    result = np.empty((stop - start, block.shape[1]), dtype=block.dtype) if out is None else out
    padded: Array | None = None
    with np.errstate(all="ignore"):
        for base in range(start - start % BLOCK, stop, BLOCK):
            piece = series[base : base + BLOCK]
            if not (len(piece) == BLOCK and piece.flags.c_contiguous and piece.dtype == block.dtype):
                padded = np.zeros((BLOCK, block.shape[0]), dtype=block.dtype) if padded is None else padded
                padded[: len(piece)] = piece
                padded[len(piece) :] = 0
                piece = padded
            first, last = max(base, start), min(base + BLOCK, stop)
            if last - first == BLOCK:
                np.matmul(piece, block, out=result[first - start : last - start])
            else:
                result[first - start : last - start] = (piece @ block)[first - base : last - base]
    return result
