"""Parts of a piece of work as words that machine code reads: a function, and what it is called with."""

from __future__ import annotations

from collections.abc import Callable

from lstm_tui.engine.runtime.fused.assembly import Assembly, Procedure, Value
from lstm_tui.engine.runtime.fused.compiled_steps import LONG, NEWEST, POINTER
from lstm_tui.engine.runtime.fused.host import Compiled, Machine, host

ARGUMENTS = ("ptr", "i64", "ptr", "i64", "ptr", "i64", "i64", "i64")
"""What every such function takes, as `products.series_product` says."""
CALL = 1 + len(ARGUMENTS)
"""Words of a part."""
_AT_ONCE = 16
"""Words that are moved at once."""


def write_packs(assembly: Assembly) -> None:
    """Write `packs`: lines of words of 32 bits are put elsewhere, `%apart` and `%far` bytes from one to the next."""
    if assembly.has("packs"):
        return
    parameters = "ptr %out, i64 %apart, ptr %x, i64 %far, ptr %w, i64 %lines, i64 %words, i64 %d"
    function = Procedure(assembly, "packs", parameters)
    many = function.value(f"udiv i64 %words, {_AT_ONCE}")
    first_left = function.value(f"mul i64 {many}, {_AT_ONCE}")

    def line(number: Value, _: list[Value]) -> tuple[()]:
        read, write = (
            function.value(f"getelementptr i8, ptr {base}, i64 {function.value(f'mul i64 {number}, {apart}')}")
            for base, apart in (("%x", "%far"), ("%out", "%apart"))
        )

        def copy(kind: str) -> Callable[[Value, list[Value]], tuple[()]]:
            def turn(n: Value, _: list[Value]) -> tuple[()]:
                there, here = (function.value(f"getelementptr {kind}, ptr {one}, i64 {n}") for one in (read, write))
                moved = function.value(f"load {kind}, ptr {there}, align 4")
                function.do(f"store {kind} {moved}, ptr {here}, align 4")
                return ()

            return turn

        def by_many() -> None:
            function.loop("0", many, copy(f"<{_AT_ONCE} x i32>"))

        def one_by_one() -> None:
            function.loop(first_left, "%words", copy("i32"))

        function.when(function.value(f"icmp ugt i64 {many}, 0"), by_many)
        function.when(function.value(f"icmp ult i64 {first_left}, %words"), one_by_one)
        return ()

    function.loop("0", "%lines", line)
    function.end()


def write_call(function: Procedure, words: Value) -> None:
    """Write that the function of a part is called, whose words begin at an address."""
    read = [function.value(f"getelementptr i64, ptr {words}, i64 {n}") for n in range(CALL)]
    called = function.value(f"load ptr, ptr {read[0]}")
    given = [
        f"{kind} {function.value(f'load {kind}, ptr {one}')}" for kind, one in zip(ARGUMENTS, read[1:], strict=True)
    ]
    function.do(f"call void {called}({', '.join(given)})")


class PartsInOrder:
    """Takes parts one after another, in this thread."""

    def __init__(self) -> None:
        """Compile it.

        Raises:
            Exception: LLVM cannot be used here.
        """
        assembly = Assembly("float", False)
        write_packs(assembly)
        function = Procedure(assembly, "takes", "ptr %parts, i64 %count")

        def part(number: Value, _: list[Value]) -> tuple[()]:
            place = function.value(f"mul i64 {number}, {CALL}")
            write_call(function, function.value(f"getelementptr i64, ptr %parts, i64 {place}"))
            return ()

        function.loop("0", "%count", part)
        function.end()
        made = Compiled(assembly.text())
        self.take: Machine = made.function("takes", POINTER, LONG)
        self.packs = made.address("packs")


def parts_in_order() -> PartsInOrder:
    """Return what takes parts here; it is compiled once."""
    return NEWEST.held((PartsInOrder, host()), PartsInOrder)
