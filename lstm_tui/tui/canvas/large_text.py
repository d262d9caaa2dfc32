"""Text three lines high, for whoever reads a screen from the back row: letters of dots, two a cell, one over the other.

In ASCII there are only numbers, of seven strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.tui.canvas.canvas import Line
from lstm_tui.tui.canvas.palette import Glyphs

HEIGHT = 6
"""Dots of a letter: five above the line it stands on, one below."""

_DRAWN = """
0    1    2    3    4    5    6    7    8    9
###  .#.  ###  ###  #.#  ###  ###  ###  ###  ###
#.#  ##.  ..#  ..#  #.#  #..  #..  ..#  #.#  #.#
#.#  .#.  ###  .##  ###  ###  ###  ..#  ###  ###
#.#  .#.  #..  ..#  ..#  ..#  #.#  ..#  #.#  ..#
###  ###  ###  ###  ..#  ###  ###  ..#  ###  ###
...  ...  ...  ...  ...  ...  ...  ...  ...  ...

a    b    c    d    e    f    g    h    i  j   k    l   m
...  #..  ...  ..#  ...  .##  ...  #..  #  .#  #..  #.  .....
.##  ##.  .##  .##  .##  #..  .##  ##.  .  ..  #.#  #.  ####.
#.#  #.#  #..  #.#  #.#  ##.  #.#  #.#  #  .#  ##.  #.  #.#.#
#.#  #.#  #..  #.#  ##.  #..  #.#  #.#  #  .#  ##.  #.  #.#.#
.##  ##.  .##  .##  .##  #..  .##  #.#  #  .#  #.#  ##  #.#.#
...  ...  ...  ...  ...  ...  ##.  ...  .  #.  ...  ..  .....

n    o    p    q    r    s    t    u    v    w      x    y    z
...  ...  ...  ...  ...  ...  .#.  ...  ...  .....  ...  ...  ...
##.  .#.  ##.  .##  .##  .##  ###  #.#  #.#  #.#.#  #.#  #.#  ###
#.#  #.#  #.#  #.#  #..  #..  .#.  #.#  #.#  #.#.#  .#.  #.#  .#.
#.#  #.#  #.#  #.#  #..  ..#  .#.  #.#  #.#  #.#.#  .#.  #.#  #..
#.#  .#.  ##.  .##  #..  ##.  .##  .##  .#.  .#.#.  #.#  .##  ###
...  ...  #..  ..#  ...  ...  ...  ...  ...  .....  ...  ##.  ...

A    B    C    D    E    F    G    H    I    J    K    L    M
.#.  ##.  .##  ##.  ###  ###  .##  #.#  ###  ..#  #.#  #..  #...#
#.#  #.#  #..  #.#  #..  #..  #..  #.#  .#.  ..#  #.#  #..  ##.##
###  ##.  #..  #.#  ##.  ##.  #.#  ###  .#.  ..#  ##.  #..  #.#.#
#.#  #.#  #..  #.#  #..  #..  #.#  #.#  .#.  #.#  #.#  #..  #...#
#.#  ##.  .##  ##.  ###  #..  .##  #.#  ###  .#.  #.#  ###  #...#
...  ...  ...  ...  ...  ...  ...  ...  ...  ...  ...  ...  .....

N     O     P    Q     R    S    T    U    V    W      X    Y    Z
#..#  .##.  ##.  .##.  ##.  .##  ###  #.#  #.#  #...#  #.#  #.#  ###
##.#  #..#  #.#  #..#  #.#  #..  .#.  #.#  #.#  #...#  #.#  #.#  ..#
#.##  #..#  ##.  #..#  ##.  .#.  .#.  #.#  #.#  #.#.#  .#.  .#.  .#.
#..#  #..#  #..  #.#.  #.#  ..#  .#.  #.#  #.#  ##.##  #.#  .#.  #..
#..#  .##.  #..  .#.#  #.#  ##.  .#.  ###  .#.  #...#  #.#  .#.  ###
....  ....  ...  ....  ...  ...  ...  ...  ...  .....  ...  ...  ...

.  ,   :  ;   !  ?    '  "    (   )   [   ]   {    }    +    -    *    /    \\
.  ..  .  ..  #  ##.  #  #.#  .#  #.  ##  ##  .##  ##.  ...  ...  ...  ..#  #..
.  ..  .  ..  #  ..#  #  #.#  #.  .#  #.  .#  .#.  .#.  .#.  ...  #.#  ..#  #..
.  ..  #  .#  #  .#.  .  ...  #.  .#  #.  .#  #..  ..#  ###  ###  .#.  .#.  .#.
.  ..  .  ..  .  ...  .  ...  #.  .#  #.  .#  .#.  .#.  .#.  ...  #.#  #..  ..#
#  .#  #  .#  #  .#.  .  ...  .#  #.  ##  ##  .##  ##.  ...  ...  ...  #..  ..#
.  #.  .  #.  .  ...  .  ...  ..  ..  ..  ..  ...  ...  ...  ...  ...  ...  ...

