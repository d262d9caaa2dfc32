"""What a run of one pass is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lstm_tui.engine.arrays import Array


class PassToRun(NamedTuple):
    """What a run of one pass is made of.

    Attributes:
        flat: The flat parameters.
        inputs: What is read, (T, n) each, in reading order.
        state: The states before the first step.
    """

    flat: Array
    inputs: Mapping[str, Array]
    state: Mapping[str, Array]
