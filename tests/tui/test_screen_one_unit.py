"""One unit for a class, on key 0: what is drawn large, in every cell, and that it is the same session."""

from __future__ import annotations

import re

import numpy as np
import pytest
from driven_screen import Driver, drive, network, of_tokens, sequences, three_lines
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.tui.canvas.canvas import Line, signed
from lstm_tui.tui.canvas.charts import put_span
from lstm_tui.tui.canvas.large_text import HEIGHT, LETTERS, large, large_width
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, Palette, palette_of
from lstm_tui.tui.panes.large_unit import draw_one_unit
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
DRAWN, PLAIN = PALETTES = (palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True))
SIZES = ((160, 43), (120, 34), (80, 22), (80, 12), (40, 10))


def view_of(session: Session, plain: Facts | None = None, value: str = "") -> View:
    frame = session.frame
    facts = Facts(frame.trace, plain) if plain is not None and session.history.active else Facts(frame.trace)
    return View(frame, facts, value=value or frame.passed.cell.values[0])


def is_large(text: str, drawn: str, palette: Palette = DRAWN) -> bool:
    """Say whether a text stands somewhere in large letters: its three lines one over the other."""
    rows = [re.escape(row.rstrip()) for row in large(text, palette.glyphs)]
    lines = drawn.split("\n")
    for upper, middle, lower in zip(lines, lines[1:], lines[2:], strict=False):
        for found in re.finditer(f"(?={rows[1]})", middle):
            x = found.start()
            if re.match(rows[0], upper[x:]) and re.match(rows[2], lower[x:]):
                return True
    return False


def test_letters_are_drawn_as_they_are_listed() -> None:
    for letter, rows in LETTERS.items():
        assert len(rows) == HEIGHT
        assert len({len(row) for row in rows}) == 1, letter
        assert set("".join(rows)) <= set("#.")
    drawn = [LETTERS[letter] for letter in LETTERS if letter not in "−–—’‘“”×"]
    assert len(set(drawn)) == len(drawn), "two letters look alike"
    assert large("1.", UNICODE) == ("▄█   ", " █   ", "▀▀▀ ▀")
    assert large("7", ASCII) == (" _ ", "  |", "  |")
    assert large_width("日", UNICODE) is None
    assert large_width("a", ASCII) is None


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 2), ids=called)
def test_every_cell_is_drawn_at_every_size_and_step(name: str) -> None:
    network = make_network(name)
    session = Session.open(Source(network, [Sequence("numbers", tuple("abc"), x=make_input(network, 3))]))
    for _ in range(len(session.frame.equations) + 1):
        equation = session.frame.equation
        view = view_of(session, value="" if equation is None else equation.name)
        for (width, height), palette in zip(SIZES, PALETTES * 3, strict=False):
            drawing = draw_one_unit(view, width, height, palette)
            text = drawing.text()
            assert len(drawing.lines) <= height
            assert all(line.x <= width for line in drawing.lines)
            assert view.unit_words() in text
            if palette is PLAIN:
                assert text.isascii()
        session.step_in()


def test_what_is_kept_written_and_seen_is_told_as_soon_as_it_is_known() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    session.goto(2)
    told = []
    for name in "figcoh":
        session.step_in()
        view = view_of(session, value=name)
        text = draw_one_unit(view, 160, 43, DRAWN).text()
        told.append(text.count("forgotten") + text.count("not shown"))
        passed, unit = view.passed, view.unit
        old, new = float(passed["c"][2, unit]), float(passed["c"][3, unit])
        kept = float(passed["f"][3, unit]) * old
        numbers = [(0, kept), (2, new - kept), (3, new), (5, float(passed["h"][3, unit]))]
        for first, number in numbers:
            if "figcoh".index(name) >= first:
                assert is_large(signed(number, UNICODE, places=None), text)
        assert is_large("unit", text)
        assert is_large(view.label(3, DRAWN), text)
        label = view.passed.cell.equation(name).label
        assert is_large(label, text)
        assert is_large(view.passed.cell.equation(name).help, text)
        if name != "h":
            assert is_large("...".replace("...", UNICODE.more), text), "what is to come is not told"
    assert told == sorted(told)


@pytest.mark.parametrize("size", [(60, 14), (60, 15), (70, 16)])
def test_every_gate_and_part_stands_in_a_room_that_is_just_high_enough(size: tuple[int, int]) -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    lines = draw_one_unit(view_of(session), *size, DRAWN).text().split("\n")
    words = [word for line in lines[6:] for word in line.split()]
    for word in ("keep", "write", "candidate", "output", "before", "kept", "written", "after", "hidden"):
        assert words.count(word) == 1, word


