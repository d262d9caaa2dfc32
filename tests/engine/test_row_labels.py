"""The labels of rows, written when they are looked at, against the tuple of all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.engine.model import row_labels as labels
from lstm_tui.engine.model.row_labels import RowLabels, row_labels
from lstm_tui.engine.number_text import sentence, sentences


def written(rows: np.ndarray) -> tuple[str, ...]:
    """Return all labels, number by number."""
    more = " …" if rows.shape[1] > 3 else ""
    return tuple(" ".join(sentence(value) for value in row[:3]) + more for row in rows)


@given(st.integers(0, 12), st.integers(1, 5), st.integers(-14, 14), st.integers(-14, 14), st.integers(1, 3))
def test_labels_are_read_like_the_tuple_of_them(count: int, width: int, start: int, stop: int, step: int) -> None:
    rows = np.random.default_rng(count).normal(0, 1, (count, width)) * 10.0 ** np.arange(width)
    found, expected = RowLabels(rows), written(rows)
    assert len(found) == len(expected)
    assert tuple(found) == expected
    assert found[start:stop:step] == expected[start:stop:step]
    assert [found[t] for t in range(-count, count)] == [expected[t] for t in range(-count, count)]
    assert found == expected
    assert expected == found
    assert found == RowLabels(rows)
    assert found != (*expected, "")
    assert found.__add__(("end",)) == (*expected, "end")
    assert found.__radd__(("start",)) == ("start", *expected)
    assert repr(found) == repr(expected)
    with pytest.raises(IndexError):
        found[count]


def test_only_what_is_looked_at_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(rows: list[list[float]]) -> object:
        seen.append(len(rows))
        return sentences(rows)

    monkeypatch.setattr(labels, "sentences", counted)
    rows = np.ones((10**6, 2))
    found = row_labels(rows)
    assert len(found) == 10**6
    assert not seen
    assert found[500_000] == "1 1"
    assert len(found[10:30]) == 20
    assert seen == [1, 20]
    rows[:] = 7  # whose array it was may go on with it
    assert found[3] == "1 1"
