"""Editing on the screen: forms at the cursor, the command line, undo, the list; nothing that is typed is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_screen import LINES, Driver, drive, network, of_tokens, sequences, three_lines
from textual.events import Key

from lstm_tui.debugger.edits.edit_reader import parse_edit, parse_edit_script
from lstm_tui.debugger.edits.suggest import forms_at, telling
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.traces.reader import read
from lstm_tui.tui.prompts.edit import CommandPrompt, EditPrompt
from lstm_tui.tui.prompts.lists import EditList
from lstm_tui.tui.prompts.prompts import LinePrompt


async def typed(driver: Driver, text: str) -> None:
    """Type over what is chosen in the prompt."""
    prompt = driver.app.screen
    assert isinstance(prompt, LinePrompt)
    prompt.line.replace(text, *prompt.line.selection)
    await driver.pilot.pause()


async def obeyed(driver: Driver, line: str) -> None:
    await driver.press("colon")
    await typed(driver, line)
    await driver.press("enter")


def same(driver: Driver, tokens: str) -> None:
    """Check that the screen shows the run of another text, bit for bit."""
    plain = run(network(), of_tokens(tokens.split()))
    shown = driver.view.trace
    assert shown.sequence.tokens == tuple(tokens.split())
    for name in plain:
        np.testing.assert_array_equal(shown[name]["c"], plain[name]["c"])


def test_a_word_is_replaced_where_the_tape_stands() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n", "1", "e")
        driver.on_top(EditPrompt)
        assert 'replace 3 "not"' in driver.text()
        assert "a word before it" in driver.text()
        await typed(driver, "would")
        assert "token 3: “not” → “would”" in driver.text()
        await driver.press("enter")
        assert driver.app.screen is driver.screen
        same(driver, "The movie was would bad")
        assert "◆ 1 edit " in driver.line("header")
        assert driver.view.t == 3

    drive(act)


def test_forms_are_walked_and_each_keeps_what_was_typed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n", "1", "e", "down")
        await typed(driver, "see")
        await driver.press("down", "down", "up", "up")
        prompt = driver.app.screen
        assert isinstance(prompt, EditPrompt)
        assert prompt.line.value == 'insert 3 "see"'
        await driver.press("enter")
        same(driver, "The movie was see not bad")
        assert driver.view.frame.token == "not"
        await driver.press("e", "up")
        assert prompt is not driver.app.screen
        assert isinstance(driver.app.screen, EditPrompt)
        assert driver.app.screen.line.value.startswith("weight layer0.forward/b_f[")
        await driver.press("down", "down", "down", "down")
        await driver.press("enter")
        same(driver, "The movie was see bad")

    drive(act)


def test_a_value_is_set_from_here_on() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "2", "e", "down")
        unit = driver.view.unit
        await typed(driver, "0")
        assert f"forget gate f of layer0.forward, unit {unit}, t=1–4: held at 0.00" in driver.text()
        await driver.press("enter")
        f = driver.view.trace["layer0.forward"]["f"]
        assert (f[1:, unit] == 0).all()
        assert f[0, unit] != 0
        assert driver.view.trace.edits == (f"set layer0.forward.f[{unit}] @ 1: = 0.0",)

    drive(act)


def test_tab_completes_from_the_vocabulary_and_tries_one_word_after_the_other() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("1", "e")
        await typed(driver, "w")
        assert "tab:  was  would" in driver.text()
        await driver.press("tab")
        prompt = driver.app.screen
        assert isinstance(prompt, EditPrompt)
        assert prompt.line.value == 'replace 0 "was"'
        await driver.press("tab")
        assert prompt.line.value == 'replace 0 "would"'
        await driver.press("enter")
        same(driver, "would movie was not bad")

    drive(act)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('replace 0 "zebra crossing"', "2 words here"),
        ("set layer0.forward.f[99] @ 0 = 1", "12 units"),
        ("set layer0.forward.f[0] @ 0 = nan", "NaN is no number"),
        ("weight layer0.forward/W_f[99,0] = 1", "12×8"),
        ("remove 17", "no place 17"),
        ("frobnicate", "there is no verb"),
        ("set \x1b[2J", "column 5: `␛` means nothing here"),
    ],
)
def test_what_cannot_be_made_is_said_where_it_was_typed_and_is_not_lost(text: str, words: str) -> None:
    async def act(driver: Driver) -> None:
        trace = driver.view.trace
        await driver.press("colon")
        await typed(driver, text)
        await driver.press("enter")
        prompt = driver.app.screen
        assert isinstance(prompt, CommandPrompt)
        assert words in driver.text()
        assert prompt.line.value == visible(text)
        assert "\x1b" not in driver.text()
        await driver.press("escape")
        assert driver.view.trace is trace

    drive(act)


def test_an_edit_that_is_begun_is_not_called_wrong() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("colon")
        await typed(driver, "set layer0.forward.f[2")
        assert "✗" not in driver.text()
        await driver.press("enter")
        assert "✗" in driver.text()
        await driver.press("escape", "1", "e")
        await driver.press("backspace", "backspace")
        assert "✗" not in driver.text()

    drive(act)


@pytest.mark.parametrize("line", ["remove 4", "help undo", "z n N d e"])
def test_a_line_that_is_typed_before_the_prompt_is_there_is_typed_into_it(line: str) -> None:
    async def act(driver: Driver) -> None:
        position = driver.view.frame.position
        for sign in f":{line}":
            driver.app.post_message(Key({":": "colon", " ": "space"}.get(sign, sign), sign))
        for _ in range(200):
            prompt = driver.app.screen
            if isinstance(prompt, CommandPrompt) and prompt.is_mounted and prompt.line.value == line:
                break
            await driver.pilot.pause(0.01)
        assert isinstance(driver.app.screen, CommandPrompt)
        assert driver.app.screen.line.value == line
        assert driver.view.frame.position == position

    drive(act)


def test_undo_and_redo_say_what_they_did_and_give_the_same_bits() -> None:
    async def act(driver: Driver) -> None:
        opened = driver.view.trace
        await obeyed(driver, "remove 0")
        await obeyed(driver, "weight layer0.forward/b_f[2] = -4")
        edited = driver.view.trace
        await driver.press("z")
        assert "undone: forget bias of layer0.forward, unit 2" in driver.line("footer")
        await driver.press("z")
        assert driver.view.trace is opened
        assert driver.view.frame.difference is None
        await driver.press("z")
        assert driver.line("footer").endswith("nothing to undo")
        await driver.press("Z", "Z")
        np.testing.assert_array_equal(driver.view.trace["layer0.backward"]["h"], edited["layer0.backward"]["h"])
        assert driver.view.trace.edits == edited.edits
        await driver.press("Z")
        assert driver.line("footer").endswith("nothing to redo")

    drive(act)


@pytest.mark.long
def test_the_list_of_edits_is_walked_and_saved(tmp_path: Path) -> None:
    async def act(driver: Driver) -> None:
        for line in ("remove 0", 'insert 2 "see"', "scale layer0.forward.i[:] @ : * 0.5"):
            await obeyed(driver, line)
        await driver.press("u")
        driver.on_top(EditList)
        assert "3 of 3 edits in force" in driver.text()
        assert "“see” inserted at 2, before “not”" in driver.text()
        await driver.press("k", "k", "enter")
        assert driver.view.trace.edits == ("remove 0",)
        assert "1 of 3 edits in force" in driver.text()
        assert "(undone)" in driver.text()
        await driver.press("c")
        assert driver.app.clipboard == "remove 0\n"
        await driver.press("j", "enter", "s")
        driver.app.screen.dismiss(str(tmp_path / "mine.txt"))
        await driver.pilot.pause()
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)
    assert [type(one).__name__ for one in parse_edit_script((tmp_path / "mine.txt").read_text())] == ["TokenEdit"] * 2


def test_the_command_line_remembers_and_replies() -> None:
    async def act(driver: Driver) -> None:
        await obeyed(driver, "goto 2")
        assert driver.view.t == 2
        assert "“was”" in driver.line("footer")
        await obeyed(driver, "help set")
        assert "here or over a range of steps" in driver.text()
        await driver.press("escape", "colon", "up", "up")
        prompt = driver.app.screen
        assert isinstance(prompt, CommandPrompt)
        assert prompt.line.value == "goto 2"
        await driver.press("down", "down")
        assert prompt.line.value == ""
        await driver.press("escape")
        await obeyed(driver, "quit")

    assert drive(act).return_value == 0


def test_edits_belong_to_their_line_and_weights_to_the_network() -> None:
    async def act(driver: Driver) -> None:
        await obeyed(driver, "remove 0")
        await obeyed(driver, "weight layer0.forward/b_f = -4")
        await driver.press("right_curly_bracket")
        assert driver.view.trace.edits == ("weight layer0.forward/b_f = -4.0",)
        await driver.press("z", "left_curly_bracket")
        assert driver.view.trace.edits == ("remove 0",)

    drive(act)


def test_a_recipe_opens_as_edits_that_can_be_undone() -> None:
    recipe = parse_edit_script('remove 0\nreplace 0 "see"\n')

    async def act(driver: Driver) -> None:
        same(driver, "see was not bad")
        await driver.press("u")
        assert "token 0: “movie” → “see”" in driver.text()
        await driver.press("escape", "z")
        same(driver, "movie was not bad")
        await driver.press("right_curly_bracket")
        assert driver.view.frame.difference is None

    drive(act, replace(three_lines(), edit_script=recipe))


def test_edits_travel_in_the_export(tmp_path: Path) -> None:
    async def act(driver: Driver) -> None:
        await obeyed(driver, "remove 0")
        await driver.press("x")
        driver.app.screen.dismiss(str(tmp_path / "run.json"))
        await driver.pilot.pause()
        await driver.app.workers.wait_for_complete()

    drive(act)
    assert json.loads((tmp_path / "run.json").read_text())["edits"] == ["remove 0"]
    assert read(tmp_path / "run.json").sequence.tokens == ("movie", "was", "not", "bad")


@pytest.mark.slow
def test_a_long_text_is_edited_beside_the_screen_while_keys_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Source(network(), [of_tokens((" ".join(LINES[:2]) + " ").split() * 12)])
    work: list[Callable[[], None]] = []

    async def done(driver: Driver) -> None:
        work.pop(0)()
        await driver.pilot.pause()

    async def act(driver: Driver) -> None:
        for _ in range(400):
            if not driver.screen.view.is_empty:
                break
            await driver.pilot.pause(0.02)
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
        await obeyed(driver, "remove 4")
        await driver.see_work()
        await driver.press("n", "n", "n", "n", "n")
        await obeyed(driver, 'replace 0 "see"')
        assert driver.view.t == 5
        assert driver.screen.busy.startswith("runs…")
        assert len(work) == 1
        await done(driver)
        assert driver.view.trace.edits == ("remove 4",)
        assert driver.view.t == 4
        await done(driver)
        assert list(driver.view.trace.edits) == ["remove 4", 'replace 0 "see"']
        assert driver.screen.busy == ""
        assert not work
        await obeyed(driver, "remove 4000")
        assert driver.app.screen is driver.screen
        await done(driver)
        assert isinstance(driver.app.screen, CommandPrompt)
        assert "no place 4000" in driver.text()
        assert driver.app.screen.line.value == "remove 4000"

    drive(act, long)


def test_an_edited_run_starts_as_its_baseline_did() -> None:
    carried = Source(network(), sequences(), carry=True, dtype="float64")

    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket")
        await obeyed(driver, "set layer0.backward.f[0] @ 0 = 0.5")
        difference = driver.view.frame.difference
        assert difference is not None
        assert not difference.changed("layer0.forward", "c").any()
        assert driver.view.trace.dtype == "float64"

    drive(act, carried)


def test_a_trace_without_its_network_says_that_it_cannot_be_edited() -> None:
    made = run(network(), of_tokens(["movie", "was"]))

    async def act(driver: Driver) -> None:
        for key in ("e", "z", "W"):
            await driver.press(key)
            assert driver.app.screen is driver.screen
            assert "network" in driver.line("footer")
        await obeyed(driver, "goto 1")
        assert driver.view.t == 1
        await driver.press("colon")
        await typed(driver, "remove 0")
        await driver.press("enter")
        assert "without its network" in driver.text()

    drive(act, Source.of_trace(replace(made, network=None)))


@pytest.mark.parametrize("cell", ["gru", "rnn", "lstm_peephole"])
def test_every_form_at_every_value_can_be_made(cell: str) -> None:
    session = Session.open(Source(three_lines(cell).network, sequences(LINES[:1])))
    for value in session.frame.passed:
        for form in forms_at(session, value, 1, 2, on_tape=False):
            line = form.line
            if form.first == form.behind and line[form.first - 1 : form.first + 1] == '""':
                line = line[: form.first] + "movie" + line[form.behind :]
            words, fits = telling(session, parse_edit(line))
            assert fits or "stands there" in words, (line, words)
