"""What `--help` says is held by a test: each word that says of every case, or which way, or it is called prose."""

from __future__ import annotations

import random
import re

import pytest

from lstm_tui.cli.options import GOES_WITH, PORT
from lstm_tui.cli.source import LAYERS, UNITS
from lstm_tui.cli.training import DISTANCE
from lstm_tui.formats.importers.untrained import Untrained
from lstm_tui.formats.inputs.framing import Framing
from lstm_tui.models.recipes.bindings import PAIRS

from .helps import beside, check_help, defaults, helps, section_of, strong_helps
from .shown import OPPOSITE_IN_HELP, STRONG_IN_HELP, strong_sentences, strong_words


@pytest.mark.parametrize("name", strong_helps())
def test_what_a_help_says_of_every_case_or_which_way_is_shown_by_a_test(name: str) -> None:
    assert check_help(name, helps()[name]) == []


def test_no_claim_is_beside_a_help_that_is_not_there() -> None:
    assert set(beside()) == set(strong_helps())


def false_helps() -> list[tuple[str, str]]:
    """Return every help with one of its words turned round, once for each."""
    found = []
    for name, text in strong_helps().items():
        for sentence in strong_sentences(section_of(text, None), STRONG_IN_HELP):
            for word in strong_words(sentence, STRONG_IN_HELP):
                turned = sentence[: word.start()] + OPPOSITE_IN_HELP[word[0].lower()] + sentence[word.end() :]
                found.append((name, " ".join(text.split()).replace(sentence, turned)))
    return found


def test_a_help_that_says_the_opposite_is_noticed() -> None:
    made = false_helps()
    assert len(made) > 100
    assert [one for one in made if not check_help(*one)] == []


def test_any_other_word_in_what_a_test_shows_is_noticed() -> None:
    """A word that is left out of it, at random, is: the claim quotes what stands there."""
    rng = random.Random(20261130)
    for name, section in beside().items():
        part = rng.choice(section.said("shown by")).rpartition(" = ")[0]
        word = rng.choice(part.split())
        text = " ".join(helps()[name].split())
        assert part in text, name
        assert check_help(name, text.replace(part, part.replace(word, "", 1), 1)), (name, word)


_SAID = re.compile(r"\(default: ([^\s)]+)\)")
ELSEWHERE: dict[str, object] = {
    "run --hidden": UNITS, "run --layers": LAYERS, "run --seed": Untrained("lstm").seed,
    "run --context": Framing().context, "train --distance": DISTANCE, "train --pairs": PAIRS,
    "train --cell": "lstm", "train --tokens": "words", "serve --port": PORT,
    **{f"find {option}": default for option, (_, _, default) in GOES_WITH.items() if default is not None},
}  # fmt: skip
"""What holds where an option is not given and the parser does not say: numbers and words that are told as defaults."""
NOT_THE_PARSERS = {"find --tag", "report --pass", "figure --steps", "run --hop"}
"""Whose default is a word for what is taken then, held beside them or by what they do."""


def test_a_default_that_is_told_is_the_one_that_is_taken() -> None:
    told = {name: found[1] for name, text in helps().items() if (found := _SAID.search(" ".join(text.split())))}
    assert len(told) > 20
    for name in told.keys() - NOT_THE_PARSERS:
        taken = defaults()[name] if defaults()[name] is not None else ELSEWHERE[name]
        assert told[name] == taken or (not isinstance(taken, str) and float(told[name]) == taken), name
