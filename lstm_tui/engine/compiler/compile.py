"""From a cell and sizes to a program: the one place where the two meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lstm_tui.engine.compiler.allocate import place
from lstm_tui.engine.compiler.builder import Builder
from lstm_tui.engine.compiler.program import Program, spread
from lstm_tui.engine.compiler.sizes import length
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.rewrite import without as equation_without

__all__ = ["compile_cell", "length"]


def compile_cell(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    sizes: Mapping[str, int] | None = None,
    without: Iterable[str] = (),
    bottom: bool = True,
    held: Iterable[str] = (),
) -> Program:
    """Compile a cell for given sizes.

    Args:
        cell: The equations.
        input_size: Numbers in x, I.
        hidden_size: Units, H.
        sizes: Values of the free letters in the cell's sizes.
        without: Optional parameters to leave out.
        bottom: Whether this is the lowest layer, whose values from below are expressions or zeros.
        held: Values that an edit may hold; each gets two more inputs, see `holds.inputs_of`.

    Raises:
        UserError: If a size is missing or an option names what is not there.
        LanguageError: If sizes do not fit, with the place.
    """
    left_out, kept = tuple(without), frozenset(held)
    _check_left_out(cell, left_out)
    known = _known_sizes(cell, input_size, hidden_size, sizes or {})
    builder = Builder(cell.file, hidden_size, states=cell.state)
    builder.add_input("x", input_size)
    for name, entry in cell.below.items():
        if not bottom or entry.bottom is None:
            builder.add_input(name, known.get(entry.reads, hidden_size))
    for name, numbers in cell.fixed.items():
        builder.add_constant_vector(name, spread(numbers, hidden_size))
    for name in cell.values:
        builder.sizes.values[name] = known.get(name, hidden_size)
    for entry in cell.below.values():
        if bottom and entry.bottom is not None:
            builder.add_bottom(equation_without(entry.bottom, left_out), known.get(entry.reads, hidden_size))
    equations = tuple(equation_without(equation, left_out) for equation in cell.equations)
    for number, equation in enumerate(equations):
        builder.add_equation(equation, number, builder.sizes.values[equation.name])
        if equation.name in kept:
            builder.hold(equation, number)
    initial = {state: 0.0 if start in left_out else start for state, start in cell.initial.items()}
    for state, start in initial.items():
        if isinstance(start, str) and builder.vector(start, builder.sizes.values[state]) is None:
            size, other = builder.sizes.values[state], builder.sizes.vectors[start]
            raise UserError(f"{cell.file}: initial.{state}: {start} is used with {other} and with {size} numbers")
    return replace(
        place(builder, cell, equations, input_size),
        initial=initial,
        below={name: entry.reads for name, entry in cell.below.items()},
        sizes=dict(sizes or {}),
        without=left_out,
        bottom=bottom,
    )


def _check_left_out(cell: Cell, names: Iterable[str]) -> None:
    for name in names:
        if name not in cell.optional:
            near = nearest(name, cell.optional)
            hint = f"; did you mean {near}?" if near else ""
            raise UserError(f"cell {cell.name}: {name} cannot be left out{hint}")


def _known_sizes(cell: Cell, input_size: int, hidden_size: int, given: Mapping[str, int]) -> dict[str, int]:
    letters = {**given, "H": hidden_size, "I": input_size}
    known = {name: length(size, letters, {}, f"cell {cell.name}: sizes.{name}") for name, size in cell.sizes.items()}
    if known.get("x", input_size) != input_size:
        hidden = cell.sizes["x"].letter == "H" and cell.sizes["x"].factor == 1
        why, hint = (" (its hidden size)", f"; use a hidden size of {input_size}") if hidden else ("", "")
        raise UserError(f"cell {cell.name} needs an input of {known['x']} numbers{why}, not {input_size}{hint}")
    return known
