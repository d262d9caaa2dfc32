"""Where no network is named, the bundled one that knows most words of the text is opened, and that is said."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import Tokens, tokenize
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import TEXT_MODEL, open_model, text_model

READERS = {
    name: tokens
    for name in bundled_names()
    if (tokens := open_model(name).tokens) is not None and tokens.kind == "words"
}
WORDS = tuple(chain(["zzz", "Blorb", "!"], *(tokens.vocabulary[5:12] for tokens in READERS.values())))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9))
def test_none_knows_more_words_than_the_one_that_is_opened(words: list[str]) -> None:
    text = " ".join(words)
    network, said = text_model(text_from(text))
    known: dict[str, int] = {}
    for name, tokens in READERS.items():
        listed = set(tokens.vocabulary)
        known[name] = sum((word.lower() if tokens.lowercase else word) in listed for word in tokenize(text, "words"))
    assert known[network.name] == max(known.values())
    assert (network.name == TEXT_MODEL) == (known[TEXT_MODEL] == max(known.values()))
    if network.name == TEXT_MODEL and known[TEXT_MODEL] == len(tokenize(text, "words")):
        assert said == ""
    else:
        assert said.startswith(f"{network.name} is opened: it knows {known[network.name]} of ")
        assert ("no other knows more" if network.name == TEXT_MODEL else f"{TEXT_MODEL} {known[TEXT_MODEL]};") in said


def test_python_opens_the_same() -> None:
    assert lstm_tui.trace("Ganesh likes AIML . Ram likes tea .").model["name"] == "story"
    assert lstm_tui.trace("The movie was not bad").model["name"] == TEXT_MODEL


def opened(text: str, model: str = "story") -> Session:
    return Session.open(Source.of_input(open_model(model), text_from(text)))


def test_unknown_words_are_named_with_near_ones_and_the_vocabulary_is_listed() -> None:
    session = opened("Ganesh likes Pizzza . Xylo likes Pizzza")
    lines = answer(session, "vocabulary")
    assert lines[0] == "unknown: “Pizzza” at t=2, t=6; near: pizza"
    assert lines[1] == "unknown: “Xylo” at t=4"
    known = session.frame.trace.network
    assert known is not None
    assert known.tokens is not None
    listed = " ".join(lines[3:]).split()
    assert sorted(listed) == sorted(known.tokens.vocabulary)
    assert "an unknown word" in (answer(session, "goto 2"), answer(session, "now"))[1][0]
    assert answer(session, "vocabulary th")[-1].split() == ["the", "their", "they", "maths"]
    with pytest.raises(UserError, match="near: pizza"):
        answer(session, "vocabulary pizzaz")


def test_a_network_of_numbers_has_no_vocabulary() -> None:
    with pytest.raises(UserError, match="reads numbers"):
        answer(Session(lstm_tui.trace([[0.0] * 3, [1.0] * 3], model="forecast")), "vocabulary")


@given(st.text(max_size=80))
def test_near_words_are_of_the_vocabulary_and_begin_alike(word: str) -> None:
    tokens = Tokens("words", ("<unk>", "the", "them", "pizza"), lowercase=True)
    for near in tokens.near(word):
        assert near in tokens.vocabulary
        assert near[:1] == word.lower()[:1]
