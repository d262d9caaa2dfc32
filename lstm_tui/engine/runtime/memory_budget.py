"""How much memory runs may take, said once for the whole program: what is larger is held in windows.

A run that is small against it is kept as arrays, since several are held at once: the baseline, the edited run, the
lines that were looked at last. Of a larger one its windows have a part of it.
"""

from __future__ import annotations

DEFAULT_BYTES = 512 * 2**20
_LEAST_BYTES = 2**20
_OF_ARRAYS, _OF_WINDOWS = 4, 8


class _Budget:
    """The one budget of this process.

    Attributes:
        nbytes: How many bytes runs may take.
    """

    nbytes = DEFAULT_BYTES


def set_memory_budget(nbytes: int) -> None:
    """Say how many bytes runs may take from here on."""
    _Budget.nbytes = max(nbytes, _LEAST_BYTES)


def memory_budget() -> int:
    """Return how many bytes runs may take."""
    return _Budget.nbytes


def most_array_bytes() -> int:
    """Return how many bytes the values of one run may take as arrays."""
    return _Budget.nbytes // _OF_ARRAYS


def most_window_bytes() -> int:
    """Return how many bytes the windows of one run may take."""
    return _Budget.nbytes // _OF_WINDOWS
