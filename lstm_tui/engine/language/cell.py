"""A cell: a page of equations, read from a small TOML file and checked as far as can be without sizes.

A cell with some equations rewritten, or without the terms of optional parameters, has a text of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import field, replace
from functools import cache, lru_cache
from pathlib import Path

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import LanguageError, UsageError, nearest
from lstm_tui.engine.language.cell_fields import (
    ONE,
    Below,
    Mask,
    Size,
    parameters_of,
    read_below,
    read_counted,
    read_defaults,
    read_fixed,
    read_functions,
    read_heads,
    read_initial,
    read_mask,
    read_optional,
    read_shapes,
    read_sizes,
    read_start,
)
from lstm_tui.engine.language.equations import (
    Equation,
    Vocabulary,
    check_assigned_name,
    parse_equations,
    parse_expression,
)
from lstm_tui.engine.language.expression import (
    Call,
    Expression,
    Name,
    Number,
    Previous,
    Product,
    as_written,
    names_in,
    walk,
)
from lstm_tui.engine.language.toml import page_text, parse_page, read_text
from lstm_tui.engine.text_safety import visible

__all__ = ["Below", "Cell", "Mask", "Size", "bundled_file", "cell_names", "load_cell", "parse_cell"]

_FOLDER = Path(__file__).parent.parent / "cells"
_KEPT = 64
"""Texts that are read once only: every network brings the text of its cell, which is nearly always one of a few."""
_KEYS = (
    "name", "title", "source", "state", "output", "equations", "sizes", "initial", "optional", "fixed", "mask",
    "below", "functions", "start", "heads", "defaults",
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
        counted: Lengths of the constant vectors that count their places: 0, 1, 2 and so on.
        mask: Which entries of a matrix exist.
        below: Values read from the layer below.
        parameters: Every parameter in order of first use; True for a matrix, False for a vector.
        start: Steps that count as taken before the first, for `every`.
        heads: How many heads it has.
        shapes: Rows and columns of every value that is a matrix a head.
        defaults: What free letters stand for where nobody says so.
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
    counted: Mapping[str, Size] = field(default_factory=dict)
    mask: Mapping[str, Mask] = field(default_factory=dict)
    below: Mapping[str, Below] = field(default_factory=dict)
    parameters: Mapping[str, bool] = field(default_factory=dict)
    start: int = 0
    heads: Size = ONE
    shapes: Mapping[str, tuple[Size, Size]] = field(default_factory=dict)
    defaults: Mapping[str, int] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    file: str = "cell"

    def __repr__(self) -> str:
        """Say in one line which it is."""
        return f"<Cell {visible(self.name)}: {visible(self.title)}; {visible(', '.join(self.values))}>"

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values, one for each equation."""
        return tuple(equation.name for equation in self.equations)

    def equation(self, name: str) -> Equation:
        """Return the equation of a value."""
        return next(equation for equation in self.equations if equation.name == name)

    @property
    def free_letters(self) -> tuple[str, ...]:
        """Letters of sizes that `--size` gives, sorted."""
        sizes = (self.heads, *self.sizes.values(), *self.counted.values())
        return tuple(sorted({one for size in sizes for one in size.letters} - {"H", "I"}))

    def is_previous(self, name: str, reader: int) -> bool:
        """Say whether the name of a value, read in equation number `reader`, means its previous value."""
        return name in self.state and self.values.index(name) >= reader


