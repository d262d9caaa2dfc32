"""Constant vectors that count their places, and reading the rows of a matrix by weights: what is refused, and how."""

from __future__ import annotations

import numpy as np
import pytest
from made_programs import ENGINES, page, parameters, rows_of, series

from lstm_tui.engine.compiler.builder import length
from lstm_tui.engine.compiler.compile import MAX_PLACES, compile_cell
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.language.cell import parse_cell
from lstm_tui.engine.language.cell_fields import Size
from lstm_tui.engine.language.expression import as_written, show

COUNTED = 'sizes = { p = "N" }\nfixed = { place = "N" }'


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("places", [1, 2, 7])
def test_a_length_counts_from_nought(engine: str, places: int) -> None:
    cell = parse_cell(page("p = place * 2\nh = W_h @ p", ("h",), COUNTED), "made")
    program = compile_cell(cell, 3, 4, {"N": places})
    rows = rows_of(program, parameters(program, np.float64), series(program, 2, np.float64), engine)
    slot = program.values["p"]
    np.testing.assert_array_equal(rows[1:, slot.offset : slot.offset + slot.size], [2.0 * np.arange(places)] * 2)


@pytest.mark.parametrize("length", ['"H*"', '"2"', "2", '""', '"size(h)"', '["N"]', "{ a = 1 }", '"hundred"'])
def test_a_length_that_is_none_is_refused_in_one_line(length: str) -> None:
    made = page("p = place\nh = W_h @ p", ("h",), f'sizes = {{ p = "N" }}\nfixed = {{ place = {length} }}')
    if length == '"2"':  # a number of places is a length
        parse_cell(made, "made")
        return
    with pytest.raises(LanguageError, match=r"fixed\.place"):
        parse_cell(made, "made")


def test_more_places_than_may_be_are_refused_before_they_are_made() -> None:
    cell = parse_cell(page("p = place\nh = W_h @ x", ("h",), COUNTED), "made")
    with pytest.raises(UserError, match="is the most"):
        compile_cell(cell, 3, 4, {"N": 10**12})
    with pytest.raises(UserError, match="give --size N"):
        compile_cell(cell, 3, 4)
    assert compile_cell(cell, 3, 4, {"N": MAX_PLACES}).values["p"].size == MAX_PLACES


@pytest.mark.parametrize("size", [Size(2, "A"), Size(3, "A", None, ("B",), ("C",)), Size(1, "A", None, (), ("B", "C"))])
def test_a_size_is_its_letters_and_whichever_has_no_value_is_named(size: Size) -> None:
    letters = {"A": 30, "B": 5, "C": 2}
    worth = size.factor * 30
    for letter in size.times:
        worth *= letters[letter]
    for letter in size.by:
        worth //= letters[letter]
    assert length(size, letters, {}, "here") == worth
    for letter in size.letters:
        with pytest.raises(UserError, match=f"^here needs a value for {letter}; give --size {letter}="):
            length(size, {name: value for name, value in letters.items() if name != letter}, {}, "here")


MATRIX = 'sizes = { M = ["N", "D"], a = "N", z = "D", q = "D" }'
FIRST = "a = softmax(W_a @ x)\nq = W_q @ x\nM = 0.5 * M + outer(a, q)\n"


@pytest.mark.parametrize(
    ("read", "shown"),
    [
        ("a @ M", "a·M"), ("softmax(a) @ M", "softmax(a)·M"), ("(a + 1) @ M", "(a + 1)·M"), ("M @ q @ M", "(M·q)·M"),
        ("a @ prev(M)", None), ("2 * (a @ M)", "2 · (a·M)"),
    ],
)  # fmt: skip
def test_rows_by_weights_are_written_as_they_are_read(read: str, shown: str | None) -> None:
    text = page(f"{FIRST}z = {read}\nh = W_h @ z", ("h", "M"), MATRIX)
    if shown is None:  # a name stands beside @, as it does left of it
        with pytest.raises(LanguageError):
            parse_cell(text, "made")
        return
    cell = parse_cell(text, "made")
    expression = cell.equation("z").expression
    assert show(expression) == shown
    again = parse_cell(page(f"{FIRST}z = {as_written(expression)}\nh = W_h @ z", ("h", "M"), MATRIX), "made")
    assert as_written(again.equation("z").expression) == as_written(expression)
    assert compile_cell(cell, 3, 4, {"N": 5, "D": 2}).values["z"].size == 2


@pytest.mark.parametrize("read", ["q @ M", "M @ M", "a @ a", "a @ Q_z", "x @ M"])
def test_what_does_not_fit_is_refused_in_one_line(read: str) -> None:
    text = page(f"{FIRST}z = {read}\nh = W_h @ z", ("h", "M"), MATRIX)
    with pytest.raises(LanguageError) as refused:
        compile_cell(parse_cell(text, "made"), 3, 4, {"N": 5, "D": 2})
    assert "\n" not in str(refused.value)
