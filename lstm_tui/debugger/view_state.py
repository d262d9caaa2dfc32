"""How the screen looked at a session: which pane, order, unit and value; a saved session keeps it as a line.

Nothing here is the screen's own: what cannot be read, or is not in this run, is passed over, since it is only looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_tui.engine.whole_number import whole_number

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
