"""Equations changed while a network is open: the cell is compiled again, and weights go on by their names."""

from __future__ import annotations

from dataclasses import replace

from lstm_tui.debugger.edits.ablations import ablation
from lstm_tui.debugger.edits.language import CellEdit
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.errors import LanguageError, UserError, nearest, no_pass
from lstm_tui.engine.language.cell import Cell, changed_cell
from lstm_tui.engine.model.network import Network, Pass
from lstm_tui.engine.text_safety import visible

_LONGEST_NAME = 64


def with_changed_cells(edit: CellEdit, network: Network) -> Network:
    """Return a network of its own weights in which the passes that are meant have other equations.

    Raises:
        UserError: As `changed_passes`.
    """
    made = changed_passes(edit, network)
    copied = network.copy()
    layers = tuple(
        replace(layer, passes=tuple(made.get(one.name, one) for one in layer.passes)) for layer in copied.layers
    )
    return replace(copied, layers=layers)


def changed_passes(edit: CellEdit, network: Network) -> dict[str, Pass]:
    """Return the passes that are meant with other equations and weights of their own.

    Raises:
        UserError: If the edit names what is not there; a mistake in an equation with its column and the nearest name.
    """
    changes = right_sides(edit, network)
    cells = {one.cell.name: one.cell for one in network.passes}
    made: dict[str, Pass] = {}
    for one in network.passes:
        if one.name in changes:
            made[one.name] = _changed(one, _cell(one, changes[one.name], edit, cells), edit)
    return made


def right_sides(edit: CellEdit, network: Network) -> dict[str, dict[str, str]]:
    """Return the new right sides by value, of each pass that is meant.

    Raises:
        UserError: If there is no such pass, value or ablation.
    """
    passes = [one for one in network.passes if edit.pass_name in (None, one.name)]
    if not passes:
        raise no_pass(str(edit.pass_name), [one.name for one in network.passes])
    if edit.verb == "let":
        found = {one.name: {edit.what: edit.text} for one in passes if edit.what in one.cell.values}
        if not found:
            values = dict.fromkeys(value for one in passes for value in one.cell.values)
            near = nearest(edit.what, values)
            where = "no pass" if edit.pass_name is None else f"{edit.pass_name} has no value"
            what = f"{where} has a value" if edit.pass_name is None else where
            raise UserError(
                f"{what} {visible(edit.what)}; "
                + (f"did you mean {near}?" if near else f"there are {', '.join(values)}")
            )
        as_it_is = f"{edit.what} = {edit.text}"
        if all(_text(one, edit.what) == as_it_is for one in passes if one.name in found):
            raise UserError(f"{edit.what} already reads so: write another equation, such as {edit.what} = 1")
        return found
    taken: dict[str, dict[str, str]] = {}
    refused: UserError | None = None
    for one in passes:
        try:
            taken[one.name] = ablation(edit.what, one.cell, one.program, one.name)
        except UserError as error:
            refused = refused or error
    if not taken and refused is not None:
        raise refused
    return taken


def _text(one: Pass, value: str) -> str:
    return next(equation.text for equation in one.program.equations if equation.name == value)


def dropped(edit: CellEdit, network: Network) -> tuple[str, ...]:
    """Return the names of parameters that a pass no longer reads."""
    made = changed_passes(edit, network)
    before = {one.name: one.program.parameters for one in network.passes}
    gone = (name for after in made.values() for name in before[after.name] if name not in after.program.parameters)
    return tuple(dict.fromkeys(gone))


def _cell(one: Pass, expressions: dict[str, str], edit: CellEdit, cells: dict[str, Cell]) -> Cell:
    """Return the cell with other equations, under a name that no unlike cell has, and note it in `cells`."""
    suffix = f"_{edit.what}"
    plain = one.cell.name.removesuffix(suffix)[: _LONGEST_NAME - len(suffix) - 3] + suffix
    for name in (plain, *(f"{plain}_{number}" for number in range(2, 1000))):
        try:
            cell = changed_cell(one.cell, expressions, name)
        except LanguageError as error:
            raise UserError(_told(error, edit, one)) from None
        if name not in cells or cells[name].text == cell.text:
            cells[name] = cell
            return cell
    raise UserError(f"too many unlike cells are called {plain}")


def _changed(one: Pass, cell: Cell, edit: CellEdit) -> Pass:
    """Return a pass with another cell and the weights that it still reads."""
    old = one.program
    left_out = [parameter for parameter in old.without if parameter in cell.optional]
    try:
        program = compile_cell(cell, old.input_size, old.hidden_size, old.sizes, left_out, old.bottom)
    except LanguageError as error:
        raise UserError(_told(error, edit, one)) from None
    flat = program.empty(one.flat.dtype)
    for parameter in program.parameters:
        view, kept = program.view(flat, parameter), old.view(one.flat, parameter)
        if view.shape != kept.shape:
            sizes = ["×".join(map(str, shape)) for shape in (kept.shape, view.shape)]
            raise UserError(f"{one.name}/{parameter} is {sizes[0]}, and is used here as {sizes[1]}")
        view[...] = kept
    return replace(one, cell=cell, program=program, flat=flat)


def _told(error: LanguageError, edit: CellEdit, one: Pass) -> str:
    hint = f"; did you mean {error.suggestion}?" if error.suggestion else ""
    if not hint and "is not defined" in error.message:
        hint = f"; there are x, {', '.join(one.cell.values)}"
    if edit.verb == "let" and error.source == edit.what:
        return f"column {edit.column + error.column - 1}: {error.message}{hint}"
    return f"{error.message}{hint}"
