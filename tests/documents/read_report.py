"""A report read again as text, as whoever has it read aloud gets it: tables by caption, cells by row and column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree

from present import present

Element = ElementTree.Element


def words(element: Element) -> str:
    """Return the text of an element with single spaces."""
    return " ".join("".join(element.itertext()).split())


def numbers(text: str) -> list[float]:
    """Return the numbers of a cell: its own first, then what it was."""
    found = []
    for word in text.replace("−", "-").replace("∞", "inf").split():
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found


def near(text: str, value: float, places: int) -> bool:
    """Say whether a text is a number as it is rounded for a report, or its name."""
    if math.isnan(value):
        return text == "NaN"
    if math.isinf(value):
        return text.lstrip("+−") == "∞" and text.startswith("−") == (value < 0)
    shown = float(text.replace("−", "-"))
    if "e" in text:
        return abs(shown - value) <= 0.5 * 10.0 ** math.floor(math.log10(abs(value))) * 1.001
    assert len(text.partition(".")[2]) == places, text
    return abs(shown - value) <= 0.5001 * 10.0**-places and (shown != 0) == (value != 0)


@dataclass(frozen=True)
class ReadTable:
    """A table: its headings, and its rows by what names them, in order."""

    element: Element
    headings: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    def row(self, *heads: str) -> tuple[str, ...]:
        """Return the numbers of the row that is named so."""
        return next(cells for names, cells in self.rows if names[-len(heads) :] == heads)


class Read:
    """A page."""

    def __init__(self, page: str) -> None:
        self.page = page
        start, stop = page.index("<body>"), page.index("</body>") + len("</body>")
        self.body = ElementTree.fromstring(page[start:stop])
        self.tables = {words(present(table.find("caption"))): _table(table) for table in self.body.iter("table")}
        self.text = words(self.body)

    def table(self, *parts: str) -> ReadTable:
        """Return the one table whose caption holds some words."""
        found = [table for caption, table in self.tables.items() if all(part in caption for part in parts)]
        assert len(found) == 1, (parts, list(self.tables))
        return found[0]


def _table(table: Element) -> ReadTable:
    headings = tuple(words(head) for head in present(table.find("thead")).iter("th"))
    rows = []
    for row in (one for body in table.findall("tbody") for one in body):
        kinds = [cell.tag for cell in row]
        name = kinds.index("th")
        heads = (*(words(cell) for cell in row[:name]), words(row[name]))
        rows.append((heads, tuple(words(cell) for cell in row[name + 1 :])))
    return ReadTable(table, headings, tuple(rows))
