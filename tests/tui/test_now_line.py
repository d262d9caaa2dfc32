"""The line in words stands on every screen, and what the network says is in it at every size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driven_screen import Driver, drive
from edited_networks import sentence

from lstm_tui.debugger.panes import BACKWARD
from lstm_tui.debugger.source import Source
from lstm_tui.formats.io.preferences import EXPERT, Preferences
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.canvas.palette import ASCII, DARK_PALETTE, UNICODE, Glyphs
from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.panes.now_line import LESSONS, WHOSE, draw_now, draw_now_in_two

SIZES = ((160, 45), (120, 36), (80, 24), (60, 20))


def story() -> Source:
    network = open_model("story")
    return Source(network, [sentence(network, "Ganesh likes AIML . Ram likes DevSecOps . he likes DevSecOps .")])


def without_hint(text: str) -> str:
    """Return what is said before the key that shows more."""
    return next((text[: text.index(one)] for one in WHOSE if one in text), text).strip()


@pytest.mark.parametrize("size", SIZES)
def test_the_prediction_is_on_the_screen_at_every_size_and_the_lessons_are_offered_where_there_is_room(
    size: tuple[int, int],
) -> None:
    async def act(driver: Driver) -> None:
        first = driver.line("now")
        assert "next word: likes 77 %" in first
        assert LESSONS[0] in first or size == (60, 20)
        if size[0] >= 80:
            assert driver.view.now.memory[0] in first  # no word of it gives way to the lessons
        assert "; ".join(driver.view.now.memory) in first or "…" in first
        for _ in range(4):
            await driver.press("n")
        line = driver.line("now")
        assert "next word: likes 70 %" in line
        assert LESSONS[1] not in line
        assert any(one in line for one in WHOSE) == (size[0] >= 80), "a loss says where it is seen whose it was"
        if size[0] >= 80:
            assert "at “Ram” 6 of 16 memories are cleared" in line
            told = [one for one in driver.view.now.memory if one in line]
            assert told[:4] == list(driver.view.now.memory[:4])
            assert len(told) == len(driver.view.now.memory) or size[0] in (80, 160), "two rows have all, or nearly all"
        await driver.press("S")
        assert "not computed yet" in driver.line("now")

    drive(act, story(), size=size)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_width_keeps_what_the_network_says_and_no_clause_is_torn_but_the_first(glyphs: Glyphs) -> None:
    async def act(driver: Driver) -> None:
        for _ in range(4):
            await driver.press("n")
        view, palette = driver.view, replace(DARK_PALETTE, glyphs=glyphs)
        clauses = [glyphs.say(one) for one in view.now.memory]
        most = 0
        for width in range(24, 200):
            strip = draw_now(view, width, palette).strip()
            assert strip.cell_length == width
            assert "likes 70 %" in strip.text
            whole = (
                clauses[1:] if "; ".join(clauses) in strip.text else [one for one in clauses[1:] if one in strip.text]
            )
            most = max(most, len(whole))
            left = without_hint(strip.text.partition("next word")[0])
            more = "" if len(whole) == len(clauses) - 1 else f"; {glyphs.more}"
            if len(left) > 1 and left != "; ".join((clauses[0], *whole)) + more:  # else what the network says takes all
                assert left.endswith(glyphs.more)
                assert clauses[0].startswith(left[:-1].rstrip("; "))
        assert most == len(clauses) - 1

    drive(act, story(), size=(120, 36))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_over_two_rows_the_same_words_stand_in_their_order(glyphs: Glyphs) -> None:
    async def act(driver: Driver) -> None:
        for _ in range(4):
            await driver.press("n")
        view, palette = driver.view, replace(DARK_PALETTE, glyphs=glyphs)
        whole, most = "; ".join(glyphs.say(one) for one in view.now.memory), 0
        for width in range(40, 200):
            rows = [line.strip() for line in draw_now_in_two(view, width, palette)]
            assert [row.cell_length for row in rows] == [width, width]
            text = " ".join(row.text.strip() for row in rows)
            assert text.endswith("likes 70 %")
            told = without_hint(text.partition("next word")[0])
            if told != whole:
                assert told.endswith(glyphs.more)
                assert whole.startswith(told[: -len(glyphs.more)].rstrip("; "))
            assert len(told) >= most - len(glyphs.more) - 2, "with more room no less is told"
            most = max(most, len(told))
        assert most == len(whole)

    drive(act, story(), size=(120, 36))


def test_an_expert_leaves_the_line_out_and_that_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "settings"

    async def act(driver: Driver) -> None:
        line = driver.screen.query_one("#now")
        assert line.display
        await driver.press("X")
        assert not line.display
        assert driver.view.said.startswith("expert")

    async def again(driver: Driver) -> None:
        assert not driver.screen.query_one("#now").display
        await driver.press("X")
        assert driver.screen.query_one("#now").display

    drive(act, story(), settings=Preferences(path))
    drive(again, story(), settings=Preferences(path))
    assert not Preferences(path).is_on(EXPERT)


def test_the_row_of_events_says_of_whom_it_is_and_a_cell_without_a_ledger_has_none() -> None:
    async def act(driver: Driver) -> None:
        row = next(line for line in driver.text().splitlines() if "lost +new" in line)
        assert "all units" in row
        assert "share in" in driver.text()

    async def plain(driver: Driver) -> None:
        text = driver.text()
        assert "lost +new" not in text
        assert "share" not in text.split("2 units")[0]
        assert "cannot be split by token" in text

    for size in SIZES[:2]:  # lower ones have no room for the row
        drive(act, story(), size=size)
    network = open_model("recall-rnn")
    drive(plain, Source(network, [sentence(network, "to be")]), size=(160, 45))


@pytest.mark.parametrize(("model", "both"), [("story", False), ("sentiment", True)])
def test_units_that_read_backward_are_offered_where_some_do_and_else_the_key_says_so(model: str, both: bool) -> None:
    network = open_model(model)

    async def act(driver: Driver) -> None:
        offered = [one.title for one in driver.app.get_system_commands(driver.screen)]
        assert any("reads backward" in title for title in offered) == both
        assert any("choose a unit (2)" in title for title in offered)
        missing = [one for one in COMMANDS if f"{one.phrase} ({one.key})" not in offered]
        assert [one.action for one in missing] == ([] if both else [f"looks.pane({BACKWARD.number})"])
        await driver.press("3")
        assert ("one direction only" in driver.view.said) != both

    drive(act, Source(network, [sentence(network, "The movie was bad" if both else "Ram likes AIML")]))
