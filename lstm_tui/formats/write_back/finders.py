"""Where the numbers of a file lie, one finder for each format; those of ONNX and PyTorch stand in files of their own.

A dataset of HDF5 lies in one piece unless it is packed or cut into chunks; the numbers of a `.npz` file lie behind the
header of each of its arrays; the header of a safetensors file says it.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from typing import Any

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.safetensors_file import DTYPES, header_of
from lstm_tui.formats.write_back.places import BFLOAT16, TensorPlace, WeightsFile


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


def find_npz(file: WeightsFile) -> None:
    """Add the places of a `.npz` file that was read already."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        for member in archive.infolist():
            content = archive.read(member)
            stream = io.BytesIO(content)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about headers that Python 2 wrote
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
                shape, turned, dtype = read(stream)
            if dtype.kind == "f":
                file.members[member.filename] = content
                name = member.filename.removesuffix(".npy")
                known = None if turned and len(shape) > 1 else tuple(shape)
                place = TensorPlace(name, dtype.str, math.prod(shape), member.filename, stream.tell(), shape=known)
                file.places.append(place)


def find_safetensors(file: WeightsFile, where: str) -> None:
    """Add the places of a safetensors file that was read already."""
    header, begin = header_of(file.data, where)
    for name in header.content:
        if name == "__metadata__":
            continue
        entry = header.inside(name)
        dtype, _ = DTYPES[entry.get("dtype", str)]
        if "f" in dtype.replace(BFLOAT16, "f"):
            shape, offsets = entry.items("shape", int), entry.items("data_offsets", int)
            place = TensorPlace(name, dtype, math.prod(shape), "", begin + offsets[0], shape=tuple(shape))
            file.places.append(place)


def find_places(data: bytes, kind: str, where: str) -> WeightsFile:
    """Return where the numbers of a file lie.

    Args:
        data: The file; an importer has read it already.
        kind: As `kind_of` tells it.
        where: What messages call it.

    Raises:
        UserError: It is of no format that is written back.
    """
    file = WeightsFile(data)
    if kind in ("native", "safetensors"):
        find_safetensors(file, where)
    elif kind == "torch":
        from lstm_tui.formats.write_back.torch import find_torch

        find_torch(file, where)
    elif kind in ("keras", "hdf5"):
        find_hdf5(file, "model.weights.h5" if kind == "keras" else "")
    elif kind == "npz":
        find_npz(file)
    elif kind == "onnx":
        from lstm_tui.formats.write_back.onnx import find_onnx

        find_onnx(file)
    else:
        raise UserError(f"{where}: is of no format that is written back")
    if kind in ("safetensors", "torch", "npz"):
        file.join_parts()
    return file
