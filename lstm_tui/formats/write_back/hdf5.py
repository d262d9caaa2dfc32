"""Where the numbers of an HDF5 file lie: a dataset lies in one piece unless it is packed or cut into chunks."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from lstm_tui.formats.write_back.places import TensorPlace, WeightsFile


def find_hdf5(file: WeightsFile, member: str) -> None:
    """Add the places of an HDF5 file that was read already.

    Args:
        file: The file.
        member: The HDF5 file inside a zip, or empty.
    """
    import h5py  # type: ignore[import-untyped,unused-ignore]

    if member:
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            file.members[member] = archive.read(member)
    content = file.member(member)
    seen: set[int] = set()

    def visit(path: str, one: Any) -> None:
        address = int(h5py.h5o.get_info(one.id).addr)
        if isinstance(one, h5py.Dataset) and one.shape is not None and one.dtype.kind == "f" and address not in seen:
            seen.add(address)
            file.places.append(_place(path, one, member, content))

    with h5py.File(io.BytesIO(content), "r") as opened:
        opened.visititems(visit)


def _place(path: str, dataset: Any, member: str, content: bytes) -> TensorPlace:
    offset = dataset.id.get_offset()
    place = TensorPlace(path, dataset.dtype.str, int(dataset.size), member, offset)
    if offset is not None and content[offset : offset + place.size] != dataset[()].tobytes():
        return TensorPlace(path, place.dtype, place.count, member, None)  # its bytes are not its numbers
    return place
