"""A cell: a page of equations, read from a small TOML file and checked as far as can be without sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell_fields import (
    Below,
    Mask,
    Size,
    parameters_of,
    read_below,
    read_fixed,
    read_functions,
    read_initial,
    read_mask,
    read_optional,
    read_sizes,
    read_start,
)
from lstm_tui.engine.language.equations import Equation, Vocabulary, check_assigned_name, parse_equations
from lstm_tui.engine.language.toml import parse_page, read_text

__all__ = ["Below", "Cell", "Mask", "Size", "bundled_file", "cell_names", "load_cell", "parse_cell"]

_FOLDER = Path(__file__).parent.parent / "cells"
_KEYS = (
    "name", "title", "source", "state", "output", "equations", "sizes", "initial", "optional", "fixed", "mask",
    "below", "functions", "start",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cell:
    """What one cell computes.

    Attributes:
        name: Its name; the stem of its file.
        title: One line for people.
        source: Paper or library, and which form it is.
        state: Values carried from one step to the next.
        output: The value that the layer above, the merge and the readout see.
        equations: In the order in which they are computed.
        sizes: Length of values that are not H long.
        initial: Value of a state before the first step: a number or the name of a vector parameter.
        optional: Parameters that may be left out, and are then 0.
        fixed: Constant vectors, each given as numbers for equal blocks of units.
        mask: Which entries of a matrix exist.
        below: Values read from the layer below.
        parameters: Every parameter in order of first use; True for a matrix, False for a vector.
        start: Steps that count as taken before the first, for `every`.
        text: The file itself, which travels with a network.
        file: Name of the file, for messages.
    """

    name: str
    title: str
    source: str
    state: tuple[str, ...]
    output: str
    equations: tuple[Equation, ...]
    sizes: Mapping[str, Size] = field(default_factory=dict)
    initial: Mapping[str, float | str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    fixed: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    mask: Mapping[str, Mask] = field(default_factory=dict)
    below: Mapping[str, Below] = field(default_factory=dict)
    parameters: Mapping[str, bool] = field(default_factory=dict)
    start: int = 0
    text: str = field(default="", repr=False)
    file: str = "cell"

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values, one for each equation."""
        return tuple(equation.name for equation in self.equations)

    def equation(self, name: str) -> Equation:
        """Return the equation of a value."""
        return next(equation for equation in self.equations if equation.name == name)

    def is_previous(self, name: str, reader: int) -> bool:
        """Say whether the name of a value, read in equation number `reader`, means its previous value."""
        return name in self.state and self.values.index(name) >= reader


def cell_names() -> tuple[str, ...]:
    """Return the names of the cells that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def bundled_file(cell: Cell) -> Path | None:
    """Return the file of a cell that comes with the package and is as it came; None for any other."""
    known = cell.name in cell_names() and _bundled(cell.name).text == cell.text
    return _FOLDER / f"{cell.name}.toml" if known else None


@door("a cell")
def load_cell(name_or_path: str | Path) -> Cell:
    """Return a cell by its bundled name, or from a file.

    Raises:
        UserError: If there is no such cell or file.
        LanguageError: If the file is malformed, with line and column.
    """
    text = str(name_or_path)
    if "/" not in text and "\\" not in text and not text.endswith(".toml"):
        if text in cell_names():
            return _bundled(text)
        near = nearest(text, cell_names())
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(cell_names())}, or name a .toml file"
        raise UserError(f"there is no cell {text}{hint}")
    path = Path(name_or_path)
    cell = parse_cell(read_text(path), source=path.name)
    if cell.name != path.stem:
        message = f'`name` must be that of the file, "{path.stem}"'
        raise parse_page(cell.text, path.name).fail(message, "name", value=True)
    return cell


@cache
def _bundled(name: str) -> Cell:
    path = _FOLDER / f"{name}.toml"
    return parse_cell(read_text(path), source=path.name)


def parse_cell(text: str, source: str = "cell") -> Cell:
    """Read a cell from the text of its file.

    Raises:
        LanguageError: With line and column of the first mistake and, where there is one, the nearest name.
    """
    page = parse_page(text, source)
    page.allow(_KEYS)
    name = page.string("name")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        raise page.fail("`name` must be ASCII letters, digits and _", "name", value=True)
    title, paper = page.string("title"), page.string("source")
    state = page.strings("state")
    if not state:
        message = "`state` names no value" if "state" in page.keys else "`state` is missing"
        raise page.fail(f"{message}: name what is carried from step to step", "state", value=True)
    fixed = read_fixed(page)
    functions = read_functions(page)
    given = {"x", *fixed}
    for below_name in page.table("below"):
        words = Vocabulary(page.source, given=frozenset(given), functions=functions)
        check_assigned_name(below_name, words, *page.place_of("below", below_name))
        given.add(below_name)
    vocabulary = Vocabulary(page.source, state, frozenset(given), functions)
    equations = parse_equations(page.string("equations"), vocabulary, page.locate("equations"))
    if not equations:
        raise page.fail("`equations` holds no equation", "equations", value=True)
    values = tuple(equation.name for equation in equations)
    for number, one in enumerate(state):
        if one not in values:
            message = f"the state `{one}` has no equation"
            raise page.fail(message, "state", str(number), value=True, suggestion=nearest(one, values))
    output = page.string("output", state[0])
    if output not in values:
        message = f"`output` names no value: `{output}`"
        raise page.fail(message, "output", value=True, suggestion=nearest(output, values))
    below = read_below(page, vocabulary, values)
    bottoms = [entry.bottom.expression for entry in below.values() if entry.bottom]
    parameters = parameters_of([*bottoms, *(equation.expression for equation in equations)], vocabulary)
    initial = read_initial(page, state, parameters)
    return Cell(
        name=name,
        title=title,
        source=paper,
        state=state,
        output=output,
        equations=equations,
        sizes=read_sizes(page, {*values, "x"}),
        initial=initial,
        optional=read_optional(page, parameters),
        fixed=fixed,
        mask=read_mask(page, parameters, fixed),
        below=below,
        parameters=parameters,
        start=read_start(page),
        text=page.text,
        file=page.source,
    )
