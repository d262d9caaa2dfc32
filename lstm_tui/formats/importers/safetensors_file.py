"""Tensors of a safetensors file that says nothing of its network: names, shapes and numbers, checked before read."""

from __future__ import annotations

import math

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.torch.pickled_arrays import decode as numbers
from lstm_tui.formats.io.files import HEADER_BYTES, size_text
from lstm_tui.formats.io.json import Fields, decode

DTYPES = {
    "F32": ("<f4", 4), "F64": ("<f8", 8), "F16": ("<f2", 2), "BF16": ("bfloat16", 2), "I64": ("<i8", 8),
    "I32": ("<i4", 4), "I16": ("<i2", 2), "I8": ("<i1", 1), "U8": ("<u1", 1), "BOOL": ("|b1", 1),
}  # fmt: skip


def is_safetensors(data: bytes) -> bool:
    """Say whether bytes begin as such a file does."""
    return data[8:9] == b"{"


def header_of(data: bytes, where: str) -> tuple[Fields, int]:
    """Return what a file says of its tensors, and where their numbers begin.

    Raises:
        UserError: It is damaged or cut short.
    """
    size = int.from_bytes(data[:8], "little")
    if size > HEADER_BYTES:
        raise UserError(f"{where}: is damaged: its header says it is {size_text(size)} long")
    if len(data) < 8 + size:
        raise UserError(f"{where}: is cut short: it ends inside its header; get it again")
    return Fields(decode(data[8 : 8 + size].rstrip(b" "), f"{where}: header"), where), 8 + size


def read_safetensors(data: bytes, where: str) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the tensors by name, and the metadata.

    Raises:
        UserError: It is damaged, cut short, or holds numbers of a kind that is not read.
    """
    content, numbers_begin = header_of(data, where)
    tensors: dict[str, Array] = {}
    metadata: dict[str, str] = {}
    for name in content.content:
        entry = content.inside(name)
        if name == "__metadata__":
            metadata = {key: str(value) for key, value in entry.content.items()}
            continue
        kind = entry.get("dtype", str)
        if kind not in DTYPES:
            raise UserError(f"{where}: {visible(name)} holds {visible(kind[:20])} numbers, which are not read")
        dtype, width = DTYPES[kind]
        shape = tuple(entry.items("shape", int))
        begin, end = [*entry.items("data_offsets", int), -1, -1][:2]
        if min((*shape, begin), default=0) < 0 or end - begin != math.prod(shape) * width:
            raise content.damaged(name, "is not as long as its shape says")
        if numbers_begin + end > len(data):
            raise UserError(f"{where}: is cut short: {visible(name)} is missing; get it again")
        tensors[name] = numbers(data[numbers_begin + begin : numbers_begin + end], dtype).reshape(shape)
    return tensors, metadata


def as_floats(tensors: dict[str, Array]) -> dict[str, Array]:
    """Return floating-point tensors as float32, or float64 where they all are; others are left out."""
    floats = {name: tensor for name, tensor in tensors.items() if tensor.dtype.kind == "f"}
    double = bool(floats) and all(tensor.dtype.itemsize == 8 for tensor in floats.values())
    return {name: tensor.astype(np.float64 if double else np.float32) for name, tensor in floats.items()}
