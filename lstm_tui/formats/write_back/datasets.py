"""Datasets of an HDF5 file that do not lie in one piece: their numbers, read and written by the library."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array


def read_dataset(content: bytes, path: str) -> Array:
    """Return the numbers of a dataset, (count,)."""
    import h5py  # type: ignore[import-untyped,unused-ignore]

    with h5py.File(io.BytesIO(content), "r") as opened:
        return np.asarray(opened[path][()]).ravel()


def with_datasets(content: bytes, numbers: Mapping[str, Array]) -> bytes:
    """Return an HDF5 file with other numbers in some datasets, each (count,)."""
    import h5py

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as opened, np.errstate(all="ignore"):
        for path, given in numbers.items():
            dataset = opened[path]
            dataset[...] = given.reshape(dataset.shape).astype(dataset.dtype)
    return stream.getvalue()
