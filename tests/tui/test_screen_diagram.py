"""The picture of the cell on the screen: opened, stepped and left, in every cell and size, in signs of any terminal."""

from __future__ import annotations

import re

import pytest
from driven_screen import Driver, drive, network, sequences
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.debugger.diagram.chain import chain_height, chain_lines
from lstm_tui.debugger.diagram.numbers import standing
from lstm_tui.debugger.diagram.placement import fitted
from lstm_tui.debugger.diagram.strands import strand_lines
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.panes import DIAGRAM
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import compact
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, Palette, palette_of
from lstm_tui.tui.panes.diagram import draw_diagram
from lstm_tui.tui.view import View

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
DRAWN, PLAIN = palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True)
SIZES = ((158, 41), (118, 32), (78, 19), (56, 10), (30, 8))


def view_of(session: Session) -> View:
    return View(session.frame, Facts(session.frame.trace), value=session.frame.passed.cell.values[0])


def check_chain(view: View, rows: list[str], size: tuple[int, int], palette: Palette) -> None:
    """Check that the chain of steps stands under the cell, whole or small, a line free above it, or not at all."""
    units = {name: view.unit_of(name) for name in view.trace}
    if palette is PLAIN:
        return  # it is the same picture in other signs
    stripped, seen = [row.strip() for row in rows], []
    for small in (False, True):
        pieces = chain_lines(view.frame, units, size[0] - 2, small)
        chain = ["".join(piece.text for piece in line).strip() for line in pieces]
        if stripped[-1 - len(chain) : -1] == chain:
            seen.append(small)
            assert stripped[-2 - len(chain)] == "", "a line is free above it"
        elif small and not seen:
            assert not any(len(one) > 12 and one in stripped for one in chain), "whole, or not at all"
    step = standing(view.frame, view.unit)
    if step is not None and size[1] >= 19:
        lines = strand_lines(step.flow, lambda mark: step.written(mark), size[0] - 2)
        if len(lines) + chain_height(view.frame, small=True) + 3 <= size[1]:
            assert seen, "on the whole screen, at 80×24 too, the chain is in sight"


def check_numbers(view: View, text: str, size: tuple[int, int]) -> None:
    """Check that at 80×24 every number of the unit is in sight, whether in the picture or in lines."""
    step = standing(view.frame, view.unit)
    if step is None or size[1] < 19:
        return
    lines = strand_lines(step.flow, step.written, size[0] - 2)
    if len(lines) + 3 <= size[1]:
        for mark in step.flow.of_kind("entry", "box", "circle"):
            assert step.written(mark) in text, mark


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 2), ids=called)
def test_every_cell_is_drawn_at_every_size(name: str) -> None:
    made = make_network(name)
    session = Session.open(Source(made, [Sequence("numbers", tuple("abc"), x=make_input(made, 3))]))
    for palette in (DRAWN, PLAIN):
        for width, height in SIZES:
            view = view_of(session)
            drawing = draw_diagram(view, width, height, palette)
            assert len(drawing.lines) <= height
            assert all(line.x <= width for line in drawing.lines)
            if palette is PLAIN:
                assert drawing.text().isascii()
            check_chain(view, drawing.text().split("\n"), (width, height), palette)
            if palette is DRAWN:
                check_numbers(view, drawing.text(), (width, height))
            step = standing(view.frame, view.unit)
            assert step is not None
            if step.at_work is not None:
                lit = {style for line in drawing.lines for text, style in line.parts() if text.strip() and style.bold}
                assert lit, "what is at work is in sight"
            session.step_in("op")


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 3), ids=called)
def test_a_part_of_the_picture_begins_at_the_left_and_keeps_the_names(name: str) -> None:
    made = make_network(name)
    session = Session.open(Source(made, [Sequence("numbers", tuple("abc"), x=make_input(made, 3))]))
    width, height = 56, 10
    for _ in range(30):
        view = view_of(session)
        drawing = draw_diagram(view, width, height, DRAWN)
        step = standing(view.frame, view.unit)
        assert step is not None
        layout = fitted(step.flow, width, height - 2, step.backward)
        found = re.search(r"columns (\d+)–", drawing.note)
        if found is not None and "rows 1–" in drawing.note:
            first = int(found[1]) - 1
            place = layout.places[step.at_work if step.at_work is not None else 0]
            seen_at_left = max(place.x + place.width, place.label + place.label_width) <= width
            assert (first == 0) == seen_at_left
            assert drawing.shorter[0].startswith("D has more room")
            for mark, at in zip(step.flow.marks, layout.places, strict=True):
                whole = first <= at.x and at.x + at.width <= first + width and at.y < height - 2
                if mark.kind == "box" and whole and (at.height == 3 or at.y + 1 >= height - 2):
                    right, down = (max((room - size) // 2, 0) for room, size in (
                        (width, layout.width), (height - 2, layout.height),
                    ))  # fmt: skip
                    left = at.x - first + right
                    edge = drawing.lines[at.y + down].plain[left : left + at.width]
                    wanted = mark.label.split(" ")[0] or mark.name or ""
                    assert edge.strip("╭─╮").startswith(wanted[: at.width - 3]), mark
        session.step_in("op")


def test_exactly_what_is_at_work_is_lit() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    session.goto(1)
    for _ in range(30):
        session.step_in("op")
        view = view_of(session)
        step = standing(view.frame, view.unit)
        assert step is not None
        assert step.at_work is not None
        mark = step.flow.marks[step.at_work]
        lines = draw_diagram(view, 118, 32, DRAWN).lines[2:-1]
        ground = DRAWN.colours["ground"]
        lit = "".join(
            text for line in lines for text, style in line.parts()
            if style.color is not None and style.color.triplet is not None and tuple(style.color.triplet) == ground
        )  # fmt: skip
        number = step.numbers[mark.key]
        done = "…" if not step.done[mark.key] else compact(number or 0.0, 5, mark.symbol != "σ")
        assert mark.symbol in lit
        assert done in lit
        others = [one for one in step.flow.of_kind("circle") if one.key != mark.key and one.name]
        assert not any(f"({one.symbol}) {one.name} " in lit for one in others)


def test_it_is_opened_stepped_and_left_with_the_same_keys() -> None:
    async def act(driver: Driver) -> None:
        before = driver.screen.shown
        await driver.press("g", "D")
        assert driver.screen.has_class("-maximised")
        assert driver.screen.shown == DIAGRAM.number
        first = driver.pane("diagram").text()
        await driver.press("n")
        assert driver.view.t == 1
        second = driver.pane("diagram").text()
        await driver.press("s")
        assert first != second != driver.pane("diagram").text()
        await driver.press("j")
        assert driver.view.unit_words() in driver.pane("diagram").text()
        await driver.press("D")
        assert driver.screen.shown == before
        assert not driver.screen.has_class("-maximised")
        await driver.press("M", "D", "escape")
        assert not driver.screen.has_class("-maximised")
        assert driver.screen.shown == before, "what was in use before the map is what is come back to"

    drive(act)


@pytest.mark.parametrize(("size", "beside"), [((160, 45), True), ((120, 36), True), ((80, 24), False)])
def test_it_stands_beside_the_equations_where_there_is_room(size: tuple[int, int], beside: bool) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("8")
        assert driver.pane("diagram").display
        assert driver.pane("diagram").region.width > 0
        assert driver.pane("cell").region.width * driver.pane("cell").region.height > 0 or not beside
        assert not driver.pane("memory").display or not driver.pane("memory").region.area
        await driver.press("5")
        assert driver.pane("memory").region.area
        assert not driver.pane("diagram").region.area

    drive(act, size=size)
