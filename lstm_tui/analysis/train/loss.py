"""One example, what is wanted of it, and the loss and gradient that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lstm_tui.analysis.train.penalties import Penalty, penalised
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Workspace
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.batch import (
    Batch,
    ToRun,
    gradients_together,
    parts_of_rows,
    readout_together,
    run_each,
    run_together,
    values_outside,
)
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.run import gradients, run_arrays

NOT_COUNTED = -1
"""A target id that asks for nothing at its token."""

MOST_BYTES = 256 * 2**20
"""Most that what is computed of examples together may take."""
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
    price, d_values = penalised(network, {name: one.values for name, one in ran.stored.items()}, penalties)
    flats, d_x, _ = gradients(ran, d_said, d_values, every_slot=False)
    _still(network, flats)
    return Loss(total + price, counted, flats, d_x)


def losses_and_gradients(
    network: Network,
    examples: Sequence[Example],
    interpreter: str | None = None,
    penalties: Sequence[Penalty] = (),
    workspace: Workspace | None = None,
) -> Loss:
    """Run a network over examples together and take their losses back through it; `d_x` has their tokens in order.

    The gradients are summed over the examples in a fixed order. As many are run together as memory is allowed; what
    cannot be run so is run one by one.

    Args:
        network: What is run.
        examples: One at least.
        interpreter: numpy or numba; by default the one that is done sooner.
        penalties: What else is to stay small.
        workspace: Memory that is used again.

    Raises:
        ValueError: If a target does not fit what the network says, or there is no example.
    """
    rows = sum(len(example.read) for example in examples)
    interpreter = chosen(interpreter, rows, len(network.passes))
    fits = rows * bytes_back(network) <= MOST_BYTES
    if not fits and len(examples) > 1:
        half = len(examples) // 2
        some = [
            losses_and_gradients(network, part, interpreter, penalties, workspace)
            for part in (examples[:half], examples[half:])
        ]
        return summed(some)
    if workspace is not None:
        workspace.begin()
    batch = None
    if interpreter == "numba" and all(len(example.read) for example in examples):
        given = [ToRun(input_array(network, example.read)) for example in examples]
        if fits and network.readout is not None:
            outside = values_outside(network, (name for one in penalties for name in one.names))
            batch = run_together(network, given, outside, workspace)
    if batch is None:
        return _one_by_one(network, examples, interpreter, penalties)
    total, counted = 0.0, 0
    parts, wanted = _parts(batch, examples)

    def loss(number: int, said: Array, d_said: Array) -> None:
        nonlocal total, counted
        one, count, _ = loss_of(said, wanted[number], d_said)
        total, counted = total + one, counted + count

    by_readout, by_input = readout_together(batch, parts, loss, workspace)
    price, d_values = _prices(batch, penalties)
    flats, d_rows = gradients_together(batch, by_input, d_values, workspace)
    flats[READOUT] = by_readout
    _still(network, flats)
    place_of = {place: n for n, place in enumerate(batch.places)}
    steps = [batch.stack.steps_of(place_of[n]) for n in range(len(examples))]
    return Loss(total + price, counted, flats, np.concatenate([d_rows[rows] for rows in steps]))


def _one_by_one(network: Network, examples: Sequence[Example], interpreter: str, penalties: Sequence[Penalty]) -> Loss:
    return summed([loss_and_gradients(network, example, interpreter, penalties) for example in examples])


def summed(losses: Sequence[Loss]) -> Loss:
    """Return the sum of some losses, one at least, in their order; the gradients of the first are written over."""
    gradients = losses[0].gradients
    for one in losses[1:]:
        for name, gradient in one.gradients.items():
            gradients[name] += gradient
    d_x = np.concatenate([one.d_x for one in losses])
    return Loss(sum(one.total for one in losses), sum(one.counted for one in losses), gradients, d_x)


def _parts(batch: Batch, examples: Sequence[Example]) -> tuple[list[slice], list[Example]]:
    """Return the rows whose readout is evaluated together, and what is wanted of each such part."""
    stack, mine = batch.stack, [examples[place] for place in batch.places]
    each = [stack.steps_of(n) for n in range(len(mine))]
    parts = parts_of_rows(batch)
    targets = [one.target for one in mine if isinstance(one.target, np.ndarray)]
    fit = [len(target) for target in targets] == list(stack.lengths)
    if parts == each or not fit or len({(target.ndim, target.shape[1:]) for target in targets}) != 1:
        return each, mine
    target = np.full((stack.rows, *targets[0].shape[1:]), NOT_COUNTED if targets[0].ndim == 1 else np.nan)
    target = target.astype(targets[0].dtype)
    weight = np.ones(stack.rows, batch.x.dtype)
    for rows, one in zip(each, mine, strict=True):
        target[rows] = one.target
        if one.weight is not None:
            weight[rows] = one.weight
    return parts, [Example(batch.x[rows], target[rows], weight[rows]) for rows in parts]


def _prices(batch: Batch, penalties: Sequence[Penalty]) -> tuple[float, dict[str, dict[str, Array]]]:
    """Return the prices of all sequences, and their gradient by values of the passes, (rows, n) each in tape order."""
    total = 0.0
    found: dict[str, dict[str, Array]] = {}
    for n in range(len(batch.places) if penalties else 0):
        price, slopes = penalised(batch.network, batch.values_of(n), penalties)
        total += price
        for name, by_value in slopes.items():
            for value, slope in by_value.items():
                rows = found.setdefault(name, {})
                if value not in rows:
                    rows[value] = np.zeros((batch.stack.rows, slope.shape[1]), slope.dtype)
                rows[value][batch.stack.steps_of(n)] = slope
    return total, found


def bytes_back(network: Network) -> int:
    """Return how many bytes a token takes at most while gradients are computed of many sequences."""
    return 2 * sum(one.program.width for one in network.passes) * network.dtype.itemsize


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


def loss_of(said: Array, example: Example, out: Array | None = None) -> tuple[float, int, Array]:
    """Return the loss of what a network said, how many targets it counts, and the gradient by it, in `out` if given."""
    target = example.target
    d_said = np.empty_like(said) if out is None else out
    d_said[...] = 0
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
    given = (ToRun(input_array(network, example.read)) for example in examples)
    for example, ran in zip(examples, run_each(network, given, interpreter), strict=True):
        if ran.readout is None or network.readout is None:
            raise ValueError("a network without a readout says nothing that could be scored")
        one, count, _ = loss_of(ran.readout.values[network.readout.page.result], example)
        total, counted = total + one, counted + count
    return total / max(counted, 1)
