"""Which part of a long list is in sight, from where the cursor stands alone: nothing is remembered."""

from __future__ import annotations


def first_row(place: int, count: int, rows: int) -> int:
    """Return the first row to draw so that `place` is in sight; it moves in half pages."""
    if count <= rows or rows <= 0:
        return 0
    if place < rows:
        return 0
    half = max(rows // 2, 1)
    return min(((place - rows) // half + 1) * half, count - rows)


def window(place: int, count: int, room: int) -> tuple[int, int]:
    """Return the range of `room` columns that has `place` near its middle and no gap at the ends."""
    room = max(room, 1)
    first = min(max(place - room // 2, 0), max(count - room, 0))
    return first, min(first + room, count)
