"""Trained networks of one task side by side, measured now: what they read, how large they are, how well and how fast.

Each group of networks was trained on the same task, so that what differs is the cell, or the way it reads. They are
judged on texts that none of them learned from, and timed on those; nothing here is remembered from a card.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import NormalDist, median

import numpy as np

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, input_array, mean_loss
from lstm_tui.debugger.edits.teaching import held_out_of
from lstm_tui.debugger.edits.variants import variant_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.models.measures import accuracy as share_right

_TIMES = 9
"""How often the reading of a text is timed; the median counts."""
TIMED = 2_000
"""Tokens of the text whose reading is timed."""
STORIES = 300
"""Stories that judge a story network."""
CHANCE = 0.05
"""How often a table of networks that are equally good may be said to show a difference."""
_DEVIATE = NormalDist()


@dataclass(frozen=True)
class Group:
    """Networks of one task.

    Attributes:
        task: What they were trained on; their names begin so.
        examples: What a network of it should say of texts it has not learned from.
        noun: What these texts are.
        chance: Share that is right by guessing.
    """

    task: str
    examples: Callable[[Network], Sequence[Example]]
    noun: str
    chance: float

    @property
    def names(self) -> tuple[str, ...]:
        """The networks of the group that are bundled."""
        return tuple(name for name in bundled_names() if name.startswith(self.task))


@dataclass(frozen=True)
class MeasuredNetwork:
    """One row.

    Attributes:
        name: Of the network.
        cell: Of its lowest layer.
        variant: What Greff et al. and Jozefowicz et al. call that cell; empty where they have no such.
        units: Of each pass of that layer.
        context: What it knows at a token: `before`, or `both sides`.
        parameters: How many numbers can be trained.
        accuracy: Share of right answers, 0 to 1.
        loss: Mean cross-entropy of an answer, in nats.
        microseconds: A token of a long text takes, by the interpreter that is taken for many texts.
        before_the_end: Whether it says something at a token before it has read the whole text.
        judged: How many texts it was judged on.
        answers: How many answers were asked for in them.
        answers_once: Whether it answers once a text, and not at every token.
    """

    name: str
    cell: str
    variant: str
    units: int
    context: str
    parameters: int
    accuracy: float
    loss: float
    microseconds: float
    before_the_end: bool
    judged: int
    answers: int
    answers_once: bool


def _held_out(network: Network) -> Sequence[Example]:
    found = held_out_of(network)
    assert found is not None, "these have texts in the package"
    return found.examples


def _recalled(network: Network) -> Sequence[Example]:
    from lstm_tui.models.recipes.recall import DISTANCE, UNSEEN, UNSEEN_SEED, sequences

    return sequences(DISTANCE, UNSEEN, UNSEEN_SEED)


def _bound(network: Network) -> Sequence[Example]:
    from lstm_tui.models.recipes.bindings import PAIRS, UNSEEN, UNSEEN_SEED, sequences

    return sequences(PAIRS, UNSEEN, UNSEEN_SEED)


def _tagged(network: Network) -> Sequence[Example]:
    from lstm_tui.models.recipes.taggers import example, unseen

    return [example(network, one) for one in unseen()]


def _stories(network: Network) -> Sequence[Example]:
    """Return unseen stories, of which only the words count that one word alone is right for."""
    from lstm_tui.models.recipes.story import unseen_stories

    assert network.tokens is not None, "the recipe gives it words"
    made = []
    for story in unseen_stories()[:STORIES]:
        ids, _ = network.tokens.encode(story.words)
        target = np.full(len(ids), NOT_COUNTED, dtype=np.int64)
        for check in story.checks:
            if check.t:
                target[check.t - 1] = ids[check.t]
        made.append(Example(ids, target))
    return made


_EXAMPLES = {
    "story": (_stories, "unseen stories", 1 / 84),
    "verdict": (_held_out, "unseen verdicts", 1 / 2),
    "sentiment": (_held_out, "unseen verdicts", 1 / 2),
    "recall": (_recalled, "unseen sequences", 1 / 8),
    "bindings": (_bound, "unseen sequences", 1 / 4),
    "tagger": (_tagged, "unseen texts", 1 / 8),
}


def group_of(task: str) -> Group:
    """Return the networks of a task, one of `bundled_files.GROUPS`."""
    return Group(task, *_EXAMPLES[task])


def measured(name: str, of: Group) -> MeasuredNetwork:
    """Measure one network of a group."""
    network = open_model(name)
    examples, interpreter = of.examples(network), chosen_for_many()
    layer = network.layers[0]
    return MeasuredNetwork(
        name,
        layer.passes[0].cell.name,
        variant_of(layer.passes[0].program),
        layer.passes[0].program.hidden_size,
        "before" if network.forward_only else "both sides",
        network.parameter_count,
        share_right(network, examples, interpreter),
        mean_loss(network, examples, interpreter),
        _microseconds(network, examples, interpreter),
        network.forward_only,
        len(examples),
        sum(int((np.atleast_1d(one.target) != NOT_COUNTED).sum()) for one in examples),
        all(np.ndim(one.target) == 0 for one in examples),
    )


def both_ways_words(rows: Sequence[MeasuredNetwork]) -> str:
    """Return what reading both ways is good for among some networks, in a sentence; empty where all read one way.

    The best that reads both ways is compared with the best that reads forward. It is said to be right more often, or
    less, where the difference is beyond what one in twenty such tables would show by chance, whichever of their pairs
    were the best (Bonferroni's bound over the pairs, two-sided, of binomial counts).
    """
    both, before = ([one for one in rows if (one.context == "both sides") is side] for side in (True, False))
    if not both or not before:
        return ""
    better, plain = (max(ones, key=lambda one: one.accuracy) for ones in (both, before))
    gain = better.accuracy - plain.accuracy
    error = sum(one.accuracy * (1 - one.accuracy) / one.answers for one in (better, plain)) ** 0.5
    if abs(gain) > _DEVIATE.inv_cdf(1 - CHANCE / 2 / (len(both) * len(before))) * error:
        side = "more" if gain > 0 else "less"
        points = fixed(100 * abs(gain), 1)
        return f"Reading both ways is right {side} often here, by {points} points in a hundred answers."
    if not better.answers_once:
        return "Reading both ways is seen to make no difference beyond chance to how often it is right here."
    return (
        "Reading both ways is not seen to be right more often here: either is asked after the last word, when it has\n"
        "read them all. Where an answer is asked for at each word it is: `lstm-tui models --measure tagger`."
    )


def _microseconds(network: Network, examples: Sequence[Example], interpreter: str) -> float:
    """Return how long a token takes, in microseconds: the median over several readings of one long text."""
    x = input_array(network, np.resize(np.concatenate([example.read for example in examples]), TIMED))
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        run_arrays(network, x, interpreter)
        took.append(time.perf_counter() - began)
    return median(took[1:]) / TIMED * 1e6  # the first may compile
