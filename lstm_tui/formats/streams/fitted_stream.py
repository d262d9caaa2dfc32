"""Recorded chunks as a network reads them: rows of its input, and outputs and states laid beside its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.compiler.ops import softmax
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.engine.runtime.chunked_run import ChunkedRun, refuse_both_ways
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.streams.recorded_stream import RecordedChunk, RecordedStream

_LONGEST_NAME = 40
_FULL = 1 << 15
"""What samples of 16 bits are divided by to be numbers from −1 to 1."""
_HALF = 8 * 2.0**-11
"""What float16 may be off by, of a size, after a few of them were added."""


@dataclass(frozen=True, eq=False)
class FittedChunk:
    """One chunk as the network reads it.

    Attributes:
        samples: What is new at each step, (n, F): the whole of its input where no context stands beside it.
        outputs: What was recorded of each step (m, K), or of the chunk, (1, K) with `by_step` False; None without.
        by_step: Whether there is an output for each step. There may be fewer or more than steps.
        states: States behind the chunk, (S,) each, by pass and name.
        stream: Which stream it belongs to.
        unit: Which of several outputs was recorded, where only one of them was; None where all were.
    """

    samples: Array
    outputs: Array | None
    by_step: bool
    states: Mapping[tuple[str, str], Array]
    stream: str
    unit: int | None = None

    @property
    def steps(self) -> int:
        """How many steps the network takes on it."""
        return len(self.samples)


@dataclass(frozen=True, eq=False)
class FittedStream:
    """A recording as a network reads it.

    Attributes:
        where: The file, safe to show.
        network: What is run: without its readout, where the recording holds what the top layer shows.
        chunks: In the order in which they came.
        context: How many numbers of before stand beside what is new at each step.
        divided: By what the input was divided that was recorded as whole numbers of 16 bits; 1 where it was not.
        softmax: Whether the outputs were recorded as logits, and are what a softmax makes of them.
        rounding: By how much what was recorded may be off, of its size, since it was kept in half precision.
    """

    where: str
    network: Network
    chunks: tuple[FittedChunk, ...]
    context: int = 0
    rounding: float = 0.0
    divided: int = 1
    softmax: bool = False

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams, in the order in which they begin."""
        return tuple(dict.fromkeys(one.stream for one in self.chunks))

    @property
    def steps(self) -> int:
        """How many steps there are in all."""
        return sum(one.steps for one in self.chunks)


def fitted(recorded: RecordedStream, network: Network, context: int = 0) -> FittedStream:
    """Return a recording as a network reads it.

    Args:
        recorded: What an application recorded.
        network: What it ran.
        context: How many numbers of before the network reads at each step, in front of those that are new.

    Raises:
        UserError: They do not belong together; the chunk is named.
    """
    refuse_both_ways(network)
    if context and (network.embedding is not None or context >= network.input_size):
        reads = "text" if network.embedding is not None else count_of(network.input_size, "number") + " at each step"
        raise UserError(f"network {network.name} reads {reads}: there is no room for a context of {context} before it")
    network = _saying_what_was_recorded(recorded, network, context)
    size = _outputs(network)
    said = [one for one in recorded.chunks if one.outputs is not None]
    one_of = size > 1 and bool(said) and all(_is_one_of(one, size) for one in said)
    size = 1 if one_of else size
    chunks = []
    for n, one in enumerate(recorded.chunks):
        where = f"{recorded.where}: chunk {n}"
        samples = _samples(one, network, context, where)
        outputs, by_step = _laid_out(one, len(samples), size, where)
        chunks.append(FittedChunk(samples, outputs, by_step, _states(one, network, where), one.stream))
    held = (array for one in recorded.chunks for array in (one.inputs, one.outputs) if array is not None)
    rounding = _HALF if any(array.dtype == np.float16 for array in held) else 0.0
    stream = FittedStream(recorded.where, network, tuple(chunks), context, rounding)
    if network.embedding is None and all(one.inputs.dtype == np.int16 for one in recorded.chunks):
        smaller = replace(
            stream, divided=_FULL, chunks=tuple(replace(one, samples=one.samples / _FULL) for one in stream.chunks)
        )
        stream = min((stream, smaller), key=lambda one: float(_beside_the_first(one).min()))
    if not one_of:
        return _from_logits(stream)
    unit = int(np.argmin(_beside_the_first(stream)))
    return replace(stream, chunks=tuple(replace(one, unit=unit) for one in stream.chunks))


