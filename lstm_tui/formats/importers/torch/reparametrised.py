"""Weights that PyTorch keeps in parts, put together as a forward pass does: by length and direction, masked, or
divided by their spectral norm."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.safetensors_file import as_floats


def joined(tensors: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """Return tensors in which every weight kept in parts is one again, and the names of those weights by kind.

    The kinds are `weight_norm` (Salimans & Kingma 2016), `pruned` and `spectral_norm` (Miyato et al. 2018).
    """
    made: dict[str, Array] = {}
    names: dict[str, list[str]] = {}
    taken: set[str] = set()
    for name, tensor in tensors.items():
        for kind, whole, others, make in _readings(name):
            parts = [tensors.get(one) for one in others]
            if whole in tensors or any(one is None for one in parts):
                continue
            weight = _made(make, [tensor, *(one for one in parts if one is not None)])
            if weight is not None:
                made[whole] = weight
                taken |= {name, *others}
                names.setdefault(kind, []).append(whole)
                break
        else:
            made[name] = tensor
    wholes = {whole for each in names.values() for whole in each}
    return {name: one for name, one in made.items() if name not in taken or name in wholes}, names


def _readings(name: str) -> list[tuple[str, str, tuple[str, ...], Callable[..., Array | None]]]:
    """Return what a tensor could be the first part of: kind, name of the whole, names of the others, how it is made."""
    found: list[tuple[str, str, tuple[str, ...], Callable[..., Array | None]]] = []
    new = re.fullmatch(r"(?P<stem>.*)parametrizations\.(?P<what>\w+)\.original(?P<zero>0?)", name)
    if new is not None:
        whole, under = new["stem"] + new["what"], name.removesuffix(f".original{new['zero']}")
        if new["zero"]:
            found.append(("weight_norm", whole, (f"{under}.original1",), _by_length))
        else:
            found.append(("spectral_norm", whole, (f"{under}.0._u", f"{under}.0._v"), _spectral))
    elif name.endswith("_g"):
        found.append(("weight_norm", name[:-2], (f"{name[:-2]}_v",), _by_length))
    elif name.endswith("_orig"):
        stem = name.removesuffix("_orig")
        found.append(("pruned", stem, (f"{stem}_mask",), _masked))
        found.append(("spectral_norm", stem, (f"{stem}_u", f"{stem}_v"), _spectral))
    return found


@dataclass(frozen=True)
class InParts:
    """A weight that is kept in parts.

    Attributes:
        kind: `weight_norm` or `spectral_norm`.
        whole: Its name.
        parts: Names of its parts: g and v, or the weight and the two vectors of its norm.
    """

    kind: str
    whole: str
    parts: tuple[str, ...]

    @property
    def main(self) -> int:
        """Which part has the shape of the whole."""
        return 1 if self.kind == "weight_norm" else 0

    def joined(self, parts: Sequence[Array]) -> Array | None:
        """Return the weight, or None where the parts do not fit."""
        return _made(_by_length if self.kind == "weight_norm" else _spectral, parts)

    def apart(self, whole: Array, parts: Sequence[Array], changed: Array) -> list[Array]:
        """Return parts that give a weight, those of lengths that none of its numbers changed as they were.

        Args:
            whole: The weight.
            parts: As they are.
            changed: Which of its numbers changed, of the same shape.
        """
        with np.errstate(all="ignore"):
            if self.kind == "weight_norm":
                g, v = parts
                axes = tuple(n for n in range(v.ndim) if g.ndim == 0 or g.shape[n] == 1)
                mine = changed.any(axis=axes, keepdims=True)
                direction = np.where(mine, whole, v).astype(v.dtype)
                lengths = _lengths(g, direction)
                return [np.where(mine, lengths, g.reshape(lengths.shape)).reshape(g.shape), direction]
            _, u, v = parts
            return [whole, _of_norm_1(whole.reshape(len(whole), -1), u, v), v]


def in_parts(names: Collection[str]) -> list[InParts]:
    """Return the weights that are kept in parts of these names, but for those that are masked."""
    found = []
    for name in names:
        for kind, whole, others, _ in _readings(name):
            if kind in _APART and whole not in names and all(one in names for one in others):
                found.append(InParts(kind, whole, (name, *others)))
                break
    return found


def _of_norm_1(rows: Array, u: Array, v: Array) -> Array:
    """Return u so long that u @ W @ v is 1, to the last digit where one of its numbers can make it so.

    The weight that is made of it is then W itself.
    """
    right, left = rows @ v, u
    for _ in range(_NEARER):
        norm = left @ rows @ v
        if norm == 1:
            return left
        left = (left / norm).astype(u.dtype)
    for place in np.argsort(np.abs(right)):
        tried = left.copy()
        for _ in range(_NEARER if right[place] else 0):
            tried[place] += (1 - tried @ rows @ v) / right[place]
            if tried @ rows @ v == 1:
                return tried
    return left


_APART = ("weight_norm", "spectral_norm")
_NEARER = 4


def _made(make: Callable[..., Array | None], parts: Sequence[Array]) -> Array | None:
    given = as_floats({str(n): one if one.dtype.kind == "f" else one.astype(np.float32)
                       for n, one in enumerate(parts) if one.dtype.kind in "fb"})  # fmt: skip
    if len(given) != len(parts):
        return None
    with np.errstate(all="ignore"):
        weight = make(*given.values())
    return None if weight is None else weight.astype(given["0"].dtype)


def _by_length(g: Array, v: Array) -> Array | None:
    """Return g * v / |v|, its norm taken over every axis along which there is one length."""
    if g.ndim not in (0, v.ndim) or any(one not in (1, size) for one, size in zip(g.shape, v.shape, strict=False)):
        return None
    return np.asarray(v * (g / _lengths(g, v)))


def _lengths(g: Array, v: Array) -> Array:
    """Return |v| over the axes along which g has one length."""
    axes = tuple(n for n in range(v.ndim) if g.ndim == 0 or g.shape[n] == 1)
    return np.asarray(np.sqrt((v * v).sum(axis=axes, keepdims=True)))


def _masked(weight: Array, mask: Array) -> Array | None:
    return weight * mask if weight.shape == mask.shape else None


def _spectral(weight: Array, u: Array, v: Array) -> Array | None:
    """Return W / (u @ W @ v), where u and v are what training left; no step of the power iteration is taken."""
    rows = weight.reshape(len(weight), -1) if weight.ndim else weight
    if rows.ndim != 2 or u.shape != (rows.shape[0],) or v.shape != (rows.shape[1],):
        return None
    return np.asarray(weight / (u @ rows @ v))
