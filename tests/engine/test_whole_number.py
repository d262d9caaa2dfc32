"""Whole numbers are read in one place, as the plain definition has it: ASCII digits, and a number within bounds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.engine.whole_number import LARGEST, whole_number

PACKAGE = Path(lstm_tui.__file__).parent


@given(st.integers(0, LARGEST), st.integers(0, 30))
def test_digits_are_their_number_with_any_zeros_before_them(number: int, zeros: int) -> None:
    assert whole_number("0" * zeros + str(number)) == number


@given(st.text(st.sampled_from("0123456789+-_ .e٣²½\n"), max_size=6))
def test_nothing_but_ascii_digits_is_one(text: str) -> None:
    assert (whole_number(text) is not None) == bool(re.fullmatch(r"[0-9]+", text) and "\n" not in text)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_bounds_belong_to_what_is_let_through(number: int, least: int, most: int) -> None:
    assert whole_number(str(number), least, most) == (number if least <= number <= most else None)


@pytest.mark.parametrize("text", [str(LARGEST + 1), "9" * 10_000])
def test_no_text_is_too_long_to_be_refused(text: str) -> None:
    assert whole_number(text) is None


def test_no_other_file_reads_whole_numbers_by_itself() -> None:
    alone = re.compile(r"isascii\(\)\s+and\s+[\w.()]*isdigit\(\)|isdecimal\(\)")
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if alone.search(path.read_text())}
    assert files == {"engine/whole_number.py"}
