"""A sentence over several lines: every word stays, no line is too wide, and no number is torn from its sign."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lstm_tui.tui.canvas.canvas import wrapped_text

WORDS = st.sampled_from(
    ("f", "keeps", "100 %", "f = .03", "x ≈ -2", "C = +1.5 %", "“日本語”", "(t=4):", "%", "=", "a" * 30)
)


@given(st.lists(WORDS, max_size=20), st.integers(1, 60))
def test_no_word_is_lost_and_no_line_is_too_wide(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = wrapped_text(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line == line.rstrip() and line for line in lines)
    assert all(cell_len(line) <= max(width, 2) for line in lines), "a wide sign alone may stand out of one cell"


@given(st.lists(WORDS, max_size=20), st.integers(40, 90))
def test_where_there_is_room_no_word_is_torn_and_no_line_is_shorter_than_it_must_be(
    words: list[str], width: int
) -> None:
    text = " ".join(words)
    lines = wrapped_text(text, width)
    assert " ".join(lines) == text
    for line, after in pairwise(lines):
        whole = re.match(r"\S+(?: %| [=≈] [-+.\d]\S*(?: %)?)*", after)
        assert whole is not None
        assert cell_len(f"{line} {whole[0]}") > width


@pytest.mark.parametrize("width", range(8, 60))
def test_a_number_stays_with_its_percent_sign_and_its_name(width: int) -> None:
    text = (
        "“Ganesh” had the largest share, 100 % on average: 81 % of it is kept until “Ram”, where f = .03 lets 97 % go"
    )
    lines = wrapped_text(text, width)
    assert not any(line.startswith(("%", "=")) or line.endswith("=") for line in lines[1:])
    assert not any(line.endswith(" f") for line in lines)
