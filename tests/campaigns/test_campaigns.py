"""The campaigns run: a handful of networks of each framework that is installed, and no number wrong in silence."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from campaigns.imports.__main__ import FRAMEWORKS
from campaigns.imports.outcome import Outcome, judge, table


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_handful_of_every_framework_is_right_or_warned_of(framework: str, tmp_path: Path) -> None:
    campaign = import_module(f"campaigns.imports.{framework}")
    if any(importlib.util.find_spec(name) is None for name in campaign.NEEDS):
        pytest.skip(f"needs {', '.join(campaign.NEEDS)}")
    outcomes = list(campaign.campaign(12, 3, tmp_path))
    assert [one for one in outcomes if one.verdict == "SILENT"] == []
    assert any(one.verdict == "right" for one in outcomes)


def test_a_wrong_number_is_silent_where_no_warning_is_of_just_that() -> None:
    want = {"layer0.forward/h": np.zeros((2, 2)), "output": np.ones((2, 1))}
    right, off = want, want | {"output": np.zeros((2, 1))}
    assert judge(1, ("softmax",), right, want, ()).verdict == "right"
    assert judge(1, ("softmax",), off, want, ()).verdict == "SILENT"
    assert judge(1, ("softmax",), off, want, ("layer0.initial is assumed",)).verdict == "SILENT"
    assert judge(1, ("softmax",), off, want, ("readout.over is assumed",)).verdict == "warned"
    needed = {"softmax": r"readout\.activation"}
    assert judge(1, ("softmax",), off, want, ("readout.over is assumed",), needed).verdict == "SILENT"
    assert judge(1, ("softmax",), off, want, ("readout.activation=linear",), needed).verdict == "warned"
    lines = table([Outcome(1, ("softmax",), "right"), Outcome(2, ("softmax",), "SILENT")])
    assert lines[1].split() == ["all", "2", "1", "0", "0", "1"]
