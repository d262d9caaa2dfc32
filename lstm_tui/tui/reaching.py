"""What the screen of long memories shows: how far back a pass reaches, and which token moves which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.long_memory import LongMemory
from lstm_tui.debugger.rivals import Rival
from lstm_tui.tui.render.drawing import Drawing
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View

KINDS = ("gradient", "left out")
"""The two maps."""


@dataclass(frozen=True, eq=False)
class Reaching:
    """What is known so far.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        now: The place on the tape from which it is looked back.
        cursor: The token under the cursor.
        found: How far the pass reaches, or None until it is known.
        beside: A plain RNN beside an LSTM and a GRU, once they are asked for; else empty.
        rivals: Whether these are shown.
        map: Whether the map of token by token is shown.
        kind: Which map, where there is room for one.
        places: The places the maps are made of.
        maps: Each map by its name, (P, P): row moved, column that moves it; NaN where it is not known.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    pass_name: str
    now: int
    cursor: int
    found: LongMemory | None = None
    beside: tuple[Rival, ...] = ()
    rivals: bool = False
    map: bool = False
    kind: str = KINDS[0]
    places: range = range(0)
    maps: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> Reaching:
        """Return it with some things changed."""
        return replace(self, **changes)

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the steps, the map, or the networks beside each other."""
        from lstm_tui.tui.render.reach import draw_reach
        from lstm_tui.tui.render.reach_beside import draw_reach_beside
        from lstm_tui.tui.render.token_map import draw_token_map

        if self.rivals:
            return draw_reach_beside(self, width, height, palette)
        return (draw_token_map if self.map else draw_reach)(self, width, height, palette)
