"""What is wrong in a document is noticed: a digit, option, verb, path, key or command is changed at random."""

from __future__ import annotations

import pytest
import test_readme

from .breaks import Break, breaks
from .documents import name_of
from .problems import check_text


def noticed(broken: Break) -> bool:
    """Say whether a test of the claims, or of the filled lists, fails of a broken document."""
    text = broken.text
    if broken.path in test_readme.FILLED and test_readme.filled(text) != text:
        return True
    return bool(check_text(name_of(broken.path), text))


@pytest.mark.slow
def test_forty_small_lies_are_noticed() -> None:
    assert [str(one) for one in breaks(seed=1, count=40) if not noticed(one)] == []
