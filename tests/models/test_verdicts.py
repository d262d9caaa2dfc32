"""The verdict networks: kinds of cell that learned one task, to be laid side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstm_tui.analysis.train.loss import loss_and_gradients
from lstm_tui.debugger.edits.variants import variant_of
from lstm_tui.formats.importers.native import load
from lstm_tui.models import card, path
from lstm_tui.models.recipes import verdicts
from lstm_tui.models.recipes.sentiment import LEFT_OUT


@pytest.mark.parametrize("name", verdicts.KINDS)
def test_every_seed_tells_verdicts_it_has_not_read(name: str) -> None:
    for measured in card(name)["measured"].values():
        assert measured["accuracy"] >= verdicts.KINDS[name].least


@pytest.mark.parametrize("name", verdicts.KINDS)
def test_the_measures_of_its_card_are_measured_again(name: str) -> None:
    now, then = verdicts.measure(load(path(name))), card(name)["measured"]["0"]
    assert now == pytest.approx(then, abs=2e-3)


def test_what_judges_was_not_learned_from_and_the_shown_sentence_never() -> None:
    learned, unseen = verdicts._verdicts()
    texts = {text for text, _ in learned}
    assert not texts & {text for text, _ in unseen}
    assert not any(all(word in text.split() for word in LEFT_OUT) for text in texts)
    assert abs(np.mean([label for _, label in unseen]) - 0.5) < 0.1


def test_one_unit_of_the_relu_network_died_in_training_and_learns_nothing_more() -> None:
    assert verdicts.never_acting(verdicts.untrained("verdict-relu", 0)) == []
    network = load(path("verdict-relu"))
    assert verdicts.never_acting(network) == [5]
    one = network.passes[0]
    reached = np.zeros(one.program.hidden_size)
    for example in verdicts._examples(network, verdicts._verdicts()[1][:100]):
        slope = loss_and_gradients(network, example).gradients[one.name]
        reached += sum(
            np.abs(one.program.view(slope, name)).reshape(len(reached), -1).sum(1) for name in one.program.parameters
        )
    assert list(np.flatnonzero(reached == 0)) == [5]


@pytest.mark.parametrize("bits", [verdicts.BFLOAT16, 12, verdicts.FLOAT32])
def test_rounded_numbers_are_the_nearest_of_so_many_bits(bits: int) -> None:
    network = verdicts.untrained("verdict-nig", 0)
    before, after = network.tensors(), verdicts.rounded(network, bits).tensors()
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        for number, made in zip(tensor.ravel()[:200], after[name].ravel()[:200], strict=True):
            part, power = math.frexp(float(number))
            nearest = math.copysign(math.floor(abs(part) * 2**bits + 0.5), part)
            assert float(made) == math.ldexp(nearest, power - bits)


@pytest.mark.parametrize("name", verdicts.KINDS)
def test_a_bundled_network_has_the_bits_that_its_card_tells(name: str) -> None:
    lost = verdicts.FLOAT32 - verdicts.KINDS[name].bits
    words = np.concatenate([one.ravel().view(np.uint32) for one in load(path(name)).tensors().values()])
    assert not (words & ((1 << lost) - 1)).any()
    assert (f"rounded to {verdicts.KINDS[name].bits} significant bits" in card(name)["how"]) == bool(lost)


def test_every_variant_of_greff_and_others_is_trained_on_the_one_task() -> None:
    """Found by the equations, not by the names."""
    found = {variant_of(load(path(name)).passes[0].program).partition(",")[0] for name in verdicts.KINDS}
    assert {f"Greff {one}" for one in ("V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG", "NP", "FGR")} <= found
