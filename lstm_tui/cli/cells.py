"""`lstm-tui cells`: which cells there are, the equations of one, and whether a file of one's own is right."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lstm_tui.cli.table import table
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

if TYPE_CHECKING:
    from lstm_tui.engine.cell import Cell

_SIZE = 32  # inputs and units at which parameters are counted


def command(options: Namespace) -> int:
    """List, show or check."""
    from lstm_tui.engine.cell import cell_names, load_cell

    if options.action == "list":
        rows = [_row(load_cell(name)) for name in cell_names()]
        print(table(("cell", "parameters", "title", "source"), rows, right=(1,)))
        print(f"\nParameters for {_SIZE} inputs and {_SIZE} units. `lstm-tui cells show NAME` prints the equations.")
        return 0
    cell = load_cell(options.cell)
    if options.action == "show":
        print("\n".join(visible(line) for line in cell.text.rstrip().split("\n")))
        return 0
    print(f"{visible(options.cell)}: fine: {visible(cell.title)}")
    print(f"  {len(cell.equations)} equations, {_count(cell)} parameters for {_SIZE} inputs and {_SIZE} units")
    for line in _meaning(cell):
        print(f"  {line}")
    return 0


def _row(cell: Cell) -> tuple[str, ...]:
    return (cell.name, _count(cell), visible(cell.title), visible(cell.source))


def _count(cell: Cell) -> str:
    """Return how many numbers can be trained; free sizes are half of the units."""
    from lstm_tui.engine.compile import compile_cell

    letters = {size.letter for size in cell.sizes.values() if size.letter} - {"H", "I", None}
    sizes = {letter: _SIZE // 2 for letter in letters if letter}
    try:
        program = compile_cell(cell, _SIZE, _SIZE, sizes)
    except UserError as error:
        raise UserError(f"{visible(cell.name)}: {error}") from error
    return f"{sum(parameter.count for parameter in program.parameters.values()):,}".replace(",", " ")


def _meaning(cell: Cell) -> list[str]:
    """Return what each value does, as read off the equations."""
    from lstm_tui.engine.roles import kept_states, roles_of

    roles = roles_of(cell)
    lines = [f"{name}: {role}" for name, role in roles.items()]
    if not kept_states(cell):
        lines.append(f"no ledger: the update of {', '.join(cell.state)} is not linear in it")
    return lines
