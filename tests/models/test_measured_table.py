"""The live table of trained networks: its numbers are measured, and are those of loops over the texts."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from lstm_tui.cli import main
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.bundled_files import GROUPS, bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.models.measured_table import CHANCE, MeasuredNetwork, both_ways_words, group_of


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


def row(name: str, context: str, right: int, answers: int, once: bool) -> MeasuredNetwork:
    return MeasuredNetwork(
        name, "lstm", "", 4, context, 100, right / answers, 0.1, 1.0, context == "before", 9, answers, once
    )


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("answers", [20, 200])
def test_reading_both_ways_is_said_to_be_better_where_it_is_by_more_than_chance(answers: int, once: bool) -> None:
    """More than chance: the difference of two binomials is beyond 1.96 standard errors, by numbers drawn at random."""
    drawn = np.random.default_rng(3)
    for both, before in itertools.product(range(answers // 2, answers, answers // 10), repeat=2):
        said = both_ways_words([row("b", "both sides", both, answers, once), row("f", "before", before, answers, once)])
        sides = [drawn.binomial(answers, right / answers, 20_000) for right in (both, before)]
        spread = (sides[0] - sides[1]).std()
        if abs(both - before) > 2.0 * spread:
            assert ("more often here" if both > before else "less often here") in said
            assert f"{100 * abs(both - before) / answers:.1f} points" in said
        elif abs(both - before) < 1.9 * spread:
            assert "not seen" in said if once else "seen to make no difference" in said


def test_tables_of_equally_good_networks_are_seldom_said_to_differ() -> None:
    drawn = np.random.default_rng(5)
    told = 0
    for _ in range(1_000):
        right = drawn.binomial(400, 0.8, 8)
        rows = [row("b", "both sides", n, 400, False) for n in right[:3]]
        told += "often here, by" in both_ways_words(rows + [row("f", "before", n, 400, False) for n in right[3:]])
    assert told <= 1_000 * CHANCE


def test_nothing_is_said_of_both_ways_where_all_read_one_way() -> None:
    assert both_ways_words([row("a", "before", 9, 10, True), row("b", "before", 8, 10, True)]) == ""
