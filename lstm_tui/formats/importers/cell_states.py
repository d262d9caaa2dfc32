"""Cell states as what a network answers from: weights alone do not say whether the hidden or the cell state is read."""

from __future__ import annotations

import re

from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.verify.alternatives import cell_text

FINAL_CELL = "final_cell"
"""The cell state c of each direction where it has read everything."""
_STATES = re.compile(r"^state\s*=\s*\[([^\]]*)\]", re.MULTILINE)


def keeps_cell_state(part: object) -> bool:
    """Return whether a part is a recurrent layer with a cell state c in every direction."""
    if not isinstance(part, Recurrent):
        return False
    states = _STATES.search(cell_text(part))
    return states is not None and '"c"' in states[1] and (part.second is None or keeps_cell_state(part.second))


def cell_width(part: Recurrent) -> int:
    """Return how many numbers the final cell states hold, joined end to end or made one as the layer joins its own."""
    return part.hidden * (len(part.directions) if part.merge == "concat" else 1)
