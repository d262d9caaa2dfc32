"""An edited run whose tape got long: cells of the memory map, and what new tokens are shown as."""

from __future__ import annotations

import pytest
from driven_screen import network, sequences

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, Palette, palette_of
from lstm_tui.tui.panes.memory import draw_heatmap, draw_heatmap_beside
from lstm_tui.tui.panes.units import draw_units
from lstm_tui.tui.view import View

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
PALETTES = (palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True))


def longer(tokens: int) -> View:
    """Return a view of the first line with some tokens before it."""
    session = Session.open(Source(network("lstm"), sequences()))
    plain = Facts(session.frame.trace)
    for _ in range(tokens):
        session.edit(parse_edit('insert 0 "not"'))
    session.goto(0)
    frame = session.frame
    return View(frame, Facts(frame.trace, plain), value=frame.passed.cell.values[0])


def test_a_new_token_shows_its_own_numbers_beside_the_baseline() -> None:
    view = longer(1).but(order="index")
    assert view.baseline is not None
    text = draw_units(view, "layer0.forward", 78, 13, PALETTES[0], 2).text()
    assert "new" not in text
    keep = float(view.passed["f"][0, 0])
    assert f"{keep:.2f}".removeprefix("0") + "•" in text.split("\n")[1]


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("beside", [False, True])
def test_a_changed_value_takes_no_more_than_its_cell(palette: Palette, beside: bool) -> None:
    view = longer(14)
    assert view.baseline is not None
    count = len(view.trace.sequence.tokens)
    width = 4 + count + 9
    if beside:
        drawing = draw_heatmap_beside(view, view.baseline, width, 40, palette, 5)
    else:
        drawing = draw_heatmap(view, width, 15, palette, 5)
    row = next(line for line in drawing.text().split("\n")[1:] if line[1:5].strip() == str(view.unit))
    assert row[5 if beside else 4 :].strip() == palette.glyphs.changed * count
