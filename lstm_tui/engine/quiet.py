"""What NumPy may say of NaN and ∞ while it computes: nothing. They are values here, and are shown as such.

The doors are quiet, and all that is done behind them: every command, every typed line, every thread of the screen.
What may be called from Python by itself is quiet where it computes.
"""

from __future__ import annotations

import numpy as np


def quiet() -> np.errstate:
    """Return a context in which NumPy warns of no overflow, no division by zero and no NaN; also a decorator."""
    return np.errstate(all="ignore")
