"""Numbers of a table: decimal commas, numbers too large, by what is written and by the network that reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.cli.main import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.inputs.numeric_series import csv_series

NUMBERS = st.lists(st.integers(-99_999, 99_999).map(lambda n: n / 1000), min_size=1, max_size=9)


def comma(number: float) -> str:
    return f"{number:.3f}".replace(".", ",")


@given(st.lists(NUMBERS.filter(lambda row: len(row) > 1), min_size=1), st.sampled_from(";\t"))
def test_between_semicolons_and_tabs_a_comma_begins_decimals(rows: list[list[float]], sign: str) -> None:
    rows = [row[: min(map(len, rows))] for row in rows]
    read = csv_series("".join(sign.join(map(comma, row)) + "\n" for row in rows), "w.csv")
    assert read.arrays[0].tolist() == rows


@given(NUMBERS)
def test_one_column_with_a_name_and_decimal_commas_is_one_column(column: list[float]) -> None:
    read = csv_series("load\n" + "".join(f"{comma(number)}\n" for number in column), "w.csv")
    assert read.arrays[0].tolist() == [[number] for number in column]
    assert read.columns == ("load",)


@given(NUMBERS)
def test_one_column_without_a_name_is_never_taken_for_two_in_silence(column: list[float]) -> None:
    read = csv_series("".join(f"{comma(number)}\n" for number in column), "w.csv")
    one = [[number] for number in column]
    if read.arrays[0].shape[1] == 1:
        assert read.arrays[0].tolist() == one
    else:
        assert read.one_column is not None
        assert read.of_width(1).arrays[0].tolist() == one


@given(st.lists(st.tuples(st.integers(1, 999), st.integers(1, 999)), min_size=1))
def test_two_columns_of_whole_numbers_stay_two_or_are_asked_about(rows: list[tuple[int, int]]) -> None:
    read = csv_series("".join(f"{a},{b}\n" for a, b in rows), "w.csv")
    assert read.arrays[0].tolist() == [list(row) for row in rows]
    assert read.unclear == (len({len(str(b)) for _, b in rows}) > 1)
    assert csv_series("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows), "w.csv").one_column is None


def test_what_is_unclear_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "w.csv").write_text("1,5\n1,25\n")
    assert main(["trace", str(tmp_path / "w.csv"), "--cell", "lstm"]) == 1
    assert "a comma may part two numbers here, or begin decimals" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["1e300", "-1e300", "4e38"])
def test_a_number_that_the_precision_does_not_hold_is_named_by_its_place(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.csv").write_text(f"a,b\n1,2\n3,{number}\n")
    line = ["trace", str(tmp_path / "w.csv"), "--cell", "lstm", "--hidden", "2", "-o", str(tmp_path / "o.json")]
    assert main(line) == 1
    told = capsys.readouterr().err
    assert told.startswith("lstm-tui: w.csv: row 2, column 2: ")
    assert told.count("\n") == 1
    assert main([*line, "--dtype", "float64"]) == 0


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 400])
def test_a_number_that_nothing_holds_is_refused(number: str) -> None:
    with pytest.raises(UserError, match=r"line 2, column 1: .* is larger than any number"):
        csv_series(f"1,2\n{number},3.5\n", "w.csv")


def test_what_says_it_is_infinite_is() -> None:
    assert np.isinf(csv_series("1.5,inf\n-Infinity,2\n", "w.csv").arrays[0]).sum() == 2


@pytest.mark.parametrize("content", ["1\n" * 1_000_001, "1," * 5_000_001])
def test_a_table_that_takes_too_long_to_read_is_refused_at_once(content: str) -> None:
    with pytest.raises(UserError, match="has more than 1000000 lines, or 5000000 cells"):
        csv_series(content, "w.csv")


@pytest.mark.parametrize(("most", "content"), [("MOST_ROWS", "1\n2\n3\n4\n"), ("MOST_CELLS", "1,2,3\n4,5,6\n")])
def test_each_bound_of_a_table_holds_alone(most: str, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert csv_series(content, "w.csv").arrays[0].size == (4 if most == "MOST_ROWS" else 6)
    monkeypatch.setattr(f"lstm_tui.formats.inputs.numeric_series.{most}", 3)
    with pytest.raises(UserError, match="cut it into smaller files"):
        csv_series(content, "w.csv")
