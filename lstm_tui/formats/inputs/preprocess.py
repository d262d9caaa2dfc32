"""Inputs of networks from other programs' files: ids, padding and masks as they were trained with, array ops below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence as InputSequence
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.answer import answered

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network
    from lstm_tui.formats.inputs.numeric_series import NumericSeries

PAD = "<pad>"
_MOST_JOINED = 4  # tokens that are written out where one step stands for several


def check_ids(array: Array, count: int, where: str) -> None:
    """Refuse what is not one column of ids.

    Raises:
        UserError: A number is no id; its row is named.
    """
    if array.shape[1] != 1:
        rows, columns = array.shape
        ids = bool(((array == np.floor(array)) & (array >= 0) & (array < count)).all())
        batch = f"a batch of {rows} sequences of {columns} ids is given one by one, each as a column"
        hint = batch if ids else "--layer gives a layer numbers"
        raise UserError(f"{where}: has {columns} columns, and ids are one column; {hint}")
    wrong = np.flatnonzero((array != np.floor(array)) | (array < 0) | (array >= count))
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{where}: {sentence(array[row, 0], 6)} in row {row} is no id; ids are whole numbers from 0 to {count - 1}"
        )


def ids_sequence(array: Array, file: str | None = None, line: int | None = None) -> InputSequence:
    """Return one column of ids (T, 1) as a sequence of tokens that are called by their ids."""
    ids = array[:, 0].astype(np.int64)
    return InputSequence("words", tuple(map(str, ids.tolist())), ids, (), None, file, line)


def as_trained(sequence: InputSequence, network: Network, where: str) -> InputSequence:
    """Return a sequence of ids as the network was trained to read it, with its answer behind it where it gives one.

    Raises:
        UserError: As `as_read`.
    """
    return answered(as_read(sequence, network, where), network)


def as_read(sequence: InputSequence, network: Network, where: str) -> InputSequence:
    """Return a sequence of ids as the network reads it: padded, without what is masked, through its front.

    Raises:
        UserError: Nothing of it is left, or the front cannot take it.
    """
    said = _said(network)
    if sequence.ids is None:
        return sequence
    pad, mask = said.get("pad"), said.get("mask_id")
    if isinstance(pad, list) and len(pad) == 2:
        number = said.get("pad_id")
        number = number if isinstance(number, int) and network.tokens is not None else 0
        name = network.tokens.vocabulary[number] if number and network.tokens is not None else PAD
        sequence = _padded(sequence, str(pad[0]), int(pad[1]), number, name)
    if isinstance(mask, int):
        sequence = _kept(sequence, np.flatnonzero(sequence.ids != mask), where)
    if network.front is None or sequence.ids is None:
        return sequence
    x = network.front.run({network.front.inputs[0]: sequence.ids})
    return _steps(sequence, x)


def unmasked(array: Array, network: Network, where: str) -> Array:
    """Return the rows of numbers that are not masked: masked padding never enters a pass.

    Raises:
        UserError: There is none.
    """
    value = _said(network).get("mask_value")
    if value is None:
        return array
    kept = np.asarray(array[(array != value).any(axis=1)])
    if not len(kept):
        raise UserError(f"{where}: every row is masked padding ({sentence(value, 6)}), so nothing enters the network")
    return kept


def through_front(source: NumericSeries, n: int, network: Network) -> Array:
    """Return what the front of a network makes of arrays, (T, I): by their names where it reads several.

    Raises:
        UserError: An array is missing, or the front cannot take it.
    """
    front = network.front
    assert front is not None
    if len(front.inputs) > 1 and source.names:
        return front.run(dict(zip(source.names, source.arrays, strict=True)))
    return front.run({front.inputs[0]: source.arrays[n]})


def reads_ids(network: Network) -> int:
    """Return how many ids the front of a network knows; 0 where it reads numbers."""
    front = network.front
    ids: Mapping[str, int] = getattr(front, "ids", {})
    return 0 if front is None or len(front.inputs) > 1 else ids.get(front.inputs[0], 0)


def _said(network: Network) -> Mapping[str, Any]:
    imported = network.card.get("imported")
    return imported if isinstance(imported, Mapping) else {}


def _padded(sequence: InputSequence, where: str, length: int, number: int, name: str) -> InputSequence:
    """Return a sequence of a length, filled with an id or cut at the same side."""
    assert sequence.ids is not None
    more = length - len(sequence)
    if more <= 0:
        places = np.arange(-more, len(sequence)) if where == "pre" else np.arange(length)
        return _chosen(sequence, places)
    ids, zeros = sequence.ids, np.full(more, number, np.int64)
    if where == "pre":
        tokens, shift = ((name,) * more + sequence.tokens), more
        return replace(sequence, tokens=tokens, ids=np.concatenate([zeros, ids]),
                       unknown=tuple(t + shift for t in sequence.unknown))  # fmt: skip
    return replace(sequence, tokens=sequence.tokens + (name,) * more, ids=np.concatenate([ids, zeros]))


def _kept(sequence: InputSequence, places: Array, where: str) -> InputSequence:
    if not len(places):
        raise UserError(f"{where}: every row is masked padding (id 0), so nothing enters the network")
    return sequence if len(places) == len(sequence) else _chosen(sequence, places)


def _chosen(sequence: InputSequence, places: Array) -> InputSequence:
    """Return some places of a sequence of ids as one of their own."""
    assert sequence.ids is not None
    old = {int(place): n for n, place in enumerate(places)}
    return replace(
        sequence,
        tokens=tuple(sequence.tokens[place] for place in old),
        ids=sequence.ids[places],
        unknown=tuple(old[t] for t in sequence.unknown if t in old),
    )


def _steps(sequence: InputSequence, x: Array) -> InputSequence:
    """Return the input of the lowest layer as a sequence; each step is called by the tokens it stands for."""
    each = -(-len(sequence) // len(x))
    tokens = tuple(f"t={t}" for t in range(len(x)))
    if each <= _MOST_JOINED and -(-len(sequence) // each) == len(x):
        joint = "" if sequence.kind == "chars" else " "
        tokens = tuple(joint.join(sequence.tokens[t * each : (t + 1) * each]) for t in range(len(x)))
    return InputSequence("numbers", tokens, None, (), x, sequence.file, sequence.line)
