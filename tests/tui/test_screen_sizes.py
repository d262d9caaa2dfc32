"""The screen at every size, as text; and where there is no room at all."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from driven_screen import Driver, drive, three_lines
from registries import sampled
from syrupy.assertion import SnapshotAssertion


@pytest.mark.parametrize(("width", "height"), [(160, 45), (80, 24)])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_whole_screen(snapshot: SnapshotAssertion, width: int, height: int, cell: str) -> None:
    seen = []

    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n")
        for _ in range(2 if cell != "rnn" else 0):
            await driver.press("s")
        seen.append(driver.text())

    drive(act, three_lines(cell), (width, height))
    assert seen[0] == snapshot


def test_what_the_manual_says_stands_above_or_below_does() -> None:
    """The sentence, the tape, the units, and below them what the first minute of the manual lists."""

    async def act(driver: Driver) -> None:
        above = ["now", "tape", "units"]
        regions = [driver.screen.query_one(f"#{name}").region for name in above]
        assert all(region.height for region in regions)
        for upper, lower in pairwise(regions):
            assert upper.bottom <= lower.y
        for name in ("cell", "memory", "ledger", "output"):
            lower = driver.screen.query_one(f"#{name}").region
            assert lower.y >= regions[-1].bottom > 0, name
            assert lower.height, name

    drive(act)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (39, 40), (200, 11)])
def test_too_small_is_said(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "s", "5", "l", "m", "m")
        assert size < (20, 5) or "too small" in driver.text()

    drive(act, size=size)


@pytest.mark.parametrize(
    ("size", "both"),
    sampled(
        list(product([(40, 12), (60, 16), (99, 30), (100, 30), (143, 40), (144, 33), (300, 90)], [True, False])), 3
    ),
)
def test_nothing_breaks_in_between(size: tuple[int, int], both: bool) -> None:
    async def act(driver: Driver) -> None:
        for key in ("n", "4", "5", "6", "7", "1", "2", "3", "m", "m", "p", "escape", "s"):
            await driver.press(key)
            for line in driver.text().split("\n"):
                assert len(line) <= size[0]

    drive(act, three_lines(both=both), size)


def test_a_narrow_screen_has_the_equation_in_one_line() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "s")
        assert "f = σ(W_f·x + U_f·h + b_f) = σ(" in driver.line("equation")

    drive(act, size=(80, 24))


def test_resizing_goes_through_all_layouts() -> None:
    async def act(driver: Driver) -> None:
        for size in ((80, 24), (20, 5), (120, 36), (160, 45)):
            await driver.pilot.resize_terminal(*size)
            await driver.pilot.pause()
            await driver.press("n")
        assert "7 output" in driver.text()

    drive(act)


def test_on_a_small_screen_the_tape_grows_and_what_stood_under_it_stays() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("6", "1")
        text = driver.text()
        assert "memory of unit" in text
        assert "share" in driver.pane("tape").text()
        assert driver.pane("tape").size.height == 8
        assert driver.pane("ledger").size.height > 5
        await driver.press("m")
        assert driver.pane("tape").size.height > 18
        assert "memory of unit" not in driver.text()
        await driver.press("m")
        assert "memory of unit" in driver.text()
        await driver.press("4")
        assert driver.pane("tape").size.height == 2

    drive(act, size=(80, 24))
