"""Arrays as a NumPy file, by names that need not be Python's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def savez(path: Path | str, arrays: Mapping[str, ArrayLike]) -> None:
    """Write an `.npz` file; `np.savez(path, **arrays)` has options of its own among the names."""
    named: dict[str, Any] = dict(arrays)
    np.savez(path, **named)
