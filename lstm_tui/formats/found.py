"""A network that was found in a file, before it is planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lstm_tui.formats.parts import Plan
from lstm_tui.formats.report import Report


@dataclass(frozen=True)
class Found:
    """A network of a file that can be planned.

    Attributes:
        name: The file's own name for it; empty where it is the only one.
        layers: The file's own names of its recurrent layers.
        plan: Makes its plan, and says in a report what was understood.
    """

    name: str
    layers: tuple[str, ...]
    plan: Callable[[Report], Plan] = field(repr=False)
