"""The story networks: a language model of sixteen units whose forgetting can be seen, and a plain RNN beside it.

`story` is trained on the stories of `stories`, and pays for memory that is lost, for memory and candidates that are
large, and for writing over memory that is held. So the cheapest way to be right is to keep what may still be asked for,
and to let go where a new subject comes. Nobody tells it where that is.

`story-rnn` has as many units and reads the same stories in the same order, without those prices: it has no gates that
could be asked for them. It learns what stands a few words back, and loses what stood further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, next_tokens
from lstm_tui.analysis.train.penalties import Penalty, lost, mean_square, writing_over
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span
from lstm_tui.models.recipes.stories import KINDS, Story, stories, vocabulary
from lstm_tui.models.recipes.story_measures import ACCEPTED, measures, read, right, units_of

HIDDEN, EMBEDDING = 16, 12
EPOCHS, STORIES_PER_EPOCH = 8, 10_000
PENALTIES = (
    Penalty(lost, ("f", "prev(c)"), 0.5, 0.1, 0.5),
    Penalty(mean_square, ("c",), 0.2, 0.1, 0.5),
    Penalty(writing_over, ("i", "prev(c)"), 1.5, 0.1, 0.5),
    Penalty(mean_square, ("g",), 0.05, 0.1, 0.5),
)
SETTINGS = Settings(epochs=EPOCHS, rate=1.5e-2, batch=32, clip=5.0, penalties=PENALTIES)
UNSEEN, UNSEEN_SEED = 1_000, 1_000_000

WEIGHTS = {"pronoun": 2.0, "named": 4.0, "owner": 1.0, "verb": 1.0, "known": 2.0, "topic": 3.0}
"""How much a word counts that only one is right for, by its kind."""

REST = 0.5
"""How much any other word counts: which name comes is a matter of chance."""


PLAIN_ACCEPTED = (Bound("verb", "at least", 0.98), Bound("named", "at least", 0.98), Bound("topic", "at most", 0.6))
"""What is asked of the RNN: it has learned what stands a few words back, and it does lose what stood further."""


def recipe(name: str) -> Recipe:
    """Return the recipe of `story` or `story-rnn`."""
    data = Data(
        "lstm_tui.models.recipes.stories",
        "MIT",
        f"{EPOCHS * STORIES_PER_EPOCH} generated stories, each read once; judged by {UNSEEN} others",
    )
    if name == "story-rnn":
        return Recipe(
            name=name,
            task="says the next word of a story about people and what they like, with a memory that no gate keeps",
            data=(data,),
            how="Adam on the cross-entropy of the next word; it has as many units as story, and read the same stories "
            "in the same order",
            train=trained_plain,
            measure=measure_plain,
            accuracy=accuracy_plain,
            accepted=PLAIN_ACCEPTED,
        )
    return Recipe(
        name=name,
        task="says the next word of a story about people and what they like, and forgets where a new subject comes",
        data=(data,),
        how="Adam on the cross-entropy of the next word, and on prices for memory that is lost, that is large or that "
        "is written over; nobody told it where to forget",
        train=trained,
        measure=measure,
        accuracy=accuracy,
        accepted=ACCEPTED,
        units=units_of,
    )


def trained(seed: int, report: Report) -> Network:
    """Train the story network from a seed."""
    network = untrained("story", "lstm", seed)
    network.tensors()["layer0.forward/b_i"][...] = -1  # to begin with, little is written
    _learn(network, replace(SETTINGS, seed=seed), report)
    return network


def trained_plain(seed: int, report: Report) -> Network:
    """Train the plain RNN from a seed."""
    network = untrained("story-rnn", "rnn", seed)
    _learn(network, replace(SETTINGS, penalties=(), seed=seed), report)
    return network


def untrained(name: str, cell: str, seed: int) -> Network:
    """Return a language model of stories that has learned nothing yet."""
    return build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": [UNKNOWN, *vocabulary()]},
            "embedding_size": EMBEDDING,
            "layers": [{"cell": cell, "hidden_size": HIDDEN, "directions": ["forward"]}],
            "readout": "dense",
        },
        seed=seed,
    )


def _learn(network: Network, settings: Settings, report: Report) -> None:
    unseen = frozenset(story.text for story in unseen_stories())

    def of_epoch(epoch: int) -> list[Example]:
        told = stories(STORIES_PER_EPOCH, settings.seed * 1000 + epoch, unseen)
        return [_example(network, story) for story in told]

    train(network, of_epoch, settings, progress=report)


def unseen_stories() -> tuple[Story, ...]:
    """Return the stories that no training holds."""
    return stories(UNSEEN, UNSEEN_SEED)


def measure(network: Network) -> dict[str, float]:
    """Return what is asked of a story network, of the stories that no training holds."""
    return measures(network, unseen_stories())


def measure_plain(network: Network) -> dict[str, float]:
    """Return how often each kind of word is right in the stories that no training holds."""
    return right(network, ((story, read(network, story.words)[1]) for story in unseen_stories()))


def accuracy_plain(measured: Sequence[Measured]) -> str:
    """Return how often several seeds of the RNN are right, where it is near and where it is far, in half a line."""
    near, far = span(measured, "verb"), span(measured, "topic")
    return f"{near} % of verbs right, and {far} % of what somebody likes, in {UNSEEN} unseen stories"


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the rightness of several seeds in half a line: that of the kind of word that is right least often."""
    least = [{"least": min(one[kind] for kind in KINDS)} for one in measured]
    return f"{span(least, 'least')} % right or more, whatever is asked, in {UNSEEN} unseen stories"


def _example(network: Network, story: Story) -> Example:
    weight = np.full(len(story.words), REST, dtype=np.float32)
    for check in story.checks:
        weight[check.t] = max(weight[check.t], WEIGHTS[check.kind])
    return next_tokens(_ids(network, story.words), weight)


def _ids(network: Network, words: Sequence[str]) -> Array:
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    return ids
