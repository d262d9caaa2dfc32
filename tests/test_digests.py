"""The record of what a user gets: made twice it is equal, and a sign that changes is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from digests import pages, plain, screens, traces
from digests.outside import Screen, alone, said
from digests.record import Record, compared

from lstm_tui.debugger.commands.table import VERBS

ROOT = Path(__file__).parents[1]
_FEW = {
    "traces": lambda into: traces.record(into, names=["tiny"]),
    "plain": lambda into: plain.record(into, networks=["tiny"], only=["step", "save-session"]),
    "screens": lambda into: screens.record(into, sizes=[(80, 24)], only="nHm"),
    "pages": lambda into: pages.record(into, names=["cells", "compare", "no file"]),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    with alone(str(tmp_path)):
        yield


def _recorded(part: Callable[[Record], None], keep: Path | None = None) -> dict[str, str]:
    into = Record(keep, {str(ROOT): "<here>", str(Path.cwd()): "<folder>"})
    part(into)
    return into.digests


@pytest.mark.parametrize("part", _FEW)
def test_two_records_are_equal(part: str) -> None:
    first, second = _recorded(_FEW[part]), _recorded(_FEW[part])
    assert first
    assert compared(first, second) == []


def test_one_sign_more_on_a_screen_is_noticed() -> None:
    before = _recorded(_FEW["screens"])
    drawn = Screen._drawn
    with mock.patch.object(Screen, "_drawn", lambda screen: drawn(screen).replace("▸", "▹", 1)):
        after = _recorded(_FEW["screens"])
    assert [line.split()[0] for line in compared(before, after)] == ["different"] * (
        len(before) - 1
    )  # not what was said


def test_what_is_new_gone_and_different_is_told() -> None:
    assert compared({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == ["gone       a", "new        c", "different  b"]


def test_the_texts_are_kept_without_the_paths_of_this_computer(tmp_path: Path) -> None:
    _recorded(_FEW["plain"], tmp_path / "kept")
    kept = {path.stem: path.read_text("utf-8") for path in (tmp_path / "kept").rglob("*.txt")}
    assert "save-session" in kept
    assert not [name for name, text in kept.items() if str(tmp_path) in text]


def test_every_verb_that_help_lists_is_tried() -> None:
    verbs = plain.verbs()
    assert set(verbs) == {verb.name for verb in VERBS}
    assert set(plain.BESIDES) <= set(verbs), "a verb that is no more"


def test_every_network_and_cell_is_traced() -> None:
    assert "sentiment" in traces.models()
    assert "lstm" in traces.cells()
    assert len(traces.cells()) == said("cells").split("\n\n")[0].count("\n")
