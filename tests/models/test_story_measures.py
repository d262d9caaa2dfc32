"""The measures by which a story network is accepted, against their plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes.stories import OWNERS, PRONOUNS, stories
from lstm_tui.models.recipes.story_measures import (
    CHANGE,
    CONCEPTS,
    ELSEWHERE,
    LARGEST,
    RATIO,
    SATURATED,
    STAY,
    balanced_accuracy,
    best_unit,
    forgetting,
    pinned,
    read,
    tell,
)

NUMBERS = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 1)), min_size=2).filter(
    lambda pairs: {side for _, side in pairs} == {0, 1}
)


@settings(max_examples=30)
@given(NUMBERS)
def test_balanced_accuracy_is_that_of_the_best_threshold(pairs: list[tuple[int, int]]) -> None:
    numbers, side = np.array([number for number, _ in pairs], dtype=float), np.array([one for _, one in pairs])
    best = 0.0
    for threshold in np.arange(-5, 6) + 0.5:
        above = [float(np.mean(numbers[side == one] > threshold)) for one in (0, 1)]
        best = max(best, (above[1] + 1 - above[0]) / 2, (above[0] + 1 - above[1]) / 2)
    assert balanced_accuracy(numbers, side) == pytest.approx(best)


def test_what_is_lost_is_that_of_a_loop_over_the_units() -> None:
    told = [tell(open_model("story"), story) for story in stories(6, 5)]
    stays, ratios, changed, elsewhere = [], [], [], []
    for one in told:
        lost = [0.0]
        for t in range(1, len(one.story.words)):
            before, gate = one.memory[t - 1], one.forget[t]
            gone = sum(abs((1 - f) * c) for f, c in zip(gate, before, strict=True))
            lost.append(float(gone / sum(abs(before))))
        assert one.lost == pytest.approx(lost)
        stays += [lost[t] for t in one.story.stays]
        left = [t for t in range(1, len(lost)) if t not in one.story.changes]
        elsewhere += [lost[t] for t in left]
        changed += [lost[t] for t in one.story.changes if t > 0]
        changes = [t for t in one.story.changes if t > 0]
        if changes:
            others = sorted(lost[t] for t in range(1, len(lost)) if t not in changes)
            ratios.append(np.mean([lost[t] for t in changes]) / np.median(others))
    found = forgetting(told)
    assert found[STAY] == pytest.approx(np.mean(stays))
    assert found[RATIO] == pytest.approx(np.median(ratios))
    beyond = [abs(g) > 0.95 for one in told for g in one.candidate.ravel()]
    wanted = {
        STAY: np.mean(stays), RATIO: np.median(ratios), SATURATED: np.mean(beyond), CHANGE: np.mean(changed),
        ELSEWHERE: np.median(elsewhere), "lost elsewhere, mean": np.mean(elsewhere),
        LARGEST: max(abs(float(c)) for one in told for c in one.memory.ravel()),
    }  # fmt: skip
    assert found == pytest.approx({name: float(number) for name, number in wanted.items()})


@pytest.mark.slow
def test_no_other_unit_does_as_much_as_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.models.recipes.story_measures.PINS", 12)
    network = open_model("story")
    told = [tell(network, story) for story in stories(40, 5)]
    for concept in CONCEPTS:
        unit, accuracy = best_unit(told, concept)
        assert accuracy > 0.95
        others = [pinned(network, told, concept, other) for other in range(16) if other != unit]
        assert pinned(network, told, concept, unit) > max(others), concept.name


def test_the_owner_chooses_the_pronoun() -> None:
    network = open_model("story")
    assert network.tokens is not None
    for pronoun in PRONOUNS:
        names = ["ganesh"] if pronoun in ("he", "she", "i") else ["ganesh", "and", "ram"]
        words = [OWNERS[pronoun], *(("name", "is") if len(names) == 1 else ("names", "are")), *names, "and"]
        _, said = read(network, words)
        assert network.tokens.vocabulary[int(said[-1].argmax())] == pronoun
