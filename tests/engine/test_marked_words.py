"""Words of any writing: the marks on a letter stay with it, however a text is cut up while it comes."""

from __future__ import annotations

from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.engine.model.tokens import tokenize, tokenize_begun

_SIGNS = "ab1é'’ .!\n" + "e\u0301" + "नमस्ते" + "\u200c\u200d" + "שָׁלוֹם" + "مَرْحَبًا" + "தமிழ்" + "日本" + "\U00011131"


def words(text: str) -> list[str]:
    """Split a text one character after the other, as the rule is told: no regular expression."""
    found: list[str] = []
    grows, bridge = False, ""
    for sign in text:
        letter = sign.isalnum() or sign == "_"
        if letter and (grows or (bridge and found)):
            found[-1] += bridge + sign
            bridge, grows = "", True
        elif letter:
            found.append(sign)
            grows = True
        elif grows and category(sign)[0] == "M":
            found[-1] += sign
        else:
            found += [bridge] if bridge else []
            joins = grows and sign in "'’\u200c\u200d"
            bridge, grows = sign if joins else "", False
            if not joins and not sign.isspace():
                found.append(sign)
    return [*found, bridge] if bridge else found


@pytest.mark.parametrize(
    "word", ["नमस्ते", normalize("NFD", "é"), "שָׁלוֹם", "مَرْحَبًا", "தமிழ்", "می\u200cخواهم", "don't", "日本"]
)
def test_a_word_of_any_writing_is_one_word(word: str) -> None:
    assert tokenize(f"{word} likes {word}.", "words") == [word, "likes", word, "."]


@given(st.text(st.sampled_from(_SIGNS), max_size=24))
def test_words_are_split_as_the_rule_says(text: str) -> None:
    assert tokenize(text, "words") == words(text)


@given(st.text(st.sampled_from(_SIGNS), max_size=24), st.integers(0, 24))
def test_what_was_split_of_a_text_that_grows_stays_as_it_is(text: str, cut: int) -> None:
    begun, rest = tokenize_begun(text[:cut], "words")
    assert begun + tokenize(rest + text[cut:], "words") == tokenize(text, "words")
