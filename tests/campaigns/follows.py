"""`python -m tests.campaigns.follows --count 1000 --seed 1`: units said to follow a property that follow none.

Every corpus has units and labels that have nothing to do with each other, and both are slow: a unit keeps what it had
for many tokens, and a label holds for a run of them. A false find is a corpus of which any unit is said to follow. One
in twenty is what the p-value promises, however many units are tried, as long as lines are drawn independently of each
other, and in one text, as long as a property comes as often all along it. Beside them one unit is planted that does
follow: how often it is found, and it alone.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from lstm_tui.analysis.property_units import units_that_follow
from lstm_tui.debugger.corpus import Corpus, HeldStates, ValueName, hold_states
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence

PERMUTATIONS = 199
MOST_FALSE = 0.05
"""The share of corpora that may have a false find."""
WORDS = 50
CARRIED = 4.0
"""What is added to every forget gate of a network, so that its memories last some fifty tokens."""
PLANTED, NOISE = 0.8, 0.6


class NullCorpus(NamedTuple):
    """Units and labels that have nothing to do with each other.

    Attributes:
        lengths: Steps of each line.
        values: The units, (H, N).
        labels: A label a step, (N,).
    """

    lengths: list[int]
    values: Array
    labels: Array


def slow_units(random: np.random.Generator, units: int, lengths: list[int], lasts: float, zero: bool = False) -> Array:
    """Return units that forget in so many steps, anew in every line, (H, N); `zero` has each line begin at 0."""
    keep = math.exp(-1 / lasts)
    longest = max(lengths)
    states = np.zeros((units, len(lengths))) if zero else random.normal(size=(units, len(lengths)))
    made = random.normal(size=(longest, units, len(lengths))) * math.sqrt(1 - keep**2)
    for t in range(longest):
        made[t] = states = keep * states + made[t]
    return np.concatenate([made[:size, :, n].T for n, size in enumerate(lengths)], axis=1)


def runs(random: np.random.Generator, lengths: list[int], lasts: float) -> Array:
    """Return labels that hold for so many steps on average, as quotations do, anew in every line, (N,)."""
    parts = []
    for size in lengths:
        turns = random.random(size) < 1 / lasts
        parts.append((random.integers(2) + np.cumsum(turns)) % 2)
    labels = np.concatenate(parts).astype(float)
    if labels.min() == labels.max():
        labels[: max(len(labels) // 3, 1)] = 1 - labels[0]
    return labels


def alike(random: np.random.Generator) -> NullCorpus:
    """Return 24 lines of 20 tokens and 1,024 units, each of them slower than a line is long."""
    lengths = [20] * 24
    return NullCorpus(lengths, slow_units(random, 1024, lengths, 30), runs(random, lengths, 8))


def few_lines(random: np.random.Generator) -> NullCorpus:
    """Return 8 long lines of one length."""
    lengths = [120] * 8
    return NullCorpus(lengths, slow_units(random, 64, lengths, 200), runs(random, lengths, 40))


def unlike(random: np.random.Generator) -> NullCorpus:
    """Return lines no two of which have one length, so that labels are turned round in each."""
    lengths = [int(size) for size in random.permutation(np.arange(15, 55))]
    return NullCorpus(lengths, slow_units(random, 64, lengths, 30), runs(random, lengths, 8))


def beginning_at_zero(random: np.random.Generator) -> NullCorpus:
    """Return such lines whose units begin at 0 and drift one way, with labels that hold more often late in a line."""
    lengths = [int(size) for size in random.permutation(np.arange(15, 55))]
    values = slow_units(random, 64, lengths, 30, zero=True)
    place = np.concatenate([np.arange(size) for size in lengths])
    values += random.normal(size=(64, 1)) * (1 - np.exp(-place / 10))
    labels = (random.random(len(place)) < 1 - np.exp(-place / 10)).astype(float)
    return NullCorpus(lengths, values, labels)


def one_text(random: np.random.Generator) -> NullCorpus:
    """Return one text of 3,000 tokens whose units last 100 and whose labels hold for 60."""
    lengths = [3000]
    return NullCorpus(lengths, slow_units(random, 64, lengths, 100), runs(random, lengths, 60))


def two_texts(random: np.random.Generator) -> NullCorpus:
    """Return two texts of such units and labels, of other lengths."""
    lengths = [2200, 900]
    return NullCorpus(lengths, slow_units(random, 64, lengths, 100), runs(random, lengths, 60))


def clustered(random: np.random.Generator) -> NullCorpus:
    """Return one text whose labels are dense in some chapters and rare in others, as what is said in a novel is."""
    lengths = [4000]
    often = runs(random, lengths, 300)
    labels = np.zeros(4000)
    for t in range(1, 4000):
        ends, begins = 1 / 15, 1 / 15 if often[t] else 1 / 300
        labels[t] = labels[t - 1] if random.random() > (ends if labels[t - 1] else begins) else 1 - labels[t - 1]
    if not labels.any():
        labels[1500:2500] = 1
    return NullCorpus(lengths, slow_units(random, 64, lengths, 100, zero=True), labels)


def _network(seed: int) -> Network:
    network = build_network(
        {
            "name": "null",
            "tokens": {"kind": "words", "vocabulary": [f"w{n}" for n in range(WORDS)]},
            "embedding_size": 16,
            "layers": [{"cell": "lstm", "hidden_size": 128}],
            "readout": "dense",
            "classes": ["a", "b"],
        },
        seed=seed,
    )
    network.tensors()["layer0.forward/b_f"][:] += CARRIED
    return network


def _of_network(random: np.random.Generator, lengths: list[int], lasts: float) -> NullCorpus:
    """Return the memories of an LSTM of 128 units over random words, and labels that hold so long."""
    network = _network(int(random.integers(1 << 30)))
    assert network.tokens is not None
    words = network.tokens.vocabulary
    sequences = []
    for size in lengths:
        ids = random.integers(WORDS, size=size)
        sequences.append(Sequence("words", tuple(words[n] for n in ids), ids=ids))
    value = ValueName("layer0.forward", "c")
    held = hold_states(Corpus.of((Source(network, sequences),)), [value]).states[value.name]
    return NullCorpus(lengths, held.read(range(128), 0, held.steps), runs(random, lengths, lasts))


def network_lines(random: np.random.Generator) -> NullCorpus:
    """Return what an LSTM with a long memory has over 30 lines of 8 to 30 words."""
    return _of_network(random, [int(size) for size in random.integers(8, 31, size=30)], 8)


def network_text(random: np.random.Generator) -> NullCorpus:
    """Return what an LSTM with a long memory has over one text of 2,000 words."""
    return _of_network(random, [2000], 50)


KINDS: Mapping[str, tuple[Callable[[np.random.Generator], NullCorpus], str]] = {
    "lines of one length": (alike, "24 × 20 tokens, 1,024 units that last 30, labels 8"),
    "few long lines": (few_lines, "8 × 120 tokens, 64 units that last 200, labels 40"),
    "lines of all lengths": (unlike, "40 lines of 15 to 54, 64 units that last 30, labels 8"),
    "from 0 at each line": (beginning_at_zero, "the same, drifting from 0, labels late in a line"),
    "one text": (one_text, "3,000 tokens, 64 units that last 100, labels 60"),
    "two texts": (two_texts, "2,200 and 900 tokens, the same"),
    "in clusters": (clustered, "4,000 tokens, units from 0, labels 15 in some chapters, rare in others"),
    "an LSTM over lines": (network_lines, "30 lines of 8 to 30 words, 128 memories, labels 8"),
    "an LSTM over one text": (network_text, "2,000 words, 128 memories, labels 50"),
}


class Outcome(NamedTuple):
    """How corpora of one kind came out.

    Attributes:
        corpora: How many there were.
        false: In how many of them a unit was said to follow.
        found: In how many of those with a planted unit it was said to follow.
        alone: In how many of those no other was.
        planted: How many with a planted unit there were.
        seconds: How long it took.
    """

    corpora: int
    false: int
    found: int
    alone: int
    planted: int
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether there are no more false finds than one in twenty."""
        return self.false <= MOST_FALSE * self.corpora


