"""Which final states a network may answer from: weights alone do not say whether h or c is read, or of which layer."""

from __future__ import annotations

import re

from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.verify.alternatives import cell_text

FINAL_CELL = "final_cell"
"""The cell state c of each direction where it has read everything."""
_LOWER_FINAL = re.compile(r"final_of_(layer\d{1,4})")
_STATES = re.compile(r"^state\s*=\s*\[([^\]]*)\]", re.MULTILINE)


def lower_final(layer: str) -> str:
    """Return the name of the hidden states of a lower layer where it has read everything, as h_n[0] of two layers."""
    return f"final_of_{layer}"


def lower_layer(how: str) -> str | None:
    """Return the layer whose states `lower_final` names so, or None where something else is named."""
    named = _LOWER_FINAL.fullmatch(how)
    return None if named is None else named[1]


def keeps_cell_state(part: object) -> bool:
    """Return whether a part is a recurrent layer with a cell state c in every direction."""
    if not isinstance(part, Recurrent):
        return False
    states = _STATES.search(cell_text(part))
    return states is not None and '"c"' in states[1] and (part.second is None or keeps_cell_state(part.second))


def cell_width(part: Recurrent) -> int:
    """Return how many numbers the final cell states hold, joined end to end or made one as the layer joins its own."""
    return part.hidden * (len(part.directions) if part.merge == "concat" else 1)


def hidden_width(part: Recurrent) -> int:
    """Return how many numbers the final hidden states hold, joined as `cell_width` says."""
    return part.sizes.get("P", part.hidden) * (len(part.directions) if part.merge == "concat" else 1)