@cache
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
        UsageError: There is no cell of that name.
        UserError: If there is no such file.
        LanguageError: If the file is malformed, with line and column.
    """
    text = str(name_or_path)
    if "/" not in text and "\\" not in text and not text.endswith(".toml"):
        if text in cell_names():
            return _bundled(text)
        near = nearest(text, cell_names())
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(cell_names())}, or name a .toml file"
        raise UsageError(f"there is no cell {text}{hint}")
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
    return _parsed(text, source)


@lru_cache(_KEPT)
def _parsed(text: str, source: str) -> Cell:
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
    counted = read_counted(page)
    functions = read_functions(page)
    given = {"x", *fixed, *counted}
    for below_name in page.table("below"):
        words = Vocabulary(page.source, given=frozenset(given), functions=functions)
        check_assigned_name(below_name, words, *page.place_of("below", below_name))
        given.add(below_name)
    matrices = frozenset(name for name, size in page.table("sizes").items() if isinstance(size, list))
    vocabulary = Vocabulary(page.source, state, frozenset(given), functions, matrices=matrices)
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
    heads, shapes = read_heads(page), read_shapes(page, values)
    sizes = {**read_sizes(page, {*values, "x"}), **{name: heads * one * other for name, (one, other) in shapes.items()}}
    letters = {letter for size in (heads, *sizes.values(), *counted.values()) for letter in size.letters}
    return Cell(
        name=name,
        title=title,
        source=paper,
        state=state,
        output=output,
        equations=equations,
        sizes=sizes,
        initial=initial,
        optional=read_optional(page, parameters),
        fixed=fixed,
        counted=counted,
        mask=read_mask(page, parameters, fixed),
        below=below,
        parameters=parameters,
        start=read_start(page),
        heads=heads,
        shapes=shapes,
        defaults=read_defaults(page, letters),
        text=page.text,
        file=page.source,
    )


_EDITED = ", edited"


def changed_cell(cell: Cell, expressions: Mapping[str, str], name: str) -> Cell:
    """Return a cell with other right sides of some equations.

    An equation that now reads values computed below it moves to just under the last of them, if nothing in between
    depends on it. Parameters that nothing reads any more are gone.

    Args:
        cell: The cell as it is.
        expressions: New right sides by value.
        name: Of the new cell.

    Raises:
        LanguageError: If a right side is malformed, reads what is not there or cannot be computed in any order; its
            line is 1, its column that in the right side.
    """
    return _changed(cell, tuple(expressions.items()), name)


@lru_cache(maxsize=64)
def _changed(cell: Cell, expressions: tuple[tuple[str, str], ...], name: str) -> Cell:
    page = parse_page(cell.text, cell.file)
    functions = read_functions(page)
    rows = {one.name: (one.text.partition("=")[2].strip(), one.label, one.help) for one in cell.equations}
    order = list(cell.values)
    for value, text in expressions:
        expression = _read(cell, value, text, functions)
        _move(cell, order, value, expression)
        rows[value] = (text.strip(), rows[value][1], "")
    lines = [_line(value, *rows[value]) for value in order]
    title = cell.title.removesuffix(_EDITED) + _EDITED
    keys = {**page.keys, "name": name, "title": title, "equations": "\n".join(lines)}
    for key in ("optional", "mask"):
        keys.pop(key, None)
    bare = parse_cell(page_text(keys), f"{name}.toml")
    if optional := [one for one in cell.optional if one in bare.parameters]:
        keys["optional"] = optional
    if mask := {one: text for one, text in page.table("mask").items() if one in bare.parameters}:
        keys["mask"] = mask
    return parse_cell(page_text(keys), f"{name}.toml")


def _line(value: str, text: str, label: str, sentence: str) -> str:
    comment = f"   # {label}{': ' if sentence else ''}{sentence}" if label or sentence else ""
    return f"{value} = {text}{comment}"


def _read(cell: Cell, value: str, text: str, functions: Mapping[str, str]) -> Expression:
    """Parse a right side; every value may be read, and no parameter that is not there already."""
    others = [one for one in cell.values if one != value]
    given = frozenset({"x", *cell.fixed, *cell.counted, *cell.below})
    words = Vocabulary(
        value, cell.state, given, functions, defined=others, later=frozenset({value}), matrices=frozenset(cell.shapes)
    )
    expression = parse_expression(text, words)
    known = {*words.known(), *others, *cell.parameters}
    for node in walk(expression):
        read = node.matrix if isinstance(node, Product) else node.name if isinstance(node, Name | Previous) else None
        if read is not None and read not in known:
            message = f"there is no parameter `{read}`, and a new one would not be trained"
            place = node.place
            raise LanguageError(message, value, place.line, place.column, nearest(read, known))
    return expression


def _move(cell: Cell, order: list[str], value: str, expression: Expression) -> None:
    """Move an equation under what it reads, in `order`."""
    here = order.index(value)
    needed = {
        node.name: node for node in walk(expression) if isinstance(node, Name) and node.name not in cell.state
    }  # a state that is read above its own equation is the previous one
    below = [one for one in order[here + 1 :] if one in needed]
    if not below:
        return
    last = order.index(below[-1])
    between = order[here + 1 : last + 1]
    place = needed[below[-1]].place
    why = None
    for one in between:
        if value in names_in(cell.equation(one).expression):
            why = f"`{one}` is computed from `{value}`, so `{value}` cannot be computed from `{below[-1]}`"
        elif one in cell.state and (one in names_in(expression) or value in cell.state):
            why = f"`{below[-1]}` has its value only after `{one}`, a state: `{value}` would read another `{one}`"
    if why is None and value in cell.state:
        why = f"`{below[-1]}` is computed later, and the state `{value}` stays where it is"
    if why is not None:
        raise LanguageError(why, value, place.line, place.column)
    order.insert(last, order.pop(here))


def without(equation: Equation, names: Collection[str]) -> Equation:
    """Return an equation without the terms of parameters that are left out, which are 0."""
    if not names:
        return equation
    expression = _drop(equation.expression, names)
    if expression == equation.expression:
        return equation
    return replace(equation, expression=expression, text=f"{equation.name} = {as_written(expression)}")


def _drop(node: Expression, names: Collection[str]) -> Expression:
    zero = Number(0.0, node.place)
    if isinstance(node, Name):
        return zero if node.name in names else node
    if isinstance(node, Product):
        operand = _drop(node.operand, names)
        return zero if node.matrix in names or _gone(operand, node.operand) else replace(node, operand=operand)
    if not isinstance(node, Call):
        return node
    arguments = tuple(_drop(argument, names) for argument in node.arguments)
    gone = [_gone(after, before) for after, before in zip(arguments, node.arguments, strict=True)]
    match node.function:
        case "mul" if any(gone):
            return zero
        case "neg" | "div" if gone[0]:
            return zero
        case "add" if any(gone):
            return arguments[0] if gone[1] else arguments[1]
        case "sub" if gone[1]:
            return arguments[0]
        case "sub" if gone[0]:
            return Call("neg", (arguments[1],), node.place)
    return replace(node, arguments=arguments)


def _gone(after: Expression, before: Expression) -> bool:
    return isinstance(after, Number) and after.value == 0 and after is not before