def try_kind(name: str, count: int, planted: int, seed: int) -> Outcome:
    """Return how corpora of a kind come out, without and with a planted unit."""
    begun = time.perf_counter()
    made = KINDS[name][0]
    false = found = alone = 0
    for n in range(count + planted):
        random = np.random.default_rng([seed, list(KINDS).index(name), n])
        lengths, values, labels = made(random)
        which = int(random.integers(len(values)))
        if n >= count:
            values = values.copy()
            values[which] = PLANTED * labels + random.normal(scale=NOISE, size=len(labels))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        states = HeldStates(len(labels), len(values), starts, values.astype(np.float32))
        following = {one.unit for one in units_that_follow(states, labels, PERMUTATIONS, seed=n).following}
        if n < count:
            false += bool(following)
        else:
            found += which in following
            alone += following == {which}
    return Outcome(count, false, found, alone, planted, time.perf_counter() - begun)


def table(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return outcomes as lines of Markdown."""
    lines = ["| corpora | what they are | tried | false finds | share | planted | found | it alone | s |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, one in outcomes.items():
        lines.append(
            f"| {name} | {KINDS[name][1]} | {one.corpora} | {one.false} | {one.false / one.corpora:.1%} | "
            f"{one.planted} | {one.found} | {one.alone} | {one.seconds:.0f} |"
        )
    return lines


def main() -> int:
    """Try every kind of corpus and print the table; 1 where one has more false finds than is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="corpora of each kind")
    parser.add_argument("--planted", type=int, default=100, help="corpora of each kind with a planted unit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(KINDS), action="append")
    options = parser.parse_args()
    outcomes = {}
    for name in options.only or KINDS:
        outcomes[name] = try_kind(name, options.count, options.planted, options.seed)
        print(f"{name}: {outcomes[name].false} of {outcomes[name].corpora}", file=sys.stderr, flush=True)
    print(*table(outcomes), sep="\n")
    return 0 if all(one.is_kept for one in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
