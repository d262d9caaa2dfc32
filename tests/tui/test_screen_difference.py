"""An edited run beside its baseline: aligned by token, every change marked by a sign, and nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest
from driven_screen import WORDS, Driver, drive, network, sequences, three_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

import lstm_tui
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.diff import beside
from lstm_tui.debugger.inspect.explain import explain
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.tui.canvas.canvas import Line, framed
from lstm_tui.tui.canvas.charts import put_ghost_bar, put_ghost_signed_bar, put_heat
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, Palette, palette_of
from lstm_tui.tui.panes.equations import draw_cell, draw_equation_line
from lstm_tui.tui.panes.memory import draw_heatmap, draw_heatmap_beside
from lstm_tui.tui.panes.output import draw_output
from lstm_tui.tui.panes.tape import draw_tape
from lstm_tui.tui.panes.units import draw_units
from lstm_tui.tui.view import View

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
PALETTES = (palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True))


def edited(*lines: str, cell: str = "lstm", t: int = 3, **of: object) -> View:
    """Return a view of the first line after some edits."""
    session = Session.open(Source(network(cell, **of), sequences()))
    plain = Facts(session.frame.trace)
    session.goto(t)
    for line in lines:
        session.edit(parse_edit(line))
    frame = session.frame
    facts = Facts(frame.trace, plain) if session.history.active else plain
    return View(frame, facts, value=frame.passed.cell.values[0])


def bar(value: float, before: float, width: int = 8, palette: Palette = PALETTES[0], signed: bool = False) -> str:
    line = Line(width, palette.style())
    if signed:
        put_ghost_signed_bar(line, value, before, width, palette)
    else:
        put_ghost_bar(line, value, before, width, "keep", palette)
    return line.plain


def test_a_ghost_shows_how_far_the_baseline_went() -> None:
    assert bar(0.5, 0.5) == "████    "
    assert bar(0.25, 0.75) == "██░░░░  "
    assert bar(0.75, 0.25) == "██│███  "
    assert bar(0.0, 1.0) == "░░░░░░░░"
    assert bar(0.5, -0.5, signed=True) == "  ░░██  "
    assert bar(-0.5, 1.0, signed=True) == "  ██░░░░"
    assert bar(0.25, 0.75, palette=PALETTES[1]) == "##::::  "
    assert bar(float("nan"), 0.5).strip() == "╳"
    assert bar(0.5, float("nan")) == "████    "


@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(2, 24), st.booleans(), st.sampled_from(PALETTES))
def test_a_bar_with_its_ghost_is_as_wide_as_one_without(
    value: float, before: float, width: int, signed: bool, palette: Palette
) -> None:
    width = width // 2 * 2
    assert len(bar(value, before, width, palette, signed)) == width
    assert bar(value, value, width, palette, signed).count("░") == 0


def test_the_tape_shows_replaced_new_and_deleted_tokens_in_their_places() -> None:
    view = edited('replace 3 "would"', 'insert 1 "see"', "remove 2", t=3)
    text = draw_tape(view, 120, 7, PALETTES[0], 1).text().split("\n")
    assert text[0].split()[:7] == ["token", "The", "see◆", "✗movie", "was", "would◆", "bad"]
    assert text[1].split()[:6] == ["was", "·", "+new", "·", "not", "·"]
    assert text[0].index("would") < text[1].index("not") + 5
    alone = draw_tape(view.but(beside=False), 120, 5, PALETTES[0], 1).text().split("\n")
    assert "✗movie" not in alone[0]
    assert "would◆" in alone[0]


def test_deleted_tokens_behind_the_last_one_are_shown_too() -> None:
    text = draw_tape(edited("remove 4", "remove 3", t=2), 120, 7, PALETTES[0], 1).text()
    assert "✗not ✗bad" in text.split("\n")[0]


def test_the_heading_of_an_edited_unit_table_is_shortened_and_not_cut() -> None:
    view = edited("remove 1", t=3)
    for width in range(40, 160):
        drawing = draw_units(view, "layer0.forward", width, 13, PALETTES[0], 2)
        top = "".join(segment.text for segment in framed(drawing, True)[0])
        assert "…" not in top, width
        assert "Δ" in top, width
        assert width < 48 or f"of {view.passed.hidden_size} " in top, width


def test_the_heading_of_a_unit_table_loses_the_words_of_flags_first_and_what_it_is_ordered_by_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flags = dict(enumerate(("dead", "quiet", "stuck", "shut", "open", "exploding")))
    monkeypatch.setattr(Facts, "flags", lambda facts, name: flags)
    trace = lstm_tui.trace("The movie was not bad", model="verdict-relu")
    view = View(Session(trace).frame, Facts(trace))
    told = []
    for width in range(110, 320):
        drawing = draw_units(view, "layer0.forward", width, 13, PALETTES[0], 2)
        top = "".join(segment.text for segment in framed(drawing, True)[0])
        assert "…" not in top, width
        told.append([word in top for word in (f"of {view.passed.hidden_size} ", view.order_words(), "never active")])
    assert told == sorted(told), "what is told in a narrow heading is told in a wider one"
    assert (told[0], told[-1]) == ([True, True, False], [True, True, True])


def test_the_unit_table_marks_what_is_held_and_what_followed_and_nothing_else() -> None:
    view = edited("set layer0.forward.f[4] @ 3 = 0", t=3)
    difference = present(view.frame.difference)
    view = view.but(order="index")
    rows = draw_units(view, "layer0.forward", 100, 13, PALETTES[0], 2).text().split("\n")[1:]
    changed = {name: beside(difference, "layer0.forward", name, 3).changed for name in view.passed.cell.values}
    assert rows[4].count("◆") == 1
    for unit, row in enumerate(rows[:12]):
        followed = sum(int(changed[name][unit]) for name in changed) - (unit == 4)
        assert row.count("•") == followed, row
    back = draw_units(view, "layer0.backward", 100, 13, PALETTES[0], 3).text()
    assert "•" not in back


def test_changes_are_numbers_only_where_something_changed() -> None:
    view = edited("set layer0.forward.f[4] @ 3 = 0", t=3).but(order="index")
    narrow = draw_units(view, "layer0.forward", 78, 13, PALETTES[0], 2)
    assert "Δ to the baseline" in narrow.note
    difference = view.frame.difference
    assert difference is not None
    by = float(beside(difference, "layer0.forward", "f", 3).by[4])
    assert f"{by:+.2f}".replace("0.", ".") + "◆" in narrow.text().split("\n")[5]
    kept = float(view.passed["f"][3, 0])
    assert f"{kept:.2f}".lstrip("0") + " " in narrow.text().split("\n")[1]
    alone = draw_units(view.but(beside=False), "layer0.forward", 78, 13, PALETTES[0], 2)
    assert ".00◆" in alone.text().split("\n")[5]


def test_the_memory_map_has_each_unit_twice_and_a_column_for_every_token_of_both() -> None:
    view = edited('insert 1 "see"', "remove 2", t=3)
    assert view.baseline is not None
    text = draw_heatmap_beside(view, view.baseline, 90, 15, PALETTES[0], 5).text().split("\n")
    assert text[0].split() == ["The", "◆see", "✗movie", "was", "not", "bad"]
    unit = view.unit
    now, then = view.trace["layer0.forward"]["c"][:, unit], view.baseline.before["layer0.forward"]["c"][:, unit]

    def number(value: float) -> str:
        return f"{value:+.2f}".replace("+0.", "+.").replace("-0.", "-.")

    assert [part.strip("▏") for part in text[1].replace("•", " ").split() if part[-1].isdigit()][1:] == [
        number(float(value)) for value in now
    ]
    assert [part for part in text[2].split() if part[-1].isdigit()] == [number(float(value)) for value in then]
    assert text[1].count("✗") == 1
    assert text[2].count("+ ") == 1


@pytest.mark.parametrize("width", [31, 32, 33, 36])
@pytest.mark.parametrize("beside", [False, True])
def test_a_number_of_the_memory_map_that_changed_is_a_number_in_narrow_cells_too(width: int, beside: bool) -> None:
    view = edited("set layer0.forward.f[4] @ 0: = 0", t=3).but(order="index")
    assert view.baseline is not None
    drawing = (
        draw_heatmap_beside(view, view.baseline, width, 40, PALETTES[0], 5)
        if beside
        else draw_heatmap(view, width, 15, PALETTES[0], 5)
    )
    row = next(line for line in drawing.text().split("\n")[1:] if line[1:5].split() == ["4"])
    numbers = [float(part) for part in re.findall(r"[-+]\d*\.\d+", row[5:])]
    values = view.passed["c"][:, 4]
    assert len(numbers) == len(values), row
    np.testing.assert_allclose(numbers, values, atol=0.051)


@pytest.mark.parametrize(
    ("value", "says"),
    [(0.394, "+.39"), (-1.166, "-1.2"), (9.96, "+10"), (-54.3, "-54"), (999.4, "+999"), (-np.inf, "-∞")],
)
def test_a_marked_number_in_four_cells_loses_places_and_no_figures_before_them(value: float, says: str) -> None:
    line = Line(4, PALETTES[0].style())
    put_heat(line, value, 1, 4, 3.0, PALETTES[0], marked=True)
    assert line.plain == says.rjust(4)


@pytest.mark.parametrize("value", [1234.0, -1.0e38])
def test_a_number_without_room_is_a_sign_not_a_part_of_it(value: float) -> None:
    line = Line(4, PALETTES[0].style())
    put_heat(line, value, 1, 4, 3.0, PALETTES[0], marked=True)
    assert line.plain.strip() in ("+1e3", "+", "−")


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("palette", PALETTES, ids=["unicode", "ascii"])
def test_the_memory_map_tells_what_is_edited_from_what_followed(palette: Palette, aligned: bool) -> None:
    view, glyphs = edited("set layer0.forward.c[2] @ 1:3 = 0.5", t=4), palette.glyphs
    difference = present(view.frame.difference)
    drawn = (
        draw_heatmap_beside(view, difference, 90, 40, palette, 5) if aligned else draw_heatmap(view, 90, 40, palette, 5)
    )
    signs = {glyphs.edited: "held", glyphs.changed: "changed"}
    for unit in range(3):
        (row,) = [line.plain for line in drawn.lines if re.match(rf"\S?\s+{unit} ", line.plain)]
        found = [signs[sign] for sign in row if sign in signs]
        rows = [beside(difference, view.pass_name, "c", t) for t in range(len(view.trace.sequence))]
        expected = ["held" if one.held[unit] else "changed" for one in rows if one.held[unit] or one.changed[unit]]
        assert found == expected


def test_outputs_and_parts_are_compared_by_token() -> None:
    view = edited('replace 3 "would"')
    assert view.baseline is not None
    text = draw_output(view, 40, 16, PALETTES[0], 7).text()
    change = view.baseline.result
    assert change is not None
    for number in change:
        assert f"{float(number):+.2f}".replace("0.", ".", 1) in text
    assert text.count("•") >= 4


@pytest.mark.parametrize("height", [5, 6, 8, 16])
def test_parts_are_shown_by_token_before_the_bias_and_said_to_be_of_the_whole_text(height: int) -> None:
    """Where the output is that of the tokens so far, a word that is still to come has its part all the same."""
    for name, whole in (("sentiment", True), ("sentiment-forward", False)):
        session = Session.open(Source.of_input(open_model(name), text_from("The movie was not bad")))
        session.goto(3)
        view = View(session.frame, Facts(session.frame.trace))
        text = draw_output(view, 60, height, PALETTES[0], 7).text()
        lines = text.splitlines()
        assert ("whole text: positive by position" in text) != whole
        first = next(n for n, line in enumerate(lines) if "by position" in line) + 1
        shown = [line[1:7].strip() for line in lines[first:] if line.strip()]
        tokens = [one for one in shown if one != "bias"]
        assert len(tokens) >= min(2, height - first)
        parts = present(present(view.verdict).parts)
        largest = sorted(sorted(range(5), key=lambda t: -abs(parts[t]))[: len(tokens)])
        assert tokens == [view.trace.sequence.tokens[t] for t in largest]


@pytest.mark.parametrize(("value", "sign"), [("f", ""), ("o", ""), ("g", "+"), ("h", "+")])
def test_the_equation_says_that_an_edit_set_its_value_and_what_it_was(value: str, sign: str) -> None:
    """Each number as its column writes it: a gate without a sign."""
    view = edited(f"set layer0.forward.{value}[4] @ 3 = 0").but(value=value, units={"layer0.forward": 4})
    before = view.frame.difference.before["layer0.forward"][value][3, 4]  # type: ignore[union-attr]
    gives = explain(view.frame.trace["layer0.forward"], value, 3, 4).computed
    assert gives is not None
    for text in (
        draw_cell(view, 90, 18, PALETTES[0], 4).text(),
        draw_equation_line(view, 140, PALETTES[0]).plain,
    ):
        now, set_to, was = (f"{one:{sign}.2f}" for one in (gives, 0.0, before))
        assert f"= {now} ◆ set {set_to} was {was}".replace("0.", ".") in text


def test_the_page_of_equations_marks_the_weights_that_were_edited_and_an_input_that_changed() -> None:
    text = draw_cell(edited("weight layer0.forward/b_f[2] = -4"), 90, 18, PALETTES[0], 4).text()
    assert "σ(W_f·x + U_f·h + b_f◆)" in text
    assert text.count("◆") == 1
    assert " x•" in draw_cell(edited("weight embedding * 2"), 90, 18, PALETTES[0], 4).text()
    assert " x◆" in draw_cell(edited("set layer0.forward.x[0] @ 3 = 1"), 90, 18, PALETTES[0], 4).text()


def test_the_tape_grows_while_there_is_a_baseline_beside() -> None:
    async def act(driver: Driver) -> None:
        height = driver.pane("tape").size.height
        await driver.press("n", "n", "n", "1", "e", "down", "down", "down", "enter")
        assert driver.pane("tape").size.height == height + 2
        assert "✗not" in driver.pane("tape").text()
        await driver.press("d")
        assert driver.pane("tape").size.height == height
        assert "edited alone" in driver.line("footer")
        await driver.press("d", "z")
        assert driver.pane("tape").size.height == height

    drive(act)


LINES = st.one_of(
    st.builds('{} {} "{}"'.format, st.sampled_from(["replace", "insert"]), st.integers(0, 5), st.sampled_from(WORDS)),
    st.builds("remove {}".format, st.integers(0, 4)),
    st.builds(
        "set layer0.{}.{}[{}] @ {} = {}".format,
        st.sampled_from(["forward", "backward"]),
        st.sampled_from("ficohx"),
        st.sampled_from(["0", "3:6", ":"]),
        st.sampled_from(["0", "1:3", ":"]),
        st.sampled_from(["0", "-3", "1e30", "inf"]),
    ),
    st.sampled_from(["weight layer0.forward/b_f = -4", "weight readout/V_y * 0", "weight embedding[3,:] = 9"]),
    st.sampled_from(["let layer0.forward.f = 1", "ablate nog", "ablate cifg", "let c = f * c + i * g + 1"]),
)
SIZES = st.tuples(st.integers(8, 130), st.integers(1, 20))


@given(st.lists(LINES, max_size=4), st.integers(0, 4), st.sampled_from(PALETTES), st.booleans(), SIZES)
@settings(max_examples=60, deadline=None)
def test_any_edited_run_is_drawn_at_any_size(
    lines: list[str], t: int, palette: Palette, shown: bool, size: tuple[int, int]
) -> None:
    session = Session.open(Source(network(), sequences()))
    plain = Facts(session.frame.trace)
    session.goto(t)
    for line in lines:
        try:
            session.edit(parse_edit(line))
        except UserError:
            continue
    frame = session.frame
    facts = Facts(frame.trace, plain) if session.history.active else plain
    view = View(frame, facts, value=frame.passed.cell.values[0], beside=shown)
    width, height = size
    drawings = [
        draw_tape(view, width, height, palette, 1),
        draw_units(view, "layer0.forward", width, height, palette, 2),
        draw_units(view, "layer0.backward", width, height, palette, 3),
        draw_cell(view, width, height, palette, 4),
        draw_heatmap(view, width, height, palette, 5),
        draw_output(view, width, height, palette, 7),
    ]
    if view.baseline is not None:
        drawings.append(draw_heatmap_beside(view, view.baseline, width, height, palette, 5))
        assert np.isfinite(view.facts.half("layer0.forward", "h"))
    for drawing in drawings:
        for drawn in drawing.lines:
            assert len(drawn.plain) == width
            assert palette is PALETTES[0] or drawn.plain.isascii()


@pytest.mark.parametrize("cell", ["gru", "rnn", "lstm_peephole"])
def test_other_cells_are_compared_too(cell: str) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "e", "enter")
        assert "Δ to the baseline" in driver.pane("forward").text()
        assert "edited and baseline" in driver.pane("memory").text()

    drive(act, three_lines(cell))
