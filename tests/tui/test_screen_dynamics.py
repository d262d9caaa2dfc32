"""Fixed points on the screen and as a verb: every row against what was found."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from driven_screen import Driver, drive
from present import present

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.fixed_points import dynamics_question
from lstm_tui.debugger.inspect.dynamics import Dynamics, DynamicsQuestion, bound_words, point_words
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_places, compact
from lstm_tui.formats.inputs.inputs import read_input
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.dynamics import DynamicsPicture

SOURCE = Source.of_input(open_model("tiny"), text_from("on wait off wait\n"))


async def opened(driver: Driver) -> DynamicsPicture:
    await driver.press("J")
    picture = await driver.answered()
    assert isinstance(picture, DynamicsPicture)
    return picture


def check_drawn(text: str, picture: DynamicsPicture) -> None:
    """Check every direction of the point, and every token along the one chosen, against what was found."""
    found = present(picture.answer)
    point, chosen = present(picture.point), present(picture.chosen)
    lines = [line.strip("│┃ ▸") for line in text.splitlines()]
    assert any(line.startswith(point_words(found, picture.number)[:40]) for line in lines)
    words = " ".join(" ".join(lines).split())
    for number, one_point in enumerate(found.found.points):
        far = math.sqrt(sum((a - b) ** 2 for a, b in zip(found.found.after, one_point.state, strict=True)))
        told = re.search(rf"point {number + 1}: [^;]*; (\S+) from the state here; {one_point.starts} start", words)
        assert told is None or float(told[1]) == pytest.approx(far, rel=6e-3), "how far it is"
        assert told or number != picture.number, "of the point under the cursor it is there"
    for one in point.directions:
        cells = found.cells(point, one)
        assert any(line.startswith(cells[0]) and cells[1] in line.split() and cells[2] in line for line in lines), cells
    head = next(n for n, line in enumerate(lines) if "stands at ±" in line)
    rows = [re.findall(r"~?[+-]\d*\.?\d+(?:e[+-]?\d+)?|(?<= )~?0(?= |$)", line) for line in lines[head + 1 :]]
    stands, moves = found.stands(point, chosen), found.moves(chosen)
    bounds = [" ".join(one.split()) for one in bound_words(found)]
    assert all(one in words for one in bounds) or not any(one in words for one in bounds), "all bounds, or no room"
    assert bounds[0] in words or len(lines) < 40, "a high screen has room for what the words mean"
    halves = [float(end) for end in re.findall(r"±(\S+)", lines[head])]
    assert halves[0] >= np.abs(stands).max() * 0.99
    drawn = [row for row in rows if len(row) == 2][: len(stands)]
    assert drawn
    for numbers, stand, move in zip(drawn, stands, moves, strict=False):
        for text_, number, half in zip(numbers, (stand, move), halves, strict=True):
            assert text_ == compact(float(number), 9, True, places=axis_places(half, 9))


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
def test_every_row_is_what_was_found(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        check_drawn(driver.text(), picture)
        await driver.press("l")
        chosen = driver.on_top(AnalysisScreen).picture
        assert chosen.direction == 1
        check_drawn(driver.text(), chosen)

    drive(act, SOURCE, size=size)


def test_another_token_is_asked_about_by_a_key_and_gone_to_by_another() -> None:
    async def act(driver: Driver) -> None:
        first = await opened(driver)
        await driver.press("n")
        second = await driver.answered()
        assert second.question.t == first.question.t + 1
        assert not np.allclose(present(second.answer).found.map.row, present(first.answer).found.map.row)
        await driver.press("n")
        await driver.answered()
        await driver.press("N")
        again = await driver.answered()
        assert again.question.t == second.question.t, "back by one, as it went on by one"
        await driver.press("enter")
        driver.on_top(MainScreen)
        await driver.until(lambda: driver.view.t == second.question.t)

    drive(act, SOURCE)


def test_the_verb_says_what_the_question_finds_at_every_token() -> None:
    session = Session.open(SOURCE)
    for t in (0, 2):
        found: Dynamics = DynamicsQuestion(session.frame.trace, "layer0.forward", t).answer()
        told = answer(session, f"fixed-points @ {t}")
        assert f"found {len(found.found.fixed)} fixed point" in told[0]
        assert "there may be more" in told[0]
        for number in range(len(found.found.points)):
            assert point_words(found, number) in told


@pytest.mark.parametrize("line", ["fixed-points @ 9", "fixed-points layer1", "fixed-points @", "fixed-points @ x"])
def test_what_cannot_be_asked_is_one_line(line: str) -> None:
    session = Session.open(SOURCE)
    with pytest.raises(UserError) as caught:
        answer(session, line)
    assert "\n" not in str(caught.value)


def test_as_json_it_is_every_point_with_every_number() -> None:
    session = Session.open(Source.of_input(open_model("flip-flop"), read_input(samples_folder() / "flip-flop.csv")))
    answer(session, "goto end")
    (line,) = answer(session, "fixed-points --json")
    told = json.loads(line)
    found = dynamics_question(session, "").answer().found
    assert [one["kind"] for one in told["points"]] == [one.kind for one in found.points]
    assert len(told["points"]) == 27
    for one, point in zip(told["points"], found.points, strict=True):
        np.testing.assert_array_equal(one["state"], point.state)
        np.testing.assert_array_equal([complex(*pair) for pair in one["eigenvalues"]], point.eigenvalues)
        assert [each["time_constant"] for each in one["directions"]] == [
            each.time_constant for each in point.directions
        ]
    assert told["settles_at"] == found.settles
    (line,) = answer(session, "fixed-points layer0.forward @ 3 --json")
    assert json.loads(line)["t"] == 3
