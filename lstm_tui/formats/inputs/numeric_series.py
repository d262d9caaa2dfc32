"""Numeric input: `.csv`, `.npy` and `.npz`, one row a step, and the samples of a `.wav` in frames.

A first row without any number is a header. A comma may be the decimal point. Between semicolons or tabs that is plain;
where the comma could part two columns as well, it is decided by what can be seen: a header with one name, zeros that no
whole number begins with.
"""

from __future__ import annotations

import csv
import io
import math
import re
from array import array as doubles
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.framing import PLAIN, Framing
from lstm_tui.formats.inputs.sound import framed, read_sound
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.formats.io.files import STANDARD_INPUT, label
from lstm_tui.formats.io.npy import read_npy, read_npz

MOST_ROWS, MOST_CELLS = 1_000_000, 5_000_000
_LONGEST_CELL = 40  # characters of a cell that a message quotes
_DECIMAL = re.compile(r"\s*([+-]?\d+),(\d+)\s*", re.ASCII)
_INFINITE = ("inf", "infinity")


class CsvRows:
    """What is known of a table from its first rows on.

    Attributes:
        where: What messages call the table.
        columns: Names of its columns, where a header gave them.
        width: How many there are; 0 before the first row.
    """

    def __init__(self, where: str, delimiter: str = "", one_column: bool = False) -> None:
        """Begin before the first row.

        Args:
            where: What messages call the table.
            delimiter: What stands between the cells, where that is known.
            one_column: Whether two cells of digits are one number, whose decimals stand behind a comma.
        """
        self.where = where
        self.delimiter = delimiter
        self._one_column = one_column
        self.columns: tuple[str, ...] = ()
        self.width = 0

    def read(self, cells: Sequence[str], line: int) -> list[float] | None:
        """Return the numbers of a row, or None where it is empty or the header.

        Args:
            cells: As they were written.
            line: The last line of the row in its file, from 1.

        Raises:
            UserError: A cell is missing or not a number, or the row has another width; line and column are named.
        """
        if not cells:
            return None
        if self._one_column and len(cells) == 2 and _DECIMAL.fullmatch(",".join(cells)):
            cells = [".".join(cell.strip() for cell in cells)]
        if not self.width:
            self.width = len(cells)
            if all(self._number(cell) is None for cell in cells):
                self.columns = tuple(visible(cell.strip()) for cell in cells)
                self._one_column = self.width == 1
                return None
        if len(cells) != self.width:
            raise UserError(
                f"{self.where}: line {line} has {count_of(len(cells), 'cell')}, and those above {self.width}"
            )
        return [self._cell(cell, n, line) for n, cell in enumerate(cells)]

    def _cell(self, cell: str, n: int, line: int) -> float:
        number = self._number(cell)
        column = f"column {n + 1}" + (f" ({self.columns[n]})" if self.columns and self.columns[n] else "")
        text = visible(cell.strip()[:_LONGEST_CELL])
        if number is not None and math.isinf(number) and cell.strip().lower().lstrip("+-") not in _INFINITE:
            raise UserError(f"{self.where}: line {line}, {column}: {text} is larger than any number that is held")
        if number is not None:
            return number
        problem = f"{text!r} is not a number" if text else "the cell is empty"
        raise UserError(f"{self.where}: line {line}, {column}: {problem}; fill it in or take the line out")

    def _number(self, cell: str) -> float | None:
        return _number(cell, decimal_comma=self.delimiter not in ("", ","))


def _number(cell: str, decimal_comma: bool) -> float | None:
    if "_" in cell:  # float() reads 1_000, a spreadsheet does not
        return None
    if decimal_comma and "." not in cell and cell.count(",") == 1:
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        return None


def delimiter_of(first: str) -> str:
    """Return what stands between the cells, as the first line that holds something shows."""
    for sign in "\t;":
        if sign in first and ("," not in first or all(_number(cell, True) is not None for cell in first.split(sign))):
            return sign
    return ","


def decimals_of(content: str) -> tuple[list[float], bool | None] | None:
    """Return the numbers of a table of which every line may be one number with a decimal comma, else None.

    Returns:
        The numbers, and whether they are such. That is so where two columns of whole numbers are out of the question:
        nobody writes `05` or `-0` for a whole number, or a column of zeros. It is None, not known, where what stands
        behind the commas is of several lengths, as decimals are.
    """
    pairs: list[tuple[str, str]] = []
    for line in content.split("\n"):
        found = _DECIMAL.fullmatch(line)
        if found is not None:
            pairs.append((found[1], found[2]))
        elif line.strip():
            return None
    if not pairs:
        return None
    numbers = [float(f"{before}.{after}") for before, after in pairs]
    zeros = any(len(after) > 1 and after[0] == "0" for _, after in pairs) or any(
        before.lstrip("+-").startswith("0") and before != "0" for before, _ in pairs
    )
    if zeros or (len(pairs) > 1 and all(before == "0" for before, _ in pairs)):
        return numbers, True
    return numbers, False if len({len(after) for _, after in pairs}) == 1 else None


LIMIT = 256 << 20
CSV_LIMIT = 64 << 20


