"""LLVM's assembly, written line by line: numbers, vectors of them, and loops.

Everything is named by a number, so nothing that a cell file says is ever part of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import field

from lstm_tui.engine.dataclass import dataclass

Value = str
"""A name such as %v7, or a constant."""
Body = Callable[[Value, list[Value]], Sequence[Value]]


@dataclass
class Assembly:
    """What a module holds beside its functions: declarations and functions that others call, each once.

    Attributes:
        number: float or double.
        fused: Whether a product and the sum it goes into are rounded once, as the host's own instruction does.
        scales: Whether the host has an instruction for a number times a power of two.
        needs: Names of the C library that are called.
    """

    number: str
    fused: bool
    scales: bool = False
    needs: set[str] = field(default_factory=set)
    _pieces: dict[str, str] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        """Bits of a number."""
        return 32 if self.number == "float" else 64

    def once(self, name: str, text: Callable[[], str]) -> str:
        """Add a declaration or function under its name, if it is not there; return the name."""
        if name not in self._pieces:
            self._pieces[name] = text()
        return name

    def has(self, name: str) -> bool:
        """Say whether a declaration or function of this name is there."""
        return name in self._pieces

    def text(self) -> str:
        """Return the whole module."""
        return "\n".join(self._pieces.values())


class Procedure:
    """One function that is being written."""

    def __init__(self, assembly: Assembly, name: str, signature: str, inside: bool = False) -> None:
        """Begin a function.

        Args:
            assembly: What it stands in.
            name: Its name.
            signature: Its parameters, such as "ptr noalias %rows, i64 %start".
            inside: Whether others of the module alone call it, as one function.
        """
        self.assembly, self._name = assembly, name
        kind, end = ("internal void", " noinline") if inside else ("void", "")
        self._lines: list[str] = [f"define {kind} @{name}({signature}){end} {{", "entry:"]
        self._count, self._block = 0, "entry"

    def end(self) -> None:
        """Return from it, and add it to the module."""
        self.do("ret void")
        self._lines.append("}")
        self.assembly.once(self._name, lambda: "\n".join(self._lines))

    def value(self, text: str) -> Value:
        """Add an instruction that yields something, and return its name."""
        name = self._fresh("%v")
        self._lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction that yields nothing."""
        self._lines.append(f"  {text}")

    def loop(self, start: Value, stop: Value, body: Body, carried: Sequence[tuple[str, Value]] = ()) -> list[Value]:
        """Write a loop over start … stop - 1, which is taken once at least; return what it carries out.

        Args:
            start: First place.
            stop: Place after the last.
            body: Given the place and what is carried, writes one turn and returns what is carried on.
            carried: Type and first value of what one turn hands to the next.
        """
        before, head, end = self._block, self._fresh("b"), self._fresh("b")
        self._begin(head)
        place, here = self._fresh("%v"), len(self._lines)
        names = [self._fresh("%v") for _ in carried]
        self._lines.append("")
        handed = list(body(place, names))
        following = self.value(f"add i64 {place}, 1")
        more = self.value(f"icmp slt i64 {following}, {stop}")
        last = self._block
        self.do(f"br i1 {more}, label %{head}, label %{end}")
        heads = [("i64", start, following, place)]
        heads += [(kind, first, on, name) for (kind, first), on, name in zip(carried, handed, names, strict=True)]
        self._lines[here] = "\n".join(
            f"  {name} = phi {kind} [ {first}, %{before} ], [ {on}, %{last} ]" for kind, first, on, name in heads
        )
        self._lines.append(f"{end}:")
        self._block = end
        return handed

    def backwards(self, start: Value, stop: Value, body: Callable[[Value], None]) -> None:
        """Write a loop over stop - 1 … start."""
        last = self.value(f"add i64 {stop}, -1")

        def turn(place: Value, _: list[Value]) -> Sequence[Value]:
            gone = self.value(f"sub i64 {place}, {start}")
            body(self.value(f"sub i64 {last}, {gone}"))
            return ()

        self.loop(start, stop, turn)

    def when(self, condition: Value, body: Callable[[], None]) -> None:
        """Write what is done under a condition alone."""
        then, end = self._fresh("b"), self._fresh("b")
        self.do(f"br i1 {condition}, label %{then}, label %{end}")
        self._lines.append(f"{then}:")
        self._block = then
        body()
        self._begin(end)

    def leave_when(self, condition: Value) -> None:
        """Return under a condition."""
        then, end = self._fresh("b"), self._fresh("b")
        self.do(f"br i1 {condition}, label %{then}, label %{end}")
        self._lines += [f"{then}:", "  ret void", f"{end}:"]
        self._block = end

    def at(self, base: Value, offset: Value | int) -> Value:
        """Return the address of a number behind a base."""
        if offset in (0, "0"):
            return base
        return self.value(f"getelementptr {self.assembly.number}, ptr {base}, i64 {offset}")

    def _begin(self, label: str) -> None:
        self.do(f"br label %{label}")
        self._lines.append(f"{label}:")
        self._block = label

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"


