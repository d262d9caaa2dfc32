"""HDF5 from strangers: groups and datasets by path, no links out of the file, sizes checked before anything is read."""

from __future__ import annotations

import io
import math
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import NETWORK_BYTES, size_text

MOST_OBJECTS = 50_000
_DEEPEST = 32
_MOST_PACKED = 4000  # times a dataset may be larger than what is stored of it
_SMALL = 1 << 20


@dataclass
class Tree:
    """What an HDF5 file holds.

    Attributes:
        attributes: By path of the group, the file itself under an empty path.
        arrays: Datasets by path.
    """

    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def under(self, path: str) -> dict[str, Array]:
        """Return the datasets below a group by what is left of their path."""
        start = f"{path}/" if path else ""
        return {name[len(start) :]: array for name, array in self.arrays.items() if name.startswith(start)}


def read_hdf5(data: bytes, where: str) -> Tree:
    """Return everything in an HDF5 file but the state of an optimiser.

    Raises:
        UserError: It is damaged, too large, links out of itself, or h5py is missing.
    """
    try:
        import h5py  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise UserError(f"{where}: is HDF5, which needs h5py: pip install 'lstm-tui[keras]'") from error
    tree = Tree()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            _walk(h5py, file, tree, where)
    except UserError:
        raise
    except Exception as error:  # a damaged file fails in dozens of ways inside HDF5
        text = visible(str(error).split("\n")[0][:200])
        raise UserError(f"{where}: is damaged or cut short: {text}") from error
    return tree


def _walk(h5py: Any, file: Any, tree: Tree, where: str) -> None:
    seen = set()
    total = count = 0
    waiting = [("", file, 0)]
    while waiting:
        path, group, depth = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            raise UserError(f"{where}: {visible(path)} is a group that holds itself")
        seen.add(address)
        tree.attributes[path] = {name: _plain(group.attrs[name]) for name in group.attrs}
        for name in group:
            count += 1
            below = f"{path}/{name}" if path else str(name)
            if count > MOST_OBJECTS or depth > _DEEPEST:
                raise UserError(f"{where}: holds more than {MOST_OBJECTS} objects, or deeper than {_DEEPEST}")
            if below.startswith(("optimizer", "_optimizer")):
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise UserError(f"{where}: {visible(below)} is a link, which is not followed")
            one = group[name]
            if isinstance(one, h5py.Group):
                waiting.append((below, one, depth + 1))
            elif isinstance(one, h5py.Dataset):
                total += _size(one, below, where)
                if total > NETWORK_BYTES:
                    raise UserError(f"{where}: unpacks to more than {size_text(NETWORK_BYTES)}")
                if one.dtype.kind in "fiub":
                    tree.arrays[below] = np.asarray(one[()])


def _size(dataset: Any, path: str, where: str) -> int:
    if dataset.external or dataset.is_virtual:
        raise UserError(f"{where}: {visible(path)} lies in another file, which is not read")
    if dataset.shape is None:
        return 0
    size: int = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > _SMALL and size > _MOST_PACKED * max(dataset.id.get_storage_size(), 1):
        raise UserError(f"{where}: {visible(path)} says it is {size_text(size)}, and almost nothing of it is there")
    return size


def _plain(value: Any) -> Any:
    """Return an attribute as text or a list of texts where it is one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "SOU":
        return [_plain(one) for one in value.ravel().tolist()]
    return value
