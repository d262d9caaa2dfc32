"""Weights that PyTorch keeps as length and direction (Salimans & Kingma 2016), put together as a forward pass does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.formats.safetensors_file import as_floats

Array = NDArray[Any]
_LENGTH = re.compile(r"(?P<stem>.*)(?:parametrizations\.(?P<new>\w+)\.original0|(?P<old>\w+)_g)\Z")


def joined(tensors: Mapping[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """Return tensors in which length and direction are one weight again, and the names of those weights."""
    made: dict[str, Array] = {}
    names: list[str] = []
    taken: set[str] = set()
    for name, tensor in tensors.items():
        found = _LENGTH.match(name)
        if found is None:
            made.update({} if name in taken else {name: tensor})
            continue
        whole = found["stem"] + (found["new"] or found["old"])
        other = f"{name.removesuffix('0')}1" if found["new"] else f"{name.removesuffix('g')}v"
        weight = _weight(tensor, tensors.get(other)) if whole not in tensors else None
        if weight is None:
            made[name] = tensor
            continue
        made[whole] = weight
        made.pop(other, None)
        taken.add(other)
        names.append(whole)
    return made, names


def _weight(length: Array, direction: Array | None) -> Array | None:
    """Return g * v / |v|, its norm taken over every axis along which there is one length."""
    if direction is None:
        return None
    given = as_floats({"g": length, "v": direction})
    if len(given) < 2 or length.ndim not in (0, direction.ndim):
        return None
    g, v = given["g"], given["v"]
    if any(one not in (1, size) for one, size in zip(g.shape, v.shape, strict=False)):
        return None
    axes = tuple(n for n in range(v.ndim) if g.ndim == 0 or g.shape[n] == 1)
    with np.errstate(all="ignore"):
        return np.asarray(g * v / np.sqrt((v * v).sum(axis=axes, keepdims=True)), v.dtype)
