"""`lstm-tui cells`: which cells there are, the equations of one, and whether a file of one's own is right."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.cli.printing import print_json, table
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.engine.compiler.program import Program
    from lstm_tui.engine.language.cell import Cell
    from lstm_tui.engine.language.readout import ReadoutPage

_SIZE = 32  # inputs and units at which parameters are counted
_INPUTS, _UNITS, _FREE = 1009, 1013, 1019  # primes, so that a size tells which letter it is of


def command(options: Namespace) -> int:
    """List, show or check."""
    from lstm_tui.engine.language.cell import cell_names, load_cell
    from lstm_tui.engine.language.readout import load_readout, readout_names

    if options.action == "list" and options.json:
        cells = [_content(load_cell(name)) for name in cell_names()]
        readouts = [_readout_content(load_readout(name)) for name in readout_names()]
        print_json({"cells": cells, "readouts": readouts})
        return 0
    if options.action == "list":
        rows = [_row(load_cell(name)) for name in cell_names()]
        print(table(("cell", "parameters", "title", "source"), rows, right=(1,)))
        print(
            "\n"
            + table(
                ("readout", "title"), [(visible(name), visible(load_readout(name).title)) for name in readout_names()]
            )
        )
        print(f"\nParameters for {_SIZE} inputs and {_SIZE} units. `lstm-tui cells show NAME` prints the equations.")
        return 0
    page = _readout(options.cell)
    if page is not None:
        return _tell_readout(page, options)
    cell = load_cell(options.cell)
    if options.json:
        print_json({**_content(cell), "text": cell.text} if options.action == "show" else _content(cell))
        return 0
    if options.action == "show":
        print("\n".join(visible(line) for line in cell.text.rstrip().split("\n")))
        print("\n" + _sizes(cell))
        return 0
    count = _count(cell)  # refuses what does not compile, before it is called fine
    print(f"{visible(options.cell)}: fine: {visible(cell.title)}")
    print(f"  {len(cell.equations)} equations, {count} parameters for {_SIZE} inputs and {_SIZE} units")
    for line in _meaning(cell):
        print(f"  {line}")
    return 0


def _readout(name: str) -> ReadoutPage | None:
    """Return a readout of this name, or of a file that says what its `result` is; None for a cell."""
    from lstm_tui.engine.language.readout import load_readout, readout_names
    from lstm_tui.engine.language.toml import parse_page, read_text

    if name in readout_names():
        return load_readout(name)
    if name.endswith(".toml"):
        path = Path(name)
        if "result" in parse_page(read_text(path), path.name).keys:
            return load_readout(name)
    return None


def _content(cell: Cell) -> dict[str, Any]:
    """Return what is known of a cell: its equations, what each value does, its parameters at the usual sizes."""
    from lstm_tui.debugger.edits.describe import parameter_label
    from lstm_tui.engine.compiler.roles import kept_states, roles_of

    program = _compiled(cell, _SIZE, _SIZE, _SIZE // 2)
    roles = roles_of(cell)
    return {
        "name": cell.name,
        "title": cell.title,
        "source": cell.source,
        "states": list(cell.state),
        "equations": [
            {"value": value, "text": equation.text, "label": equation.label, "role": roles.get(value)}
            for value, equation in zip(cell.values, cell.equations, strict=True)
        ],
        "parameters": {
            name: {"shape": one.shape, "count": one.count, "is": parameter_label(cell, name),
                   "optional": name in cell.optional} for name, one in program.parameters.items()
        },
        "inputs": _SIZE,
        "units": _SIZE,
        "ledger": bool(kept_states(cell)),
    }  # fmt: skip


def _readout_content(page: ReadoutPage) -> dict[str, Any]:
    return {
        "name": page.name,
        "title": page.title,
        "result": page.result,
        "per_token": page.per_token,
        "equations": [equation.text for equation in page.equations],
    }


def _tell_readout(page: ReadoutPage, options: Namespace) -> int:
    if options.json:
        text = {"text": page.text} if options.action == "show" else {}
        print_json({**_readout_content(page), **text})
        return 0
    if options.action == "show":
        print("\n".join(visible(line) for line in page.text.rstrip().split("\n")))
        return 0
    said = "at every token" if page.per_token else "once, of the whole"
    print(f"{visible(options.cell)}: fine: {visible(page.title)}")
    print(f"  a readout of {len(page.equations)} equations; its result {page.result} is there {said}")
    return 0


def _row(cell: Cell) -> tuple[str, ...]:
    return (cell.name, _count(cell), visible(cell.title), visible(cell.source))


def _count(cell: Cell) -> str:
    """Return how many numbers can be trained; free sizes are half of the units."""
    program = _compiled(cell, _SIZE, _SIZE, _SIZE // 2)
    return f"{sum(parameter.count for parameter in program.parameters.values()):,}".replace(",", " ")


def _compiled(cell: Cell, inputs: int, hidden: int, free: int) -> Program:
    from lstm_tui.engine.compiler.compile import compile_cell

    try:
        return compile_cell(cell, inputs, hidden, dict.fromkeys(_free_letters(cell), free))
    except UserError as error:
        raise UserError(f"{visible(cell.name)}: {error}") from error


def _free_letters(cell: Cell) -> tuple[str, ...]:
    return tuple(letter for letter in cell.free_letters if letter not in cell.defaults)


def _sizes(cell: Cell) -> str:
    """Return how large every parameter is, in letters and for usual sizes, and what it is."""
    from lstm_tui.debugger.edits.describe import parameter_label

    free = _free_letters(cell)
    inputs = _UNITS if "x" in cell.sizes else _INPUTS  # a strict cell reads as many numbers as it has units
    letters = {_UNITS: "H", inputs: "H" if inputs == _UNITS else "I", _FREE: free[0] if free else ""}
    known, usual = _compiled(cell, inputs, _UNITS, _FREE), _compiled(cell, _SIZE, _SIZE, _SIZE // 2)
    rows = []
    for name, parameter in usual.parameters.items():
        shape = "×".join(_in_letters(size, letters) for size in known.parameters[name].shape)
        optional = "may be left out" if name in cell.optional else ""
        rows.append((visible(name), shape, str(parameter.count), visible(parameter_label(cell, name)), optional))
    chosen = [f"{letter} by --size {letter}=N, else {number}" for letter, number in cell.defaults.items()]
    named = ", ".join(["H units", *(f"{letter} by --size {letter}=N" for letter in free), *chosen, "I numbers in x"])
    heads = ("parameter", "size", f"of {_SIZE}", "what it is", "")
    return f"{named}\n\n" + table(heads, rows, right=(2,))


def _in_letters(size: int, letters: Mapping[int, str]) -> str:
    for number, letter in letters.items():
        if letter and size % number == 0:
            return letter if size == number else f"{size // number}{letter}"
    return str(size)


def _meaning(cell: Cell) -> list[str]:
    """Return what each value does, as read off the equations."""
    from lstm_tui.engine.compiler.roles import kept_states, roles_of

    roles = roles_of(cell)
    lines = [f"{name}: {role}" for name, role in roles.items()]
    if not kept_states(cell):
        lines.append(f"no ledger: the update of {', '.join(cell.state)} is not linear in it")
    return lines