def _from_logits(stream: FittedStream) -> FittedStream:
    """Return the stream with the softmax of its outputs where the network ends in one, and they are what goes into it.

    That is so where they are no probabilities, and the first chunk fits better so.
    """
    recorded = stream.chunks[0].outputs
    if stream.rounding or recorded is None or recorded.shape[-1] < 2 or is_distribution(recorded):
        return stream
    said = _said_of_the_first(stream)
    if not is_distribution(said):
        return stream
    with quiet():
        chunks = [one if one.outputs is None else replace(one, outputs=softmax(one.outputs)) for one in stream.chunks]
    made = replace(stream, softmax=True, chunks=tuple(chunks))
    return made if _beside_the_first(made, said).max() < _beside_the_first(stream, said).max() else stream


def _is_one_of(one: RecordedChunk, size: int) -> bool:
    """Say whether outputs are one number at each step, or of the chunk, and not all that the network says."""
    outputs = one.outputs
    return outputs is not None and bool(outputs.size) and outputs.size == max(outputs.shape, default=1) != size


def _said_of_the_first(stream: FittedStream) -> Array:
    """Return what the network says of the first chunk."""
    samples = stream.chunks[0].samples
    rows = in_context([samples], stream.context)[0] if stream.context else samples
    return ChunkedRun(stream.network).read(rows).outputs


