"""A way back of one sequence whose steps two threads share: what is compiled for it, and how it is gone through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from functools import partial
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import LINE
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.batch_layout import BackLayout
from lstm_tui.engine.runtime.fused.compiled_steps import LONG, POINTER, address_of, assembly_of, matrix_of, vector_of
from lstm_tui.engine.runtime.fused.halves import numbers_of, packed_places
from lstm_tui.engine.runtime.fused.host import Compiled
from lstm_tui.engine.runtime.fused.schedule import Together
from lstm_tui.engine.runtime.fused.shared_back import turned_panels, write_shared_back
from lstm_tui.engine.runtime.fused.shared_run import InTurn, SharedSteps
from lstm_tui.engine.runtime.side_by_side import Parts, Second

_ASIDE = 256
"""Columns of a matrix that is turned at a time."""
Part = Callable[[], None]


def take_parts(parts: Items[Part], second: Second | None) -> None:
    """Take parts of which none needs another, with a second thread where there is one."""
    if second is None:
        for part in parts:
            part()
        return
    both = Parts(parts)
    second.offer(both)
    both.finish()


class SharedBack:
    """The step back of a page, of one sequence, that two threads share: the bits of `BatchBack`."""

    def __init__(self, made: list[Together], layout: BackLayout, dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            made: The loops of the page.
            layout: Where everything lies.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here, or not for this.
        """
        vector = vector_of(dtype)
        products = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._rows = [(take, turned_panels(take, vector)) for take in products]
        assembly = assembly_of(dtype)
        write_shared_back(assembly, made, layout, vector)
        made_of = Compiled(assembly.text(), assembly.needs)
        self._machine = made_of.function("shared_back", *[POINTER] * 7, LONG, POINTER, POINTER, LONG, LONG)

    def run(
        self, kept: Array, out: Array, carried: Array, scratch: Array, flat: Array, gradient: Array,
        second: Second | None, taken: Taken,
    ) -> None:  # fmt: skip
        """Go back through all steps.

        Args:
            kept: What the step forwards kept, (T + 1, n): here and below, the row before the steps is the first.
            out: Where what comes back to products and inputs goes; 0 at its `open_places`.
            carried: What comes back to states and from outside.
            scratch: A row of zeros for a step.
            flat: The flat parameters.
            gradient: That by the flat parameters is added here.
            second: What helps, if anything does.
            taken: Gives memory.
        """
        sizes = [numbers_of(rows, take.size) for take, rows in self._rows]
        packed = taken((sum(sizes),), flat.dtype)
        take_parts(list(self._packing(flat, packed)), second)
        arrays = (kept, flat, packed, out, carried, scratch, gradient)
        steps = SharedSteps(self._machine, arrays, (*map(address_of, arrays), len(out) - 1), ())
        if second is None:
            steps.here()
            return
        together = InTurn([steps], [(0, len(out) - 1)], _nothing)
        second.offer(Parts((), together))
        for _ in together.here():
            pass

    def _packing(self, flat: Array, packed: Array) -> Iterator[Part]:
        """Yield what turns the matrices and packs them, in parts."""
        begin, size = 0, flat.itemsize
        for take, rows in self._rows:
            block = matrix_of(take, flat)
            for first, count, place, wide in packed_places(rows, take.size):
                start = (begin + place) * size
                room = np.ndarray((take.size, count), flat.dtype, packed.data, start, (wide * size, size))
                yield partial(_put_turned, room, block[first : first + count])
            begin += numbers_of(rows, take.size)


def _put_turned(room: Array, block: Array) -> None:
    """Put a matrix (n, columns) into a room (columns, n), a piece after the other beside which nothing lies.

    The rows of a large matrix lie so far apart that the processor's cache has the same place for all of them.
    """
    aside = np.empty((len(block), _ASIDE + LINE // block.itemsize), block.dtype)[:, :_ASIDE]
    for first in range(0, len(room), _ASIDE):
        part = aside[:, : min(_ASIDE, len(room) - first)]
        part[:] = block[:, first : first + _ASIDE]
        room[first : first + _ASIDE] = part.T


def _nothing(*_: Any) -> None:
    return None
