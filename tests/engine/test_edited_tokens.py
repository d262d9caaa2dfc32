"""The tokens of an edited text, in parts of what was read, against the tuple that a copy would be."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from lstm_tui.engine.model import edited_tokens as rows
from lstm_tui.engine.model.edited_tokens import EditedTokens, edited_tokens
from lstm_tui.engine.model.row_labels import row_labels


def same(found: Sequence[str], expected: tuple[str, ...], chance: random.Random) -> None:
    """Compare them in every way in which a tuple is read."""
    count = len(expected)
    assert len(found) == count
    assert tuple(found) == expected
    assert [found[t] for t in range(-count, count)] == [expected[t] for t in range(-count, count)]
    for _ in range(20):
        start, stop = chance.randint(-count - 3, count + 3), chance.randint(-count - 3, count + 3)
        step = chance.choice([1, 1, 2, 3, -1, -2])
        part = found[start:stop:step]
        assert isinstance(part, tuple)
        assert part == expected[start:stop:step]
    assert found == expected
    assert expected == found
    assert found != (*expected, "")
    if count:
        assert found != (*expected[:-1], expected[-1] + "!")
    assert repr(found) == repr(expected)
    with pytest.raises(IndexError):
        found[count]
    with pytest.raises(IndexError):
        found[-count - 1]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most", [4, 512])
def test_edits_are_read_like_a_copy(seed: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_COPIED", 3)
    monkeypatch.setattr(rows, "_MOST_PARTS", most)
    chance = random.Random(seed)
    read = (
        row_labels(np.arange(9.0)[:, None]) if seed % 3 == 0 else tuple(f"w{n}" for n in range(chance.randint(4, 30)))
    )
    found, expected = read, tuple(read)
    versions: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for number in range(30):
        start = chance.randint(0, len(expected))
        stop = min(start + chance.choice([0, 1, 1, 3]), len(expected))
        put = tuple(f"new{number}.{n}" for n in range(chance.choice([0, 1, 1, 2])))
        found = edited_tokens(found, start, stop, put)
        expected = (*expected[:start], *put, *expected[stop:])
        versions.append((found, expected))
    for one, other in versions:  # an edit changes nothing of what it was made of
        same(one, other, chance)
    assert versions[3][0] != versions[-1][0] or versions[3][1] == versions[-1][1]
    assert EditedTokens([(read, 0, len(read))]) == read
    made = EditedTokens([(expected[:2], 0, 2), (read, 1, 3)])
    assert made.__add__(("end",)) == (*made, "end")
    assert made.__radd__(("start",)) == ("start", *made)


def test_an_edit_of_a_long_text_copies_none_of_it() -> None:
    text = tuple(map(str, range(10**5)))
    found = edited_tokens(edited_tokens(text, 70_000, 70_001, ("here",)), 5, 5, ("there",))
    assert isinstance(found, EditedTokens)
    assert {id(owner) for owner, *_ in found.between(range(len(found))) if len(owner) > 1} == {id(text)}
    assert found[70_001] == "here"
    assert found[5] == "there"
    assert found[-1] == text[-1]
