"""Rows of numbers out of the cells of a table: a first row without any number is a header."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import count_of

_LONGEST_CELL = 40  # characters of a cell that a message quotes


class CsvRows:
    """What is known of a table from its first rows on.

    Attributes:
        where: What messages call the table.
        columns: Names of its columns, where a header gave them.
        width: How many there are; 0 before the first row.
    """

    def __init__(self, where: str) -> None:
        """Begin before the first row."""
        self.where = where
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
        if not self.width:
            self.width = len(cells)
            if all(_number(cell) is None for cell in cells):
                self.columns = tuple(visible(cell.strip()) for cell in cells)
                return None
        if len(cells) != self.width:
            raise UserError(
                f"{self.where}: line {line} has {count_of(len(cells), 'cell')}, and those above {self.width}"
            )
        return [self._cell(cell, n, line) for n, cell in enumerate(cells)]

    def _cell(self, cell: str, n: int, line: int) -> float:
        number = _number(cell)
        if number is not None:
            return number
        column = f"column {n + 1}" + (f" ({self.columns[n]})" if self.columns and self.columns[n] else "")
        text = visible(cell.strip()[:_LONGEST_CELL])
        problem = f"{text!r} is not a number" if text else "the cell is empty"
        raise UserError(f"{self.where}: line {line}, {column}: {problem}; fill it in or take the line out")


def _number(cell: str) -> float | None:
    if "_" in cell:  # float() reads 1_000, a spreadsheet does not
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def delimiter_of(first: str) -> str:
    """Return what stands between the cells, as the first line that holds something shows."""
    return next((sign for sign in "\t;" if sign in first and "," not in first), ",")
