"""Which of some numbers is the largest, where that is known: what "says" and "largest" mean in every answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def largest(numbers: NDArray[np.floating[Any]]) -> int | None:
    """Return the place of the largest of some numbers, (n,): that of the first of equal ones.

    Where one of them is NaN it is not known which is the largest, nor is any of none: None.
    """
    if not len(numbers) or np.isnan(numbers).any():
        return None
    return int(np.argmax(numbers))
