"""A text coloured by a unit: every token's ground, mark and place read back from the drawing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from drawn import cells, places, text_of, value_of
from driven_screen import Driver, drive
from hypothesis import given
from hypothesis import strategies as st
from present import present
from rich.cells import cell_len
from test_drawings_read_back import COLOURED, IN_SIGNS, view_of

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.inspect.coloured_text import coloured_text, mark_of, wrapped
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_end
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.coloured_text import ColouredPicture, draw_coloured_text

TEXT = "on wait off wait on . " * 6


def opened(text: str = TEXT, model: str = "tiny") -> Session:
    return Session.open(Source.of_input(open_model(model), text_from(text)))


def picture_of(session: Session, what: str, t: int = 0) -> ColouredPicture:
    text = coloured_text(session.scope(), what, t)
    return ColouredPicture(view_of(session, t), session.scope(), what, None, text, t, working=False)


@pytest.mark.parametrize("size", [(158, 43), (118, 34), (78, 22), (30, 9), (12, 5)])
def test_the_ground_of_every_token_is_its_number(size: tuple[int, int]) -> None:
    session, palette = opened(), COLOURED[0]
    memory = session.frame.trace["layer0.forward"]["c"]
    picture = picture_of(session, "c[1]", 7)
    text = present(picture.text)
    drawing = draw_coloured_text(picture, *size, palette)
    seen = set()
    for some, _, _, t, _, _ in places(drawing):
        assert t is not None
        assert text_of(some) == session.frame.trace.sequence.tokens[t]
        for one in some:
            assert value_of(one.back, palette) == pytest.approx(float(memory[t][1]) / text.half, abs=1 / 63)
        seen.add(t)
    assert 7 in seen, "the token under the cursor is always there"
    if size[1] > 9:
        assert seen == set(range(len(text.tokens)))


def test_without_colours_a_mark_stands_below_every_token() -> None:
    session = opened()
    picture = picture_of(session, "c[1]")
    text = present(picture.text)
    drawing = draw_coloured_text(picture, 78, 22, IN_SIGNS)
    lines = [text_of(cells(line)) for line in drawing.lines]
    for line, placed in zip(lines[1::2], wrapped(text.tokens, text.apart, 76), strict=False):
        for n, x in placed:
            glyphs = IN_SIGNS.glyphs
            mark = mark_of(float(text.numbers[n]), text.half, glyphs.ramp, glyphs.ramp_negative)
            assert line[1 + x : 1 + x + len(text.tokens[n])] == mark * len(text.tokens[n])


@pytest.mark.parametrize("size", [(158, 43), (118, 34), (78, 22)])
def test_the_axis_stands_below_the_text(size: tuple[int, int]) -> None:
    session = opened()
    picture = picture_of(session, "c[1]")
    drawing = draw_coloured_text(picture, *size, COLOURED[0])
    lines = [text_of(cells(line)) for line in drawing.lines]
    end = axis_end(present(picture.text).half)
    (axis,) = [n for n, line in enumerate(lines) if re.search(rf"[-−]{end} .* \+?{end}\b", line)]
    assert axis > max(line for line, *_ in drawing.hits)


def test_what_is_typed_says_the_same_in_marks() -> None:
    session = opened()
    told = answer(session, "colour-text c[1]")
    text = coloured_text(session.scope(), "c[1]", 0)
    read = 0
    for said, marks in zip(told[1:-1:2], told[2:-1:2], strict=True):
        words = said.split()
        x = 0
        for word in words:
            x = said.index(word, x)
            assert word == text.tokens[read]
            assert marks.ljust(len(said))[x : x + len(word)] == mark_of(float(text.numbers[read]), text.half) * len(
                word
            )
            read, x = read + 1, x + len(word)
    assert read == len(text.tokens)
    assert answer(session, "colour-text")[0] == told[0], "without more it is the last again"


def test_characters_and_directions_are_coloured_too() -> None:
    session = opened("hello there, you", "chars")
    told = answer(session, "colour-text c[3]")
    assert "hello there, you" in "".join(told)
    session = opened()
    answer(session, "feature d = layer0.forward.c · [0.5, -2.0] + 0.25")
    text = coloured_text(session.scope(), "d", 0)
    np.testing.assert_allclose(text.numbers, session.frame.trace["layer0.forward"]["c"] @ [0.5, -2.0] + 0.25, atol=1e-6)


def test_what_is_not_known_is_so_and_what_is_no_number_is_refused() -> None:
    session = opened()
    text = coloured_text(session.scope(), "log(c[0] - 100)", 0)
    assert np.isnan(text.numbers).all()
    assert answer(session, "colour-text log(c[0] - 100)")[-1] == "it is known at no token"
    draw_coloured_text(picture_of(session, "log(c[0] - 100)"), 78, 22, COLOURED[0])
    for line in ("colour-text c", "colour-text token", "colour-text zzz", "colour-text c[99]"):
        with pytest.raises(UserError):
            answer(session, line)


@given(st.lists(st.tuples(st.text("abc 好", min_size=1, max_size=9), st.booleans()), min_size=1, max_size=30),
       st.integers(9, 40))  # fmt: skip
def test_a_text_is_broken_between_words_and_nothing_is_lost(tokens: list[tuple[str, bool]], width: int) -> None:
    labels = [one[: width // 2] for one, _ in tokens]
    apart = [gap for _, gap in tokens]
    lines = wrapped(labels, apart, width)
    read = [n for line in lines for n, _ in line]
    assert read == sorted(read)
    assert all(labels[n] == " " for n in set(range(len(labels))) - set(read)), "only blanks at the break are left out"
    for line in lines:
        ends = 0
        for n, x in line:
            assert x >= ends
            ends = x + cell_len(labels[n])
            assert ends <= width


def test_the_key_shows_the_unit_chosen_and_goes_where_it_is_told() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("U")
        await driver.answered()
        picture = driver.on_top(AnalysisScreen).picture
        assert picture.what.endswith(f"[{driver.view.unit}]")
        await driver.press("u")
        other = await driver.answered()
        assert other.unit == (driver.view.unit + 1) % driver.view.passed["c"].shape[1]
        await driver.press("l", "l", "enter")
        driver.on_top(MainScreen)
        await driver.until(lambda: driver.view.t == 2)

    drive(act, Source.of_input(open_model("tiny"), text_from(TEXT)))
