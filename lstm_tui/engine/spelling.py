"""Which known name was meant by one that is not there: "did you mean", asked in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

LONGEST = 64
"""Characters of a name that is compared: comparing two takes the product of their lengths."""
_LETTERS_A_SLIP = 3  # of so many letters one may be wrong, and one of any name that has so many
_LEAST_BEGINNING = 3  # letters that name the word they begin
_LEAST_STEM = 4  # letters of a known name that stands at the beginning of what was typed


@lru_cache(maxsize=4096)
def slips(one: str, other: str) -> int:
    """Return how many slips of the keyboard lead from one word to another.

    A slip leaves a letter out, adds one, takes another, or exchanges two that stand side by side: the optimal string
    alignment distance (Damerau 1964).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        row = [i + 1]
        for j, beside in enumerate(other):
            least = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != beside))
            if i and j and letter == other[j - 1] and one[i - 1] == beside:
                least = min(least, before[j - 1] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]


def alike(name: str, known: Iterable[str], most: int = 1) -> tuple[str, ...]:
    """Return the known names that `name` may have been meant for, the most like first; at most `most`, few or none.

    Of those that are as like, one that `name` is the beginning of comes first, then one that begins with its letter,
    then the one that is known first.

    Those are alike that differ by one slip for every three letters of the longer, small and capital letters being one;
    those of which `name` is the beginning; and those that are the beginning of `name`, but for one letter or up to half
    of it.
    """
    wanted = name.lower()
    if not wanted or len(wanted) > LONGEST:
        return ()
    found = []
    for place, one in enumerate(dict.fromkeys(one for one in known if one and len(one) <= LONGEST)):
        other = one.lower()
        begins = len(wanted) >= _LEAST_BEGINNING and other.startswith(wanted)
        apart = abs(len(other) - len(wanted))
        ends = wanted.startswith(other) and (apart == 1 or len(other) >= max(_LEAST_STEM, len(wanted) / 2))
        allowed = max(len(wanted), len(other)) // _LETTERS_A_SLIP
        if apart > allowed and not (begins or ends):
            continue
        count = apart if begins or ends else slips(wanted, other)
        if count <= allowed or begins or ends:
            far = _numbers_apart(wanted, other)
            found.append((count, apart, not begins, other[0] != wanted[0], far, place, one))
    return tuple(one for *_, one in sorted(found)[:most])


def _numbers_apart(one: str, other: str) -> int:
    """Return how far the numbers in two names lie apart, so that of layers the next one is named."""
    mine, others = ([int(digits) for digits in re.findall(r"[0-9]+", name)] for name in (one, other))
    return sum(abs(a - b) for a, b in zip(mine, others, strict=False))
