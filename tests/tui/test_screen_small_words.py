"""What is said on 80 columns is said whole where it fits, and a row without a heading tells what it is."""

from __future__ import annotations

import pytest

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.panes.header_footer import draw_footer
from lstm_tui.tui.panes.tape import draw_tape
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import meaning_lines

WORDS = (("n/N", "token"), ("s/S", "equation"), ("?", "help"), ("q", "quit"))


@pytest.mark.parametrize("length", range(0, 90, 7))
@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_an_answer_stands_whole_wherever_it_fits_and_else_help_and_quit_stay(length: int, width: int) -> None:
    said = "x" * length
    text = draw_footer(WORDS, width, DARK_PALETTE, said)[0].plain
    assert len(text) == width
    if length + 2 <= width:
        assert said in text
    if not width - 24 < length <= width - 2:
        assert "? help" in text
        assert "q quit" in text


@pytest.mark.parametrize("rows", range(12))
def test_meanings_are_whole_where_there_is_room(rows: int) -> None:
    meanings = (("f", "how much of each memory to keep"), ("Pi", "what is left of it with the gates held"))
    lines = meaning_lines(meanings, 16, rows, DARK_PALETTE)
    assert all(len(text) <= 16 for _, text in lines)
    assert [name for name, _ in lines if name] == ["f", "Pi"]
    whole = " ".join(text for _, text in lines) == " ".join(meaning for _, meaning in meanings)
    assert len(lines) <= rows if whole else len(lines) == len(meanings)
    assert whole == (rows >= 5)


@pytest.mark.parametrize("everyone", [False, True])
def test_two_rows_of_a_tape_say_whose_shares_they_are(everyone: bool) -> None:
    frame = Session.open(Source.of_input(open_model("tiny"), text_from("on off on"))).frame
    view = View(frame, Facts(frame.trace), everyone=everyone)
    row = draw_tape(view, 78, 2, DARK_PALETTE, 1).lines[1].plain
    assert row.rstrip().endswith(("all units'" if everyone else f"{view.unit_words()}'s") + " memory")


@pytest.mark.parametrize("said", ["", "an answer"])
@pytest.mark.parametrize("width", range(16, 130, 3))
def test_every_word_of_the_footer_is_whole_in_its_place_and_the_last_two_are_there(width: int, said: str) -> None:
    words = tuple((key, f"word of {key}") for key in "abcdefgh") + WORDS[2:]
    line, places = draw_footer(words, width, DARK_PALETTE, said)
    for start, end, n in places:
        assert line.plain[start:end] == " ".join(words[n])
        assert end <= width - (len(said) + 1 if said else 0)
    drawn = [n for _, _, n in places]
    assert drawn == sorted(drawn)
    assert drawn[-2:] == [len(words) - 2, len(words) - 1] or width < 16 + len(said) + 2