class Lanes:
    """Arithmetic on some units at a time, in a function that is being written; one unit is a plain number.

    Every operation rounds once, in the order written: no flag allows anything else.
    """

    def __init__(self, function: Procedure, width: int) -> None:
        """Compute on `width` units at a time."""
        self.function, self.width = function, width
        assembly = self.assembly = function.assembly
        self._bits = assembly.bits
        self.type = self._many(assembly.number)
        self.whole = self._many(f"i{self._bits}")
        self.truth = self._many("i1")
        self.none = "false" if width == 1 else "zeroinitializer"
        self._suffix = f"f{self._bits}" if width == 1 else f"v{width}f{self._bits}"

    def _many(self, kind: str) -> str:
        return kind if self.width == 1 else f"<{self.width} x {kind}>"

    def constant(self, number: float) -> Value:
        """Return a number as every unit, rounded to the type of number."""
        if self._bits == 32:
            number = float(struct.unpack("f", struct.pack("f", number))[0])
        text = f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
        return self._spread_text(self.assembly.number, text)

    def integer(self, number: int) -> Value:
        """Return a whole number as every unit."""
        return self._spread_text(f"i{self._bits}", str(number))

    def _spread_text(self, kind: str, text: str) -> Value:
        return text if self.width == 1 else f"<{', '.join([f'{kind} {text}'] * self.width)}>"

    def binary(self, name: str, a: Value, b: Value) -> Value:
        """Return a binary operation of numbers, such as fadd."""
        return self.function.value(f"{name} {self.type} {a}, {b}")

    def add(self, a: Value, b: Value) -> Value:
        """Return a + b."""
        return self.binary("fadd", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """Return a - b."""
        return self.binary("fsub", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """Return a times b."""
        return self.binary("fmul", a, b)

    def div(self, a: Value, b: Value) -> Value:
        """Return a / b."""
        return self.binary("fdiv", a, b)

    def neg(self, a: Value) -> Value:
        """Return -a."""
        return self.function.value(f"fneg {self.type} {a}")

    def mul_add(self, a: Value, b: Value, c: Value) -> Value:
        """Return a times b + c, rounded once where the host can."""
        if not self.assembly.fused:
            return self.add(self.mul(a, b), c)
        return self._intrinsic("fma", a, b, c)

    def fabs(self, a: Value) -> Value:
        """Return |a|."""
        return self._intrinsic("fabs", a)

    def sqrt(self, a: Value) -> Value:
        """Return √a."""
        return self._intrinsic("sqrt", a)

    def _intrinsic(self, name: str, *operands: Value) -> Value:
        whole = f"llvm.{name}.{self._suffix}"
        self.assembly.once(whole, lambda: f"declare {self.type} @{whole}({', '.join([self.type] * len(operands))})")
        return self.function.value(f"call {self.type} @{whole}({', '.join(f'{self.type} {a}' for a in operands)})")

    @property
    def scales(self) -> bool:
        """Whether `scaled` can be had."""
        return self.assembly.scales and self._bits * self.width in (128, 256, 512)

    def scaled(self, a: Value, power: Value) -> Value:
        """Return a times 2^power, of whole powers, rounded once."""
        bits = self._bits * self.width
        name, mask = f"llvm.x86.avx512.mask.scalef.p{'s' if self._bits == 32 else 'd'}.{bits}", max(self.width, 8)
        rounding = ("i32", "i32 4") if bits == 512 else None  # as everything is rounded
        kinds = [self.type, self.type, self.type, f"i{mask}", *(rounding or ())[:1]]
        self.assembly.once(name, lambda: f"declare {self.type} @{name}({', '.join(kinds)})")
        given = [f"{self.type} {a}", f"{self.type} {power}", f"{self.type} {a}", f"i{mask} -1", *(rounding or ())[1:]]
        return self.function.value(f"call {self.type} @{name}({', '.join(given)})")

    def compare(self, how: str, a: Value, b: Value) -> Value:
        """Return a truth a unit; `how` is LLVM's word, such as olt: of NaN every one that begins with o is false."""
        return self.function.value(f"fcmp {how} {self.type} {a}, {b}")

    def both(self, a: Value, b: Value) -> Value:
        """Return a and b, of truths."""
        return self.function.value(f"and {self.truth} {a}, {b}")

    def either(self, a: Value, b: Value) -> Value:
        """Return a or b, of truths."""
        return self.function.value(f"or {self.truth} {a}, {b}")

    def select(self, truth: Value, a: Value, b: Value) -> Value:
        """Return a where it is true, else b."""
        return self.function.value(f"select {self.truth} {truth}, {self.type} {a}, {self.type} {b}")

    def select_one(self, truth: Value, a: Value, b: Value) -> Value:
        """Return a if one truth holds for all units, else b."""
        return self.function.value(f"select i1 {truth}, {self.type} {a}, {self.type} {b}")

    def as_integer(self, a: Value) -> Value:
        """Return the bits of a as a whole number."""
        return self.function.value(f"bitcast {self.type} {a} to {self.whole}")

    def as_number(self, a: Value) -> Value:
        """Return whole numbers as the numbers with these bits."""
        return self.function.value(f"bitcast {self.whole} {a} to {self.type}")

    def integers(self, name: str, a: Value, b: Value) -> Value:
        """Return a binary operation of whole numbers, such as shl."""
        return self.function.value(f"{name} {self.whole} {a}, {b}")

    def load(self, address: Value) -> Value:
        """Return the units at an address."""
        return self.function.value(f"load {self.type}, ptr {address}, align {self._bits // 8}")

    def store(self, a: Value, address: Value) -> None:
        """Put units at an address."""
        self.function.do(f"store {self.type} {a}, ptr {address}, align {self._bits // 8}")

    def spread(self, number: Value) -> Value:
        """Return one number as every unit."""
        if self.width == 1:
            return number
        one = self.function.value(f"insertelement {self.type} poison, {self.assembly.number} {number}, i32 0")
        places = f"<{self.width} x i32> zeroinitializer"
        return self.function.value(f"shufflevector {self.type} {one}, {self.type} poison, {places}")

    def from_lane(self, lane: Value) -> Value:
        """Return a truth a unit: whether its number is `lane` (i64) or more."""
        if self.width == 1:
            return self.function.value(f"icmp sle i64 {lane}, 0")
        places, numbers = f"<{self.width} x i64>", ", ".join(f"i64 {n}" for n in range(self.width))
        one = self.function.value(f"insertelement {places} poison, i64 {lane}, i32 0")
        zeros = f"<{self.width} x i32> zeroinitializer"
        many = self.function.value(f"shufflevector {places} {one}, {places} poison, {zeros}")
        return self.function.value(f"icmp sle {places} {many}, <{numbers}>")

    def total(self, a: Value) -> Value:
        """Return the sum of the units, in any order."""
        if self.width == 1:
            return a
        kind, name = self.assembly.number, f"llvm.vector.reduce.fadd.{self._suffix}"
        self.assembly.once(name, lambda: f"declare {kind} @{name}({kind}, {self.type})")
        return self.function.value(f"call reassoc {kind} @{name}({kind} 0.0, {self.type} {a})")

    def library(self, name: str, a: Value) -> Value:
        """Return a function of the C library of every unit, such as log."""
        kind = self.assembly.number
        plain = f"{name}f" if self._bits == 32 else name
        self.assembly.needs.add(plain)
        self.assembly.once(plain, lambda: f"declare {kind} @{plain}({kind})")
        if self.width == 1:
            return self.function.value(f"call {kind} @{plain}({kind} {a})")
        whole = self.assembly.once(f"each_{plain}_{self.width}", lambda: self._each(plain))
        return self.function.value(f"call {self.type} @{whole}({self.type} {a})")

    def _each(self, plain: str) -> str:
        kind, lines, made = self.assembly.number, [], "poison"
        for n in range(self.width):
            lines += [
                f"  %a{n} = extractelement {self.type} %a, i32 {n}",
                f"  %y{n} = call {kind} @{plain}({kind} %a{n})",
                f"  %r{n} = insertelement {self.type} {made}, {kind} %y{n}, i32 {n}",
            ]
            made = f"%r{n}"
        head = f"define internal {self.type} @each_{plain}_{self.width}({self.type} %a) {{"
        return "\n".join([head, *lines, f"  ret {self.type} {made}", "}"])
