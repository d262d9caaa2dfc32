"""What is asked of a story network before it is bundled: that it is right, and that its forgetting can be seen.

Every number is of stories that no training holds. `lost` at a token is the part of the memory that the forget gates let
go there: Σ|(1 − f) · C[t−1]| / Σ|C[t−1]| over the units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from lstm_tui.analysis.train.loss import input_array
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Bound, Measured
from lstm_tui.models.recipes.stories import (
    KINDS,
    MAN,
    MEN,
    OWNERS,
    PAIR,
    US,
    WOMAN,
    WOMEN,
    Check,
    Story,
)  # fmt: skip

CHANGE = "lost at a new subject"
STAY = "lost at the pronoun of the same subject"
ELSEWHERE = "lost elsewhere, median"
RATIO = "lost at a new subject against elsewhere, median of stories"
LARGEST = "largest |C|"
SATURATED = "share of |g| beyond .95"
FLIP = "she, for “her name is” any name"
_PINNED = "{}, the other word when pinned"

BEYOND = 0.95
PINS = 60
"""So many words are asked for again, each with the memory of one unit pinned."""

ACCEPTED = (
    *(Bound(kind, "at least", 0.99) for kind in KINDS),
    Bound(RATIO, "at least", 10),
    Bound(STAY, "at most", 0.05),
    Bound(LARGEST, "at most", 2),
    Bound(SATURATED, "at most", 0.4),
    Bound("gender, told apart", "at least", 0.95),
    Bound("number, told apart", "at least", 0.95),
    Bound("topic, told apart", "at least", 0.95),
    Bound(FLIP, "at least", 0.95),
    Bound(_PINNED.format("gender"), "at least", 0.9),
)


@dataclass(frozen=True)
class Concept:
    """Something that one unit may tell, before a pronoun.

    Attributes:
        name: Of the unit that does.
        tells: What, in words.
        sides: The pronouns, parted in two.
    """

    name: str
    tells: str
    sides: tuple[tuple[str, ...], tuple[str, ...]]


CONCEPTS = (
    Concept("gender", "he from she", ((MAN,), (WOMAN,))),
    Concept("number", "one from several: he and she from they and we", ((MAN, WOMAN), (PAIR, US))),
)


@dataclass(frozen=True, eq=False)
class Told:
    """A story that was read: C, f and g of every word, (T, H), and the chances of the next one, (T, K)."""

    story: Story
    memory: Array
    forget: Array
    candidate: Array
    said: Array

    @property
    def lost(self) -> Array:
        """What part of the memory was let go at each word, (T,); 0 at the first."""
        before = np.abs(self.memory[:-1])
        gone = ((1 - self.forget[1:]) * before).sum(axis=1) / np.maximum(before.sum(axis=1), 1e-9)
        return np.concatenate([[0.0], gone])


def read(network: Network, words: Sequence[str], holds: Sequence[Hold] = ()) -> tuple[Mapping[str, Array], Array]:
    """Return every value of the cell at every word, and the chances of the next one."""
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    ran = run_arrays(network, input_array(network, ids), chosen_for_many(), holds=holds)
    assert ran.readout is not None, "the recipe gives it one"
    return ran.stored["layer0.forward"].values, ran.readout.values["y"]


def tell(network: Network, story: Story) -> Told:
    """Read a story."""
    values, said = read(network, story.words)
    return Told(story, values["c"], values["f"], values["g"], said)


def measures(network: Network, stories: Iterable[Story]) -> dict[str, float]:
    """Return every number of `ACCEPTED`, and what they are made of."""
    told = [tell(network, story) for story in stories]
    numbers = right(network, [(one.story, one.said) for one in told]) | forgetting(told) | {FLIP: of_her(network)}
    for concept in CONCEPTS:
        unit, accuracy = best_unit(told, concept)
        numbers |= {f"{concept.name}, unit": unit, f"{concept.name}, told apart": accuracy}
        numbers[_PINNED.format(concept.name)] = pinned(network, told, concept, unit)
    return numbers | of_topic(network, told)


def right(network: Network, told: Iterable[tuple[Story, Array]]) -> dict[str, float]:
    """Return how often each kind of check is right, from stories and the chances of the next word in each, (T, K)."""
    answers: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for story, said in told:
        for check in story.checks:
            if check.t:
                answers[check.kind].append(answer(network, said[check.t - 1], check) == story.words[check.t])
    return {kind: float(np.mean(found)) for kind, found in answers.items()}


def answer(network: Network, said: Array, check: Check) -> str:
    """Return the word the network finds likeliest, among the rivals where there are some."""
    assert network.tokens is not None, "the recipe gives it words"
    index: Mapping[str, int] = network.tokens.index
    if check.rivals:
        return max(check.rivals, key=lambda word: float(said[index[word]]))
    return network.tokens.vocabulary[int(said.argmax())]


def forgetting(told: Sequence[Told]) -> dict[str, float]:
    """Return what part of the memory is lost where, how large it grows, and how many candidates are saturated."""
    changing: list[float] = []
    staying: list[float] = []
    elsewhere: list[float] = []
    ratios: list[float] = []
    for one in told:
        lost, changes = one.lost, [t for t in one.story.changes if t]
        others = [t for t in range(1, len(lost)) if t not in changes]
        staying += list(lost[list(one.story.stays)])
        elsewhere += list(lost[others])
        if changes:
            changing += list(lost[changes])
            ratios.append(float(lost[changes].mean() / max(np.median(lost[others]), 1e-6)))
    return {
        CHANGE: float(np.mean(changing)),
        STAY: float(np.mean(staying)),
        ELSEWHERE: float(np.median(elsewhere)),
        "lost elsewhere, mean": float(np.mean(elsewhere)),
        RATIO: float(np.median(ratios)),
        LARGEST: max(float(np.abs(one.memory).max()) for one in told),
        SATURATED: float(np.mean(np.concatenate([(np.abs(one.candidate) > BEYOND).ravel() for one in told]))),
    }


def of_her(network: Network) -> float:
    """Return how likely *she* is after *her name is … and*, the mean over all names; *my* would make it *i*."""
    assert network.tokens is not None, "the recipe gives it words"
    chances = []
    for name in (*MEN, *WOMEN):
        _, said = read(network, [OWNERS[WOMAN], "name", "is", name, "and"])
        chances.append(float(said[-1][network.tokens.index[WOMAN]]))
    return float(np.mean(chances))


def best_unit(told: Sequence[Told], concept: Concept) -> tuple[int, float]:
    """Return the unit whose C parts the two sides of a concept best where the word is asked for, and how well."""
    places = list(_places(told, concept))
    held = np.array([one.memory[t - 1] for one, t, _ in places])
    accuracies = [balanced_accuracy(column, np.array([side for *_, side in places])) for column in held.T]
    return int(np.argmax(accuracies)), max(accuracies)


def pinned(network: Network, told: Sequence[Told], concept: Concept, unit: int) -> float:
    """Return the chance of the other side's words where C of one unit is pinned for the step before they are asked for.

    It is pinned to the mean of what it holds on the other side; the chance is that among the words of both sides, the
    mean over the first `PINS` places.
    """
    assert network.tokens is not None, "the recipe gives it words"
    places = list(_places(told, concept))
    means = [np.mean([one.memory[t - 1, unit] for one, t, mine in places if mine == side]) for side in (0, 1)]
    words = [[network.tokens.index[word] for word in side] for side in concept.sides]
    chances = []
    for one, t, side in places[:PINS]:
        hold = Hold("layer0.forward", "c", (unit, unit + 1), (t - 1, t), "set", float(means[1 - side]))
        _, said = read(network, one.story.words[:t], [hold])
        mine, other = (float(said[-1][words[which]].sum()) for which in (side, 1 - side))
        chances.append(other / (mine + other))
    return float(np.mean(chances))


def of_topic(network: Network, told: Sequence[Told]) -> dict[str, float]:
    """Return the unit whose C follows most what is recalled, how much, and the chance of the right word with it at 0.

    How much: the part of the variance of C, where a topic is asked for, that lies between topics. It is 1 for a unit
    that is the same for the same topic, about 0 for one that knows nothing of it.
    """
    assert network.tokens is not None, "the recipe gives it words"
    places = [(one, check.t) for one in told for check in one.story.checks if check.kind == "topic"]
    held = np.array([one.memory[t - 1] for one, t in places])
    words = np.array([one.story.words[t] for one, t in places])
    means = np.zeros_like(held)
    for word in set(words):
        means[words == word] = held[words == word].mean(axis=0)
    follows = means.var(axis=0) / held.var(axis=0)
    unit = int(np.argmax(follows))
    chances = []
    for one, t in places[:PINS]:
        hold = Hold("layer0.forward", "c", (unit, unit + 1), (t - 1, t), "set", 0.0)
        _, said = read(network, one.story.words[:t], [hold])
        chances.append(float(said[-1][network.tokens.index[one.story.words[t]]]))
    plain = [float(one.said[t - 1][network.tokens.index[one.story.words[t]]]) for one, t in places[:PINS]]
    return {
        "topic, unit": unit,
        "topic, told apart": float(follows[unit]),
        "topic, the right word": float(np.mean(plain)),
        "topic, the right word with the unit at 0": float(np.mean(chances)),
    }


def balanced_accuracy(numbers: Array, side: Array) -> float:
    """Return how well one threshold parts numbers (N,) by their side (N,) of 0 or 1, each side counting a half."""
    order = np.argsort(numbers, kind="stable")
    counts = [np.cumsum(side[order] == one) / max((side == one).sum(), 1) for one in (0, 1)]
    apart = np.abs(counts[0] - counts[1])
    last = np.append(np.diff(numbers[order]) > 0, True)  # a threshold lies between two numbers that differ
    return float(0.5 + apart[last].max() / 2)


def units_of(measured: Measured) -> list[dict[str, object]]:
    """Return the units that have a name by what they tell, with the evidence, as the card lists them."""

    def percent(key: str) -> str:
        return f"{fixed(100 * measured[key], 1)} %"

    units: list[dict[str, object]] = [
        {
            "pass": "layer0.forward",
            "unit": int(measured[f"{one.name}, unit"]),
            "name": one.name,
            "tells": one.tells,
            "told apart": percent(f"{one.name}, told apart"),
            "pinned to the other side, the other word": percent(_PINNED.format(one.name)),
        }
        for one in CONCEPTS
    ]
    topic: dict[str, object] = {
        "pass": "layer0.forward",
        "unit": int(measured["topic, unit"]),
        "name": "topic",
        "tells": "what the subject likes",
        "of its variance between topics": percent("topic, told apart"),
        "the right word": percent("topic, the right word"),
        "with the unit at 0": percent("topic, the right word with the unit at 0"),
    }
    return [*units, topic]


def _places(told: Iterable[Told], concept: Concept) -> Iterator[tuple[Told, int, int]]:
    """Yield where a word of either side is asked for: the story, the place of the word, and the side."""
    for one in told:
        for check in one.story.checks:
            word = one.story.words[check.t]
            if check.t and check.kind == "pronoun":
                yield from ((one, check.t, side) for side in (0, 1) if word in concept.sides[side])
