"""A pair of taggers, both ways and forward only, on words whose part of speech only what follows decides.

*The old man waits* and *the old man the boats*, *she sees her* and *she sees her boats*: up to the word in question
both begin alike and are as likely as each other, so whoever reads forward can do no more than guess, however it is
trained. Both networks have about as many parameters, read the same texts in the same order and learn as long.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span

TAGS = ("article", "adjective", "noun", "verb", "adverb", "pronoun", "owner", "stop")
PEOPLE = ("old", "young", "rich", "poor", "brave", "wise", "sick", "blind")
"""Adjectives, and behind *the* alone the people who are so."""
DOERS = ("man", "guard", "nurse", "pilot", "watch", "shepherd", "captain", "crew")
"""Nouns, and what they do."""
RESTS = ("waits", "sleeps", "sings", "laughs", "falls", "smiles")
THINGS = ("boats", "nets", "farms", "doors", "bridges", "tents", "horses", "ships")
WHEN = ("today", "again", "here", "often", "now")
WHO = ("she", "he", "everyone", "nobody")
SEE = ("sees", "helps", "likes", "knows")

LEARNED, UNSEEN = 3000, 500
EMBEDDING = 8
HIDDEN = {"tagger": 6, "tagger-forward": 10}
SETTINGS = Settings(epochs=8, rate=1e-2, batch=16, unknown=0.01)
HARD, OTHERS = "words that what follows decides", "other words"


@dataclass(frozen=True)
class Tagged:
    """A text with its tags.

    Attributes:
        words: Its words.
        tags: The number of the tag of each.
        hard: Places of the words whose tag only what follows decides.
    """

    words: tuple[str, ...]
    tags: tuple[int, ...]
    hard: tuple[int, ...]


def tagged(count: int, seed: int) -> tuple[Tagged, ...]:
    """Return texts of one to three sentences, the same ones for the same seed."""
    rng = random.Random(seed)
    return tuple(_text(rng) for _ in range(count))


def _text(rng: random.Random) -> Tagged:
    pairs: list[tuple[str, str, bool]] = []
    for _ in range(rng.randrange(1, 4)):
        pairs += _sentence(rng)
    words, tags, hard = zip(*pairs, strict=True)
    return Tagged(words, tuple(TAGS.index(tag) for tag in tags), tuple(t for t, one in enumerate(hard) if one))


def _sentence(rng: random.Random) -> list[tuple[str, str, bool]]:
    """Return a sentence: each word with its tag, and whether only what follows decides that."""
    when = [(rng.choice(WHEN), "adverb", False)] if rng.random() < 0.5 else []
    stop = (".", "stop", False)
    if rng.random() < 0.5:
        people, doer = rng.choice(PEOPLE), rng.choice(DOERS)
        if rng.random() < 0.5:
            middle = [(people, "adjective", True), (doer, "noun", True), (rng.choice(RESTS), "verb", False)]
        else:
            middle = [(people, "noun", True), (doer, "verb", True), ("the", "article", False)]
            middle.append((rng.choice(THINGS), "noun", False))
        return [("the", "article", False), *middle, *when, stop]
    begin = [(rng.choice(WHO), "pronoun", False), (rng.choice(SEE), "verb", False)]
    if rng.random() < 0.5:
        return [*begin, ("her", "pronoun", True), *when, stop]
    return [*begin, ("her", "owner", True), (rng.choice(THINGS), "noun", False), *when, stop]


def recipe(name: str) -> Recipe:
    """Return the recipe of `tagger` or `tagger-forward`."""
    forward = name == "tagger-forward"
    reader = "forward only: what decides some words it has not read" if forward else "both directions"
    hard = Bound(HARD, "at most", 0.6) if forward else Bound(HARD, "at least", 0.99)
    return Recipe(
        name=name,
        task=f"says the part of speech of each word, of some of which only what follows decides it ({reader})",
        data=(
            Data(
                "lstm_tui.models.recipes.taggers",
                "MIT",
                f"{LEARNED} generated texts of one to three sentences; judged by {UNSEEN} others",
            ),
        ),
        how="Adam on the cross-entropy of each word's tag; both read the same texts in the same order",
        train=partial(trained, name),
        measure=measure,
        accuracy=accuracy,
        accepted=(hard, Bound(OTHERS, "at least", 0.99)),
    )


def trained(name: str, seed: int, report: Report) -> Network:
    """Train a tagger from a seed."""
    directions = ["forward"] if name == "tagger-forward" else ["forward", "backward"]
    network = build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": [UNKNOWN, *vocabulary()]},
            "embedding_size": EMBEDDING,
            "layers": [{"cell": "lstm", "hidden_size": HIDDEN[name], "directions": directions}],
            "readout": "dense",
            "classes": list(TAGS),
        },
        seed=seed,
    )
    learned = [example(network, one) for one in _texts()[0]]
    train(network, learned, replace(SETTINGS, seed=seed), progress=report)
    return network


def vocabulary() -> tuple[str, ...]:
    """Return every word of the texts."""
    return ("the", "her", ".", *PEOPLE, *DOERS, *RESTS, *THINGS, *WHEN, *WHO, *SEE)


def example(network: Network, one: Tagged) -> Example:
    """Return what a network should say of a text."""
    assert network.tokens is not None, "the recipe gives it words"
    return Example(network.tokens.encode(one.words)[0], np.array(one.tags, dtype=np.int64))


def unseen() -> tuple[Tagged, ...]:
    """Return the texts that judge, none of which was learned."""
    return _texts()[1]


def measure(network: Network) -> dict[str, float]:
    """Return how often a tagger is right where only what follows decides, and elsewhere, in texts it has not read."""
    right: dict[bool, list[bool]] = {True: [], False: []}
    for one in unseen():
        read = example(network, one)
        ran = run_arrays(network, input_array(network, read.read), chosen_for_many())
        assert ran.readout is not None, "the recipe gives it one"
        said = ran.readout.values["y"].argmax(axis=1)
        for t, tag in enumerate(one.tags):
            right[t in one.hard].append(bool(said[t] == tag))
    return {HARD: float(np.mean(right[True])), OTHERS: float(np.mean(right[False]))}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds are right in half a line."""
    hard, others = span(measured, HARD), span(measured, OTHERS)
    return f"{hard} % right where only what follows decides (guessing: 50 %), {others} % elsewhere"


@cache
def _texts() -> tuple[tuple[Tagged, ...], tuple[Tagged, ...]]:
    """Return what is learned and what judges; no text is in both."""
    told = dict.fromkeys(tagged(3 * (LEARNED + UNSEEN), seed=1))
    both = tuple(told)
    return both[:LEARNED], both[LEARNED : LEARNED + UNSEEN]
