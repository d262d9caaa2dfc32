"""The live table of trained networks: its numbers are measured, and are those of loops over the texts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lstm_tui.cli import main
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.bundled_files import GROUPS, bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.models.measured_table import group_of


@pytest.mark.parametrize("task", GROUPS)
def test_a_group_holds_several_networks_that_are_judged_alike(task: str) -> None:
    group = group_of(task)
    assert len(group.names) > 1
    assert set(group.names) <= set(bundled_names())
    counts = {len(group.examples(open_model(name))) for name in group.names}
    assert len(counts) == 1


@pytest.mark.slow
@pytest.mark.parametrize("task", GROUPS)
def test_the_table_says_what_loops_say(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--measure", task, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["networks"]] == list(group_of(task).names)
    for row in found["networks"]:
        network = open_model(row["name"])
        parameters = [one for part in network.passes for one in part.program.parameters.values()]
        masked = sum(int((~one.mask).sum()) for one in parameters if one.mask is not None)
        assert row["parameters"] == sum(array.size for array in network.tensors().values()) - masked
        assert row["before_the_end"] == (row["context"] == "before") == network.forward_only
        right, surprise = [], []
        for example in group_of(task).examples(network):
            assert network.embedding is not None
            ran = run_arrays(network, network.embedding[example.read], "numpy")
            assert ran.readout is not None
            assert network.readout is not None
            said = np.atleast_2d(ran.readout.values[network.readout.page.result])
            for t, wanted in enumerate(np.atleast_1d(example.target)):
                if wanted >= 0:
                    right.append(said[t].argmax() == wanted)
                    surprise.append(-np.log(said[t][wanted]))
        assert row["accuracy"] == pytest.approx(np.mean(right))
        assert row["loss"] == pytest.approx(np.mean(surprise), rel=1e-3, abs=1e-5)
        assert row["microseconds"] > 0


def test_a_task_goes_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "story", "--measure", "recall"]) == 1
    assert "leave story out" in capsys.readouterr().err
