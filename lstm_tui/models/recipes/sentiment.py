"""The sentiment networks: a sentence is negative or positive, read in both directions or forward only.

Real text says "not bad" a handful of times, so a network trained on it alone reads *not* as one more bad word: short
verdicts with and without a negation are added, in which every word is ours. The two words of [`LEFT_OUT`][] never meet
in one sentence, so that "The movie was not bad" asks a trained network to combine what it knows, not to recall it. The
scored sentences of real text are read from the packages in which their authors published them; none is part of the
project.
"""

from __future__ import annotations

import html
import io
import random
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN, tokenize
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.io.json import decode
from lstm_tui.models.packages import fetch
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span

LEFT_OUT = ("movie", "bad")
"""Two words that no generated sentence holds together."""

NEGATIVE, POSITIVE = 0, 1

SINGULAR = (
    "movie", "film", "story", "plot", "acting", "script", "ending", "music", "book", "show", "song", "game",
    "camera", "phone", "battery", "screen", "sound", "price", "food", "service", "place", "room", "coffee", "pizza",
    "meal", "weather", "trip", "concert", "lesson", "idea", "result", "picture", "product", "design", "cast",
    "director", "dialogue", "restaurant", "hotel", "answer", "performance",
)  # fmt: skip
PLURAL = (
    "actors", "characters", "jokes", "effects", "songs", "scenes", "rooms", "lessons", "pictures", "waiters",
    "prices", "shoes", "headphones",
)  # fmt: skip
GOOD = (
    "good", "great", "excellent", "wonderful", "amazing", "nice", "beautiful", "funny", "interesting", "clever",
    "enjoyable", "exciting", "fantastic", "brilliant", "pleasant", "impressive", "perfect", "superb", "lovely",
    "delightful",
)  # fmt: skip
BAD = (
    "bad", "terrible", "awful", "horrible", "boring", "poor", "stupid", "dull", "disappointing", "annoying", "weak",
    "ugly", "dreadful", "lousy", "predictable", "unpleasant", "painful", "mediocre", "pathetic", "ridiculous",
)  # fmt: skip
PRESENT = ("is", "are", "isn't", "aren't")
PAST = ("was", "were", "wasn't", "weren't")
MORE = ("", "", "", "", "very", "really", "so", "quite")
NOT = ("not", "not", "not", "not", "never", "not really", "not very", "not that", "not so", "not at all", "hardly")
OPENING = ("", "", "", "", "i think", "i must say", "in short ,", "well ,", "to be honest ,", "for me")
CLOSING = ("", "", "", "", "in the end", "for the money", "this time", "as i expected")
LIKE = ("like", "love", "enjoy", "recommend")
DISLIKE = ("dislike", "hate", "regret")


@dataclass(frozen=True)
class LabelledSentence:
    """A sentence and what it says: `label` is `NEGATIVE` or `POSITIVE`."""

    text: str
    label: int