@pytest.mark.parametrize(("width", "every"), [(58, False), (64, False), (120, True), (160, True)])
def test_the_heading_names_every_value_or_says_how_many_there_are(width: int, every: bool) -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    heading = draw_one_unit(view_of(session, value="g"), width, 20, DRAWN).text().split("\n")[0]
    assert ("g of 6 values" in heading) != every
    assert all(f" {name} " in heading for name in "figcoh") == every


def test_tokens_that_were_read_and_those_to_come_have_inks_of_their_own() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    session.goto(2)
    view = view_of(session)
    (line,) = [
        line for line in draw_one_unit(view, 60, 14, DRAWN).lines if "movie" in "".join(t for t, _ in line.parts())
    ]
    inks = {word: style for text, style in line.parts() for word in text.split()}
    words = view.trace.sequence.tokens
    for t, word in enumerate(words):
        if t != view.t:
            assert inks[word] == DRAWN.style("soft" if t < view.t else "faint"), word
    assert DRAWN.style("soft") != DRAWN.style("faint")


def test_gates_and_parts_of_a_gru_are_told_by_what_they_do() -> None:
    session = Session.open(Source(network("gru", both=False), sequences()))
    view = view_of(session, value="z")
    text = draw_one_unit(view, 80, 22, DRAWN).text()
    for word in ("reset", "keep", "candidate", "before", "kept", "written", "after"):
        assert word in text
    assert "hidden" not in text, "h is the memory itself"
    text = draw_one_unit(view, 160, 43, DRAWN).text()
    assert "z · h'" in text
    assert "(1 - z) · n" in text
    assert is_large("keep", text)


def test_a_plain_network_says_that_kept_and_written_cannot_be_told_apart() -> None:
    session = Session.open(Source(network("rnn", both=False), sequences()))
    text = draw_one_unit(view_of(session), 160, 43, DRAWN).text()
    assert "h is computed anew at" in text
    assert is_large("W_h·x", text)
    assert is_large("before", text)
    assert not is_large("written", text)


def test_an_op_fills_in_its_number_and_no_other() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    session.goto(0)
    shown = []
    for _ in range(3):
        session.step_in("op")
        text = draw_one_unit(view_of(session, value="f"), 80, 12, DRAWN).text()
        shown.append(next(line for line in text.split("\n") if line.lstrip().startswith("…")).count("…"))
        told = f"op {len(shown)} of {len(session.frame.ops)}"
        assert all(told in draw_one_unit(view_of(session, value="f"), *size, DRAWN).text() for size in SIZES)
    assert shown == [2, 1, 1], "W·x is there, then U·h, then their sum; the result is the last to come"


def test_edits_are_marked_and_the_baseline_stands_beside_them() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    plain = Facts(session.frame.trace)
    for line in ("set layer0.forward.f[:] @ 2 = 0", 'replace 0 "bad"', "set layer0.forward.c[:] @ 3 = 2"):
        session.edit(parse_edit(line))
    session.goto(2)
    view = view_of(session, plain, "f")
    text = draw_one_unit(view, 160, 43, DRAWN).text()
    tape = text.split("\n")[4]
    assert tape.count("◆") == 1, tape
    assert tape.index("◆") < tape.index("▲")
    assert "◆ set was" in text
    assert text.count("░") > 4, "where the gate was, and all that is forgotten"
    alone = draw_one_unit(view.but(beside=False), 160, 43, DRAWN).text()
    assert "◆ set" in alone
    assert "set was" not in alone
    session.goto(3)
    assert is_large("edit", draw_one_unit(view_of(session, plain, "c"), 160, 43, DRAWN).text())


def test_what_is_no_number_is_told() -> None:
    small = make_network("rnn_relu")
    x = make_input(small, 3)
    x[1] = np.inf
    session = Session.open(Source(small, [Sequence("numbers", tuple("abc"), x=x)]))
    seen = ""
    for t in (1, 2):
        session.goto(t)
        for unit in range(5):
            seen += draw_one_unit(
                view_of(session, value="h").but(units={"layer0.forward": unit}), 160, 43, DRAWN
            ).text()
    assert is_large("+∞", seen)
    assert is_large("NaN", seen)
    assert UNICODE.nan in seen


@pytest.mark.parametrize(
    ("start", "end", "drawn"),
    [
        (0, 1, "    ████"),
        (0, -1, "████▏   "),
        (0.25, 0.75, "    ▏██ "),
        (-0.5, 0.25, "  ███   "),
        (0, 0.125, "    ▌   "),
        (0, 1e-9, "    ▏   "),
        (0, 2, "    ███→"),
        (0, -np.inf, "∞███▏   "),
        (0, np.nan, "   ╳    "),
    ],
)
def test_a_span_goes_from_where_it_begins_to_where_it_ends(start: float, end: float, drawn: str) -> None:
    line = Line(8, DRAWN.style())
    put_span(line, start, end, 8, 1.0, "keep", DRAWN)
    assert line.plain == drawn


