"""The one name for an array in annotations, and what NumPy may say of NaN and ∞ while it computes: nothing.

Shapes and number types stand in docstrings and at line ends. NaN and ∞ are values here, and are shown as such. The
doors are quiet, and all that is done behind them: every command, every typed line, every thread of the screen. What
may be called from Python by itself is quiet where it computes.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
"""A NumPy array of any number type; the shape stands in words where it matters: `# (T, H)`."""
ArrayBase = np.ndarray[Any, np.dtype[Any]]
"""What an array of our own is a kind of."""


class Tabular(Protocol):
    """A table of pandas, polars or another library that gives its numbers."""

    def to_numpy(self) -> Any:
        """Return its numbers as an array."""


class Detachable(Protocol):
    """A tensor of PyTorch, which may be one that is trained."""

    def detach(self) -> Any:
        """Return it without what leads to its gradient."""


Rows = ArrayLike | Tabular | Detachable
"""What a caller from Python may give as rows of numbers."""


def quiet() -> np.errstate:
    """Return a context in which NumPy warns of no overflow, no division by zero and no NaN; also a decorator."""
    return np.errstate(all="ignore")
