"""A drawing read back: its cells as a terminal shows them, its bars as lengths, its colours as numbers, its texts too.

Nothing here asks the code that draws: a cell is eight columns of colour, a bar is the columns in its colour, and a
colour of a map lies somewhere on the way from the one for −1 over the one for 0 to the one for +1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from rich.cells import cell_len
from rich.style import Style

from lstm_tui.tui.canvas.canvas import Drawing, Line
from lstm_tui.tui.canvas.palette import RGB, Palette

EIGHTHS = " ▏▎▍▌▋▊▉█"


class Cell(NamedTuple):
    """One cell of a terminal."""

    sign: str
    fore: RGB
    back: RGB

    def columns(self) -> list[RGB]:
        """Return its eight columns of colour, from the left; a sign that fills none of it is ground."""
        filled = EIGHTHS.find(self.sign)
        return [self.fore] * max(filled, 0) + [self.back] * (8 - max(filled, 0))


def cells(line: Line) -> list[Cell]:
    """Return the cells of a line; one that is two cells wide stands in both."""
    found: list[Cell] = []
    for text, style in line.parts():
        fore, back = _colours(style)
        for sign in text:
            found.extend([Cell(sign, fore, back)] * cell_len(sign))
    return found


def text_of(some: Iterable[Cell]) -> str:
    """Return what is written in some cells."""
    return "".join(one.sign for one in some)


def filled(some: Iterable[Cell], colour: RGB) -> tuple[int, int]:
    """Return the first column in a colour and the one behind the last, in eighths of a cell; (0, 0) without any.

    Raises:
        AssertionError: There is a hole in it.
    """
    columns = [column == colour for one in some for column in one.columns()]
    if not any(columns):
        return 0, 0
    first, behind = columns.index(True), len(columns) - columns[::-1].index(True)
    assert all(columns[first:behind]), "a bar with a hole"
    return first, behind


def on_the_way(colour: RGB, below: RGB, zero: RGB, above: RGB) -> tuple[float, float]:
    """Return where a colour lies between those of −1, 0 and +1, and how far off that way it is, in steps of 1/255."""
    left, right = between(colour, zero, below), between(colour, zero, above)
    return right if right[1] <= left[1] else (-left[0], left[1])


def between(colour: RGB, zero: RGB, full: RGB) -> tuple[float, float]:
    """Return where a colour lies between those of 0 and 1, and how far off that way it is, in steps of 1/255."""
    towards = [b - a for a, b in zip(zero, full, strict=True)]
    part = sum((c - a) * one for c, a, one in zip(colour, zero, towards, strict=True)) / sum(one**2 for one in towards)
    part = min(max(part, 0.0), 1.0)
    return part, max(abs(a + part * one - c) for c, a, one in zip(colour, zero, towards, strict=True))


def number_in(text: str) -> tuple[float, float]:
    """Return the number that a text says, and by how much it may be off: half its last place.

    Raises:
        ValueError: It says none.
    """
    plain = text.strip().replace("−", "-").replace("∞", "inf")
    if plain.startswith("~"):
        return 0.0, 0.5
    if plain.lower().lstrip("+-") in ("nan", "inf"):
        return float(plain), 0.0
    found = re.fullmatch(r"[+-]?(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?", plain)
    if not found or not (found[1] or found[2]):
        raise ValueError(f"{text!r} is no number")
    return float(plain), 0.5 * 10.0 ** (int(found[3] or 0) - len(found[2] or ""))


def says(some: list[Cell], axis: float, above: RGB, below: RGB, value: float, side: int, half: float) -> None:
    """Check a bar: it begins at the axis, on the side of its sign, and is as long as its value, to half an eighth."""
    right, left = filled(some, above), filled(some, below)
    if above == below:
        left = (0, 0)
    wanted = abs(value) / half * side * 8
    got = right if value >= 0 else left
    assert (left if value >= 0 else right) == (0, 0), "nothing on the other side"
    if value == 0:
        assert got in ((0, 0), (axis, axis + 1)), "0 is at most the axis itself"
        return
    assert got != (0, 0), "what is there is seen"
    assert (got[0] if value >= 0 else got[1]) == axis, "it begins at the axis"
    assert got[1] - got[0] == pytest.approx(max(wanted, 1), abs=0.5 + 1e-6)


def check_number(text: str, value: float) -> None:
    """Check that a text says a value, to half of its last place."""
    said, off = number_in(text)
    if math.isnan(value) or math.isinf(value) or text.startswith("~"):
        assert (
            (math.isnan(said) and math.isnan(value)) or said == value or (text.startswith("~") and 0 < abs(value) < off)
        )
    else:
        assert said == pytest.approx(value, abs=off + 1e-6)


def value_of(colour: RGB, palette: Palette) -> float:
    """Return what a colour of a map says, -1..1."""
    names = ("negative", "neutral", "positive")
    part, off = on_the_way(colour, *(palette.colours[name] for name in names))
    assert off <= 1.5, f"{colour} is no colour of the map"
    return part


class Number(NamedTuple):
    """A number of a row as it is written, and the bar before it; no cells where there is none."""

    text: str
    bar: list[Cell]


def numbers_of(some: Iterable[Cell], palette: Palette) -> Iterator[Number]:
    """Yield the words of a row in their order, each with the bar that stands before it: what has the ground of bars."""
    track = palette.colours["track"]
    word, bar = "", list[Cell]()
    for one in (*some, Cell(" ", track, (0, 0, 0))):
        on_track = track in (one.back, one.fore if one.sign != " " else one.back)
        if word and (on_track or one.sign == " "):
            yield Number(word, bar)
            word, bar = "", []
        if on_track:
            bar = [*bar, one]
        elif one.sign != " ":
            word += one.sign
    assert not bar, "a bar without a number"


class Place(NamedTuple):
    """What the mouse can choose: the cells it is drawn in, the first of them, and what it chooses."""

    cells: list[Cell]
    first: int
    pass_name: str | None
    t: int | None
    unit: int | None
    value: str | None


def places(drawing: Drawing) -> Iterator[Place]:
    """Yield every place of a drawing that the mouse can choose."""
    rows = [cells(line) for line in drawing.lines]
    for line, first, behind, target in drawing.hits:
        yield Place(rows[line][first:behind], first, target.pass_name, target.t, target.unit, target.value)


def _colours(style: Style) -> tuple[RGB, RGB]:
    fore = tuple(style.color.get_truecolor()) if style.color else (0, 0, 0)
    back = tuple(style.bgcolor.get_truecolor()) if style.bgcolor else (0, 0, 0)
    return (back, fore) if style.reverse else (fore, back)  # type: ignore[return-value]
