"""A cell in lines, where its picture has no room: a line a strand, from a belt or a sum to a named value.

A strand is a way of marks that each hand their value straight on. What a mark reads from beside stands in its sign, by
its name and with its number; what comes in stands in a line of its own. So every number of the picture is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lstm_tui.debugger.diagram.dataflow import Dataflow, Mark
from lstm_tui.debugger.inspect.trace_facts import letter

_SHORT = 9
"""Characters of an expression that still serves as the name of what it gives."""
_INDENT = 4


class StrandPiece(NamedTuple):
    """A piece of a strand, which is not torn.

    Attributes:
        text: As it is written, the number last.
        key: The mark whose value it is.
        wire: Whether it is the line that leads on.
    """

    text: str
    key: int
    wire: bool = False


Strand = list[StrandPiece]


def ways_of(flow: Dataflow) -> list[list[int]]:
    """Return the marks of every strand by key, belts first: each box and circle stands in one of them.

    A mark goes on in the strand of what it reads where nothing else reads that; of two such, in that of the first.
    """
    ways = [list(way) for way in flow.belts.values()]
    on_belt = {key for way in ways for key in way}
    ends: dict[int, list[int]] = {}
    for mark in flow.of_kind("box", "circle"):
        if mark.key in on_belt:
            continue
        straight = [source for source in flow.sources(mark.key) if source in ends and _is_read_once(flow, source)]
        way = ends.pop(straight[0]) if straight else []
        if not way:
            ways.append(way)
        way.append(mark.key)
        ends[mark.key] = way
    return ways


def _is_read_once(flow: Dataflow, key: int) -> bool:
    return len([one for one in flow.readers(key) if flow.marks[one].kind != "exit"]) == 1


def strand_lines(flow: Dataflow, number: Callable[[Mark], str], width: int) -> list[Strand]:
    """Return the lines of a cell: what comes in, then every strand, torn between marks where it is too long.

    Args:
        flow: What flows where.
        number: How the number of a mark is written.
        width: Cells of a line.
    """
    ways = ways_of(flow)
    names = _names(flow, ways)

    def value(key: int) -> str:
        return f"{names[key]} {number(flow.marks[key])}".strip()

    coming = [StrandPiece(f"{value(mark.key)}   ", mark.key) for mark in flow.of_kind("entry")]
    lines = list(_torn(coming, width))
    for way in ways:
        lines += _torn(_strand(flow, way, names, value, number), width)
    return lines


def _strand(
    flow: Dataflow, way: list[int], names: dict[int, str], value: Callable[[int], str], number: Callable[[Mark], str]
) -> Strand:
    """Return one strand: what it begins with, then each mark with what it reads from beside, and that it leaves."""
    first = flow.marks[way[0]]
    line, before = "━" if first.belt else "─", -1
    strand: Strand = []
    if first.kind == "box":
        strand.append(StrandPiece(f"{first.label or names[way[-1]]} ", way[0]))
    else:
        before = _begins(flow, first)
        strand.append(StrandPiece(f"{value(before)} " if before >= 0 else "", before if before >= 0 else way[0]))
    for key in way:
        mark = flow.marks[key]
        beside = [source for source in flow.sources(key) if source != before]
        if mark.kind == "box":  # its own sign names the others
            beside = [one for one in beside if one not in way and names[one] not in mark.symbol]
        sign = " ".join((mark.symbol.replace(" ", "") if mark.kind == "box" else mark.symbol, *map(value, beside)))
        if strand and before >= 0:
            strand.append(StrandPiece(line, before, wire=True))
        opens, closes = "[]" if mark.kind == "box" else "()"
        name = f"{names[key]} " if mark.name or (key == way[-1] and names[key].startswith("#")) else ""
        strand.append(StrandPiece(f"{opens}{sign}{closes} {name}{number(mark)}", key))
        before = key
    if any(flow.marks[one].kind == "exit" for one in flow.readers(way[-1])):
        strand.append(StrandPiece(f"{line}▶", way[-1], wire=True))
    return [piece for piece in strand if piece.text]


def _begins(flow: Dataflow, first: Mark) -> int:
    """Return what a strand of circles begins with: on a belt the state that comes in, else what is read first."""
    sources = flow.sources(first.key)
    own = [one for one in sources if flow.marks[one].kind == "entry" and flow.marks[one].name == first.belt]
    return next(iter((*own, *sources)), -1)


def _names(flow: Dataflow, ways: list[list[int]]) -> dict[int, str]:
    """Return what each value is called: its name, what it computes where that is short and the only such, else `#1`."""
    texts = [mark.text for mark in flow.of_kind("box", "circle") if not mark.name]
    names: dict[int, str] = {}
    for mark in flow.marks:
        stroke = "'" if mark.kind == "entry" and mark.symbol.endswith("'") else ""
        if mark.name:
            names[mark.key] = f"{letter(mark.name)}{stroke}"
        elif len(mark.text) <= _SHORT and texts.count(mark.text) == 1:
            names[mark.key] = mark.text
    for way in ways:
        for key in way:
            names.setdefault(key, f"#{key}")
    return names


def _torn(strand: Strand, width: int) -> Iterator[Strand]:
    """Yield a strand in lines no wider than asked; a line that leads on stays at the end of its own."""
    line: Strand = []
    room = width
    for piece in strand:
        if line and len(piece.text.rstrip()) > room:
            yield line
            line, room = [StrandPiece(" " * _INDENT, piece.key, wire=True)], width - _INDENT
        line.append(piece)
        room -= len(piece.text)
    if line:
        yield line
