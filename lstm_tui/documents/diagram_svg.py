"""The picture of a cell as SVG: boxes, circles and wires where the layout has them; numbers stand by their mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lstm_tui.debugger.diagram.dataflow import Mark
from lstm_tui.debugger.diagram.geometry import (
    DOWN,
    LEFT,
    RIGHT,
    UP,
    DiagramLayout,
    MarkPlace,
    end_name,
    formula_of,
    label_of,
)
from lstm_tui.documents.html import Html, element
from lstm_tui.engine.number_text import coordinate

ACROSS, HIGH = 9, 22
"""Pixels of a cell of the grid."""
_ABOVE = 14
"""Pixels above the first row, for the numbers that stand on its wire."""
_WAYS = {UP: (0, -1), DOWN: (0, 1), LEFT: (-1, 0), RIGHT: (1, 0)}
STYLE = """\
.wire { fill: none; stroke: var(--wire, currentColor); stroke-width: 1.6; }
.wire.belt { stroke-width: 4; }
.mark rect { fill: var(--paper); stroke: currentColor; stroke-width: 1.4; }
.mark text, .end text { font: 14px ui-monospace, "DejaVu Sans Mono", monospace; fill: currentColor; stroke: none; }
.mark, .wire, .end { color: var(--ink); }
.mark.coming, .wire.coming, .end.coming { opacity: .3; }
.mark.lit rect { fill: var(--row); stroke: var(--link); stroke-width: 3; }
.mark.lit text { font-weight: 700; }
"""


def diagram_svg(layout: DiagramLayout, number: Callable[[Mark], str], ink: Callable[[Mark], str], title: str) -> Html:
    """Return a cell as SVG.

    Args:
        layout: Where its marks and wires stand.
        number: How the number of a mark is written; it stands in an element with the id `n` and the mark's key, the
            mark in a group with the class `m` and its key, the wires that leave it in one with the class `w` and it.
        ink: The colour of a mark, as CSS writes it; may be empty.
        title: What it is of, for whoever has it read aloud.
    """
    width, height = layout.width * ACROSS, layout.height * HIGH
    wires = (_wire(layout, mark, ink(mark)) for mark in layout.flow.marks if mark.kind != "exit")
    marks = (
        _mark(layout, mark, place, number(mark), ink(mark))
        for mark, place in zip(layout.flow.marks, layout.places, strict=True)
    )
    return element(
        "svg", element("title", title), *wires, *marks, viewBox=f"0 {-_ABOVE} {width} {height + _ABOVE}", role="img",
        style=f"width:100%;max-width:{width}px;height:auto",
    )  # fmt: skip


def _wire(layout: DiagramLayout, mark: Mark, ink: str) -> Html:
    """Return every piece of the wire of a value as one path."""
    pieces = [f"M{_x(run.x)} {_y(run.y)}L{_x(run.to_x)} {_y(run.to_y)}" for run in layout.runs if run.net == mark.key]
    pieces += list(_ends(layout, mark.key))
    belt = any(mark.key in way for way in layout.flow.belts.values()) or (
        mark.kind == "entry" and mark.symbol.endswith("'") and mark.name in layout.flow.belts
    )
    style = f"--wire:{ink}" if ink else ""
    return element("path", d="".join(pieces), class_=f"wire w{mark.key}{' belt' if belt else ''}", style=style)


def _ends(layout: DiagramLayout, net: int) -> Iterator[str]:
    """Yield the last bit of a wire, up to the mark that it touches."""
    for joint in layout.joints:
        if joint.net == net:
            dx, dy = _WAYS[joint.way]
            place, kind = layout.places[joint.mark], layout.flow.marks[joint.mark].kind
            x, y = _x(joint.x) + dx * ACROSS * 0.75, _y(joint.y) + dy * HIGH * (1.0 if kind == "box" else 0.6)
            if kind == "circle" and joint.way == LEFT:  # from behind its number
                x = (place.x + place.width) * ACROSS
            yield f"M{_x(joint.x)} {_y(joint.y)}L{coordinate(x)} {coordinate(y)}"


def _mark(layout: DiagramLayout, mark: Mark, place: MarkPlace, number: str, ink: str) -> Html:
    row = _y(place.row)
    style = f"color:{ink}" if ink else ""
    if mark.kind in ("entry", "exit"):
        name = end_name(mark, layout.measure, layout.backward)
        words = [_text(name, place.x * ACROSS, row, "start")]
        if place.label_width:
            words.append(_text(number, place.label * ACROSS, row, "start", f"n{mark.key}"))
        return element("g", *words, class_=f"end m{mark.key}", style=style)
    left, top = place.x * ACROSS, place.y * HIGH
    if mark.kind == "circle":
        shape = element(
            "rect", x=str(left), y=coordinate(row - 10), width=str(place.width * ACROSS), height="20", rx="10"
        )  # fmt: skip
        words = [_text(mark.symbol, left + place.width * ACROSS / 2, row, "middle")]
        label = label_of(mark)
        behind = place.label * ACROSS + 2
        # a number that stands on a wire is drawn above it
        words.append(_text(label.strip(), behind, row - _ABOVE + 3, "start"))
        words.append(_text(number, behind + len(label) * ACROSS, row - _ABOVE + 3, "start", f"n{mark.key}"))
        return element("g", shape, *words, class_=f"mark m{mark.key}", style=style)
    shape = element(
        "rect", x=str(left), y=coordinate(top + HIGH / 2), width=str(place.width * ACROSS),
        height=str((place.height - 1) * HIGH), rx="6",
    )  # fmt: skip
    middle, step = left + place.width * ACROSS / 2, (place.height - 1) * HIGH / 4
    words = [
        _text(mark.label[: place.width - 1], middle, top + HIGH / 2 + step, "middle"),
        _text(formula_of(mark, layout.measure)[: place.width - 1], middle, top + HIGH / 2 + 2 * step, "middle"),
        _text(number, middle, top + HIGH / 2 + 3 * step, "middle", f"n{mark.key}"),
    ]
    return element("g", shape, *words, class_=f"mark m{mark.key}", style=style)


def _text(text: str, x: float, y: float, anchor: str, id: str = "") -> Html:
    return element("text", text, x=coordinate(x), y=coordinate(y), dy=".35em", text_anchor=anchor, id=id)


def _x(column: int) -> float:
    return (column + 0.5) * ACROSS


def _y(row: int) -> float:
    return (row + 0.5) * HIGH
