"""Which examples of a test that has very many are left to the slow tests, where all tests are run."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable

ENOUGH = 6
"""Examples of one test that are run always."""
ONE_OF = 10
"""Of the examples beyond, one of so many is run beside them."""


def left_out(names: Iterable[str]) -> set[str]:
    """Return the names of the tests that are left out.

    A checksum of the names chooses, so that it is the same in every worker, and no value of a parameter is left out
    because of its place in a list.

    Args:
        names: Of tests as pytest gives them, the parameters in brackets.
    """
    families: dict[str, list[str]] = defaultdict(list)
    for name in names:
        families[name.partition("[")[0]].append(name)
    found: set[str] = set()
    for family in families.values():
        family.sort(key=lambda name: zlib.crc32(name.encode()))
        found.update(family[ENOUGH + max(len(family) - ENOUGH, 0) // ONE_OF :])
    return found
