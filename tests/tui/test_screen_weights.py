"""The weight editor: every parameter by name, the cursor, what can be set from it, and what is marked."""

from __future__ import annotations

import numpy as np
import pytest
from driven_screen import Driver, drive, network, three_lines
from present import present
from registries import sampled
from test_screen_poisoned import run_of

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.parameter_tables import (
    ParameterTable,
    chosen_rows,
    forms_of_entry,
    ranked,
    row_name,
    sheets_of,
)
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.tui.prompts.edit import EditPrompt
from lstm_tui.tui.views.weight_editor import WeightScreen, WeightTable


def sheet(name: str) -> ParameterTable:
    return next(one for one in sheets_of(network()) if one.name == name)


def tensors(driver: Driver) -> dict[str, np.ndarray]:
    assert driver.view.trace.network is not None
    return driver.view.trace.network.tensors()


async def set_to(driver: Driver, key: str, number: str) -> None:
    await driver.press(key)
    prompt = driver.app.screen
    assert isinstance(prompt, EditPrompt)
    prompt.line.replace(number, *prompt.line.selection)
    await driver.press("enter")


@pytest.mark.parametrize("cell", cell_names())
def test_every_parameter_is_in_exactly_one_table(cell: str) -> None:
    made = present(run_of(cell, "mean").network)
    sheets = sheets_of(made)
    assert sorted(name for one in sheets for name in one.tensors) == sorted(made.tensors())
    for one in sheets:
        rows = list(range(one.rows))
        np.testing.assert_array_equal(one.window(made, rows, 0, one.columns), one.whole(made))
        for column in range(one.columns):
            tensor = made.tensors()[one.tensor(column)]
            expected = tensor[:, column] if one.is_matrix else tensor
            np.testing.assert_array_equal(one.whole(made)[:, column], expected)


@pytest.mark.parametrize("cell", sampled(cell_names(), 8))
def test_every_form_of_every_table_is_an_edit_that_can_be_made(cell: str) -> None:
    made = present(run_of(cell, "mean").network)
    session = Session.open(Source(made, [three_lines().sequences[0]]))
    for one in sheets_of(made):
        for form in forms_of_entry(made, one, one.rows - 1, one.columns - 1):
            session.edit(parse_edit(form.line))
            assert form.line[form.first : form.behind].replace(".", "").lstrip("-").replace("e-", "").isdigit()
            session.undo()


def test_rows_are_filtered_by_number_name_and_size() -> None:
    made, words = network(), sheet("embedding")
    assert chosen_rows(made, words, "").tolist() == list(range(words.rows))
    assert chosen_rows(made, words, "3:5").tolist() == [3, 4]
    assert chosen_rows(made, words, "7").tolist() == [7]
    assert [row_name(made, words, int(n)) for n in chosen_rows(made, words, "BA")] == ["bad"]
    least = float(np.sort(np.abs(words.whole(made)).max(axis=1))[-2]) * 0.999
    assert len(chosen_rows(made, words, f">{least}")) == 2
    for wrong in ("zebra", ">x", ">1e9", "99999999"):
        with pytest.raises(UserError):
            chosen_rows(made, words, wrong)


def test_rows_are_ordered_by_size_and_by_change() -> None:
    made, one = network(), sheet("layer0.forward/W_f")
    rows = np.arange(one.rows)
    sizes = np.linalg.norm(one.whole(made), axis=1)
    order = ranked(rows, one, made, "size", made)
    assert (np.diff(sizes[order]) <= 1e-6).all()
    session = Session.open(Source(made, [three_lines().sequences[0]]))
    session.edit(parse_edit("weight layer0.forward/W_f[5,:] = 9"))
    assert ranked(rows, one, session.edited.network, "change", made)[0] == 5


def test_it_opens_at_the_bias_of_the_value_under_the_cursor() -> None:
    async def act(driver: Driver) -> None:
        unit = driver.view.unit
        await driver.press("W")
        screen = driver.app.screen
        assert isinstance(screen, WeightScreen)
        assert f"layer0.forward/b_f[{unit}] = " in driver.text()
        assert "layer0.backward/U_o" in driver.text()
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)


def test_an_entry_a_row_a_bias_and_all_of_it_are_set_and_undone() -> None:
    async def act(driver: Driver) -> None:
        before = {name: view.copy() for name, view in tensors(driver).items()}
        await driver.press("W", "g", "right_square_bracket", "j", "j", "l")
        await set_to(driver, "enter", "2.5")
        assert tensors(driver)["layer0.forward/W_f"][2, 1] == 2.5
        await set_to(driver, "r", "0.25")
        assert (tensors(driver)["layer0.forward/W_f"][2] == 0.25).all()
        await set_to(driver, "b", "-4")
        assert tensors(driver)["layer0.forward/b_f"][2] == -4
        await set_to(driver, "s", "2")
        assert (tensors(driver)["layer0.forward/W_f"][2] == 0.5).all()
        assert "4 edits" in driver.text()
        await driver.press("z", "z", "z", "z")
        for name, view in tensors(driver).items():
            np.testing.assert_array_equal(view, before[name])
        await driver.press("Z")
        assert tensors(driver)["layer0.forward/W_f"][2, 1] == 2.5

    drive(act)


def test_an_edited_entry_is_marked_by_a_sign_and_its_table_too() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("W", "g", "right_square_bracket", "j")
        await set_to(driver, "enter", "2.5")
        table = driver.app.screen.query_one(WeightTable).text()
        assert table.count("◆") == 2
        assert any("◆layer0.forward/W_f" in line for line in table.split("\n"))
        assert any("+2.50◆" in line for line in table.split("\n"))
        assert "◆ was " in driver.text()
        await driver.press("d")
        assert "Δ" in driver.app.screen.query_one(WeightTable).text()
        await driver.press("o", "o")
        rows = driver.app.screen.query_one(WeightTable).text().split("\n")[2:]
        assert "◆" in rows[0]

    drive(act)


def test_a_filter_shows_the_rows_of_a_word() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("W", "left_square_bracket", "slash", "b", "a", "d", "enter")
        assert "1 of 17 rows" in driver.text()
        assert "“bad”" in driver.text()
        await driver.press("slash", "z", "z", "enter")
        assert "no row is" in driver.text()
        assert "17 rows" in driver.text()

    drive(act)


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (40, 12)])
def test_a_click_chooses_a_table_and_a_number(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("W")
        table = driver.app.screen.query_one(WeightTable)
        if size[0] >= 100:
            await driver.pilot.click(WeightTable, offset=(5, 0))
            assert "embedding[" in driver.text()
        line = table.text().split("\n")[4]
        row = table.places.rows[2]
        await driver.pilot.click(WeightTable, offset=(len(line) - 2, 4))
        await driver.pilot.pause()
        assert f"[{row}," in driver.text() or f"[{row}] =" in driver.text()

    drive(act, size=size)


def test_a_network_without_vectors_or_a_readout_has_its_tables() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("W")
        for _ in sheets_of(network("rnn", readout=None)):
            await driver.press("right_square_bracket")
        assert isinstance(driver.app.screen, WeightScreen)

    drive(act, three_lines("rnn", readout=None))