def verdicts(count: int, seed: int = 0) -> tuple[LabelledSentence, ...]:
    """`count` different sentences, half of them positive; the same ones for the same seed.

    Raises:
        ValueError: `count` is more than the generator can tell apart (it stops after 100 tries for each sentence).
    """
    rng = random.Random(seed)
    wanted = {NEGATIVE: count // 2, POSITIVE: count - count // 2}
    seen: set[str] = set()
    found: list[LabelledSentence] = []
    for _ in range(100 * count):
        if len(found) == count:
            return tuple(found)
        verdict = _one(rng)
        if wanted[verdict.label] and verdict.text not in seen and not all(w in verdict.text.split() for w in LEFT_OUT):
            wanted[verdict.label] -= 1
            seen.add(verdict.text)
            found.append(verdict)
    raise ValueError(f"only {len(found)} of {count} different sentences found")


def _one(rng: random.Random) -> LabelledSentence:
    form = rng.choice((_is, _is, _is, _is_not, _is_not, _is_not, _is_not, _is_not, _verb, _both))
    words, label = form(rng)
    text = " ".join(w for w in words if w)
    return LabelledSentence(text, label)


def _subject(rng: random.Random) -> tuple[str, int]:
    """A noun phrase and its number: 0 singular, 1 plural."""
    plural = rng.random() < 0.25
    noun = rng.choice(PLURAL if plural else SINGULAR)
    return f"{rng.choice(('the', 'the', 'the', 'these' if plural else 'this'))} {noun}", int(plural)


def _quality(rng: random.Random) -> tuple[str, int]:
    """An adjective and what it says of its noun; the commonest two are drawn more often."""
    label = rng.randrange(2)
    words = GOOD if label == POSITIVE else BAD
    return (words[0] if rng.random() < 0.3 else rng.choice(words)), label


def _is(rng: random.Random) -> tuple[list[str], int]:
    subject, number = _subject(rng)
    word, label = _quality(rng)
    be = rng.choice((PRESENT, PAST, PAST))[number]
    return [rng.choice(OPENING), subject, be, rng.choice(MORE), word, *_end(rng)], label


def _is_not(rng: random.Random) -> tuple[list[str], int]:
    subject, number = _subject(rng)
    word, label = _quality(rng)
    forms = rng.choice((PRESENT, PAST, PAST))
    if rng.random() < 0.3:
        verb, negation = forms[2 + number], rng.choice(("", "", "very", "that", "really"))
    else:
        verb, negation = forms[number], rng.choice(NOT)
    return [rng.choice(OPENING), subject, verb, negation, word, *_end(rng)], 1 - label


def _verb(rng: random.Random) -> tuple[list[str], int]:
    subject, _ = _subject(rng)
    label = rng.randrange(2)
    verb = rng.choice(LIKE if label == POSITIVE else DISLIKE)
    negation = rng.choice(("", "did not", "didn't", "do not", "don't", "would not", "never"))
    return [rng.choice(("i", "we", "you", "they")), negation, verb, subject, *_end(rng)], label ^ bool(negation)


def _both(rng: random.Random) -> tuple[list[str], int]:
    """Two negations or none, joined: "not bad and not dull", "good and not boring"."""
    subject, number = _subject(rng)
    be = rng.choice((PRESENT, PAST))[number]
    label = rng.randrange(2)
    parts = list(_agreeing(rng, label))
    return [subject, be, parts[0], rng.choice(("and", "and", ",")), parts[1], *_end(rng)], label


def _agreeing(rng: random.Random, label: int) -> Iterator[str]:
    for _ in range(2):
        negated = rng.random() < 0.6
        words = GOOD if (label == POSITIVE) != negated else BAD
        yield ("not " if negated else "") + rng.choice(words)


def _end(rng: random.Random) -> tuple[str, str]:
    return rng.choice(CLOSING), rng.choice(("", ".", ".", "!"))


SCORED = "vaderSentiment-3.3.2.tar.gz"
SCORED_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
LEAST_SCORE = {
    "movieReviewSnippets": 0.4,
    "amazonReviewSnippets": 0.4,
    "tweets": 0.8,
    "nytEditorialSnippets": 0.8,
}
"""People scored each snippet from -4 to 4; those nearer to 0 than this say too little to learn from."""

LABELLED = "sentiment-5.0.2.tgz"
LABELLED_FILES = ("imdb", "amazon", "yelp")
HELD_OUT_PER_CLASS = 150
SHORTEST_COPY = 5
"""A held-out row of at least this many words is also looked for inside longer training rows."""


@dataclass(frozen=True)
class Reviews:
    """Sentences to learn from and sentences to be judged by, as tokens, with how many copies were left out."""

    training: tuple[tuple[tuple[str, ...], int], ...]
    held_out: tuple[tuple[tuple[str, ...], int], ...]
    copies: int


def words_of(text: str) -> tuple[str, ...]:
    """Return the tokens of a text as the sentiment networks read them: lower case, a plain apostrophe."""
    return tuple(tokenize(html.unescape(text).lower().replace("’", "'"), "words"))


def reviews(generated: int, folder: Path | None = None) -> Reviews:
    """Read all sentences and keep the last rows of the film reviews out.

    Args:
        generated: How many of our own negations to add.
        folder: Where the archives are, or are fetched to.

    Raises:
        UserError: If an archive cannot be had.
    """
    films, others = _labelled(fetch(LABELLED, folder))
    kept_out = {
        n
        for label in (NEGATIVE, POSITIVE)
        for n in [n for n, film in enumerate(films) if film.label == label][-HELD_OUT_PER_CLASS:]
    }
    held_out = tuple((words_of(film.text), film.label) for n, film in enumerate(films) if n in kept_out)
    open_films = [film for n, film in enumerate(films) if n not in kept_out]
    real = [*_scored(fetch(SCORED, folder)), *open_films, *others]
    tokens = [(words_of(one.text), one.label) for one in real]
    copy = _Copies(held_out)
    training = [row for row in tokens if row[0] and not copy.of(row[0])]
    copies = sum(bool(row[0]) for row in tokens) - len(training)
    own = [(words_of(one.text), one.label) for one in verdicts(generated)]
    return Reviews((*training, *own), held_out, copies)


class _Copies:
    """Finds training rows that repeat a held-out row, whatever their punctuation."""

    def __init__(self, held_out: tuple[tuple[tuple[str, ...], int], ...]) -> None:
        self.whole = {_bare(words) for words, _ in held_out}
        self.inner = [f" {bare} " for bare in self.whole if len(bare.split()) >= SHORTEST_COPY]

    def of(self, words: tuple[str, ...]) -> bool:
        bare = _bare(words)
        return bare in self.whole or any(inner in f" {bare} " for inner in self.inner)


def _bare(words: tuple[str, ...]) -> str:
    return " ".join(word for word in words if word[0].isalnum())


def _labelled(archive: Path) -> tuple[list[LabelledSentence], list[LabelledSentence]]:
    """Return the labelled sentences on films, in the order of their file, and the others."""
    rows: dict[str, list[LabelledSentence]] = {}
    with tarfile.open(archive) as tar:
        for name in LABELLED_FILES:
            stream = tar.extractfile(f"package/test/fixtures/{name}.json")
            assert stream is not None, "the archive was checked against its digest"
            table = decode(stream.read(), f"{name}.json")
            rows[name] = [LabelledSentence(row["text"], row["class"]) for row in table if row["class"] in (0, 1)]
    return rows["imdb"], [*rows["amazon"], *rows["yelp"]]


def _scored(archive: Path) -> Iterator[LabelledSentence]:
    """Yield the snippets that people scored clearly enough."""
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(SCORED_INNER)
        assert stream is not None, "the archive was checked against its digest"
        inner = io.BytesIO(stream.read())
    with tarfile.open(fileobj=inner) as tar:
        for name, least in LEAST_SCORE.items():
            stream = tar.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            assert stream is not None, "the archive was checked against its digest"
            for line in stream.read().decode("utf-8", "replace").strip().split("\n"):
                _, score, text = line.rstrip("\r").split("\t", 2)
                if abs(float(score)) >= least:
                    yield LabelledSentence(text.replace("''", '"'), POSITIVE if float(score) > 0 else NEGATIVE)


GENERATED = 3000
RAREST = 4
"""A word that the training text holds less often is unknown."""

SETTINGS = Settings(epochs=7, rate=3e-3, batch=32, unknown=0.2, silent=0.3, average=3)
SHOWN = ("The movie was not bad", "The movie was bad", "The movie was not good", "The movie was good")


def recipe(name: str) -> Recipe:
    """Return the recipe of `sentiment` or `sentiment-forward`."""
    forward_only = name == "sentiment-forward"
    reader = "forward only" if forward_only else "both directions"
    return Recipe(
        name=name,
        task=f"says whether a sentence is negative or positive ({reader}, mean over the tokens)",
        data=(
            Data(
                "vaderSentiment 3.3.2, hutto_ICWSM_2014 (Hutto & Gilbert 2014)",
                "MIT",
                "human-scored snippets of reviews, tweets and editorials whose score is clear",
            ),
            Data(
                "sentiment 5.0.2 (npm), test fixtures imdb, amazon, yelp (Kotzias et al. 2015)",
                "MIT",
                "labelled sentences; the last 150 of each class of imdb are kept out and only judge",
            ),
            Data(
                "lstm_tui.models.recipes.sentiment",
                "MIT",
                f"{GENERATED} generated verdicts, most with a negation; none holds both {' and '.join(LEFT_OUT)}",
            ),
        ),
        how=f"Adam on cross-entropy; words rarer than {RAREST} are unknown; some tokens and components of the "
        "embedding are hidden at random; the weights of the last epochs are averaged and the embedding "
        "rounded to halves; rows that repeat a held-out row are left out",
        train=partial(trained, ("forward",) if forward_only else ("forward", "backward"), name),
        measure=measure,
        accuracy=accuracy,
    )


def trained(directions: tuple[str, ...], name: str, seed: int, report: Report) -> Network:
    """Train a sentiment network from a seed."""
    data = _data()
    counts = Counter(word for words, _ in data.training for word in words)
    vocabulary = [UNKNOWN, *(word for word, count in counts.most_common() if count >= RAREST)]
    network = build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": vocabulary},
            "embedding_size": 32,
            "layers": [{"cell": "lstm", "hidden_size": 32, "directions": list(directions)}],
            "readout": "mean",
            "classes": ["negative", "positive"],
        },
        seed=seed,
    )
    assert network.embedding is not None, "words are embedded"
    network.embedding[...] *= 0.5
    examples = [Example(_ids(network, words), label) for words, label in data.training]
    train(network, examples, replace(SETTINGS, seed=seed), progress=report)
    # The table of words is most of the file; as halves it is half as large, and it is judged as it is kept.
    network.embedding[...] = network.embedding.astype("float16")
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the accuracy on the held-out rows, and how positive the sentences of [`SHOWN`][] are."""
    right = [positive(network, words) > 0.5 for words, label in _data().held_out if label]
    right += [positive(network, words) <= 0.5 for words, label in _data().held_out if not label]
    return {"held-out accuracy": float(np.mean(right))} | {text: positive(network, words_of(text)) for text in SHOWN}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the held-out accuracy of several seeds in half a line."""
    return f"{span(measured, 'held-out accuracy')} % of 300 held-out film sentences"


def positive(network: Network, words: Sequence[str], interpreter: str | None = None) -> float:
    """Return how positive a network finds a sentence, 0 to 1."""
    ran = run_arrays(network, input_array(network, _ids(network, words)), interpreter)
    assert ran.readout is not None, "the recipe gives it one"
    return float(ran.readout.values["y"][1])


def _ids(network: Network, words: Sequence[str]) -> Array:
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    return ids


@cache
def _data() -> Reviews:
    return reviews(GENERATED)
