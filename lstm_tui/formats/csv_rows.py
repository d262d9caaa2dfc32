"""Rows of numbers out of the cells of a table: a first row without any number is a header.

A comma may stand for the point of a decimal. Between semicolons or tabs that is plain; where the comma could part two
columns as well, it is decided by what can be seen: a header with one name, zeros that no whole number begins with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import count_of

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
