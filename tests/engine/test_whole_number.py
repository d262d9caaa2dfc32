"""Whole numbers are read in one place, as the plain definition has it: ASCII digits, and a number within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import ValueEdit, range_of
from lstm_tui.documents.report.selection import read_units
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.whole_number import LARGEST, whole_number, whole_span
from lstm_tui.formats.importers.untrained import one_layer
from lstm_tui.formats.traces.excerpt import parse_range
from lstm_tui.models.bundled import open_model

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


SPANS = st.from_regex(r"[0-9]{0,3}(?::[0-9]{0,3})?", fullmatch=True) | st.text("0123456789:-+ ²٣_.", max_size=8)


def places(text: str, count: int) -> list[int] | None:
    """Return what a range is by Python's own slices; None where it is none."""
    if not re.fullmatch(r"[0-9]+|[0-9]*:[0-9]*", text):
        return None
    first, colon, last = text.partition(":")
    everything = list(range(count))
    if not colon:
        return everything[int(first) : int(first) + 1]
    return everything[slice(int(first) if first else None, int(last) if last else None)]


@given(SPANS, st.integers(0, 40))
def test_a_range_is_what_python_makes_of_it(text: str, count: int) -> None:
    span = whole_span(text)
    found = None if span is None else list(range(count))[slice(*span)]
    assert found == places(text, count)


@given(SPANS, st.integers(1, 40))
def test_every_reader_of_ranges_reads_the_same(text: str, count: int) -> None:
    """An edit takes nothing for all, and blanks between; an export takes no `:`, since all is what is not asked for."""
    written = re.sub(r" *: *", ":", text.strip())  # blanks stand between words as they like
    try:
        read = parse_edit(f"set layer0.forward.f[{text}] @ 0 = 1")
        assert isinstance(read, ValueEdit)
        edit: list[int] | None = list(range_of(read.units, count))
    except UserError:
        edit = None
    assert edit == (list(range(count)) if written == "" else places(written, count))
    readers: tuple[Callable[[str, str], slice], ...] = (parse_range, lambda *given: read_units(*given)[0])
    for reader in readers:
        try:
            cut: list[int] | None = list(range(count))[reader(text, "--units")]
        except UserError:
            cut = None
        whole = places(text.strip(), count)
        assert cut == (None if text.strip() == ":" else whole)


@pytest.mark.parametrize(
    "line",
    [
        "remove ²", "remove ٣", 'replace ٣ "bad"', "set layer0.forward.f[٣] @ 0 = 1", "remove 9999999999999999999",
        f"remove {'9' * 900}", f"weight W[{'9' * 900}] = 1", "set layer0.forward.f[-1:2] @ 3 = 0",
        "set layer0.forward.f[2] @ -1 = 0", "set layer0.forward.f[:-1] @ 3 = 0", "weight W[-1] = 0",
    ],
)  # fmt: skip
def test_an_edit_takes_no_other_digits_none_without_end_and_none_below_0(line: str) -> None:
    with pytest.raises(UserError):
        parse_edit(line)


@pytest.mark.parametrize("layer", ["²", "٣", "9" * 5000, "-1", "1.0", "1"])
def test_a_layer_that_is_no_number_of_one_is_refused_in_a_line(layer: str) -> None:
    with pytest.raises(UserError):
        one_layer(open_model("forecast"), layer)


LOOKS_AT_DIGITS = {
    "engine/whole_number.py": "the reader itself",
    "debugger/breakpoints/parse.py": "tells the forms of a breakpoint, and reads no number",
    "formats/importers/keras/file.py": "the paths and the version in a file of Keras",
    "formats/importers/keras/weights.py": "the version in a file of Keras",
    "formats/importers/state_dict.py": "tells a part of a list of modules by its name, and reads no number",
    "lesson/lesson.py": "tells a place in a list of a lesson from a name in it",
}
"""Files that ask whether a character is a digit, and why; every other reads numbers by `whole_number`."""


def test_who_asks_for_digits_has_a_reason() -> None:
    asks = re.compile(r"\.is(?:digit|decimal|numeric)\(")
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if asks.search(path.read_text())}
    assert files <= set(LOOKS_AT_DIGITS)
