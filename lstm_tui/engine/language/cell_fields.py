"""What the keys of a cell file beside its equations say: sizes, starts, masks, values from below, macros."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from lstm_tui.engine.compiler.ops import STEPS_OPS
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.language.equations import Equation, check_macro, parse_expression
from lstm_tui.engine.language.expression import Expression, Name, Product, walk
from lstm_tui.engine.language.toml import TomlPage
from lstm_tui.engine.language.vocabulary import Vocabulary, check_assigned_name, check_name

_SIZE = re.compile(
    r"(?:(\d{1,4})\s*\*\s*)?([A-Z])(?:\s*\*\s*([A-Z]))?(?:\s*/\s*([A-Z]))?\Z|(\d{1,6})\Z|size\(\s*(\w+)\s*\)\Z",
    re.ASCII,
)
_LETTER = re.compile(r"[A-Z]\Z", re.ASCII)
MAX_DEFAULT = 1_000_000
_MASK = re.compile(r"\s*(\w+)\[(row|col)\]\s*(<=|<|==|>=|>)\s*(\w+)\[(row|col)\]\s*\Z", re.ASCII)
_NOT_MACROS = frozenset({"prev", "part", "concat", "a", *STEPS_OPS})


@dataclass(frozen=True)
class Size:
    """The length of a value as written: `factor` times a letter or times the size of another value.

    `times` are more letters that it is multiplied by, and `by` letters that divide it without a rest.
    """

    factor: int
    letter: str | None = None
    of: str | None = None
    times: tuple[str, ...] = ()
    by: tuple[str, ...] = ()

    @property
    def letters(self) -> tuple[str, ...]:
        """Every letter in it."""
        return tuple(one for one in (self.letter, *self.times, *self.by) if one is not None)

    def __mul__(self, other: Size) -> Size:
        """Return the size of as many values; neither is that of another value."""
        letters = [one for one in (self.letter, *self.times, other.letter, *other.times) if one is not None]
        first = letters[0] if letters else None
        return Size(self.factor * other.factor, first, None, tuple(letters[1:]), self.by + other.by)


ONE = Size(1)


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


HEAD = "head"
"""In a mask, the number of the head that a unit belongs to."""


def read_fixed(page: TomlPage) -> dict[str, tuple[float, ...]]:
    """Return the constant vectors that are given as numbers for equal blocks of units."""
    result: dict[str, tuple[float, ...]] = {}
    for name, numbers in page.table("fixed").items():
        check_assigned_name(name, Vocabulary(page.source), *page.place_of("fixed", name))
        if isinstance(numbers, str):
            continue
        ok = isinstance(numbers, list) and numbers and all(_is_number(v) and math.isfinite(v) for v in numbers)
        if not ok:
            raise page.fail(f"`fixed.{name}` must be a list of finite numbers", "fixed", name, value=True)
        result[name] = tuple(float(v) for v in numbers)
    return result


def read_counted(page: TomlPage) -> dict[str, Size]:
    """Return the lengths of the constant vectors that count their places: 0, 1, 2 and so on."""
    result: dict[str, Size] = {}
    for name, length in page.table("fixed").items():
        if isinstance(length, str):
            size = _size(length)
            if size is None or size.of is not None:
                message = f'`fixed.{name}` must be a list of finite numbers, or a length such as "N"'
                raise page.fail(message, "fixed", name, value=True)
            result[name] = size
    return result


def read_functions(page: TomlPage) -> dict[str, str]:
    """Return the one-argument macros: name to body."""
    table = page.table("functions")
    for name, body in table.items():
        check_name(name, page.source, *page.place_of("functions", name))
        if name in _NOT_MACROS:
            raise page.fail(f"`{name}` cannot be a macro; choose another name", "functions", name)
        if not isinstance(body, str):
            message = f"`functions.{name}` must be an expression in `a`, in quotes"
            raise page.fail(message, "functions", name, value=True)
        words = Vocabulary(page.source, given=frozenset({"a"}), functions=dict.fromkeys(table, ""))
        check_macro(body, words, page.locate("functions", name))
    return dict(table)


def read_start(page: TomlPage) -> int:
    """Return how many steps count as taken before the first."""
    value = page.keys.get("start", 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise page.fail("`start` must be a whole number of steps, 0 or more", "start", value=True)
    return value


def read_below(page: TomlPage, vocabulary: Vocabulary, values: tuple[str, ...]) -> dict[str, Below]:
    """Return the values read from the layer below."""
    result: dict[str, Below] = {}
    table = page.table("below")
    for name, entry in table.items():
        path = ("below", name, "reads") if isinstance(entry, dict) else ("below", name)
        reads = entry if isinstance(entry, str) else entry.get("reads") if isinstance(entry, dict) else None
        if isinstance(entry, dict):
            for key in entry:
                if key not in ("reads", "bottom"):
                    message = f"`below.{name}` has `reads` and `bottom` only"
                    raise page.fail(message, "below", name, key, suggestion=nearest(key, ("reads", "bottom")))
        if not isinstance(reads, str) or reads not in values:
            near = nearest(reads, values) if isinstance(reads, str) else None
            raise page.fail(f"`below.{name}` must name a value of this cell", *path, value=True, suggestion=near)
        bottom = None
        if isinstance(entry, dict) and "bottom" in entry:
            if not isinstance(entry["bottom"], str):
                raise page.fail("`bottom` must be an expression in quotes", "below", name, "bottom", value=True)
            bottom = _bottom(page, vocabulary, name, entry["bottom"], frozenset(table))
        result[name] = Below(reads, bottom)
    return result


def _bottom(page: TomlPage, vocabulary: Vocabulary, name: str, text: str, below: frozenset[str]) -> Equation:
    words = Vocabulary(
        page.source, given=vocabulary.given - below, functions=vocabulary.functions, later=vocabulary.later | below
    )
    locate = page.locate("below", name, "bottom")
    for value in (*vocabulary.states, *vocabulary.later, *below):
        match = re.search(rf"(?<![A-Za-z0-9_]){re.escape(value)}(?![A-Za-z0-9_(])", text)
        if match:
            message = f"`bottom` is an expression of x and parameters; `{value}` is neither"
            raise page.fail_at(message, locate(match.start()))
    expression = parse_expression(text, words, locate)
    return Equation(name, f"{name} = {text}", "", "", expression, expression.place.line)


def parameters_of(expressions: list[Expression], vocabulary: Vocabulary) -> dict[str, bool]:
    """Return every parameter in order of first use; True for a matrix, False for a vector."""
    known = vocabulary.known()
    result: dict[str, bool] = {}
    for expression in expressions:
        for node in walk(expression):
            if isinstance(node, Product):
                result.setdefault(node.matrix, True)
            elif isinstance(node, Name) and node.name not in known:
                result.setdefault(node.name, False)
    return result


def read_initial(page: TomlPage, state: tuple[str, ...], parameters: dict[str, bool]) -> dict[str, float | str]:
    """Return the value of states before the first step; a learned one is added to the parameters."""
    result: dict[str, float | str] = {}
    for name, value in page.table("initial").items():
        if name not in state:
            raise page.fail(f"`initial.{name}` is no state", "initial", name, suggestion=nearest(name, state))
        if isinstance(value, str):
            if not re.fullmatch(r"[a-z]\w{0,63}", value, re.ASCII) or "_" not in value or parameters.get(value):
                message = f"`initial.{name}` must be a number or a vector parameter such as h_0"
                raise page.fail(message, "initial", name, value=True)
            parameters.setdefault(value, False)
        elif not _is_number(value) or math.isnan(value):
            message = f"`initial.{name}` must be a number or the name of a parameter"
            raise page.fail(message, "initial", name, value=True)
        result[name] = value if isinstance(value, str) else float(value)
    return result


def read_optional(page: TomlPage, parameters: Collection[str]) -> tuple[str, ...]:
    """Return the parameters that may be left out."""
    names = page.strings("optional")
    for number, name in enumerate(names):
        if name not in parameters:
            message = f"`optional` names no parameter: `{name}`"
            raise page.fail(message, "optional", str(number), value=True, suggestion=nearest(name, parameters))
    return names


def read_mask(page: TomlPage, parameters: Mapping[str, bool], fixed: Mapping[str, Any]) -> dict[str, Mask]:
    """Return which entries of matrices exist; in a cell with heads, `head` is the number of the head of each unit."""
    result: dict[str, Mask] = {}
    known = (*fixed, HEAD) if "heads" in page.keys else tuple(fixed)
    for name, text in page.table("mask").items():
        if not parameters.get(name):
            matrices = [one for one, matrix in parameters.items() if matrix]
            message = f"`mask.{name}` is no matrix of this cell"
            raise page.fail(message, "mask", name, suggestion=nearest(name, matrices))
        match = _MASK.match(text) if isinstance(text, str) else None
        if match is None:
            message = f"`mask.{name}` must compare fixed vectors, such as period[row] <= period[col]"
            raise page.fail(message, "mask", name, value=True)
        for number in (1, 4):
            if match.group(number) not in known:
                message = f"`mask.{name}` compares `{match.group(number)}`, which is no fixed vector"
                place = page.locate("mask", name)(match.start(number))
                raise page.fail_at(message, place, nearest(match.group(number), known))
        result[name] = Mask(*match.groups())
    return result


def read_sizes(page: TomlPage, known: set[str], of: Collection[str] = ()) -> dict[str, Size]:
    """Return the `sizes` of a page.

    Args:
        page: The page.
        known: Names that have a size.
        of: Names whose size another may take, as `size(h)` (readouts only).

    Raises:
        LanguageError: If a name or a size means nothing.
    """
    result: dict[str, Size] = {}
    for name, value in page.table("sizes").items():
        if name not in known:
            raise page.fail(f"`sizes.{name}` names no value", "sizes", name, suggestion=nearest(name, known))
        if isinstance(value, list) and not of:
            continue
        size = _size(value)
        if size is None or (size.of is not None and size.of not in of):
            message = f"`sizes.{name}` must be a number, a letter or number*letter"
            raise page.fail(message, "sizes", name, value=True)
        result[name] = size
    return result


def _size(value: object) -> Size | None:
    """Return a size as written; None for what is none."""
    match = _SIZE.match(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        return None
    factor, letter, times, by, number, other = match.groups()
    made = Size(
        int(number or factor or 1),
        letter,
        other,
        (times,) if times is not None else (),
        (by,) if by is not None else (),
    )
    return made if made.factor else None


def read_heads(page: TomlPage) -> Size:
    """Return how many heads a cell has: one where nothing is said."""
    if "heads" not in page.keys:
        return ONE
    size = _size(page.keys["heads"])
    if size is None or size.of is not None:
        raise page.fail("`heads` must be a number or a letter", "heads", value=True)
    return size


def read_shapes(page: TomlPage, known: Collection[str]) -> dict[str, tuple[Size, Size]]:
    """Return the rows and columns of every value that is a matrix a head."""
    result: dict[str, tuple[Size, Size]] = {}
    for name, value in page.table("sizes").items():
        if not isinstance(value, list) or name not in known:
            continue
        sizes = [_size(one) for one in value]
        if len(sizes) != 2 or sizes[0] is None or sizes[1] is None or sizes[0].of or sizes[1].of or name == "x":
            message = f'`sizes.{name}` must be a length, or rows and columns such as ["H/A", "H/A"]'
            raise page.fail(message, "sizes", name, value=True)
        result[name] = sizes[0], sizes[1]
    return result


def read_defaults(page: TomlPage, used: Collection[str]) -> dict[str, int]:
    """Return what letters stand for where nobody says so."""
    result: dict[str, int] = {}
    for letter, value in page.table("defaults").items():
        if not _LETTER.match(letter) or letter in "HI" or letter not in used:
            free = sorted({*used} - {"H", "I"})
            message = f"`defaults.{letter}` is no letter of `sizes` or `heads` that `--size` gives"
            raise page.fail(message, "defaults", letter, suggestion=nearest(letter, free))
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_DEFAULT:
            message = f"`defaults.{letter}` must be a whole number from 1 to {MAX_DEFAULT}"
            raise page.fail(message, "defaults", letter, value=True)
        result[letter] = value
    return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
