"""The panes of the screen by number and name, for whoever names one; and how the screen looked at a session.

A saved session keeps its looks as a line: which pane, order, unit and value. What cannot be read there, or is not in
this run, is passed over, since it is only looks.
"""

from __future__ import annotations

from typing import NamedTuple

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.whole_number import whole_number


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
DIAGRAM = PaneName(8, "diagram", "diagram", "diagram")
PANES = (ONE_UNIT, TAPE, FORWARD, BACKWARD, CELL, MEMORY, LEDGER, OUTPUT, DIAGRAM)
"""Every pane; each stands at its number."""


_FLAGS = ("maximised", "everyone", "alone")


@dataclass(frozen=True)
class Layout:
    """What a front end shows of a session.

    Attributes:
        pane: Number of the pane in use.
        order: How units are ordered.
        signal: Number of the signal that colours the tape.
        value: The value under the cursor; empty when unknown.
        units: The chosen unit of each pass that has one.
        maximised: Whether the pane has the whole screen.
        everyone: Whether the ledger is that of all units.
        alone: Whether an edited run is shown without its baseline.
    """

    pane: int = 2
    order: str = ""
    signal: int = 0
    value: str = ""
    units: tuple[tuple[str, int], ...] = ()
    maximised: bool = False
    everyone: bool = False
    alone: bool = False

    @property
    def line(self) -> str:
        """The layout as `read_layout` reads it."""
        words = [f"pane={self.pane}", f"signal={self.signal}"]
        words += [f"{key}={text}" for key, text in (("order", self.order), ("value", self.value)) if text]
        words += [f"unit.{name}={unit}" for name, unit in self.units]
        return " ".join((*words, *(flag for flag in _FLAGS if getattr(self, flag))))


def read_layout(line: str) -> Layout:
    """Read a layout; what is no part of one is passed over."""
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    units: list[tuple[str, int]] = []
    flags: dict[str, bool] = {}
    for word in line.split():
        key, _, value = word.partition("=")
        number = whole_number(value)
        if key in _FLAGS and not value:
            flags[key] = True
        elif key in ("order", "value"):
            texts[key] = value
        elif number is not None and key in ("pane", "signal"):
            numbers[key] = number
        elif number is not None and key.startswith("unit."):
            units.append((key.removeprefix("unit."), number))
    return Layout(
        numbers.get("pane", 2), texts.get("order", ""), numbers.get("signal", 0), texts.get("value", ""), tuple(units),
        **flags,
    )  # fmt: skip
