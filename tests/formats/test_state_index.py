"""An index of states: what is read is what was written, whatever the blocks, and a damaged one is one clear line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.json import decode, encode
from lstm_tui.formats.traces import state_index
from lstm_tui.formats.traces.state_index import open_index, writing


def written(folder: Path, lengths: Sequence[int], units: int = 3) -> tuple[Array, Array]:
    random = np.random.default_rng(sum(lengths))
    values = random.normal(size=(sum(lengths), units)).astype(np.float32)
    ids = random.integers(0, 9, sum(lengths))
    first = 0
    with writing(folder, {"network": "x"}, {"a.c": units}) as writer:
        for line, size in enumerate(lengths):
            part = slice(first, first + size)
            writer.add(0, line + 1, ids[part], {"a.c": values[part]})
            first += size
    return values, ids


@pytest.mark.parametrize("lengths", [[5, 0, 11, 1], [8], [16], [3, 30], []])
def test_what_is_read_is_what_was_written(lengths: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_index, "BLOCK", 8)
    values, ids = written(tmp_path / "index", lengths)
    found = open_index(tmp_path / "index")
    states = found.states["a.c"]
    assert (states.steps, states.units, found.about) == (len(values), 3, {"network": "x"})
    assert states.starts.tolist() == [0, *np.cumsum(lengths).tolist()]
    assert found.ids.tolist() == ids.tolist()
    assert found.lines.tolist() == [[0, line + 1] for line in range(len(lengths))]
    for first in range(0, len(values) + 1, 3):
        for stop in range(first, len(values) + 1, 5):
            assert np.array_equal(states.read(range(3), first, stop), values[first:stop].T)
            assert np.array_equal(states.read([2, 0], first, stop), values[first:stop, [2, 0]].T)


def test_nothing_is_there_before_all_of_it_is(tmp_path: Path) -> None:
    written(tmp_path, [4])
    with pytest.raises(KeyboardInterrupt), writing(tmp_path, {}, {"a.c": 3}):
        raise KeyboardInterrupt
    with pytest.raises(UserError):
        open_index(tmp_path)


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"), writing(tmp_path, {}, {"a.c": 3}):
        raise AssertionError
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "else"}, "is no index of states"),
        ({"version": 9}, "was written by another version; delete the folder, or name another"),
        ({"block": 7}, "was written by another version; delete the folder, or name another"),
        ({"steps": -1}, "is damaged; delete the folder, or name another"),
        ({"steps": "4"}, "is damaged; delete the folder, or name another"),
        ({"steps": 5}, "is damaged: its sequences are not those of its steps; delete the folder"),
        ({"values": []}, "is damaged; delete the folder, or name another"),
        ({"values": {"a.c": 0}}, "is damaged; delete the folder, or name another"),
        ({"values": {"a.c": 4}}, "is damaged: it has not the size that its index says; delete the folder"),
        ({"values": {"../a": 3}}, "`../a` is the name of no value"),
        ({"values": {"b.c": 3}}, ""),
    ],
)
def test_a_header_that_is_wrong_is_one_clear_line(change: dict[str, object], said: str, tmp_path: Path) -> None:
    written(tmp_path, [4])
    header = decode((tmp_path / "index.json").read_bytes(), "x")
    (tmp_path / "index.json").write_bytes(encode({**header, **change}))
    with pytest.raises(UserError) as caught:
        open_index(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.c.f32", "ids.i32", "starts.i64", "lines.i64", "index.json"])
@pytest.mark.parametrize("content", [None, b"", b"12345678" * 3, b"123"])
def test_a_file_that_is_damaged_is_one_clear_line(name: str, content: bytes | None, tmp_path: Path) -> None:
    written(tmp_path, [4])
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_index(tmp_path)
    assert "\n" not in str(caught.value)
