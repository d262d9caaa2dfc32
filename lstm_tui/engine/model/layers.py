"""The parts of a network: passes, the layers they make, a readout, and how one names what another reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.readout import ReadoutPage
from lstm_tui.engine.model.sequence import Direction

Merge = Literal["concat", "sum", "average", "mul"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "mul")


@dataclass(frozen=True, eq=False)
class Pass:
    """One layer in one direction.

    Attributes:
        name: Such as `layer0.forward`.
        cell: Its equations.
        program: The cell compiled for this layer's sizes.
        direction: Which way it reads the tape.
        flat: Its parameters; `program.view(flat, name)` is one of them.
    """

    name: str
    cell: Cell
    program: Program
    direction: Direction
    flat: Array

    @property
    def output_size(self) -> int:
        """How many numbers the layer above sees of it."""
        return self.program.values[self.cell.output].size


@dataclass(frozen=True, eq=False)
class Layer:
    """The passes of one layer, and how their outputs become one."""

    passes: tuple[Pass, ...]
    merge: Merge = "concat"

    @property
    def output_size(self) -> int:
        """How many numbers the layer above sees."""
        sizes = [one.output_size for one in self.passes]
        return sum(sizes) if self.merge == "concat" else sizes[0]


@dataclass(frozen=True, eq=False)
class Readout:
    """What the network says, and its parameters."""

    page: ReadoutPage
    program: Program
    flat: Array


def find_source(source: str, layers: Sequence[Layer]) -> tuple[int, str | None, str]:
    """Return the layer, direction (None: the merge) and value that `reads` of a readout names.

    Without a direction the output of a layer is its merge; another value is that of its one pass.

    Raises:
        UserError: If there is no such layer, pass or value.
    """
    parts = source.split(".")
    number = len(layers) - 1 if parts[0] == "top" else int(parts[0].removeprefix("layer"))
    if number >= len(layers):
        raise UserError(f"the readout reads {source}, but there are {len(layers)} layers")
    value, passes = parts[-1], layers[number].passes
    direction = parts[1] if len(parts) == 3 else None
    if direction is None and value == passes[0].cell.output:
        return number, None, value
    if direction is None and len(passes) > 1:
        raise UserError(f"the readout reads {source}: say of which direction, as in {parts[0]}.forward.{value}")
    for one in passes:
        if direction in (None, one.direction) and value in one.program.values:
            return number, one.direction, value
    raise UserError(f"the readout reads {source}, which this network does not have")


def size_of_source(source: str, layers: Sequence[Layer], input_size: int) -> int:
    """Return how many numbers `reads` of a readout names.

    Raises:
        UserError: If there is no such layer, pass or value.
    """
    if source == "embedding":
        return input_size
    number, direction, value = find_source(source, layers)
    if direction is None:
        return layers[number].output_size
    return next(one for one in layers[number].passes if one.direction == direction).program.values[value].size
