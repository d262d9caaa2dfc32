"""The verdict networks: kinds of cell that learned one task, to be laid side by side."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.analysis.train.loss import loss_and_gradients
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
