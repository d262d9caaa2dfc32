"""The one name for an array in annotations; shapes and number types stand in docstrings and at line ends."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
"""A NumPy array of any number type; the shape stands in words where it matters: `# (T, H)`."""


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
