"""Short verdicts with and without a negation: what real reviews hold too seldom to learn from.

Real text says "not bad" a handful of times, so a network trained on it alone reads *not* as one more bad word. Every
word here is ours. The two words of [`LEFT_OUT`][] never meet in one sentence, so that "The movie was not bad" asks a
trained network to combine what it knows, not to recall it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

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
class Verdict:
    """A sentence and what it says: `label` is `NEGATIVE` or `POSITIVE`."""

    text: str
    label: int


def verdicts(count: int, seed: int = 0) -> tuple[Verdict, ...]:
    """`count` different sentences, half of them positive; the same ones for the same seed.

    Raises:
        ValueError: `count` is more than the generator can tell apart (it stops after 100 tries for each sentence).
    """
    rng = random.Random(seed)
    wanted = {NEGATIVE: count // 2, POSITIVE: count - count // 2}
    seen: set[str] = set()
    found: list[Verdict] = []
    for _ in range(100 * count):
        if len(found) == count:
            return tuple(found)
        verdict = _one(rng)
        if wanted[verdict.label] and verdict.text not in seen and not all(w in verdict.text.split() for w in LEFT_OUT):
            wanted[verdict.label] -= 1
            seen.add(verdict.text)
            found.append(verdict)
    raise ValueError(f"only {len(found)} of {count} different sentences found")


def _one(rng: random.Random) -> Verdict:
    form = rng.choice((_is, _is, _is, _is_not, _is_not, _is_not, _is_not, _is_not, _verb, _both))
    words, label = form(rng)
    text = " ".join(w for w in words if w)
    return Verdict(text, label)


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
