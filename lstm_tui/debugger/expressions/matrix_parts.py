"""Matrices as values: their rows, columns and blocks, what they are turned, and products with them.

A matrix is a series with a shape, its rows one after another. What is left with one row or one column is a vector.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.expressions.series import Series, numbers
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Shape


def laid_out(of: Series, shape: Shape, head: int = 0) -> Series:
    """Return one head of a memory as a matrix, its entries still named as the units of the memory that they are.

    Args:
        of: The memory, all of its units in their order.
        shape: Heads, rows and columns of it.
        head: Which head.
    """
    first = shape.unit(head, 0, 0)
    part = _taken(of, np.arange(first, first + shape.rows * shape.columns))
    return replace(part, shape=(shape.rows, shape.columns), units=0, stride=1, flat=(first, shape.columns))


def rows(of: Series, chosen: range) -> Series:
    """Return some rows of a matrix; one alone is a vector."""
    assert of.shape is not None
    return block(of, chosen, range(of.shape[1]))


def block(of: Series, chosen: range, columns: range) -> Series:
    """Return what stands in some rows and some columns of a matrix, neither of them none.

    One row alone or one column alone is a vector, and both are one number.
    """
    assert of.shape is not None
    entries = (np.array(chosen)[:, None] * of.shape[1] + np.array(columns)).ravel()
    line = (of.unit_of(chosen.start) or 0, of.stride * chosen.step)
    across = (of.columns[0] + of.columns[1] * columns.start, of.columns[1] * columns.step)
    found = replace(_taken(of, entries), shape=None, flat=None, columns=(0, 1))
    if len(chosen) > 1 < len(columns):
        return replace(
            found, shape=(len(chosen), len(columns)), units=line[0], stride=line[1], columns=across, flat=of.flat
        )
    is_row = len(chosen) == 1
    if of.flat is not None:
        first, width = of.flat
        unit = first + line[0] * width + across[0]
        return replace(found, units=unit, stride=across[1] if is_row else line[1] * width)
    if is_row:
        return replace(found, row=line[0], units=across[0], stride=across[1])
    return replace(found, column=across[0], units=line[0], stride=line[1])


def _taken(of: Series, entries: Array) -> Series:
    values, known, unknown = (
        one if one.shape[1] == 1 else one[:, entries] for one in (of.values, of.known, of.unknown)
    )
    return replace(of, values=values, known=known, unknown=unknown)


def transposed(of: Series) -> Series:
    """Return a matrix with its rows and columns exchanged; a vector stays as it is."""
    if of.shape is None:
        return of
    count, width = of.shape
    entries = np.arange(of.size).reshape(count, width).T.ravel()
    return replace(
        _taken(of, entries), shape=(width, count), units=0, stride=1, columns=(0, 1), flat=None
    )  # fmt: skip


def inner_sizes(left: Series, right: Series) -> tuple[int, int]:
    """Return the two sizes that a product sums over: columns of what stands left, and rows of what stands right."""
    return (
        left.size if left.shape is None else left.shape[1],
        right.size if right.shape is None else right.shape[0],
    )


def product(left: Series, right: Series) -> Series:
    """Return `left @ right` as NumPy has it, at every step: of matrices a matrix, of two vectors their dot product.

    A number right of a matrix stands for a vector of it. The sizes that are summed over are the same.
    """
    known = left.known & right.known
    if left.shape is not None and right.shape is None:
        width = left.shape[1]
        vectors = np.broadcast_to(right.values, (len(right.values), width))
        if len(left.values) == 1:
            found = vectors @ left.values.reshape(left.shape).T
        else:
            found = (left.values.reshape(-1, *left.shape) @ vectors[:, :, None])[:, :, 0]
        return numbers(found, known, left, right)
    if left.shape is None and right.shape is None:
        return numbers((left.values[:, None, :] @ right.values[:, :, None])[:, 0], known, left, right)
    assert right.shape is not None
    if left.shape is None:
        found = (left.values[:, None, :] @ right.values.reshape(-1, *right.shape))[:, 0]
        return numbers(found, known, left, right)
    whole = left.values.reshape(-1, *left.shape) @ right.values.reshape(-1, *right.shape)
    return replace(numbers(whole.reshape(len(whole), -1), known, left, right), shape=(left.shape[0], right.shape[1]))
