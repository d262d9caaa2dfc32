"""A memory that is a matrix a head is drawn at one token: rows down, columns across, a head beside the other."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import cells, check_number, text_of, value_of

import lstm_tui
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.model.network import build_network
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, palette_of
from lstm_tui.tui.panes.ledger import draw_ledger
from lstm_tui.tui.panes.memory_heads import beside_entry, draw_heads
from lstm_tui.tui.view import View

SIZES = ((158, 20), (58, 16), (38, 9), (20, 6), (12, 3), (6, 1))
HEADS = ((1, 8), (2, 8), (4, 16), (1, 40), (8, 64))


def session_of(heads: int, hidden: int, cell: str = "gated_deltanet") -> Session:
    layer = {"cell": cell, "hidden_size": hidden, "directions": ["forward"], "sizes": {"A": heads}}
    network = build_network({"input_size": 3, "layers": [layer]}, seed=1)
    x = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    session = Session(lstm_tui.trace(x, model=network))
    session.goto(3)
    answer(session, "finish")
    return session


def view_of(session: Session, value: str = "S", **more: object) -> View:
    frame = session.frame
    return View(frame, Facts(frame.trace), value=value, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize(("heads", "hidden"), HEADS)
def test_every_entry_in_sight_is_the_number_of_its_place(heads: int, hidden: int, ascii_only: bool) -> None:
    view = view_of(session_of(heads, hidden))
    shape = view.passed.shape_of("S")
    assert shape is not None
    palette = palette_of(DARK.variables, ASCII if ascii_only else UNICODE, False)
    half = view.facts.half(view.pass_name, "S")
    for width, height in SIZES:
        drawing = draw_heads(view, shape, width, height, palette, 5)
        assert len(drawing.lines) <= height
        entries = {target.unit: (y, a, b) for y, a, b, target in drawing.hits if target.unit is not None}
        assert view.unit in entries, (width, height)
        assert all(b <= width for _, _, b in entries.values())
        for unit, (y, a, b) in entries.items():
            value, some = float(view.passed["S"][3][unit]), cells(drawing.lines[y])[a:b]
            written = text_of(some).replace("▸", "").replace(">", "").strip()
            if any(sign.isdigit() for sign in written):
                check_number(written, value)
            if not ascii_only:
                assert value_of(some[-1].back, palette) * half == pytest.approx(value, abs=half / 24)
    wide = draw_heads(view, shape, 400, 100, palette, 5)
    assert {target.unit for _, _, _, target in wide.hits} == set(range(shape.numbers))


def test_the_cursor_goes_to_rows_columns_and_the_next_head() -> None:
    session = session_of(2, 8)
    shape = Shape(2, 4, 4)

    def moved(unit: int, right: int, down: int) -> tuple[int, int, int]:
        view = view_of(session, units={"layer0.forward": unit})
        chosen = beside_entry(view, shape, right, down).unit
        assert chosen is not None
        return shape.place(chosen)

    assert moved(shape.unit(0, 1, 1), 1, 0) == (0, 1, 2)
    assert moved(shape.unit(0, 1, 1), 0, -1) == (0, 0, 1)
    assert moved(shape.unit(0, 3, 1), 0, 1) == (1, 0, 1)
    assert moved(shape.unit(1, 0, 2), 0, -1) == (0, 3, 2)
    assert moved(shape.unit(0, 0, 0), -1, 0) == (0, 0, 0)
    assert moved(shape.unit(1, 3, 3), 0, 1) == (1, 3, 3)


def test_the_ledger_of_a_value_that_reads_the_memory_is_who_wrote_what_it_reads() -> None:
    palette = palette_of(DARK.variables, UNICODE, False)
    session = session_of(2, 8)
    view = view_of(session, "y", units={"layer0.forward": 6})
    assert view.read_ledger is not None
    assert view.read_ledger.breach == 0
    assert draw_ledger(view, 40, 12, palette, 6).title == f"6 S·q of unit {view.unit_in('y')} by token"
    assert view_of(session, "S").read_ledger is None
    assert draw_ledger(view_of(session, "S"), 40, 12, palette, 6).title.startswith("6 memory of S[")
