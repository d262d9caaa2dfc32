"""The memory map of a tape so long that a token has one cell of it."""

from __future__ import annotations

import pytest
from driven_screen import network, sequences

from lstm_tui.debugger.recipe import parse_edit
from lstm_tui.debugger.session import Session
from lstm_tui.tui.colours import palette_of
from lstm_tui.tui.facts import Facts
from lstm_tui.tui.render.glyphs import ASCII, UNICODE
from lstm_tui.tui.render.heatmap import draw_heatmap
from lstm_tui.tui.render.heatmap_before import draw_heatmap_beside
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.themes import DARK
from lstm_tui.tui.view import View

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
PALETTES = (palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True))


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("beside", [False, True])
def test_a_changed_value_takes_no_more_than_its_cell(palette: Palette, beside: bool) -> None:
    session = Session.open(network("lstm"), sequences())
    plain = Facts(session.frame.trace)
    for _ in range(14):
        session.edit(parse_edit('insert 0 "not"'))
    frame = session.frame
    view = View(frame, Facts(frame.trace, plain), value=frame.passed.cell.values[0])
    assert view.baseline is not None
    count = len(frame.trace.sequence.tokens)
    width = 4 + count + 9
    if beside:
        drawing = draw_heatmap_beside(view, view.baseline, width, 40, palette, 5)
    else:
        drawing = draw_heatmap(view, width, 15, palette, 5)
    row = next(line for line in drawing.text().split("\n")[1:] if line[1:5].strip() == str(view.unit))
    assert row[5 if beside else 4 :].strip() == palette.glyphs.changed * count
