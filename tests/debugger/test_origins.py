"""Where the tokens of an edited tape came from, against a list with a number for every token."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.inspect.diff import Columns, DiffColumn

EDITS = st.lists(st.tuples(st.sampled_from(["insert", "delete", "behind"]), st.integers(0, 30)), max_size=12)


def edited(count: int, edits: list[tuple[str, int]]) -> tuple[Origins, list[int | None], int]:
    """Return the origins after some edits, the same as a plain list, and how long the baseline is."""
    origins, plain, before = Origins.unchanged(count), list[int | None](range(count)), count
    for verb, number in edits:
        if verb == "insert":
            t = number % (len(plain) + 1)
            origins = origins.inserted(t)
            plain.insert(t, None)
        elif verb == "delete" and plain:
            t = number % len(plain)
            origins = origins.deleted(t)
            del plain[t]
        elif verb == "behind":
            origins = origins.followed_by(before, number)
            plain += range(before, before + number)
            before += number
    return origins, plain, before


def columns_of(plain: list[int | None], before: int) -> list[DiffColumn]:
    """Return both tapes as one: a deleted token stands before the first one kept behind it."""
    columns, taken = [], 0
    for t, origin in enumerate(plain):
        if origin is not None:
            columns += [DiffColumn(gone, None) for gone in range(taken, origin)]
            taken = origin + 1
        columns.append(DiffColumn(origin, t))
    return columns + [DiffColumn(gone, None) for gone in range(taken, before)]


@given(st.integers(0, 20), EDITS, st.integers(0, 60), st.integers(0, 60))
def test_origins_are_read_like_a_list(count: int, edits: list[tuple[str, int]], start: int, stop: int) -> None:
    origins, plain, before = edited(count, edits)
    assert len(origins) == len(plain)
    assert list(origins) == plain
    assert [origins[t] for t in range(len(plain))] == plain
    assert origins[start:stop] == tuple(plain[start:stop])
    assert origins == tuple(plain)
    assert origins == Origins.of(plain)
    assert hash(origins) == hash(Origins.of(plain))
    assert [origins.place_of(place) for place in range(before)] == [
        plain.index(place) if place in plain else None for place in range(before)
    ]
    assert all((place in origins) == (place in plain) for place in range(before + 2))
    low, high = sorted((min(start, len(plain)), min(stop, len(plain))))
    assert origins.between(low, high).tolist() == [-1 if one is None else one for one in plain[low:high]]
    low, high = sorted((start, stop))
    assert origins.still_there(low, high).tolist() == [place in plain for place in range(low, high)]


@given(st.integers(0, 20), EDITS)
def test_both_tapes_are_one(count: int, edits: list[tuple[str, int]]) -> None:
    """Every column, the one of each place, and what is gone before which place."""
    origins, plain, before = edited(count, edits)
    columns, expected = Columns(origins, before), columns_of(plain, before)
    assert len(columns) == len(expected)
    assert list(columns[:]) == expected
    assert [columns.of_place(t) for t in range(len(plain))] == [
        n for n, column in enumerate(expected) if column.after is not None
    ]
    gone: dict[int, list[int]] = {}
    behind = 0
    for column in expected:
        if column.after is None:
            gone.setdefault(behind, []).append(column.before if column.before is not None else -1)
        else:
            behind = column.after + 1
    moved: dict[int, list[int]] = {}
    for t, places in gone.items():  # it stands before the first kept token behind it, not before what was inserted
        moved.setdefault(next((n for n in range(t, len(plain)) if plain[n] is not None), len(plain)), []).extend(places)
    assert columns.gone == moved


def test_what_one_edit_leaves_of_a_long_tape_is_two_stretches() -> None:
    origins = Origins.unchanged(10**6).inserted(500_000)
    assert len(origins.stretches) == 3
    assert len(origins.deleted(500_000).stretches) == 1
    assert origins.inserted(500_001).stretches[1].count == 2
    assert np.array_equal(origins.between(499_999, 500_002), [499_999, -1, 500_000])
