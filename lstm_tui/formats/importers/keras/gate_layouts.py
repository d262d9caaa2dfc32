"""The weights of recurrent layers of Keras taken apart: as Keras 1, 2 and 3 keep them, and as cuDNN does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.keras.graph import KerasNode


class UnsupportedLayer(Exception):
    """Why a layer cannot be run, to be said with its name."""


def floats(weights: Sequence[Array]) -> list[Array]:
    """Return weights as float32, or float64 where they are.

    Raises:
        UnsupportedLayer: Some are whole numbers: they were quantised.
    """
    for one in weights:
        if one.dtype.kind != "f":
            raise UnsupportedLayer(f"it holds {one.dtype} numbers: quantised weights are not read")
    return [np.asarray(one, dtype=one.dtype if one.dtype == np.float64 else np.float32) for one in weights]


def gate_by_gate(kind: str, group: Sequence[Array]) -> bool:
    """Say whether the weights are those of Keras 1, which has some of each gate."""
    return len(group) == 3 * gate_layouts.GATE_COUNTS[kind] > 3


def count_biases(group: Sequence[Array]) -> int:
    """Return how many biases a direction has: cuDNN's way of keeping weights has two, and so has a GRU of Keras."""
    if len(group) != 3:
        return 0
    return 2 if group[2].size == 2 * group[1].size // max(group[1].shape[0], 1) else 1


def is_cudnn(kind: str, node: KerasNode, group: Sequence[Array]) -> bool:
    """Say whether the weights lie as the cuDNN library wants them: it has two biases, end to end."""
    if node.kind.startswith("CuDNN"):
        return True
    units = group[1].shape[0] if len(group) == 3 and group[1].ndim == 2 else 0
    return kind != "rnn" and units > 0 and group[2].shape == (2 * gate_layouts.GATE_COUNTS[kind] * units,)


def unpacked(
    kind: str,
    node: KerasNode,
    group: Sequence[Array],
    names: Sequence[str],
    order: str,
    biases: gate_layouts.BiasReading,
) -> tuple[str, dict[str, Array]]:  # fmt: skip
    """Return the cell and the parameters of one direction.

    Args:
        kind: lstm, gru or rnn.
        node: The layer.
        group: Its weights.
        names: Their names in the file, or none.
        order: The gates in the order of their columns.
        biases: How two biases, or one, are meant.

    Raises:
        UnsupportedLayer: The weights fit no such layer.
    """
    count = gate_layouts.GATE_COUNTS[kind]
    if gate_by_gate(kind, group):
        return _keras_1(kind, group, names)
    if len(group) not in (2, 3):
        raise UnsupportedLayer(f"it has {len(group)} weights, and {kind.upper()} has two or three")
    kernel, recurrent_kernel = group[0], group[1]
    bias = group[2] if len(group) == 3 else None
    units = recurrent_kernel.shape[0]
    if kernel.ndim != 2 or kernel.shape[1] != count * units or recurrent_kernel.shape != (units, count * units):
        shapes = " and ".join("×".join(map(str, one.shape)) for one in group[:2])
        raise UnsupportedLayer(f"weights of {shapes} fit no {kind.upper()}")
    w, u = kernel.T, recurrent_kernel.T
    if is_cudnn(kind, node, group):
        return _cudnn(kind, kernel, recurrent_kernel, bias, order, biases)
    if bias is None:
        after = bool(node.config.get("reset_after", False))
        return _cell(kind, after), gate_layouts.unpack(kind, order, w, u, reset_after=after)
    if kind == "gru" and bias.shape == (2, count * units):
        return "gru", gate_layouts.unpack(kind, order, w, u, *gate_layouts.meant(biases, bias[0], bias[1]))
    if bias.shape != (count * units,):
        raise UnsupportedLayer(f"a bias of {'×'.join(map(str, bias.shape))} fits no {kind.upper()} of {units} units")
    b, c = gate_layouts.meant(biases, bias, None)
    return _cell(kind, False), gate_layouts.unpack(kind, order, w, u, b, c, reset_after=False)


def _cell(kind: str, after: bool) -> str:
    return kind if kind != "gru" or after else "gru_reset_before"


def _cudnn(
    kind: str, kernel: Array, recurrent_kernel: Array, bias: Array | None, order: str, biases: gate_layouts.BiasReading
) -> tuple[str, dict[str, Array]]:
    """Take weights apart that lie as the cuDNN library wants them: each gate transposed, two biases."""
    inputs, units = kernel.shape[0], recurrent_kernel.shape[0]
    count = gate_layouts.GATE_COUNTS[kind]
    blocks = [one.T.reshape((inputs, units), order="F") for one in np.hsplit(kernel, count)]
    w = np.hstack(blocks).T
    u = np.hstack([one.T for one in np.hsplit(recurrent_kernel, count)]).T
    first = second = None
    if bias is not None:
        if bias.size != 2 * count * units:
            raise UnsupportedLayer(f"a bias of {bias.size} numbers fits no cuDNN layer of {units} units")
        first, second = gate_layouts.meant(biases, *bias.reshape(2, -1))
    return kind, gate_layouts.unpack(kind, order, w, u, first, second)


def _keras_1(kind: str, group: Sequence[Array], names: Sequence[str]) -> tuple[str, dict[str, Array]]:
    """Take weights apart that Keras 1 wrote gate by gate: W, U and b of each."""
    letters = "icfo" if kind == "lstm" else "zrh"
    given: dict[str, Array] = {}
    for n, letter in enumerate(letters):
        gate = {"c": "g", "h": "n"}.get(letter, letter)
        w, u, b = group[3 * n : 3 * n + 3]
        for m, what in enumerate("WUb"):
            name = names[3 * n + m] if len(names) == len(group) else f"_{what}_{letter}"
            if not name.split(":")[0].endswith(f"_{what}_{letter}"):
                raise UnsupportedLayer(
                    f"its weights are called {visible(names[3 * n + m])}, not as Keras 1 called them"
                )
        given |= {f"W_{gate}": w.T, f"U_{gate}": u.T, f"b_{gate}": b}
    return _cell(kind, False), given
