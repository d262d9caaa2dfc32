"""The campaigns run: a handful of networks of each framework that is installed, and no number wrong in silence."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path

import pytest

from campaigns.imports.__main__ import FRAMEWORKS
from campaigns.imports.outcome import Outcome, table


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_handful_of_every_framework_is_right_or_warned_of(framework: str, tmp_path: Path) -> None:
    campaign = import_module(f"campaigns.imports.{framework}")
    if any(importlib.util.find_spec(name) is None for name in campaign.NEEDS):
        pytest.skip(f"needs {', '.join(campaign.NEEDS)}")
    outcomes = list(campaign.campaign(5, 5, tmp_path))
    assert [one for one in outcomes if one.verdict == "SILENT"] == []
    assert any(one.verdict == "right" for one in outcomes)


def test_a_table_counts_each_part_and_says_what_no_warning_named() -> None:
    made = [Outcome(1, ("softmax",), "right"), Outcome(2, ("softmax",), "SILENT"),
            Outcome(3, ("over",), "warned", unnamed=("over",))]  # fmt: skip
    lines = table(made)
    assert lines[1].split() == ["all", "3", "1", "1", "0", "1"]
    assert lines[-1] == "warned of, not by the name of: over 1"
