"""The pair of taggers: the texts are what they say, forward reading must fail, and the pair differs just there."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from lstm_tui.analysis.train.loss import input_array
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.importers.named import open_model
from lstm_tui.models import card, sample_of
from lstm_tui.models.recipes.recipe import Bound
from lstm_tui.models.recipes.taggers import HARD, OTHERS, TAGS, Tagged, example, recipe, tagged, unseen, vocabulary

PAIR = ("tagger", "tagger-forward")


def said(network: Network, one: Tagged) -> Array:
    """Return what a network says of each word, (T, K)."""
    ran = run_arrays(network, input_array(network, example(network, one).read), "numpy")
    assert ran.readout is not None
    return ran.readout.values["y"]


def test_the_texts_are_what_they_say() -> None:
    texts = tagged(300, 7)
    assert texts == tagged(300, 7)
    words = set(vocabulary())
    for one in texts:
        assert len(one.words) == len(one.tags)
        assert words >= set(one.words)
        assert one.words[-1] == "."
        assert all(TAGS[one.tags[t]] == "stop" for t, word in enumerate(one.words) if word == ".")
    assert not set(unseen()) & set(tagged(3000, 1))


def test_whoever_reads_forward_can_only_guess() -> None:
    """Counted over the texts: after the same words up to a hard one, no tag of it is much likelier than another."""
    after: dict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
    for one in tagged(20_000, 3):
        for t in one.hard:
            start = max((n + 1 for n in range(t) if one.words[n] == "."), default=0)
            if one.words[t] == "her":
                after[(one.words[t],)][one.tags[t]] += 1
            else:
                after[(one.words[start], "PERSON" if t == start + 1 else "DOER")][one.tags[t]] += 1
    best = sum(max(tags.values()) for tags in after.values())
    assert best / sum(tags.total() for tags in after.values()) < 0.52
    assert all(len(tags) == 2 for tags in after.values())


def test_what_follows_decides_every_tag() -> None:
    """A word, the one before it and the two behind it have one tag."""
    known: dict[tuple[str, ...], int] = {}
    for one in tagged(5_000, 4):
        padded = ("", *one.words, "", "")
        for t, tag in enumerate(one.tags):
            assert known.setdefault(padded[t : t + 4], tag) == tag


@pytest.mark.parametrize("name", PAIR)
def test_the_card_has_what_was_asked_of_it(name: str) -> None:
    of = recipe(name)
    assert {one.measure for one in of.accepted} == {HARD, OTHERS}
    for measured in card(name)["measured"].values():
        assert all(one.met(measured) for one in of.accepted)
    assert sample_of(name) == "tagger.txt"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIR)
def test_the_networks_reach_it_measured_again(name: str) -> None:
    measured = recipe(name).measure(open_model(name))
    kept = card(name)["measured"]["0"]
    assert measured == pytest.approx(kept, abs=1e-3)
    limit = Bound(HARD, "at least", 0.99) if name == "tagger" else Bound(HARD, "at most", 0.6)
    assert limit.met(measured)


def test_the_pair_differs_where_what_follows_decides_and_hardly_elsewhere() -> None:
    both, forward = (open_model(name) for name in PAIR)
    apart: dict[bool, list[float]] = {True: [], False: []}
    for one in unseen()[:40]:
        far = np.abs(said(both, one) - said(forward, one)).sum(axis=1) / 2
        for t, distance in enumerate(far):
            apart[t in one.hard].append(float(distance))
    assert min(apart[True]) > 0.25
    assert max(apart[False]) < 0.1
    assert np.mean(apart[True]) > 20 * np.mean(apart[False])