def test_what_is_lost_is_hatched_and_what_it_was_is_a_tick() -> None:
    line = Line(16, DRAWN.style())
    put_span(line, 0, 0.25, 16, 1.0, "keep", DRAWN, lacking=0.75, before=0.9)
    assert line.plain == "        ██░░░░ │"


@pytest.mark.parametrize("width", [8, 16, 30])
def test_every_cell_between_a_bar_and_what_it_lacks_is_hatched_and_no_other(width: int) -> None:
    for end in (-0.5, 0.0, 0.25):
        for lacking in (-1.0, -0.75, 0.5, 0.9, 1.0):
            line = Line(width, DRAWN.style())
            put_span(line, 0, end, width, 1.0, "keep", DRAWN, lacking=lacking)
            middles = (2 * np.arange(width) + 1) / width - 1
            low, high = sorted((end, lacking))
            bar = {n for n, text in enumerate(line.plain) if text not in (" ", DRAWN.glyphs.shade, DRAWN.glyphs.axis)}
            between = {n for n, at in enumerate(middles) if low < at < high} - bar
            near = {n for n, at in enumerate(middles) if min(abs(at - low), abs(at - high)) < 0.13 / width}
            hatched = {n for n, text in enumerate(line.plain) if text == DRAWN.glyphs.shade}
            assert hatched ^ between <= near, (end, lacking, line.plain)


def test_it_is_a_way_of_looking_at_the_same_session() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "4", "0")
        assert driver.screen.focused is driver.pane("one")
        assert not driver.pane("tape").display
        assert is_large("The", driver.text())
        assert driver.line("footer").startswith("n/N token")
        await driver.press("s")
        assert (driver.view.t, driver.view.value) == (2, "f")
        await driver.press("l", "j")
        assert driver.view.value == "i"
        assert driver.view.unit == int(driver.view.ranking("layer0.forward")[1])
        assert f"unit {driver.view.unit} " in driver.pane("one").text()
        await driver.press("right_square_bracket")
        assert driver.view.pass_name == "layer0.backward"
        assert "layer0.backward" in driver.pane("one").text()
        await driver.press("right_curly_bracket")
        assert is_large("plot", driver.text())
        await driver.press("colon", *"remove 0", "enter")
        for _ in range(100):
            if driver.view.edits:
                break
            await driver.pilot.pause(0.05)
        assert driver.view.edits == 1
        await driver.press("escape")
        assert driver.screen.shown == 4
        assert driver.screen.focused is driver.pane("cell")
        assert driver.pane("tape").display
        assert not driver.pane("one").display

    drive(act)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_every_way_out_of_it(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        for key, pane in (("0", 2), ("escape", 2), ("m", 2), ("5", 5), ("M", 6), ("1", 1)):
            await driver.press("0")
            assert driver.screen.has_class("-one-unit")
            await driver.press(key)
            assert not driver.screen.has_class("-one-unit")
            assert driver.screen.shown == pane
            assert driver.screen.has_class("-maximised") is (key == "M")
            driver.screen.remove_class("-maximised")
            await driver.press("2")
        await driver.press("escape")
        assert driver.screen.shown == 2

    drive(act, size=size)


def test_hidden_panes_are_not_drawn_at_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("0")
        painted: list[str | None] = []
        paint = Pane._paint

        def watched(pane: Pane) -> None:
            painted.append(pane.id)
            paint(pane)

        monkeypatch.setattr(Pane, "_paint", watched)
        await driver.press("n", "s", "S", "j")
        assert set(painted) == {"one"}

    drive(act)


def test_tokens_that_are_not_drawn_large_stand_as_they_are() -> None:
    session = Session.open(
        Source(network("lstm", both=False), [of_tokens(("[/nope]", "\x1b]52;c;aGk=\x07", "日本語", "bad"))])
    )
    text = draw_one_unit(view_of(session), 160, 43, DRAWN).text()
    assert "日本語" in text
    assert "\x1b" not in text
    assert is_large("[/nope]", text)


def test_a_click_chooses_a_gate_and_a_token() -> None:
    view = view_of(Session.open(Source(network("lstm", both=False), sequences())))
    drawing = draw_one_unit(view, 160, 43, DRAWN)
    found = {(target.t, target.value) for _, _, _, target in drawing.hits}
    assert {(None, name) for name in "figoch"} <= found
    for name in "fig":  # on any line of it, not in the heading alone
        lines = {y for y, first, _, target in drawing.hits if target.value == name and first == 0}
        assert max(lines) - min(lines) + 1 == len(lines) >= 3
    assert {(t, None) for t in range(5)} <= found


def test_the_document_without_a_network_is_drawn_too() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("0", "n", "N", "s")
        assert is_large("unit", driver.text())

    from lstm_tui.debugger.source import Source

    trace = three_lines().run(0)
    drive(act, Source.of_trace(trace))
