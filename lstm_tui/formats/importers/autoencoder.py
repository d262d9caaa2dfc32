"""Sparse autoencoders as they are commonly saved: their encoder, what is added and taken off, what it goes through.

Two families of names are known, with any prefix: `W_enc`, `b_enc`, `W_dec`, `b_dec` (rows across), and
`encoder.weight`, `encoder.bias`, `decoder.weight`, `decoder.bias` (rows along). Whether what is read has `b_dec`
taken off first differs from one to the next, and few files say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.safetensors_file import read_safetensors
from lstm_tui.formats.io.files import NETWORK_BYTES, label, read_bytes
from lstm_tui.formats.io.npy import NUMBERS, TEXT, read_npz

_ACROSS = ("W_enc", "decoder.weight", "decoder.W")
"""Matrices that have a column for each row of the dictionary."""
_ENCODER = ("W_enc", "encoder.weight", "encoder.W", "encoder")
_BIAS = ("b_enc", "encoder.bias", "encoder.b", "latent_bias")
_DECODER = ("W_dec", "decoder.weight", "decoder.W", "decoder")
_BEFORE = ("b_dec", "pre_bias", "decoder.bias", "decoder.b", "bias", "b_pre")
_THRESHOLD = ("threshold", "thresholds", "jumprelu.threshold", "activation.threshold")
_LOG_THRESHOLD = ("log_threshold",)
_K = ("k", "topk", "top_k", "activation.k")
_ACTIVATION = ("activation", "activation_fn", "activation_fn_str", "architecture", "act")
_TAKEN_OFF = ("apply_b_dec_to_input", "apply_b_pre", "subtract_b_dec")
_GATED = ("W_gate", "b_gate", "r_mag", "b_mag", "gate_bias", "mag_bias")
_NAMES = {
    "relu": "relu", "standard": "relu", "jumprelu": "jumprelu", "topk": "top", "top": "top", "batchtopk": "jumprelu",
}  # fmt: skip
_LARGEST = 1e30
_Finder = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """A dictionary of M rows for a value of n units.

    Attributes:
        encoder: Its rows, (M, n).
        bias: What is added to each sum, (M,).
        before: What is taken off what is read, (n,), where `is_taken_off`; 0 where the file has none.
        is_taken_off: Whether it is.
        is_said: Whether the file says whether it is.
        activation: `relu`, `jumprelu` or `top`.
        thresholds: Of a JumpReLU, (M,).
        k: Of the largest, how many pass; 0 where the file does not say.
        decoder: What each row adds to what is rebuilt, (M, n); None where the file has none.
        unread: Names in the file that mean nothing here.
    """

    encoder: Array
    bias: Array
    before: Array
    is_taken_off: bool
    is_said: bool
    activation: str
    thresholds: Array
    k: int
    decoder: Array | None
    unread: tuple[str, ...]

    def biases(self, taken_off: bool) -> Array:
        """Return what is added to the sums of the value itself, (M,), where `before` is taken off it or not."""
        return np.asarray(self.bias - self.encoder @ self.before) if taken_off else self.bias


@door("a sparse autoencoder")
def read_autoencoder(path: str, units: int) -> SparseAutoencoder:
    """Read a sparse autoencoder of a value from an `.npz` or `.safetensors` file.

    Args:
        path: The file.
        units: How many units the value has.

    Raises:
        UserError: It cannot be read, or holds none, or one of a value of another size.
    """
    where = label(path)
    if Path(path).suffix.lower() == ".safetensors":
        arrays = read_safetensors(read_bytes(path, NETWORK_BYTES), where)[0]
    else:
        arrays = read_npz(path, kinds=NUMBERS + TEXT)
    return autoencoder_of(arrays, where, units)


def autoencoder_of(arrays: Mapping[str, Array], where: str, units: int) -> SparseAutoencoder:
    """Return the sparse autoencoder that some arrays by name are.

    Raises:
        UserError: They are none, or one of a value of another size.
    """
    used: set[str] = set()

    def found(names: Sequence[str]) -> str | None:
        for name in names:
            held = [key for key in arrays if key == name or key.endswith(f".{name}")]
            if name in arrays or len(held) == 1:
                used.add(name if name in arrays else held[0])
                return name if name in arrays else held[0]
        return None

    gated = found(_GATED)
    if gated is not None:
        raise UserError(f"{where}: {visible(gated)} is of a gated autoencoder, whose rows are no sum behind a ReLU")
    encoder_name = found(_ENCODER)
    if encoder_name is None:
        there = ", ".join(visible(one) for one in list(arrays)[:8])
        raise UserError(f"{where}: holds no encoder, such as W_enc or encoder.weight; there are {there}")
    bias_name = found(_BIAS)
    bias = None if bias_name is None else _numbers(arrays[bias_name], where, bias_name).reshape(-1)
    encoder = _rows(arrays[encoder_name], where, encoder_name, units, None if bias is None else len(bias))
    rows = len(encoder)
    decoder_name, before_name = found(_DECODER), found(_BEFORE)
    decoder = None if decoder_name is None else _rows(arrays[decoder_name], where, decoder_name, units, rows)
    before = np.zeros(units) if before_name is None else _numbers(arrays[before_name], where, before_name).reshape(-1)
    if len(before) != units:
        raise UserError(f"{where}: {visible(str(before_name))} has {len(before)} numbers, and the value {units} units")
    said = found(_TAKEN_OFF)
    taken_off = before_name is not None and (said is None or bool(np.asarray(arrays[said]).reshape(-1)[:1].any()))
    activation, thresholds, k = _activation(arrays, found, where, rows)
    return SparseAutoencoder(
        encoder, np.zeros(rows) if bias is None else bias, before, taken_off, said is not None or before_name is None,
        activation, thresholds, k, decoder, tuple(name for name in arrays if name not in used),
    )  # fmt: skip


def _rows(array: Array, where: str, name: str, units: int, rows: int | None) -> Array:
    """Return a matrix with a row for each of the dictionary, whichever way it lies in the file."""
    numbers = _numbers(array, where, name)
    shape = "×".join(map(str, numbers.shape))
    if numbers.ndim != 2 or units not in numbers.shape:
        raise UserError(f"{where}: {visible(name)} is {shape}, and the value has {count_of(units, 'unit')}")
    across = f".{name}".endswith(tuple(f".{one}" for one in _ACROSS))
    if numbers.shape[0 if across else 1] != units:
        across = not across
    made = numbers.T if across else numbers
    if rows is not None and len(made) != rows:
        raise UserError(f"{where}: {visible(name)} is {shape}, for a dictionary of {count_of(rows, 'row')}")
    return made


def _numbers(array: Array, where: str, name: str) -> Array:
    if array.dtype.kind not in NUMBERS:
        raise UserError(f"{where}: {visible(name)} holds text, not numbers")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all() or float(np.abs(numbers).max(initial=0.0)) > _LARGEST:
        raise UserError(f"{where}: a number of {visible(name)} is not finite, or immense")
    return numbers


def _activation(arrays: Mapping[str, Array], found: _Finder, where: str, rows: int) -> tuple[str, Array, int]:
    """Return what the sums go through as the file says it: its name, thresholds (M,) and k."""
    thresholds, k = np.zeros(rows), 0
    threshold_name, log_name, k_name = found(_THRESHOLD), found(_LOG_THRESHOLD), found(_K)
    if threshold_name is not None or log_name is not None:
        name = threshold_name or log_name or ""
        numbers = _numbers(arrays[name], where, name).reshape(-1)
        if len(numbers) not in (1, rows):
            raise UserError(f"{where}: {visible(name)} has {len(numbers)} numbers, for {count_of(rows, 'row')}")
        with np.errstate(over="ignore"):
            thresholds = np.broadcast_to(numbers if threshold_name else np.exp(numbers), (rows,)).astype(np.float64)
    if k_name is not None:
        k = int(_numbers(arrays[k_name], where, k_name).reshape(-1)[0]) if arrays[k_name].size == 1 else 0
        if not 0 < k <= rows:
            raise UserError(f"{where}: {visible(k_name)} is no number of rows from 1 to {rows}")
    named = found(_ACTIVATION)
    if named is None or arrays[named].dtype.kind != TEXT or arrays[named].size != 1:
        return ("top" if k else "jumprelu" if threshold_name or log_name else "relu"), thresholds, k
    said = str(arrays[named].reshape(-1)[0])
    kind = _NAMES.get(said.lower().replace("_", "").replace("-", ""))
    if kind is None:
        raise UserError(f"{where}: {visible(named)} is `{visible(said[:30])}`; known are {', '.join(_NAMES)}")
    if kind == "top" and not k:
        raise UserError(f"{where}: says topk and not how many: it holds no k")
    if kind == "jumprelu" and threshold_name is None and log_name is None:
        raise UserError(f"{where}: says {visible(said[:30])} and holds no threshold")
    return kind, thresholds, k
