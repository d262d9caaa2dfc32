"""What stands on a worksheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lstm_tui.debugger.worksheet.sums import Line
from lstm_tui.debugger.worksheet.trees import Vector

READOUT = "readout"


@dataclass(frozen=True)
class UnitSum:
    """One unit of a value: its sum line by line, and what an edit then makes of it."""

    unit: int
    lines: tuple[Line, ...]
    edited: str = ""


@dataclass(frozen=True)
class ValueSums:
    """A value at one step.

    Attributes:
        name: Of the value.
        label: Of its equation, such as `forget gate`.
        equation: As the screen writes it.
        units: A sum for each.
    """

    name: str
    label: str
    equation: str
    units: tuple[UnitSum, ...]


@dataclass(frozen=True)
class StepSums:
    """One pass, or the readout, at one place on the tape.

    Attributes:
        owner: Name of the pass, or `readout`.
        t: Place on the tape.
        token: What stands there.
        given: What it begins with: names and numbers.
        values: In the order in which they are taken.
    """

    owner: str
    t: int
    token: str
    given: tuple[tuple[str, Vector], ...]
    values: tuple[ValueSums, ...]


@dataclass(frozen=True, eq=False)
class Sheet:
    """All that stands on a worksheet.

    Attributes:
        network: Name of the network.
        tokens: Of the whole tape.
        steps: First place on the tape that is worked out, and the one after the last.
        digits: Places behind the point of everything that is worked out.
        equations: Of each pass and of the readout, as the screen writes them.
        weights: Of each: names and rows.
        worked: Pass by pass in reading order, then the readout.
        difference: Largest difference between the sheet and the run itself.
        remarks: What is not on the sheet, and why.
        outputs: What each output is called, in a sentence; may be empty.
    """

    network: str
    tokens: tuple[str, ...]
    steps: range
    digits: int
    equations: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, Mapping[str, tuple[Vector, ...]]]
    worked: tuple[StepSums, ...]
    difference: float
    remarks: tuple[str, ...] = ()
    outputs: str = ""
