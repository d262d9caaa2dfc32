"""Mistakes with the state of a stream are named, and right runs raise no alarm: a round of the campaign."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .streams import NETWORKS, PLANTS, cases, diagnosed, main, recording


@pytest.mark.slow
def test_a_round_of_twelve_mistakes_and_right_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "1", "--clean", "5", "--seed", "11"]) == 0
    assert " 0 alarms" in capsys.readouterr().out


@pytest.mark.slow
def test_some_are_named_and_a_right_run_is_not(tmp_path: Path) -> None:
    tried = [case for n, case in enumerate(cases(5, 1)) if n % 7 == 0]
    assert {case.plant is None for case in tried} == {True, False}
    named = 0
    for case in tried:
        recording(tmp_path / "r.npz", case.chunks, case.outputs, case.streams)
        found = diagnosed(tmp_path / "r.npz", case.network, case.context)
        assert (found.first is None) == (case.plant is None)
        told = [one.said for one in found.explanations]
        named += bool(case.said and any(re.search(case.said, one) for one in told))
        assert case.said or not told, "nothing is named of what is none of these"
    assert named >= 0.95 * sum(bool(case.said) for case in tried)
    assert len(NETWORKS) == 5
    assert len(PLANTS) > 12
