"""Ops that do the same to neighbouring slots are taken as one: the sums of all gates in one go.

This changes no bit, since each unit of such an op depends on its own numbers alone. It saves a small network
half its ops.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.program import Space

_ELEMENTWISE = {int(op.code) for op in OPS.values() if op.elementwise}
_OPERANDS = (3, 6, 9)  # columns of the table: space, offset and size of each operand


def packed(table: Array) -> Array:
    """Return the instruction table with ops joined where one continues another in all it reads and writes.

    An op is only moved up to an earlier one when nothing that it reads is written there or in between.
    """
    kept: list[Array] = []
    ending: dict[tuple[int, int], int] = {}  # op code and end of its target to its place in `kept`
    for row in table.copy():
        place = ending.get((int(row[0]), int(row[1])))
        if place is not None and _continues(kept[place], row) and not _waits(row, kept[place:]):
            del ending[int(row[0]), int(row[1])]
            size = int(row[2])
            for column in (2, *(operand + 2 for operand in _OPERANDS if row[operand + 2])):
                kept[place][column] += size
        else:
            place = len(kept)
            kept.append(row)
        if int(row[0]) in _ELEMENTWISE:
            ending[int(row[0]), int(kept[place][1] + kept[place][2])] = place
    return np.array(kept, dtype=np.int64).reshape(-1, table.shape[1])


def _continues(first: Array, row: Array) -> bool:
    """Say whether every operand of `row` starts where that of `first` ends, none of them a spread number."""
    return all(
        first[n + 2] == first[2] * (row[n + 2] > 0)
        and row[n + 2] in (0, row[2])
        and (row[n + 2] == 0 or (first[n] == row[n] and first[n + 1] + first[n + 2] == row[n + 1]))
        for n in _OPERANDS
    )


def _waits(row: Array, later: list[Array]) -> bool:
    """Say whether `row` reads, of this step, what one of `later` writes."""
    reads = [(row[n + 1], row[n + 1] + row[n + 2]) for n in _OPERANDS if row[n + 2] and row[n] == Space.CURRENT]
    return any(start < one[1] + one[2] and one[1] < stop for one in later for start, stop in reads)
