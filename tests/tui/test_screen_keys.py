"""Every key of the table does something, on every kind of cell; and what the important ones do."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive, three_lines
from edited_networks import sentence

from lstm_tui.debugger.panes import PANES, PaneName
from lstm_tui.debugger.source import Source
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.commands import COMMANDS, now_at
from lstm_tui.tui.prompts.prompts import Prompt
from lstm_tui.tui.views.page import _ASKED, PageScreen, help_page

# A key is pressed in the middle of things, so that both ways are open to it.
MIDDLE = ("right_curly_bracket", "n", "n", "n", "s", "s")
BEFORE = {
    "t": ("5", "l", "l"),
    "k": ("2", "j", "j"),
    "up": ("2", "j", "j"),
    "h": ("5",),
    "left": ("5",),
    "l": ("5",),
    "right": ("5",),
    "2": ("1",),
    "f": ("i",),
    "full_stop": ("slash", "a", "enter"),
    "comma": ("slash", "a", "enter"),
}
WHOLE = {"looks.map", "looks.maximise", "looks.one_unit"}
KEYS = [key for command in COMMANDS for key in command.keys]


def test_no_key_stands_twice() -> None:
    assert sorted(set(KEYS)) == sorted(KEYS), "the second would never be reached"


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_key_does_something(cell: str) -> None:
    idle: list[str] = []

    async def act(driver: Driver) -> None:
        await driver.press(*MIDDLE)
        start = driver.keep()
        for key in KEYS:
            await driver.give_back(start)
            await driver.press(*BEFORE.get(key, ()))
            before = driver.state()
            await driver.press(key)
            for _ in range(40):  # on a busy machine an answer may take a while
                if driver.state() != before:
                    break
                await driver.pilot.pause(0.05)
            else:
                idle.append(key)

    drive(act, three_lines(cell))
    assert not idle


def test_tokens_go_along_the_tape_and_equations_along_the_pass() -> None:
    async def act(driver: Driver) -> None:
        position = driver.view.frame.position
        assert (position.t, position.equation) == (0, 5)
        await driver.press("n", "n")
        assert driver.view.t == 2
        await driver.press("s")
        position = driver.view.frame.position
        assert (position.t, position.equation, position.op) == (3, 0, None)
        await driver.press("shift+s")
        assert driver.view.t == 2
        await driver.press("i")
        assert driver.view.frame.position.op == 0
        await driver.press("f")
        position = driver.view.frame.position
        assert (position.equation, position.op) == (5, None)
        await driver.press("F")
        assert driver.view.t == 2
        await driver.press("G")
        assert driver.view.t == 4
        await driver.press("g")
        assert driver.view.t == 0

    drive(act)


def test_a_backward_pass_is_stepped_from_the_end() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "right_square_bracket")
        assert driver.view.pass_name == "layer0.backward"
        assert driver.screen.focused is driver.pane("backward")
        await driver.press("s")
        assert driver.view.t == 1

    drive(act)


def test_the_cursor_and_t() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("5", "l", "l", "j")
        assert (driver.view.place, driver.view.t) == (2, 0)
        await driver.press("t")
        assert (driver.view.place, driver.view.t) == (None, 2)

    drive(act)


def test_find_goes_round_the_tape() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "slash")
        assert isinstance(driver.app.screen, Prompt)
        await driver.press("w", "a", "s", "enter")
        assert driver.view.t == 2
        await driver.press("full_stop")
        assert driver.view.t == 8
        await driver.press("comma")
        assert driver.view.t == 2
        await driver.press("slash", "z", "enter")
        assert driver.view.t == 2
        assert driver.line("footer").endswith("not found")

    drive(act)


def test_play_steps_to_the_end_and_stops() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("space")
        assert driver.screen.steps.is_playing
        for _ in range(6):
            driver.screen.steps.play_on()
        assert driver.view.t == 4
        assert not driver.screen.steps.is_playing

    drive(act)


def test_explain_and_help_open_and_close() -> None:
    async def act(driver: Driver) -> None:
        for key, word in (("p", "largest products"), ("question_mark", "which token does this memory come from")):
            await driver.press(key)
            driver.on_top(PageScreen)
            assert word in driver.text()
            await driver.press("escape")
            assert driver.app.screen is driver.screen

    drive(act)


@pytest.mark.parametrize("width", [80, 120, 144, 160])
def test_the_help_is_not_cut_off(width: int) -> None:
    room = int(width * 0.96) - 8
    lines = [line.plain for line in help_page(width)._lines]
    assert max(map(len, lines)) <= room
    said = " ".join(" ".join(lines).split())
    for command in COMMANDS:
        assert command.help.split()[-1] in said
    if width < 150:
        assert all(command.help in said for command in COMMANDS)


def test_the_help_answers_what_newcomers_ask_by_keys_that_there_are() -> None:
    keys = {key for command in COMMANDS for key in command.key.split()} | set("1234567")
    assert {now_at(key).key for key, _ in _ASKED} <= keys
    assert all(len(question) + 9 <= 66 for _, question in _ASKED), "they fit in a column, and at 80 cells"


def test_order_and_signal_go_round() -> None:
    async def act(driver: Driver) -> None:
        seen = []
        for _ in range(4):
            seen.append(driver.view.order)
            await driver.press("o")
        assert seen == ["size", "change", "index", "lost"]
        assert driver.view.order == "size"
        assert "mean forget f" in driver.pane("tape").text()
        await driver.press("v")
        assert "mean input i" in driver.pane("tape").text()

    drive(act)


def test_a_unit_that_is_chosen_stays_in_sight() -> None:
    async def act(driver: Driver) -> None:
        for _ in range(11):
            await driver.press("j")
        last = int(driver.view.ranking("layer0.forward")[-1])
        assert driver.view.unit == last
        for _ in range(3):
            await driver.press("n")
            assert f"▸{driver.view.unit:>2} " in driver.pane("forward").text()

    drive(act, size=(120, 30))


def test_lines_of_the_file() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "right_curly_bracket", "right_curly_bracket")
        assert driver.view.frame.line == 2
        assert "line 3 of 3" in driver.line("header")
        await driver.press("left_curly_bracket")
        assert driver.view.frame.line == 1
        assert "dull" in driver.pane("tape").text()
        assert "1 unknown" in driver.line("header")

    drive(act)


def test_maximise_and_back() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("5", "m")
        assert driver.pane("memory").size.width == 160
        assert not driver.pane("forward").display
        await driver.press("m")
        assert driver.pane("forward").display

    drive(act)


def test_quit_and_interrupt_have_their_exit_codes() -> None:
    async def leave(driver: Driver) -> None:
        await driver.press("q")

    async def interrupt(driver: Driver) -> None:
        await driver.press("slash", "ctrl+c", "ctrl+c")

    assert drive(leave).return_value == 0
    assert drive(interrupt).return_value == 130


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
@pytest.mark.parametrize("key", [key for command in COMMANDS for key in command.keys if command.name in WHOLE])
def test_escape_leaves_what_has_the_whole_screen(key: str, size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("2")
        before = driver.screen.has_class("-maximised"), driver.screen.shown
        await driver.press(key)
        assert (driver.screen.has_class("-maximised"), driver.screen.shown) != before
        await driver.press("escape")
        assert (driver.screen.has_class("-maximised"), driver.screen.shown) == before

    drive(act, size=size)


def test_every_command_is_said_as_a_person_would_once() -> None:
    phrases = [command.phrase for command in COMMANDS]
    assert len(set(phrases)) == len(phrases)
    assert all(phrase[0].islower() and not phrase.endswith(".") and len(phrase) <= 40 for phrase in phrases)
    assert {"choose a unit", "show the prediction"} <= set(phrases)


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.word)
@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_help_begins_with_the_pane_in_use(pane: PaneName, width: int) -> None:
    lines = [line.plain for line in help_page(width, pane.number)._lines]
    assert lines[0].startswith(f"In this pane: {pane.told}")
    assert max(map(len, lines)) <= int(width * 0.96) - 8
    behind = next(n for n, line in enumerate(lines) if not line.strip() or line.startswith(" " * 9))
    shown = {line.split()[0] for line in lines[1:behind]}
    assert "K" in shown
    assert len(shown) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_one_escape_leaves_whatever_any_key_opens(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n")
        for command in COMMANDS:
            if command.action == "app.quit":
                continue
            await driver.press(command.keys[0])
            await driver.press("escape")
            assert driver.app.screen is driver.screen, command.word
            whole = {"-maximised", "-one-unit"} & driver.screen.classes
            assert not whole, f"{command.word} stays: {whole}"

    drive(act, size=size)


def test_a_key_for_another_pass_says_so_where_there_is_one_pass() -> None:
    async def act(driver: Driver) -> None:
        for key in ("right_square_bracket", "left_square_bracket"):
            await driver.press("n", key)
            assert driver.view.said == "this network has one pass only"
            await driver.press("n")
            assert not driver.view.said

    story = open_model("story")
    drive(act, Source(story, [sentence(story, "Ganesh likes AIML . Ram likes pizza .")]))
