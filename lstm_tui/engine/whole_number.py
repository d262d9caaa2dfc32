"""Whole numbers as users and files write them; every count, place and index that is typed is read here."""

from __future__ import annotations

LARGEST = 10**18 - 1


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
