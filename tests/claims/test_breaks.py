"""What is wrong in a document is noticed: numbers, options, verbs, paths, keys, commands and directions at random."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import test_readme

from .breaks import WHICH_WAY, Break, breaks
from .documents import DOCUMENTS, Section, name_of, sections
from .problems import check_text
from .shown import OPPOSITE, check_shown, strong_sentences, strong_words


def noticed(broken: Break) -> bool:
    """Say whether a test of the claims, or of the filled lists, fails of a broken document."""
    text = broken.text
    if broken.path in test_readme.FILLED and test_readme.filled(text) != text:
        return True
    return bool(check_text(name_of(broken.path), text))


@pytest.mark.slow
def test_forty_small_lies_are_noticed() -> None:
    assert [str(one) for one in breaks(seed=1, count=40) if not noticed(one)] == []


@pytest.mark.slow
def test_of_forty_words_that_say_the_opposite_thirty_eight_are_noticed() -> None:
    assert len([str(one) for one in breaks(seed=2, count=40, only=WHICH_WAY) if not noticed(one)]) <= 2


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_opposite_of_what_is_never_so_is_noticed(path: Path) -> None:
    """A sentence that claims something of every case is held by the comment that names its test."""
    for section in sections(name_of(path), path.read_text("utf-8")):
        for sentence in strong_sentences(section) if section.is_for_users else ():
            for word in strong_words(sentence):
                assert is_noticed(section, sentence, word), (word[0], sentence)


def is_noticed(section: Section, sentence: str, word: re.Match[str]) -> bool:
    """Say whether a claim fails where one of the strong words of a sentence is turned round."""
    loose = re.compile(r"\s+".join(map(re.escape, sentence.split())))
    turned = sentence[: word.start()] + OPPOSITE[word[0].lower()] + sentence[word.end() :]
    return bool(check_shown(replace(section, text=loose.sub(lambda at: turned, section.text, count=1))))
