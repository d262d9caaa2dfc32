"""Scored sentences for the sentiment networks, and the ones that are kept out of their training.

Nothing of this text is part of the project: it is read from the packages in which its authors published it.
"""

from __future__ import annotations

import html
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_tui.engine.tokens import tokenize
from lstm_tui.formats.json_text import decode
from lstm_tui.models.negations import NEGATIVE, POSITIVE, Verdict, verdicts
from lstm_tui.models.packages import fetch

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


def _labelled(archive: Path) -> tuple[list[Verdict], list[Verdict]]:
    """Return the labelled sentences on films, in the order of their file, and the others."""
    rows: dict[str, list[Verdict]] = {}
    with tarfile.open(archive) as tar:
        for name in LABELLED_FILES:
            stream = tar.extractfile(f"package/test/fixtures/{name}.json")
            assert stream is not None, "the archive was checked against its digest"
            table = decode(stream.read(), f"{name}.json")
            rows[name] = [Verdict(row["text"], row["class"]) for row in table if row["class"] in (0, 1)]
    return rows["imdb"], [*rows["amazon"], *rows["yelp"]]


def _scored(archive: Path) -> Iterator[Verdict]:
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
                    yield Verdict(text.replace("''", '"'), POSITIVE if float(score) > 0 else NEGATIVE)
