"""Numeric input: `.csv`, `.npy` and `.npz`, one row a step."""

from __future__ import annotations

import csv
import io
from array import array as doubles
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.arrays import read_npy, read_npz
from lstm_tui.formats.bytes_of import STANDARD_INPUT, label
from lstm_tui.formats.csv_rows import MOST_CELLS, MOST_ROWS, CsvRows, decimals_of, delimiter_of
from lstm_tui.formats.text import read_text

SUFFIXES = (".csv", ".tsv", ".npy", ".npz")
LIMIT = 256 << 20
CSV_LIMIT = 64 << 20


@dataclass(frozen=True, eq=False)
class Series:
    """Numeric series as they were read.

    Attributes:
        where: What messages call the file.
        file: Name of the file without its folder; None for standard input or an array given directly.
        arrays: One (T, I) array for each series; only `.npz` holds several.
        columns: Names of the I columns, where a header gave them.
        names: Names of the arrays, where the file gave them.
        one_column: (T, 1) where two columns of whole numbers may as well be one with decimal commas, else None.
        unclear: Whether nothing speaks for the two columns.
    """

    where: str
    file: str | None
    arrays: tuple[NDArray[Any], ...]
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    one_column: NDArray[Any] | None = None
    unclear: bool = False

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

    def of_width(self, width: int) -> Series:
        """Return the series as a network of so many inputs reads it: with decimal commas where only that fits."""
        if self.one_column is None or width != 1:
            return self
        return replace(self, arrays=(self.one_column,), one_column=None, unclear=False)


@door("rows of numbers")
def read_series(path: str | Path) -> Series:
    """Read a `.csv`, `.tsv`, `.npy` or `.npz` file, or CSV from standard input for `-`.

    Raises:
        UserError: It cannot be read, or a cell or an array is not numbers; the place is named.
    """
    where = label(path)
    if str(path) == STANDARD_INPUT:
        return csv_series(read_text(path, CSV_LIMIT).content, where)
    suffix = Path(path).suffix.lower()
    name = Path(path).name
    if suffix == ".npy":
        return Series(where, name, (_rows(read_npy(path, LIMIT), where),))
    if suffix == ".npz":
        arrays = read_npz(path, LIMIT, "fiubU")
        if "header" in arrays and arrays["header"].dtype.kind == "U":
            raise UserError(f"{where}: is a trace; show it with `lstm-tui open`")
        named = {key: f"{where}: array {visible(key)!r}" for key in arrays}
        return Series(where, name, tuple(_rows(array, named[key]) for key, array in arrays.items()), (), tuple(arrays))
    return csv_series(read_text(path, CSV_LIMIT).content, where, name)


def series_from(array: NDArray[Any], where: str = "the array") -> Series:
    """Return an array (T,) or (T, I) as a series."""
    return Series(where, None, (_rows(np.asarray(array), where),))


def csv_series(content: str, where: str, file: str | None = None) -> Series:
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
    return Series(where, file, (rows,), table.columns, one_column=one_column, unclear=are_decimals is None)


def _rows(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Return an array as (T, I) floating point."""
    if array.dtype.kind not in "fiub":
        raise UserError(f"{where}: holds {visible(str(array.dtype))}, not numbers; save it as float32 or float64")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2:
        shape = "×".join(map(str, array.shape)) or "one number"
        raise UserError(f"{where}: has the shape {shape}; a series is (steps, columns)")
    if 0 in array.shape:
        raise UserError(f"{where}: holds no row of numbers; give it at least one")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
