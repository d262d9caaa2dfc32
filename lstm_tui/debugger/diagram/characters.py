"""A layout in characters: what stands in each cell of the grid, and of which mark or wire it is.

Where two values cross the sign is `┼` and they do not touch; where a value branches it is a tee or, in four ways, `●`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lstm_tui.debugger.diagram.dataflow import Mark
from lstm_tui.debugger.diagram.geometry import DOWN, LEFT, RIGHT, UP, DiagramLayout, end_name, formula_of, label_of

LINES: Mapping[int, str] = {
    UP: "│", DOWN: "│", UP | DOWN: "│", LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─",
    UP | RIGHT: "╰", UP | LEFT: "╯", DOWN | RIGHT: "╭", DOWN | LEFT: "╮",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", LEFT | RIGHT | DOWN: "┬", LEFT | RIGHT | UP: "┴",
    UP | DOWN | LEFT | RIGHT: "●",
}  # fmt: skip
"""The sign of a place of a wire by the ways that it goes on from there."""
HEAVY: Mapping[str, str] = {"─": "━", "┬": "┯", "┴": "┷", "┼": "┿"}
"""The signs of a belt where it runs along its row."""
CROSSING, ARROW = "┼", "▶"


class Sign(NamedTuple):
    """What stands in one cell.

    Attributes:
        text: One character.
        part: `sign`, `name` and `number` of a mark, `frame` of a box, or `wire`.
        key: The mark, or of a wire the mark whose value it carries.
        across: The value that crosses it along the row, where two cross; else -1.
    """

    text: str
    part: str
    key: int
    across: int = -1


Grid = dict[tuple[int, int], Sign]
Numbers = Callable[[Mark], str]


def drawn(layout: DiagramLayout, number: Numbers) -> Grid:
    """Return what stands where, by column and row; what is not there is blank.

    Args:
        layout: Where marks and wires stand.
        number: How the number of a mark is written, in at most five cells.
    """
    grid = _wires(layout)
    for mark, place in zip(layout.flow.marks, layout.places, strict=True):
        if mark.kind == "box":
            room = place.width - 2
            words = [_label_within(mark.label, room), _formula_within(formula_of(mark, layout.measure), room)]
            lines = words[-(place.height - 3) or 2 :]
            written = f"{label_of(mark)}{number(mark)}"
            lines.append(written if len(written) <= place.width - 2 else number(mark))
            _put_box(grid, mark, place.x, place.y, place.width, lines)
            continue
        sign = f"({mark.symbol})" if mark.kind == "circle" else end_name(mark, layout.measure, layout.backward)
        _put(grid, place.x, place.y, sign, "sign", mark.key)
        label = label_of(mark) if mark.kind == "circle" else ""
        _put(grid, place.label, place.row, label, "name", mark.key)
        room = place.label_width - len(label)
        written = number(mark)[:room]
        _put(grid, place.label + len(label), place.row, written, "number", mark.key)
        _lengthen(grid, layout, mark, place.label + len(label) + len(written))
        if mark.kind == "exit":
            grid[place.x - 2, place.row] = Sign(ARROW, "wire", layout.flow.sources(mark.key)[0])
    return grid


def keep_names(grid: Grid, layout: DiagramLayout, first: tuple[int, int], last: tuple[int, int]) -> None:
    """Write names where a picture that is looked at in parts would lose them.

    A box whose words are not in sight has its name in its upper edge; a value that comes in from the left of what is
    in sight is named where its wire begins to be seen.

    Args:
        grid: What stands where; it is changed.
        layout: Of which picture.
        first: The first column and row in sight.
        last: The column and row behind the last.
    """
    for mark, place in zip(layout.flow.marks, layout.places, strict=True):
        if mark.kind == "box":
            lines = place.height - 2
            if lines == 1 or place.y + 1 >= last[1]:
                name = _label_within(mark.label, place.width - 2) or label_of(mark).strip()
                _put(grid, place.x + 1, place.y, f"{name:─^{place.width - 2}}", "frame", mark.key)
        elif mark.kind == "entry" and place.x + place.width <= first[0]:
            name = end_name(mark, layout.measure, layout.backward)
            cells = [grid.get((first[0] + n, place.row)) for n in range(len(name) + 1)]
            if all(one is not None and one.text in "─━" and one.key == mark.key for one in cells):
                _put(grid, first[0], place.row, name, "name", mark.key)


def _label_within(label: str, width: int) -> str:
    """Return as many whole words of a label as there is room for; of one that is too long, its beginning."""
    words = label.split(" ")
    while len(words) > 1 and len(" ".join(words)) > width:
        words.pop()
    return _cut(" ".join(words), width)


def _formula_within(formula: str, width: int) -> str:
    """Return a formula that fits: as it is, without its blanks, or without what is multiplied."""
    shorter = formula.replace(" ", "")
    forms = (formula, shorter, re.sub(r"\[[^]]*\]", "…", shorter))
    return next((one for one in forms if len(one) <= width), _cut(shorter, width))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _put(grid: Grid, x: int, y: int, text: str, part: str, key: int) -> None:
    for n, character in enumerate(text):
        grid[x + n, y] = Sign(character, part, key)


def _lengthen(grid: Grid, layout: DiagramLayout, mark: Mark, x: int) -> None:
    """Have a wire that leaves beside a number begin where a short number ends."""
    side, row = layout.places[mark.key].label + layout.places[mark.key].label_width, layout.places[mark.key].row
    wire = grid.get((side, row))
    if (
        any((joint.mark, joint.x, joint.y, joint.way) == (mark.key, side, row, LEFT) for joint in layout.joints)
        and wire
    ):
        heavy = wire.text in HEAVY.values()
        for column in range(x, side):
            grid[column, row] = Sign(HEAVY["─"] if heavy else "─", "wire", wire.key if wire.across < 0 else wire.across)


def _put_box(grid: Grid, mark: Mark, x: int, y: int, width: int, lines: list[str]) -> None:
    _put(grid, x, y, "╭" + "─" * (width - 2) + "╮", "frame", mark.key)
    for n, line in enumerate(lines):
        part = "number" if n == len(lines) - 1 else "sign"
        _put(grid, x + 1, y + 1 + n, f"{line:^{width - 2}}", part, mark.key)
        for side in (x, x + width - 1):
            grid[side, y + 1 + n] = Sign("│", "frame", mark.key)
    _put(grid, x, y + 1 + len(lines), "╰" + "─" * (width - 2) + "╯", "frame", mark.key)


def _wires(layout: DiagramLayout) -> Grid:
    """Draw every wire, each place by the ways that its value goes on from there."""
    ways: dict[tuple[int, int], dict[int, int]] = {}
    for run in layout.runs:
        before = None
        for x, y in run.cells():
            here = ways.setdefault((x, y), {})
            here.setdefault(run.net, 0)
            if before is not None:
                here[run.net] |= LEFT if run.across else UP
                ways[before][run.net] |= RIGHT if run.across else DOWN
            before = (x, y)
    for joint in layout.joints:  # a wire goes on into what it begins or ends at
        here = ways.setdefault((joint.x, joint.y), {})
        here[joint.net] = here.get(joint.net, 0) | joint.way
    belts = _belt_rows(layout)
    grid: Grid = {}
    for place, nets in ways.items():
        across = next((net for net, way in nets.items() if way & (LEFT | RIGHT)), -1)
        heavy = belts.get(place[1]) is not None and across in belts[place[1]]
        if len(nets) == 1:
            ((net, way),) = nets.items()
            text, crossed = LINES[way], -1
        else:
            net = next(net for net in nets if net != across)
            text, crossed = CROSSING, across
        grid[place] = Sign(HEAVY.get(text, text) if heavy else text, "wire", net, crossed)
    return grid


def _belt_rows(layout: DiagramLayout) -> dict[int, set[int]]:
    """Return the rows of the belts, each with the values that are carried along it."""
    found: dict[int, set[int]] = {}
    for way in layout.flow.belts.values():
        entry = [key for key in layout.flow.sources(way[0]) if layout.flow.marks[key].kind == "entry"]
        found[layout.places[way[0]].row] = {*way, *entry}
    return found


def text_of(layout: DiagramLayout, grid: Grid) -> list[str]:
    """Return the lines of a drawing."""
    return [
        "".join(grid[x, y].text if (x, y) in grid else " " for x in range(layout.width)).rstrip()
        for y in range(layout.height)
    ]  # fmt: skip
