"""The product of a matrix and a vector of each of many sequences: a matrix product, in the order of the row.

The matrix is packed as for a series (`products.pack_for_series`). A panel of it is taken to some sequences at a time,
whose sums stay in registers. No number of one sequence goes into a sum of another, so that each has the bits it has
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.products import TALL, masked_load, masked_store, rows_by_panel, rows_left

_HEIGHTS = (TALL, 4, 2, 1)
"""Sequences whose sums are in registers at a time: most first, and what is left by fewer."""
_SIGNATURE = (
    "ptr %out, ptr noalias %to, i64 %apart, ptr %x, ptr noalias %from, i64 %far, ptr noalias %w, i64 %count"
    ", i64 %inner, i64 %rows, i1 %adds"
)


class Vectors(NamedTuple):
    """A vector of each sequence.

    Attributes:
        base: Where the row of number 0 has it.
        rows: Where the number of the row of each sequence lies.
        width: Numbers of a row.
    """

    base: Value
    rows: Value
    width: int


def batch_product(assembly: Assembly, width: int, registers: int) -> str:
    """Return the name of the function that puts the product into a row of each sequence, or adds it there.

    Args:
        assembly: Where it goes.
        width: Rows of the matrix that a vector register holds.
        registers: Registers of a packed panel.
    """
    name = f"product_of_batch_{width}_{registers}"
    if assembly.has(name):
        return name
    function = Procedure(assembly, name, _SIGNATURE, inside=True)
    u = Lanes(function, width)
    wide = width * registers
    load, store = masked_load(u), masked_store(u)
    panels = function.value(f"udiv i64 {function.value(f'add i64 %rows, {wide - 1}')}, {wide}")

    def panel(number: Value, _: list[Value]) -> Sequence[Value]:
        first = function.value(f"mul i64 {number}, {wide}")
        w = function.at("%w", function.value(f"mul i64 {first}, %inner"))
        masks = [rows_left(u, function.value(f"add i64 {first}, {n * width}"), "%rows") for n in range(registers)]

        def row_of(which: str, base: Value, apart: Value, sequence: Value) -> Value:
            place = function.value(f"getelementptr i64, ptr {which}, i64 {sequence}")
            row = function.value(f"load i64, ptr {place}, align 8")
            return function.at(base, function.value(f"mul i64 {row}, {apart}"))

        def some(begin: Value, tall: int) -> None:
            sequences = [function.value(f"add i64 {begin}, {m}") for m in range(tall)]
            x = [row_of("%from", "%x", "%far", one) for one in sequences]

            sums = rows_by_panel(function, u, x, w, registers)
            for m, sequence in enumerate(sequences):
                line = function.at(row_of("%to", "%out", "%apart", sequence), first)
                for n in range(registers):
                    place, total = function.at(line, n * width), sums[m * registers + n]
                    before = load(place, masks[n], "%adds")
                    store(u.select_one("%adds", u.add(before, total), total), place, masks[n])

        _in_heights(function, some)
        return ()

    function.loop("0", panels, panel)
    function.end()
    return name


def _in_heights(function: Procedure, some: Callable[[Value, int], None]) -> None:
    """Write what takes all sequences: most at a time as long as there are so many, then fewer."""
    whole = function.value(f"udiv i64 %count, {TALL}")

    def tall(turn: Value, _: list[Value]) -> Sequence[Value]:
        some(function.value(f"mul i64 {turn}, {TALL}"), TALL)
        return ()

    def all_tall() -> None:
        function.loop("0", whole, tall)

    function.when(function.value(f"icmp ugt i64 {whole}, 0"), all_tall)
    done = function.value(f"mul i64 {whole}, {TALL}")
    for height in _HEIGHTS[1:]:
        left = function.value(f"sub i64 %count, {done}")
        enough = function.value(f"icmp uge i64 {left}, {height}")
        function.when(enough, partial(some, done, height))
        done = function.value(f"add i64 {done}, {function.value(f'select i1 {enough}, i64 {height}, i64 0')}")


def call_product(
    function: Procedure, name: str, out: Vectors, x: Vectors, factor: tuple[Value, int, int], adds: bool
) -> None:
    """Write a call of the product of `%count` sequences.

    Args:
        function: What is being written.
        name: Of the product.
        out: Where it goes.
        x: The vectors.
        factor: Where the matrix is packed, its columns and its rows.
        adds: Whether it is added to what is there.
    """
    w, inner, rows = factor
    function.do(
        f"call void @{name}(ptr {out.base}, ptr {out.rows}, i64 {out.width}, ptr {x.base}, ptr {x.rows}, i64 {x.width}"
        f", ptr {w}, i64 %count, i64 {inner}, i64 {rows}, i1 {'true' if adds else 'false'})"
    )
