"""What was found out of the first tokens of a run that grows: a longer run goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.flow import Flow


class Known(NamedTuple):
    """It, by pass and value or signal.

    Attributes:
        length: How many tokens.
        signals: What the tape is coloured by, (T,) each.
        flows: What memories keep and are written; None where that is not linear.
        halves: Half widths of axes.
        surprise: That of each token in bits, (T,); None where it was not asked, or means nothing.
    """

    length: int
    signals: Mapping[tuple[str, str], NDArray[np.floating[Any]]]
    flows: Mapping[str, Flow | None]
    halves: Mapping[tuple[str, str], float]
    surprise: NDArray[np.float64] | None
