"""Where the numbers of PyTorch's files lie: every storage is a file of its own in the zip, or follows the pickles."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.formats.importers.torch.containers import leaves
from lstm_tui.formats.importers.torch.exported import stored_tensors
from lstm_tui.formats.importers.torch.file import MAGIC, of_export
from lstm_tui.formats.importers.torch.pickled_arrays import Pickled, Storage, Tensor, make, storage
from lstm_tui.formats.importers.torch.safe_unpickler import PickleMachine
from lstm_tui.formats.write_back.places import BFLOAT16, TensorPlace, TensorView, WeightsFile


def find_torch(file: WeightsFile, where: str) -> None:
    """Add the places of a file of PyTorch that was read already."""
    if file.data[:2] == b"PK":
        _zipped(file, where)
    else:
        _plain(file, where)


def _zipped(file: WeightsFile, where: str) -> None:
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        names = archive.namelist()
        if of_export(names):
            _exported(file, archive, where)
            return
        pickled = next(name for name in names if name.endswith("data.pkl") and name.count("/") <= 1)
        folder = pickled.removesuffix("data.pkl")
        for part in ("data", "constants"):  # a frozen program keeps its weights among its constants
            if f"{folder}{part}.pkl" in names:
                _pickled(file, archive, folder, part, where)


def _pickled(file: WeightsFile, archive: zipfile.ZipFile, folder: str, part: str, where: str) -> None:
    met: dict[str, Storage] = {}
    machine = PickleMachine(where, make, lambda identity: _met(identity, where, met))
    root = machine.read(archive.read(f"{folder}{part}.pkl"))
    views, names = _views(root), archive.namelist()
    for key, one in met.items():
        member = f"{folder}{part}/{key}"
        if _is_float(one) and member in names:
            place = _place(one, views, member, 0)
            file.members[member] = archive.read(member)
            if place.size <= len(file.members[member]):
                file.places.append(place)
    _note_pickled(file, root)


def _exported(file: WeightsFile, archive: zipfile.ZipFile, where: str) -> None:
    stored = stored_tensors(archive.namelist(), lambda name, _: archive.read(name), where)
    views: dict[str, list[TensorView]] = {}
    dtypes: dict[str, str] = {}
    for name, one in stored.items():
        if _is_float(one.storage):
            views.setdefault(one.storage.key, []).append(TensorView(name, one.offset, one.shape, one.stride))
            dtypes[one.storage.key] = one.storage.dtype
    for member, dtype in dtypes.items():
        content = file.members[member] = archive.read(member)
        count = len(content) // (2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize)
        file.places.append(_place(Storage(member, dtype, count), views, member, 0))


def _plain(file: WeightsFile, where: str) -> None:
    met: dict[str, Storage] = {}
    machine = PickleMachine(where, make, lambda identity: _met(identity, where, met))
    root = machine.read(file.data)
    if root == MAGIC:
        for _ in range(2):  # version of the protocol, sizes of the machine's integers
            machine.read(file.data, machine.end)
        root = machine.read(file.data, machine.end)
        keys = machine.read(file.data, machine.end)
        start, views = machine.end, _views(root)
        for key in keys:
            one = met[str(key)]
            place = _place(one, views, "", start + 8)
            if _is_float(one):
                file.places.append(place)
            start += 8 + place.size
    _note_pickled(file, root)


def _met(identity: Any, where: str, met: dict[str, Storage]) -> Storage:
    if identity[0] == "module":  # the source of a class, beside it
        return Storage("", "<u1", 0)
    one = storage(identity, where)
    return met.setdefault(one.key, one)


def _is_float(one: Storage) -> bool:
    return one.dtype == BFLOAT16 or one.dtype[1] == "f"


def _views(root: Any) -> dict[str, list[TensorView]]:
    """Return the tensors of a file by the storage they show."""
    found: dict[str, list[TensorView]] = {}
    for path, one, _ in leaves(root):
        if isinstance(one, Tensor):
            found.setdefault(one.storage.key, []).append(TensorView(path, one.offset, one.shape, one.stride))
    return found


def _place(one: Storage, views: Mapping[str, Sequence[TensorView]], member: str, offset: int) -> TensorPlace:
    own = tuple(views.get(one.key, ()))
    name = own[0].name if len(own) == 1 else f"storage {one.key}"
    whole = len(own) == 1 and own[0].offset == 0 and math.prod(own[0].shape) == one.count and (
        own[0].stride == _rows(own[0].shape)
    )  # fmt: skip
    return TensorPlace(name, one.dtype, one.count, member, offset, own, own[0].shape if whole else None)


def _rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a tensor that lies in rows."""
    return tuple(math.prod(shape[n + 1 :]) for n in range(len(shape)))


def _note_pickled(file: WeightsFile, root: Any) -> None:
    if any(isinstance(one, Pickled) for _, one, _ in leaves(root)):
        file.elsewhere.append("arrays of NumPy stand inside its pickle, which is not written: save them as .npz")
