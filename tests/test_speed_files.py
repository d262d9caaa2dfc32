"""What the benchmark of speed says of two of its files: slower is what is slower beyond the ranges of both."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import speed
from claims.facts import measured
from hypothesis import given
from hypothesis import strategies as st

RATIOS = ("best", "python", "autograd")


def made(**of: list[float]) -> dict[str, Any]:
    row = {"network": "lstm", "H": 8, "ours_us": [1.0, 2.0, 3.0], "gradient_us": [1.0, 2.0, 3.0]}
    row |= {key: [1.0, 2.0, 3.0] for key in RATIOS} | of
    return {"written": "2026-01-01", "machine": {"processor": "one"}, "rows": [row]}


ranges = st.lists(st.floats(0.1, 9), min_size=3, max_size=3).map(sorted)


@given(st.sampled_from(("ours_us", "gradient_us", *RATIOS)), ranges, ranges)
def test_slower_is_beyond_both_ranges(key: str, before: list[float], after: list[float]) -> None:
    slower = max(after) < min(before) if key in RATIOS else min(after) > max(before)
    found = speed.compared(made(**{key: before}), made(**{key: after}))
    assert len(found) == slower
    assert speed.compared(made(), made()) == []


def test_times_of_another_processor_are_not_compared() -> None:
    old, new = made(), made(ours_us=[7.0, 8.0, 9.0], best=[0.1, 0.2, 0.3])
    new["machine"]["processor"] = "another"
    assert [line.partition(": ")[2] for line in speed.compared(old, new)] == [
        "the best of the others takes 0.20 × as long, 2.00 × before"
    ]


def test_rows_that_one_file_does_not_have_are_left_out() -> None:
    old, new = made(), made(ours_us=[7.0, 8.0, 9.0])
    new["rows"].append(copy.deepcopy(new["rows"][0]) | {"H": 16})
    del new["rows"][1]["python"]
    assert len(speed.compared(old, new)) == 1


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"rows": []}'):
        path = tmp_path / "one.json"
        path.write_text(text)
        with pytest.raises(SystemExit, match="--write"):
            speed.read(path)


def test_what_is_kept_is_what_the_command_writes() -> None:
    kept = measured("speed")
    assert speed.compared(dict(kept), dict(kept)) == []
    assert {row["network"] for row in kept["rows"]} == set(speed.KINDS)
    assert {row["H"] for row in kept["rows"]} == set(speed.SIZES)
    assert json.loads(json.dumps(kept)) == kept


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", speed.KINDS)
def test_every_contestant_computes_the_same(name: str) -> None:
    contest = speed.Contest(speed.KINDS[name], 8)
    contest.x = contest.x[:20]
    contest.weight = contest.weight[:20]
    speed.check(list(contest.runs()))
    speed.check(list(contest.gradients()))
    assert np.isfinite(contest.ours().merged[-1]).all()
