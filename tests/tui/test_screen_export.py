"""The run is written from the screen; what goes wrong is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from driven_screen import Driver, drive

from lstm_tui.tui.prompts.prompts import Prompt


async def export(driver: Driver, name: str) -> str:
    await driver.press("x")
    assert isinstance(driver.app.screen, Prompt)
    driver.app.screen.dismiss(name)
    await driver.pilot.pause()
    await driver.app.workers.wait_for_complete()
    await driver.pilot.pause()
    (said,) = driver.app._notifications
    return said.message


def test_the_default_name_is_that_of_the_file_and_line() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("x")
        assert "sample-1.json" in driver.text()
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)


@pytest.mark.parametrize("ending", ["json", "ndjson", "npz"])
def test_a_trace_file_is_written(tmp_path: Path, ending: str) -> None:
    async def act(driver: Driver) -> None:
        assert "written" in await export(driver, str(tmp_path / f"run.{ending}"))

    drive(act)
    assert [path.name for path in tmp_path.iterdir()] == [f"run.{ending}"]
    if ending == "json":
        assert json.loads((tmp_path / "run.json").read_text())["input"]["tokens"][1] == "movie"


@pytest.mark.parametrize("name", ["run.txt", "nowhere/run.json", "[/nope].txt"])
def test_what_goes_wrong_is_one_line(tmp_path: Path, name: str) -> None:
    async def act(driver: Driver) -> None:
        said = await export(driver, str(tmp_path / name))
        assert "\n" not in said

    drive(act)
    assert not list(tmp_path.iterdir())


def test_a_typed_line_reports_what_the_screen_shows(tmp_path: Path) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "]")
        assert driver.screen.edits.execute("remove 0") == ""
        assert driver.screen.edits.execute(f"report {tmp_path}/r.html") == ""
        refused = "r.txt: a report is an .html file or an .md file; end its name so"
        assert driver.screen.edits.execute("report r.txt") == refused

    drive(act)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "at t = 0 “movie” in layer0.backward" in page
    assert "token 0, “The”, deleted" in page


def test_a_file_that_is_there_is_written_over_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("mine")

    async def act(driver: Driver) -> None:
        await driver.press("x")
        assert isinstance(driver.app.screen, Prompt)
        driver.app.screen.dismiss(str(path))
        await driver.pilot.pause()
        assert "is there already: Enter writes over it" in driver.text()
        await driver.press("escape")
        assert path.read_text() == "mine"
        await driver.press("x")
        assert isinstance(driver.app.screen, Prompt)
        driver.app.screen.dismiss(str(path))
        await driver.pilot.pause()
        await driver.press("enter")
        await driver.app.workers.wait_for_complete()
        assert path.read_text().startswith("{")

    drive(act)