def _beside_the_first(stream: FittedStream, said: Array | None = None) -> Array:
    """Return how far each output of the network is from what was recorded of the first chunk, (K,); ∞ is not known.

    Args:
        stream: The recording.
        said: What the network says of that chunk, where that is known.
    """
    first = stream.chunks[0]
    if first.outputs is None:
        return np.full(_outputs(stream.network), np.inf)
    said = _said_of_the_first(stream) if said is None else said
    mine = said[np.newaxis] if said.ndim == 1 else said
    count = min(len(mine), len(first.outputs)) if first.by_step else 1
    with np.errstate(all="ignore"):
        apart = np.abs(mine[-count:] - first.outputs[-count:]).max(axis=0)
    return np.asarray(np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def _outputs(network: Network) -> int:
    return network.outputs or _shown(network)


def _shown(network: Network) -> int:
    """Return how many numbers the top layer shows."""
    top = network.layers[-1].passes[0]
    return top.program.values[top.cell.output].size


def _saying_what_was_recorded(recorded: RecordedStream, network: Network, context: int) -> Network:
    """Return the network without its readout where outputs are as many as units of the top layer, and fit no other."""
    first = next((one for one in recorded.chunks if one.outputs is not None), None)
    if first is None or first.outputs is None or network.readout is None or not first.outputs.size:
        return network
    size, shown = first.outputs.size, _shown(network)
    said, width = network.outputs, first.outputs.shape[-1] if first.outputs.ndim else 1
    if (size % said and not size % shown) or (width == shown != said and not size % shown):
        return replace(network, readout=None, classes=())
    return network


def _samples(one: RecordedChunk, network: Network, context: int, where: str) -> Array:
    """Return what is new at each step of a chunk, (n, F)."""
    given = one.inputs
    if network.embedding is not None:
        return _embedded(given, network, where)
    width = network.input_size - context
    if given.dtype.kind == "b":
        raise UserError(f"{where}: its input holds True and False, not numbers; save it as float32 or float64")
    if not given.size:
        raise UserError(f"{where}: its input holds no numbers; give it at least a step")
    if given.ndim >= 2 and given.shape[-1] == network.input_size != width:
        given = given.reshape(-1, network.input_size)[:, context:]  # what the application read, its context included
    if given.size % width or (given.ndim >= 2 and given.shape[-1] not in (width, 1) and min(given.shape) > 1):
        shape = "×".join(map(str, given.shape)) or "one number"
        beside = f" beside a context of {context}" if context else ""
        raise UserError(f"{where}: its input is {shape}; the network reads {count_of(width, 'number')} a step{beside}")
    return np.asarray(given.reshape(-1, width), np.float64)


def _embedded(given: Array, network: Network, where: str) -> Array:
    assert network.embedding is not None
    known = len(network.embedding)
    ids = given.reshape(-1)
    if ids.dtype.kind == "f":
        whole = np.isfinite(ids) & (ids == np.floor(ids))
        if not whole.all():
            raise UserError(f"{where}: the network reads ids of tokens, which are whole numbers")
    if not ids.size or ids.min() < 0 or ids.max() >= known:
        raise UserError(f"{where}: the network knows the ids 0 to {known - 1}; the chunk holds others, or none")
    return np.asarray(network.embedding[ids.astype(np.int64)], np.float64)


def _laid_out(one: RecordedChunk, steps: int, size: int, where: str) -> tuple[Array | None, bool]:
    """Return the outputs of a chunk as rows (m, K), and whether they stand for steps."""
    if one.outputs is None:
        return None, False
    outputs = one.outputs
    last = outputs.shape[-1] if outputs.ndim else 1
    if not outputs.size or outputs.size % size or last not in (size, *((outputs.size,) if size == 1 else ())):
        has = "×".join(map(str, outputs.shape)) or "one number"
        raise UserError(f"{where}: its output is {has}; the network says {count_of(size, 'number')} at once")
    rows = np.asarray(outputs.reshape(-1, size), np.float64)
    return rows, len(rows) > 1 or steps == 1


def _states(one: RecordedChunk, network: Network, where: str) -> dict[tuple[str, str], Array]:
    """Return the states of a chunk by pass and name; `h` and `c` as PyTorch stacks them are those of every layer."""
    sizes = {
        (each.name, state): each.program.values[state].size for each in network.passes for state in each.cell.state
    }
    found: dict[tuple[str, str], Array] = {}
    for name, array in one.states.items():
        pass_name, slash, state = name.rpartition("/")
        if not slash:
            stack = [place for place in sizes if place[1] == name]
            if stack and array.size == sum(sizes[place] for place in stack):
                ends = np.cumsum([sizes[place] for place in stack])[:-1]
                found |= dict(zip(stack, np.split(np.asarray(array.reshape(-1), np.float64), ends), strict=True))
                continue
        place = (pass_name, state)
        if place not in sizes:
            known = [f"{owner}/{each}" for owner, each in sizes]
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(known[:6])}"
            raise UserError(f"{where}: {visible(name[:_LONGEST_NAME])!r} is no state of the network; {hint}")
        if array.size != sizes[place]:
            raise UserError(f"{where}: {name} holds {count_of(array.size, 'number')}; it should hold {sizes[place]}")
        found[place] = np.asarray(array.reshape(-1), np.float64)
    return found


def in_context(samples: Sequence[Array], context: int) -> list[Array]:
    """Return what a network reads, (n, C + F) of each chunk: in front of what is new, the end of what was before."""
    return with_contexts(samples, context, lambda n, t, before, now: before[-context:])


Context = Callable[[int, int, Array, Array], Array]
"""Number of the chunk, of the step in it, all samples before, those of the step: the context."""


def with_contexts(samples: Sequence[Array], context: int, of: Context, behind: bool = False) -> list[Array]:
    """Return what is read where a context of another kind stands in front of what is new, or behind it."""
    size = samples[0].shape[1]
    before = np.zeros(context + 2 * size)
    made = []
    for n, chunk in enumerate(samples):
        rows = np.empty((len(chunk), context + size))
        for t, now in enumerate(chunk):
            beside = of(n, t, before, now)
            rows[t] = np.concatenate([now, beside] if behind else [beside, now])
            before = np.concatenate([before, now])[-(context + 2 * size) :]
        made.append(rows)
    return made
