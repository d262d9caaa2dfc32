"""What a test knows to be there, of what the package gives as `X | None`."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(one: T | None) -> T:
    """Return what is there; fail plainly where there is nothing."""
    assert one is not None, "it should be there, and is None"
    return one
