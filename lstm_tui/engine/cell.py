"""A cell: a page of equations, read from a small TOML file and checked as far as can be without sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.expression import Expression, Name, Product, walk
from lstm_tui.engine.language import (
    Equation,
    Vocabulary,
    check_assigned_name,
    parse_equations,
    parse_expression,
)
from lstm_tui.engine.page import Page, parse_page, read_text

_FOLDER = Path(__file__).parent / "cells"
_KEYS = (
    "name", "title", "source", "state", "output", "equations", "sizes", "initial", "optional", "fixed", "mask",
    "below", "functions",
)  # fmt: skip
_SIZE = re.compile(r"(?:(\d{1,4})\s*\*\s*)?([A-Z])\Z|(\d{1,6})\Z|size\(\s*(\w+)\s*\)\Z")
_MASK = re.compile(r"\s*(\w+)\[(row|col)\]\s*(<=|<|==|>=|>)\s*(\w+)\[(row|col)\]\s*\Z")


@dataclass(frozen=True)
class Size:
    """The length of a value as written: `factor` times a letter or times the size of another value."""

    factor: int
    letter: str | None = None
    of: str | None = None


@dataclass(frozen=True)
class Mask:
    """Which entries of a matrix exist: a comparison of two fixed vectors by row and column."""

    left: str
    left_axis: str
    operator: str
    right: str
    right_axis: str


@dataclass(frozen=True)
class Below:
    """A value of the layer below at the same token; in the bottom layer an expression, or zeros."""

    reads: str
    bottom: Equation | None


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
        text: The file itself, which travels with a network.
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
    text: str = field(default="", repr=False)

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
        from lstm_tui.engine.visible import visible

        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(cell_names())}, or name a .toml file"
        raise UserError(f"there is no cell {visible(text)}{hint}")
    path = Path(name_or_path)
    cell = parse_cell(read_text(path), source=path.name)
    if cell.name != path.stem:
        raise parse_page(cell.text, path.name).fail(f'`name` must be that of the file, "{path.stem}"', "name")
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
        raise page.fail("`name` must be ASCII letters, digits and _", "name")
    state = page.strings("state")
    if not state:
        raise page.fail("`state` is missing: name the values carried from step to step", "state")
    fixed = _fixed(page)
    functions = _functions(page)
    below_table = page.table("below")
    vocabulary = Vocabulary(page.source, state, frozenset({"x", *fixed, *below_table}), functions)
    block, line = page.block("equations")
    equations = parse_equations(block, vocabulary, line)
    values = tuple(equation.name for equation in equations)
    for one in state:
        if one not in values:
            raise page.fail(f"the state `{one}` has no equation", "state", nearest(one, values), at=f'"{one}"')
    output = page.string("output", state[0])
    if output not in values:
        raise page.fail(f"`output` names no value: `{output}`", "output", nearest(output, values))
    below = _below(page, below_table, vocabulary, values)
    bottoms = [entry.bottom.expression for entry in below.values() if entry.bottom]
    parameters = _parameters([*bottoms, *(equation.expression for equation in equations)], vocabulary)
    initial = _initial(page, state, parameters)
    return Cell(
        name=name,
        title=page.string("title"),
        source=page.string("source"),
        state=state,
        output=output,
        equations=equations,
        sizes=read_sizes(page, {*values, "x"}),
        initial=initial,
        optional=_optional(page, parameters),
        fixed=fixed,
        mask=_mask(page, parameters, fixed),
        below=below,
        parameters=parameters,
        text=page.text,
    )


def _fixed(page: Page) -> dict[str, tuple[float, ...]]:
    result: dict[str, tuple[float, ...]] = {}
    for name, numbers in page.table("fixed").items():
        ok = isinstance(numbers, list) and numbers and all(_is_number(v) and math.isfinite(v) for v in numbers)
        if not ok:
            raise page.fail(f"`fixed.{name}` must be a list of finite numbers", "fixed", at=name)
        check_assigned_name(name, Vocabulary(page.source), *page.place_of("fixed", name))
        result[name] = tuple(float(v) for v in numbers)
    return result


def _functions(page: Page) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, body in page.table("functions").items():
        if not isinstance(body, str) or not re.fullmatch(r"[A-Za-z_]\w{0,63}", name, re.ASCII):
            raise page.fail(f"`functions.{name[:40]}` must be an expression in `a`, in quotes", "functions", at=name)
        line, column = page.place_of("functions", body)
        parse_expression(body, Vocabulary(page.source, given=frozenset({"a"})), line, column - 1)
        result[name] = body
    return result


def _below(page: Page, table: dict[str, Any], vocabulary: Vocabulary, values: tuple[str, ...]) -> dict[str, Below]:
    result: dict[str, Below] = {}
    for name, entry in table.items():
        check_assigned_name(name, Vocabulary(page.source), *page.place_of("below", name))
        reads = entry if isinstance(entry, str) else entry.get("reads") if isinstance(entry, dict) else None
        if not isinstance(reads, str) or reads not in values:
            near = nearest(reads, values) if isinstance(reads, str) else None
            raise page.fail(f"`below.{name}` must name a value of this cell", "below", near, at=name)
        bottom = None
        if isinstance(entry, dict):
            if set(entry) - {"reads", "bottom"} or not isinstance(entry.get("bottom", ""), str):
                raise page.fail(f"`below.{name}` has `reads` and `bottom` only", "below", at=name)
            if "bottom" in entry:
                line, column = page.place_of("below", entry["bottom"])
                words = Vocabulary(
                    page.source, given=vocabulary.given - set(table) | {"x"}, functions=vocabulary.functions
                )
                expression = parse_expression(entry["bottom"], words, line, column - 1)
                bottom = Equation(name, f"{name} = {entry['bottom']}", "", "", expression, line)
        result[name] = Below(reads, bottom)
    return result


def _parameters(expressions: list[Expression], vocabulary: Vocabulary) -> dict[str, bool]:
    known = vocabulary.known()
    result: dict[str, bool] = {}
    for expression in expressions:
        for node in walk(expression):
            if isinstance(node, Product):
                result.setdefault(node.matrix, True)
            elif isinstance(node, Name) and node.name not in known:
                result.setdefault(node.name, False)
    return result


def _initial(page: Page, state: tuple[str, ...], parameters: dict[str, bool]) -> dict[str, float | str]:
    result: dict[str, float | str] = {}
    for name, value in page.table("initial").items():
        if name not in state:
            raise page.fail(f"`initial.{name}` is no state", "initial", nearest(name, state), at=name)
        if isinstance(value, str):
            if "_" not in value or not value[0].islower() or parameters.get(value):
                raise page.fail(
                    f"`initial.{name}` must be a number or a vector parameter such as h_0", "initial", at=name
                )
            parameters.setdefault(value, False)
        elif not _is_number(value) or math.isnan(value):
            raise page.fail(f"`initial.{name}` must be a number or the name of a parameter", "initial", at=name)
        result[name] = value if isinstance(value, str) else float(value)
    return result


def _optional(page: Page, parameters: dict[str, bool]) -> tuple[str, ...]:
    names = page.strings("optional")
    for name in names:
        if name not in parameters:
            raise page.fail(f"`optional` names no parameter: `{name}`", "optional", nearest(name, parameters), at=name)
    return names


def _mask(page: Page, parameters: dict[str, bool], fixed: Mapping[str, Any]) -> dict[str, Mask]:
    result: dict[str, Mask] = {}
    for name, text in page.table("mask").items():
        if not parameters.get(name):
            raise page.fail(f"`mask.{name}` is no matrix of this cell", "mask", nearest(name, parameters), at=name)
        match = _MASK.match(text) if isinstance(text, str) else None
        if match is None or match.group(1) not in fixed or match.group(4) not in fixed:
            message = f"`mask.{name}` must compare fixed vectors, such as period[row] <= period[col]"
            raise page.fail(message, "mask", at=name)
        result[name] = Mask(*match.groups())
    return result


def read_sizes(page: Page, known: set[str]) -> dict[str, Size]:
    """Return the `sizes` of a page.

    Raises:
        LanguageError: If a name or a size means nothing.
    """
    result: dict[str, Size] = {}
    for name, value in page.table("sizes").items():
        if name not in known:
            raise page.fail(f"`sizes.{name}` names no value", "sizes", nearest(name, known), at=name)
        match = _SIZE.match(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if match is None or (match.group(3) is not None and int(match.group(3)) < 1):
            raise page.fail(f"`sizes.{name}` must be a number, a letter or number*letter", "sizes", at=name)
        factor, letter, number, of = match.groups()
        result[name] = Size(int(number or factor or 1), letter, of)
    return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
