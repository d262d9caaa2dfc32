"""The panes of the screen by number and name, for whoever names one: the screen, its help, lessons."""

from __future__ import annotations

from typing import NamedTuple


class PaneName(NamedTuple):
    """What one pane is called.

    Attributes:
        number: Of its key.
        word: On its tab.
        told: In the list of keys.
        look: In a lesson that says where to look.
    """

    number: int
    word: str
    told: str
    look: str


ONE_UNIT = PaneName(0, "one unit", "one unit", "one unit")
TAPE = PaneName(1, "tape", "tape", "tape")
FORWARD = PaneName(2, "forward", "units forward", "units")
BACKWARD = PaneName(3, "backward", "units backward", "backward")
CELL = PaneName(4, "cell", "cell", "cell")
MEMORY = PaneName(5, "memory", "memory", "memory")
LEDGER = PaneName(6, "ledger", "ledger", "ledger")
OUTPUT = PaneName(7, "output", "output", "output")
PANES = (ONE_UNIT, TAPE, FORWARD, BACKWARD, CELL, MEMORY, LEDGER, OUTPUT)
"""Every pane; each stands at its number."""
