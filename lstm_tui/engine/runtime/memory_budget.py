"""How much memory runs may take, said once for the whole program: what is larger is held in windows.

A run that is small against it is kept as arrays, since several are held at once: the baseline, the edited run, the
lines that were looked at last. Of a larger one its windows have a part of it.
"""

from __future__ import annotations

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

DEFAULT_BYTES = 512 * 2**20
_LEAST_BYTES = 2**20
_MOST_BYTES = 2**40
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_OF_ARRAYS, _OF_WINDOWS = 4, 8


class _Budget:
    """The one budget of this process.

    Attributes:
        nbytes: How many bytes runs may take.
    """

    nbytes = DEFAULT_BYTES


def bytes_of(amount: str) -> int:
    """Return how many bytes an amount of memory is, such as `500M` or `2G`.

    Raises:
        UserError: It is none, or too little or too much.
    """
    unit = amount[-1:].upper()
    number = whole_number(amount[:-1] if unit in _UNITS else amount, 1, 10**12)
    found = None if number is None else number * _UNITS.get(unit, 1)
    if found is None or not _LEAST_BYTES <= found <= _MOST_BYTES:
        raise UserError(f"'{visible(amount[:40])}' is no amount of memory from 1M up, such as 500M or 2G")
    return found


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
