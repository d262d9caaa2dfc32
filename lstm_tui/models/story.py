"""The story network: a language model of stories in which what must be remembered, and what may go, is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.loss import Example, input_array, next_tokens
from lstm_tui.analysis.training import Settings, train
from lstm_tui.engine.initialise import spread_memories
from lstm_tui.engine.interpreters import chosen_for_many
from lstm_tui.engine.network import Network, build_network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.run import run_arrays
from lstm_tui.engine.tokens import UNKNOWN
from lstm_tui.models.recipe import Data, Measured, Recipe, Report, span
from lstm_tui.models.stories import Check, Story, stories, vocabulary

EPOCHS = 6
STORIES_PER_EPOCH = 10_000
SETTINGS = Settings(epochs=EPOCHS, rate=1e-2, batch=8)
UNSEEN = 1_000
UNSEEN_SEED = 1_000_000
TOPIC_WEIGHT = 5.0
"""How many times a recalled topic counts: it is one word of a sentence, and the hardest."""

LONGEST_MEMORY = 40
"""Forget gates start spread over memories of 1 to this many tokens (chrono initialisation, Tallec & Ollivier 2018)."""

MOST_CLOSING = 5
KINDS = ("pronoun", "verb", "topic")


def recipe(name: str) -> Recipe:
    """Return the recipe of `story`."""
    return Recipe(
        name=name,
        task="says the next word of a story about people and what they like",
        data=(
            Data(
                "lstm_tui.models.stories",
                "MIT",
                f"{EPOCHS * STORIES_PER_EPOCH} generated stories, each read once; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the next word, a recalled topic counting {sentence(TOPIC_WEIGHT)} times; "
        f"forget gates start spread over memories of 1 to {LONGEST_MEMORY} tokens",
        train=trained,
        measure=measure,
        accuracy=accuracy,
    )


def trained(seed: int, report: Report) -> Network:
    """Train the story network from a seed."""
    network = build_network(
        {
            "name": "story",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": [UNKNOWN, *vocabulary()]},
            "embedding_size": 24,
            "layers": [{"cell": "lstm", "hidden_size": 64, "directions": ["forward"]}],
            "readout": "dense",
        },
        seed=seed,
    )
    spread_memories(network, LONGEST_MEMORY, seed)
    unseen = frozenset(story.text for story in unseen_stories())

    def of_epoch(epoch: int) -> list[Example]:
        told = stories(STORIES_PER_EPOCH, seed * 1000 + epoch, unseen)
        return [_example(network, story) for story in told]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def unseen_stories() -> tuple[Story, ...]:
    """Return the stories that no training holds."""
    return stories(UNSEEN, UNSEEN_SEED)


def measure(network: Network) -> dict[str, float]:
    """Return how often each kind of check is right, and what the forget gates do when the subject changes or stays."""
    told = unseen_stories()
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    changing: list[NDArray[Any]] = []
    staying: list[NDArray[Any]] = []
    for story in told:
        ran = run_arrays(network, input_array(network, _ids(network, story.words)), chosen_for_many())
        assert ran.readout is not None, "the recipe gives it one"
        said, forget = ran.readout.values["y"], ran.stored["layer0.forward"].values["f"]
        for check in story.checks:
            if check.t:
                right[check.kind].append(_answer(network, said[check.t - 1], check) == story.words[check.t])
        changing += [forget[t] for t in story.changes if t]
        staying += [forget[t] for t in story.stays]
    return {kind: float(np.mean(answers)) for kind, answers in right.items()} | _gates(changing, staying)


def _gates(changing: Sequence[NDArray[Any]], staying: Sequence[NDArray[Any]]) -> dict[str, float]:
    """Compare the forget gates at the first word of a new subject with those at the pronoun of an old one."""
    change, stay = np.mean(changing, axis=0), np.mean(staying, axis=0)
    most = np.argsort(change - stay)[:MOST_CLOSING]
    return {
        "mean forget gate where the subject changes": float(change.mean()),
        "mean forget gate where the subject stays": float(stay.mean()),
        f"the {MOST_CLOSING} most closing units where it changes": float(change[most].mean()),
        f"the {MOST_CLOSING} most closing units where it stays": float(stay[most].mean()),
    } | {f"most closing unit {n + 1}": float(unit) for n, unit in enumerate(most)}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the rightness of several seeds in half a line."""
    return ", ".join(f"{kind} {span(measured, kind)} %" for kind in KINDS) + f" in {UNSEEN} unseen stories"


def _answer(network: Network, said: NDArray[Any], check: Check) -> str:
    """Return the word the network finds likeliest, among the rivals where there are some."""
    assert network.tokens is not None, "the recipe gives it words"
    index: Mapping[str, int] = network.tokens.index
    if check.rivals:
        return max(check.rivals, key=lambda word: float(said[index[word]]))
    return network.tokens.vocabulary[int(said.argmax())]


def _example(network: Network, story: Story) -> Example:
    weight = np.ones(len(story.words), dtype=np.float32)
    weight[[check.t for check in story.checks if check.kind == "topic"]] = TOPIC_WEIGHT
    return next_tokens(_ids(network, story.words), weight)


def _ids(network: Network, words: Sequence[str]) -> NDArray[np.int64]:
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    return ids
