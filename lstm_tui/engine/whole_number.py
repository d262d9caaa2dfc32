"""Whole numbers and ranges as users and files write them; every count, place and index that is typed is read here."""

from __future__ import annotations

LARGEST = 10**18 - 1

Span = tuple[int | None, int | None]
"""A range as it is written: its first number and the one behind its last; None for an open end."""


def whole_number(text: str, least: int = 0, most: int = LARGEST) -> int | None:
    """Return the whole number that a text is; None when it is none, or lies outside `least` to `most`.

    ASCII digits alone make one: no sign, no blank, no digit of another script, and none so long that reading it
    takes time.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(LARGEST)):
        return None
    number = int(digits)
    return number if least <= number <= most else None


def whole_span(text: str) -> Span | None:
    """Return the range that a text is, from 0 and its end excluded, as in Python; None when it is none.

    `3` is one number, `3:6` a range, `3:` and `:6` are open at an end, `:` is all there is.
    """
    first, colon, last = text.partition(":")
    start, stop = whole_number(first), whole_number(last)
    if (first and start is None) or (last and stop is None) or not text:
        return None
    return (start, stop) if colon or start is None else (start, start + 1)
