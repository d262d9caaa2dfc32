"""What is assumed of checkpoints stands beside the numbers that rest on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lstm_tui


def test_a_series_says_what_is_assumed_and_no_more_once_it_is_decided(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    torch.manual_seed(0)
    parts = {"embedding": torch.nn.Embedding(6, 4), "rnn": torch.nn.LSTM(4, 5, bidirectional=True),
             "head": torch.nn.Linear(10, 2)}  # fmt: skip
    for step in (1, 2):
        torch.save(torch.nn.ModuleDict(parts).state_dict(), tmp_path / f"{step}.pt")
    words = ["<unk>", "a", "b", "c", "d", "e"]
    made = lstm_tui.series(str(tmp_path / "*.pt"), "a b c", "result[0]", vocabulary=words)
    assert any("readout.over" in one for one in made.remarks)
    assert all(one in repr(made) for one in made.remarks)
    decided = lstm_tui.series(
        str(tmp_path / "*.pt"), "a b c", "result[0]", vocabulary=words, settings={"readout.over": "final"}
    )
    assert not any("readout.over" in one for one in decided.remarks)
