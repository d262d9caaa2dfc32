"""One example, what is wanted of it, and the loss and gradient that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_tui.analysis.train.penalties import Penalty, penalised
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.run import gradients, run_arrays

NOT_COUNTED = -1
"""A target id that asks for nothing at its token."""

_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Example:
    """A sequence and what the network should say of it.

    Attributes:
        read: Ids (T,) of tokens, or numeric rows (T, I).
        target: A class (one verdict of the whole), ids (T,) of the wanted token at each step (`NOT_COUNTED`: none), or
            rows (T, K) of wanted numbers (NaN: none).
        weight: How much each step counts, (T,); None: all the same.
    """

    read: Array
    target: int | Array
    weight: Array | None = None


@dataclass(frozen=True, eq=False)
class Loss:
    """What one example gave.

    Attributes:
        total: The loss summed over what was counted: natural-log cross-entropy, or half the squared error; and the
            penalties of all steps.
        counted: Over how many targets.
        gradients: Of the total, by the arrays of `optimiser.weights_of` other than the embedding.
        d_x: Of the total, by the input of the lowest layer, (T, I).
    """

    total: float
    counted: int
    gradients: dict[str, Array]
    d_x: Array


def next_tokens(ids: Array, weight: Array | None = None) -> Example:
    """Return the example of a language model: at each token, the next one.

    Args:
        ids: (T + 1,), at least two.
        weight: How much each of them counts as a target, (T + 1,).
    """
    return Example(ids[:-1], ids[1:], None if weight is None else weight[1:])


def next_rows(rows: Array) -> Example:
    """Return the example of a forecast: at each row (T + 1, I), the next one."""
    return Example(rows[:-1], rows[1:])


def loss_and_gradients(
    network: Network, example: Example, interpreter: str | None = None, penalties: Sequence[Penalty] = ()
) -> Loss:
    """Run a network over one example and take the loss, with its penalties, back through it.

    Raises:
        ValueError: If the target does not fit what the network says, or a penalty is put on what it does not compute.
    """
    ran = run_arrays(network, input_array(network, example.read), interpreter, keep_rows=True)
    if ran.readout is None or network.readout is None:
        raise ValueError("a network without a readout says nothing that could be trained")
    said = ran.readout.values[network.readout.page.result]
    total, counted, d_said = loss_of(said, example)
    price, d_values = penalised(ran, penalties)
    flats, d_x, _ = gradients(ran, d_said, d_values, every_slot=False)
    _still(network, flats)
    return Loss(total + price, counted, flats, d_x)


def _still(network: Network, flats: Mapping[str, Array]) -> None:
    """Leave the constants of the equations, which lie among the parameters, without a gradient: they are no weights."""
    programs = {one.name: one.program for one in network.passes}
    if network.readout is not None:
        programs[READOUT] = network.readout.program
    for name, program in programs.items():
        for offset, numbers in program.constants:
            flats[name][offset : offset + len(numbers)] = 0


def input_array(network: Network, read: Array) -> Array:
    """Return what the lowest layer reads, (T, I), in the dtype of the weights."""
    if read.ndim == 1 and network.embedding is not None:
        rows: Array = network.embedding[read]
        return rows
    return np.ascontiguousarray(read, dtype=network.dtype)


def loss_of(said: Array, example: Example) -> tuple[float, int, Array]:
    """Return the loss of what a network said, how many targets it counts, and the gradient by what was said."""
    target = example.target
    d_said = np.zeros_like(said)
    if isinstance(target, int | np.integer):
        if said.ndim != 1:
            raise ValueError("one class is wanted, but the network says something at every token")
        p = max(float(said[target]), _LEAST)
        d_said[target] = -1 / p
        return float(-np.log(p)), 1, d_said
    if said.ndim != 2 or len(said) != len(target):
        raise ValueError("a target for every token is wanted, but the network gives one verdict")
    weight = np.ones(len(said), said.dtype) if example.weight is None else example.weight.astype(said.dtype)
    if target.ndim == 1:
        places = np.flatnonzero((target != NOT_COUNTED) & (weight > 0))
        chosen = np.maximum(said[places, target[places]], said.dtype.type(_LEAST))
        d_said[places, target[places]] = -weight[places] / chosen
        return float(-(weight[places] * np.log(chosen)).sum()), len(places), d_said
    wanted = ~np.isnan(target)
    missing = np.where(wanted, said - np.nan_to_num(target), 0).astype(said.dtype)
    d_said[...] = weight[:, None] * missing
    return float((d_said * missing).sum() / 2), int(wanted.sum()), d_said


def mean_loss(network: Network, examples: Sequence[Example], interpreter: str | None = None) -> float:
    """Return the mean loss by target over examples, without gradients."""
    interpreter = chosen(interpreter, sum(len(example.read) for example in examples), len(network.passes))
    total, counted = 0.0, 0
    for example in examples:
        ran = run_arrays(network, input_array(network, example.read), interpreter)
        if ran.readout is None or network.readout is None:
            raise ValueError("a network without a readout says nothing that could be scored")
        one, count, _ = loss_of(ran.readout.values[network.readout.page.result], example)
        total, counted = total + one, counted + count
    return total / max(counted, 1)
