"""Which norm of a bag of weights belongs to which layer, and where it can stand: by name and by width alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_tui.formats.importers.torch.modules import Module
from lstm_tui.formats.importers.torch.paired_norms import paired_norms, sides


def stage(prefix: str, inputs: int = 4, outputs: int = 4, two_ways: bool = False, depth: int = 1) -> Any:
    forward = SimpleNamespace(prefix=prefix, depth=depth, both=False)
    return SimpleNamespace(forward=forward, backward=forward if two_ways else None, inputs=inputs, outputs=outputs)


def norm(stem: str, width: int = 4) -> Module:
    return Module(stem, {"weight": np.ones(width), "bias": np.zeros(width)})


@pytest.mark.parametrize(
    ("stages", "norms", "found"),
    [
        ([stage("a.rnn"), stage("b.rnn")], [norm("b.norm"), norm("a.norm")], {"b.norm": 1, "a.norm": 0}),
        ([stage("rnn.0"), stage("rnn.1")], [norm("norm.1"), norm("norm.0")], {"norm.1": 1, "norm.0": 0}),
        ([stage("a.rnn")], [norm("a.norm")], {"a.norm": 0}),
        ([stage("rnn.0")], [norm("norm.0")], {}),  # a number of one layer says nothing
        ([stage("a.rnn", two_ways=True), stage("b.rnn")], [norm("b.norm"), norm("a.norm")], {}),
        ([stage("rnn"), stage("gru")], [norm("one"), norm("other")], {}),
        ([stage("a.rnn"), stage("a.gru")], [norm("a.one"), norm("a.other")], {}),
        ([stage("a.rnn"), stage("b.rnn")], [norm("a.norm")], {}),
        ([stage("a.rnn"), stage("b.rnn")], [norm("a.norm"), norm("a.other"), norm("b.norm")], {}),
        ([stage("a.rnn"), stage("b.rnn")], [norm("a.norm", 5), norm("b.norm")], {}),
    ],
)
def test_a_norm_belongs_to_the_layer_of_its_block_or_number_where_each_has_one(
    stages: list[Any], norms: list[Module], found: dict[str, int]
) -> None:
    assert paired_norms(norms, stages) == found


@pytest.mark.parametrize("width", [3, 4, 5])
@pytest.mark.parametrize("inputs", [3, 4])
@pytest.mark.parametrize("outputs", [3, 4])
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("two_ways", [False, True])
def test_a_norm_can_stand_where_its_width_is_that_of_what_passes(
    width: int, inputs: int, outputs: int, number: int, two_ways: bool
) -> None:
    stages = [stage("a", 9, 9), stage("b", 9, 9)]
    stages[number] = stage("c", inputs, outputs, two_ways)
    behind = ("below_1", "readout")[number]
    wanted = {
        **({"before": f"below_{number}"} if width == inputs else {}),
        **({"behind": behind} if width == outputs else {}),
        **({"residual": f"residual_{number}"} if width == inputs == outputs and not two_ways else {}),
    }
    assert sides(norm("n", width), stages, number) == wanted
