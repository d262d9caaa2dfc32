"""What is shown of text from strangers, over all code points."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.json import decode, encode

EVERY = [chr(code) for code in range(sys.maxunicode + 1)]
NOT_SHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
NOTHING = {
    0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}  # fmt: skip
"""Default_Ignorable_Code_Point of DerivedCoreProperties.txt, but for what the categories hold already."""


@pytest.mark.slow
def test_no_character_that_a_terminal_obeys_or_hides_passes_alone() -> None:
    for one in EVERY:
        shown = visible(one)
        hidden = unicodedata.category(one) in NOT_SHOWN or ord(one) in NOTHING
        assert (shown != one) == hidden, hex(ord(one))
        assert shown
        assert not {unicodedata.category(sign) for sign in shown} & NOT_SHOWN


@pytest.mark.slow
def test_two_characters_are_never_shown_alike() -> None:
    """What a sign of ours stands for can be told, but for the signs themselves."""
    signs = [visible(one) for one in EVERY]
    assert len(set(signs)) >= len(signs) - 0x22  # the pictures of controls are characters too


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_passes_among_others_either(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(one) for one in shown} & NOT_SHOWN
    assert visible(shown) == shown


def test_an_emoji_keeps_its_style_and_a_letter_is_given_none() -> None:
    assert visible("❤\ufe0f!") == "❤\ufe0f!"
    assert visible("a\ufe0f") == "a⟨fe0f⟩"
    assert visible("❤\ufe0f\ufe0f") == "❤\ufe0f⟨fe0f⟩"
    assert visible("\U0001f468\u200d\U0001f469") == "\U0001f468⟨200d⟩\U0001f469"  # terminals disagree on its width


@pytest.mark.slow
def test_json_escapes_the_same_characters_and_reads_them_back() -> None:
    for start in range(0, len(EVERY), 4096):
        text = "".join(EVERY[start : start + 4096])
        told = encode(text)
        assert decode(told, "x") == text or 0xD800 <= start + 4095 <= 0xE0FF
        assert not {unicodedata.category(one) for one in told.decode()} & NOT_SHOWN