=    <    >    _   %    &     #      $    @     ^    |  ~     `   ·  σ     Σ    ∞      …      √     ×    ␣
...  ..#  #..  ..  #.#  .#..  .#.#.  .##  .##.  .#.  #  ....  #.  .  ....  ###  .....  .....  ..##  ...  ....
###  .#.  .#.  ..  ..#  #.#.  #####  ##.  #.##  #.#  #  .#.#  .#  .  .###  #..  .#.#.  .....  ..#.  #.#  ....
...  #..  ..#  ..  .#.  .#..  .#.#.  .#.  #.##  ...  #  #.#.  ..  #  #.#.  .#.  #.#.#  .....  ..#.  .#.  ....
###  .#.  .#.  ..  #..  #.##  #####  .##  #...  ...  #  ....  ..  .  #.#.  #..  .#.#.  .....  #.#.  #.#  #..#
...  ..#  #..  ..  #.#  .###  .#.#.  ##.  .##.  ...  #  ....  ..  .  .#..  ###  .....  #.#.#  .#..  ...  ####
...  ...  ...  ##  ...  ....  .....  ...  ....  ...  .  ....  ..  .  ....  ...  .....  .....  ....  ...  ....
"""
_ALIKE = {"−": "-", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"'}
_BLANK = (".",) * HEIGHT


def _letters() -> dict[str, tuple[str, ...]]:
    found = {" ": _BLANK}
    for block in _DRAWN.strip().split("\n\n"):
        names, *rows = (line.split() for line in block.split("\n"))
        found.update(zip(names, zip(*rows, strict=True), strict=True))
    return {**found, **{sign: found[like] for sign, like in _ALIKE.items()}}


LETTERS: dict[str, tuple[str, ...]] = _letters()
"""Rows of dots of each letter there is, `#` where there is one."""


LINES = HEIGHT // 2
_CELLS = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}
"""From the upper and the lower dot of a cell to its sign."""
_STROKES = {
    "0": (" _ ", "| |", "|_|"),
    "1": ("   ", "  |", "  |"),
    "2": (" _ ", " _|", "|_ "),
    "3": (" _ ", " _|", " _|"),
    "4": ("   ", "|_|", "  |"),
    "5": (" _ ", "|_ ", " _|"),
    "6": (" _ ", "|_ ", "|_|"),
    "7": (" _ ", "  |", "  |"),
    "8": (" _ ", "|_|", "|_|"),
    "9": (" _ ", "|_|", " _|"),
    "+": ("   ", "_|_", " | "),
    "-": ("   ", "___", "   "),
    ".": (" ", " ", "."),
}


def large_width(text: str, glyphs: Glyphs) -> int | None:
    """Return how many cells a text is wide when it is large; None where a letter of it is not drawn."""
    if not text or not all(letter in (LETTERS if glyphs.smooth else _STROKES) for letter in text):
        return None
    return len(large(text, glyphs)[0])


@lru_cache(maxsize=2048)
def large(text: str, glyphs: Glyphs) -> tuple[str, ...]:
    """Return a text in three lines, all of one width.

    Raises:
        KeyError: A letter of it is not drawn.
    """
    if not glyphs.smooth:
        return tuple(" ".join(_STROKES[letter][n] for letter in text) for n in range(LINES))
    rows = [".".join(LETTERS[letter][n] for letter in text) for n in range(HEIGHT)]
    pairs = (zip(rows[n], rows[n + 1], strict=True) for n in range(0, HEIGHT, 2))
    return tuple("".join(_CELLS[upper + lower] for upper, lower in pair) for pair in pairs)


def width_of(text: str, glyphs: Glyphs) -> int:
    """Return how many cells a text takes: large, or as it is where it cannot be."""
    width = large_width(text, glyphs)
    return cell_len(text) if width is None else width


def put_large(lines: Sequence[Line], text: str, style: Style, glyphs: Glyphs) -> None:
    """Write a text on three lines; one that has no large letters stands on the middle one."""
    rows: Sequence[str] = ("", text, "") if large_width(text, glyphs) is None else large(text, glyphs)
    end = lines[0].x + width_of(text, glyphs)
    for line, row in zip(lines, rows, strict=True):
        line.put(row, style).to(end, style)
