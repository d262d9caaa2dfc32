"""The one name for an array in annotations; shapes and number types stand in docstrings and at line ends."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""A NumPy array of any number type; the shape stands in words where it matters: `# (T, H)`."""
