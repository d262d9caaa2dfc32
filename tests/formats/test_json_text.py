from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.json import decode, encode, nonfinite, number_rows

BITS32 = st.integers(0, 2**32 - 1).map(lambda bits: np.frombuffer(struct.pack("<I", bits), np.float32)[0])
BITS64 = st.integers(0, 2**64 - 1).map(lambda bits: np.frombuffer(struct.pack("<Q", bits), np.float64)[0])


@settings(deadline=None)
@given(st.lists(BITS32, min_size=1, max_size=20))
def test_float32_reads_back_bit_for_bit_in_the_shortest_text(numbers: list[np.float32]) -> None:
    row = np.array(numbers, dtype=np.float32)
    text = number_rows(row[np.newaxis])[0]
    finite = np.isfinite(row)
    read = np.array(json.loads(text), dtype=np.float32)
    assert read[finite].tobytes() == row[finite].tobytes()
    assert np.isnan(read[~finite]).all()
    for written, number in zip(text[1:-1].split(b","), row, strict=True):
        if math.isfinite(number):
            assert float(written) == float(str(number))
            digits = len(written.split(b"e")[0].lstrip(b"-0.").replace(b".", b"").rstrip(b"0"))
            assert digits < 2 or np.float32(f"{number:.{digits - 2}e}") != number


@settings(deadline=None)
@given(st.lists(BITS64, min_size=1, max_size=20))
def test_float64_reads_back_bit_for_bit(numbers: list[np.float64]) -> None:
    row = np.array(numbers)
    read = np.array(json.loads(number_rows(row[np.newaxis])[0]), dtype=np.float64)
    finite = np.isfinite(row)
    assert read[finite].tobytes() == row[finite].tobytes()


def test_what_is_not_finite_is_null_and_named() -> None:
    row = np.array([1, np.nan, np.inf, -np.inf], dtype=np.float32)
    assert number_rows(row[np.newaxis]) == [b"[1.0,null,null,null]"]
    assert nonfinite(row, "p", "c") == [["p", "c", 1, "nan"], ["p", "c", 2, "inf"], ["p", "c", 3, "-inf"]]


@settings(deadline=None)
@given(st.text())
def test_text_is_json_and_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    written = encode(text)
    assert json.loads(written) == text
    shown = written.decode()
    assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or sign in "\u202e\u2028\ufeff" for sign in shown)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": NaN}', "[" * 100_000, "[1" + "0" * 5000 + "]", '{"a": 1} x', "\ud800", b"\xff\xfe"]
)
def test_what_is_not_json_is_one_line(text: str | bytes) -> None:
    with pytest.raises(UserError) as error:
        decode(text, "some.json")
    assert "\n" not in str(error.value)
    said = "holds NaN, which is not JSON" if text == '{"a": NaN}' else "is damaged"
    assert str(error.value).startswith(f"some.json: {said}")
