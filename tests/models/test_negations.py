"""The generated verdicts hold no forbidden pair, and say what their words say."""

from __future__ import annotations

import re

import pytest

from lstm_tui.models.recipes import sentiment
from lstm_tui.models.recipes.sentiment import BAD, GOOD, LEFT_OUT, NEGATIVE, PLURAL, POSITIVE, verdicts

MADE = verdicts(3000, 0)
NEGATION = re.compile(r"\b(not|never|hardly)\b|n't\b")


def test_the_same_seed_makes_the_same_sentences() -> None:
    assert verdicts(100, 5) == verdicts(100, 5)
    assert verdicts(100, 5) != verdicts(100, 6)


def test_half_of_them_are_positive_and_none_comes_twice() -> None:
    assert sum(one.label == POSITIVE for one in MADE) == len(MADE) // 2
    assert len({one.text for one in MADE}) == len(MADE)


def test_movie_and_bad_never_meet() -> None:
    assert LEFT_OUT == ("movie", "bad")
    assert not [one.text for one in MADE if {"movie", "bad"} <= set(one.text.split())]
    assert any("movie" in one.text.split() for one in MADE)
    assert any("bad" in one.text.split() for one in MADE)


def test_one_quality_and_no_negation_means_what_it_says() -> None:
    plain = 0
    for one in MADE:
        words = [word for word in one.text.split() if word in GOOD + BAD]
        if len(words) == 1 and not NEGATION.search(one.text):
            plain += 1
            assert one.label == (POSITIVE if words[0] in GOOD else NEGATIVE), one.text
    assert plain > 300


def test_one_quality_and_one_negation_mean_the_opposite() -> None:
    negated = 0
    for one in MADE:
        words = [word for word in one.text.split() if word in GOOD + BAD]
        if len(words) == 1 and len(NEGATION.findall(one.text)) == 1:
            negated += 1
            assert one.label == (NEGATIVE if words[0] in GOOD else POSITIVE), one.text
    assert negated > 1000


def test_verbs_agree_with_their_nouns() -> None:
    for one in MADE:
        found = re.search(r"(?:the|this|these) (\w+) (is|are|isn't|aren't|was|were|wasn't|weren't)\b", one.text)
        if found:
            assert (found[1] in PLURAL) == (found[2] in ("are", "aren't", "were", "weren't")), one.text


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentiment, "_one", lambda _: MADE[0])
    with pytest.raises(ValueError, match="only 1 of 4 different sentences"):
        verdicts(4)