@dataclass(frozen=True, eq=False)
class NumericSeries:
    """Numeric series as they were read.

    Attributes:
        where: What messages call the file.
        file: Name of the file without its folder; None for standard input or an array given directly.
        arrays: One (T, I) array for each series; only `.npz` holds several.
        columns: Names of the I columns, where a header gave them.
        names: Names of the arrays, where the file gave them.
        one_column: (T, 1) where two columns of whole numbers may as well be one with decimal commas, else None.
        unclear: Whether nothing speaks for the two columns.
        rate: Samples in a second, of a sound; 0 of other numbers.
        framing: How samples become steps.
    """

    where: str
    file: str | None
    arrays: tuple[Array, ...]
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    one_column: Array | None = None
    unclear: bool = False
    rate: int = 0
    framing: Framing = PLAIN

    def check_clear(self) -> None:
        """Refuse numbers of which only their author can say whether a comma begins decimals.

        Raises:
            UserError: It is so; a first row with names makes it clear.
        """
        if self.unclear:
            raise UserError(
                f"{self.where}: a comma may part two numbers here, or begin decimals; "
                "write a point for decimals, or a first row with one name or two"
            )

    def of_width(self, width: int) -> NumericSeries:
        """Return the series as a network of so many inputs reads it: with decimal commas where only that fits.

        Raises:
            UserError: Samples cannot be framed so.
        """
        if self.framing.is_given or (self.rate and width > 1):
            wide = next((array.shape[1] for array in self.arrays if array.shape[1] != 1), 1)
            if wide != 1:
                raise UserError(f"{self.where}: has {wide} columns, and frames are cut of one column of samples")
            cut = tuple(framed(array[:, 0], self.framing, width, self.where) for array in self.arrays)
            return replace(self, arrays=cut, columns=(), one_column=None, unclear=False, rate=0, framing=PLAIN)
        if self.one_column is None or width != 1:
            return self
        return replace(self, arrays=(self.one_column,), one_column=None, unclear=False)


@door("rows of numbers")
def read_series(path: str | Path) -> NumericSeries:
    """Read a `.csv`, `.tsv`, `.npy`, `.npz` or `.wav` file, or CSV from standard input for `-`.

    Raises:
        UserError: It cannot be read, or a cell or an array is not numbers; the place is named.
    """
    where = label(path)
    if str(path) == STANDARD_INPUT:
        return csv_series(read_text(path, CSV_LIMIT).content, where)
    suffix = Path(path).suffix.lower()
    name = Path(path).name
    if suffix == ".wav":
        sound = read_sound(path)
        return NumericSeries(where, name, (sound.samples[:, np.newaxis],), rate=sound.rate)
    if suffix == ".npy":
        return NumericSeries(where, name, (_rows(read_npy(path, LIMIT), where),))
    if suffix == ".npz":
        arrays = read_npz(path, LIMIT, "fiubU")
        if "header" in arrays and arrays["header"].dtype.kind == "U":
            raise UserError(f"{where}: is a trace; show it with `lstm-tui open`")
        from lstm_tui.formats.verify.recording import CAPTURED

        if any(key.startswith(CAPTURED) for key in arrays):
            raise UserError(f"{where}: is a capture; show it with `lstm-tui open`")
        named = {key: f"{where}: array {visible(key)!r}" for key in arrays}
        return NumericSeries(
            where, name, tuple(_rows(array, named[key]) for key, array in arrays.items()), (), tuple(arrays)
        )
    return csv_series(read_text(path, CSV_LIMIT).content, where, name)


def series_from(array: Array, where: str = "the array", columns: tuple[str, ...] = ()) -> NumericSeries:
    """Return an array (T,) or (T, I) as a series; names of another number of columns are left out."""
    rows = _rows(np.asarray(array), where)
    return NumericSeries(where, None, (rows,), columns if len(columns) == rows.shape[1] else ())


def csv_series(content: str, where: str, file: str | None = None) -> NumericSeries:
    """Read comma-, tab- or semicolon-separated numbers; a first row without any number is a header.

    Raises:
        UserError: A cell is missing or not a number, or a row has another width; line and column are named.
    """
    numbers = doubles("d")  # a list of them would take eight times as much
    delimiter = delimiter_of(content.lstrip("\n").split("\n", 1)[0])
    if content.count("\n") > MOST_ROWS or content.count(delimiter) > MOST_CELLS:
        most = f"{MOST_ROWS} lines, or {MOST_CELLS} cells"
        raise UserError(f"{where}: has more than {most}; cut it into smaller files, or give a .npy")
    decimals, are_decimals = decimals_of(content) or (None, False)
    table = CsvRows(where, delimiter, bool(are_decimals))
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            row = table.read(cells, reader.line_num)
            if row is not None:
                numbers.extend(row)
    except csv.Error as error:
        raise UserError(f"{where}: line {reader.line_num}: {visible(str(error))}") from error
    if not numbers:
        raise UserError(f"{where}: holds a header and no row of numbers")
    one_column = None if decimals is None or are_decimals else np.array(decimals)[:, np.newaxis]
    rows = np.array(numbers).reshape(-1, table.width)
    return NumericSeries(where, file, (rows,), table.columns, one_column=one_column, unclear=are_decimals is None)


def _rows(array: Array, where: str) -> Array:
    """Return an array as (T, I) floating point."""
    if array.dtype.kind not in "fiub":
        raise UserError(f"{where}: holds {visible(str(array.dtype))}, not numbers; save it as float32 or float64")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    while array.ndim > 2 and array.shape[0] == 1:  # a batch of one
        array = array[0]
    if array.ndim != 2:
        shape = "×".join(map(str, array.shape)) or "one number"
        raise UserError(f"{where}: has the shape {shape}; a series is (steps, columns)")
    if 0 in array.shape:
        raise UserError(f"{where}: holds no row of numbers; give it at least one")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
