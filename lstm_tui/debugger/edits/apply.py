"""Edits applied to a network and a sequence: what is run instead, and which token came from where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cached_property
from math import inf, isnan

import numpy as np

from lstm_tui.debugger.edits.equations import changed_passes, with_changed_cells
from lstm_tui.debugger.edits.language import (
    CellEdit,
    CutEdit,
    Edit,
    HeldEdit,
    ModelEdit,
    NetworkEdit,
    PatchEdit,
    TeachEdit,
    TextEdit,
    TokenEdit,
    ValueEdit,
    WeightEdit,
    WordsEdit,
    range_of,
)
from lstm_tui.debugger.edits.openings import network_named, read_as, reread
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.edits.teaching import examples_of, taught
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest, no_pass
from lstm_tui.engine.model.cuts import TapeCut
from lstm_tui.engine.model.edited_tokens import edited_tokens
from lstm_tui.engine.model.more_words import new_words, with_words
from lstm_tui.engine.model.network import Network, Pass
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import Tokens, tokenize
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import READOUT, Hold
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.resets import cut_holds
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span


@dataclass(frozen=True, eq=False)
class Edited:
    """What is run after some edits.

    Attributes:
        network: The network, with its own copy of every weight when one was edited.
        sequence: The tokens.
        values: Values that are set or scaled.
        origins: For each place on the tape, the place of that token in the baseline; None where it was
            inserted. An opening begins another baseline.
        weights: Names of the parameters that were edited.
    """

    network: Network
    sequence: Sequence
    values: tuple[Hold, ...]
    origins: Origins
    weights: frozenset[str]

    @cached_property
    def holds(self) -> tuple[Hold, ...]:
        """All that is held in the run, whatever the equations say: values, and states as a step finds them."""
        return (*self.values, *cut_holds(self.network, self.sequence.cuts, len(self.sequence)))

    @classmethod
    def baseline(cls, network: Network, sequence: Sequence) -> Edited:
        """Return what is run without edits."""
        return cls(network, sequence, (), Origins.unchanged(len(sequence)), frozenset())


def apply(edits: Iterable[Edit], network: Network, sequence: Sequence, progress: Progress | None = None) -> Edited:
    """Apply edits in order.

    Args:
        edits: What is changed.
        network: The network that stays as it is.
        sequence: The tokens.
        progress: Told of what takes long.

    Raises:
        UserError: If one names what is not there, or a place outside the tape.
    """
    edited = Edited.baseline(network, sequence)
    for edit in edits:
        edited = after(edit, edited, network, progress)
    return edited


def edited_network(edits: Iterable[Edit], network: Network) -> Network:
    """Return a network with those edits made that change it, wherever it runs.

    Raises:
        UserError: If one names what is not there.
    """
    edited = Edited.baseline(network, Sequence("words", ()))
    for edit in edits:
        if isinstance(edit, NetworkEdit):
            edited = after(edit, edited, network)
    return edited.network


def not_written(edits: Iterable[Edit], initial: bool = False) -> Iterator[str]:
    """Yield what no file of a network says of a run: edits of its tokens and values, and states to begin with."""
    lost = [edit for edit in edits if not isinstance(edit, NetworkEdit)]
    if lost:
        kinds = (((TokenEdit, TextEdit), "tokens"), (HeldEdit, "values"), (CutEdit, "states"))
        told = " and ".join(noun for kind, noun in kinds if any(isinstance(edit, kind) for edit in lost))
        many = "they belong to this run" if len(lost) > 1 else "it belongs to this run"
        yield f"not written: {count_of(len(lost), 'edit')} of {told}, since {many} and not to the network"
    if initial:
        yield "not written: the states before the first step, which were given beside the network"


def after(edit: Edit, edited: Edited, opened: Network, progress: Progress | None = None) -> Edited:
    """Return what is run after one more edit.

    Args:
        edit: What is changed.
        edited: What was run before; its network is written to unless it is `opened`.
        opened: The network that stays as it is.
        progress: Told of what takes long.

    Raises:
        UserError: As `check`.
    """
    if isinstance(edit, ModelEdit):
        return _with_network(edit, edited)
    if isinstance(edit, TextEdit):
        return _with_text(edit, edited)
    if isinstance(edit, TeachEdit):
        network = taught(edit, edited.network, progress)
        return replace(edited, network=network, weights=edited.weights | network.tensors().keys())
    if isinstance(edit, WordsEdit):
        return _with_words(edit, edited)
    check(edit, edited)
    if isinstance(edit, TokenEdit):
        return _token(edit, edited)
    if isinstance(edit, HeldEdit):
        return replace(edited, values=(*edited.values, *holds_of(edit, edited)))
    if isinstance(edit, CutEdit):
        return replace(edited, sequence=edited.sequence.with_cuts((*edited.sequence.cuts, cut_of(edit, edited))))
    if isinstance(edit, CellEdit):
        return replace(edited, network=with_changed_cells(edit, edited.network))
    return _weight(edit, edited, first=edited.network is opened)


def _with_network(edit: ModelEdit, edited: Edited) -> Edited:
    """Return what is run when another network reads the tokens: its weights are as they are in its file."""
    found = network_named(edit.name)
    sequence = reread(edited.sequence, found, edited.network)
    # a copy, since a later edit may write to the weights
    return Edited.baseline(found.copy(), sequence.with_cuts(edited.sequence.cuts))


def _with_text(edit: TextEdit, edited: Edited) -> Edited:
    """Return what is run when another text is read; what is held at every step is held at every step of it."""
    sequence = read_as(edit.text, edited.network)
    whole = (0, len(edited.sequence))
    values = tuple(replace(hold, steps=(0, len(sequence))) for hold in edited.values if hold.steps == whole)
    sequence = sequence.with_cuts(tuple(cut for cut in edited.sequence.cuts if cut.every))
    return replace(edited, sequence=sequence, values=values, origins=Origins.unchanged(len(sequence)))


def _with_words(edit: WordsEdit, edited: Edited) -> Edited:
    """Return what is run when the network reads more words: those of them that stand on the tape are known now."""
    network, sequence = with_words(edited.network, edit.words), edited.sequence
    assert network.tokens is not None, "it reads words"
    if sequence.ids is not None:
        ids, unknown = network.tokens.encode(sequence.tokens)
        places = [t for t in sequence.unknown if t not in frozenset(unknown)]
        known = sequence.ids.copy()  # what was known keeps its id: it may stand for what pads a text
        known[places] = ids[places]
        sequence = replace(
            sequence, ids=known, unknown=tuple(t for t in sequence.unknown if t not in frozenset(places))
        )
    return replace(edited, network=network, sequence=sequence, origins=Origins.unchanged(len(sequence)))


def check(edit: Edit, edited: Edited) -> None:
    """Say whether an edit can be made, without making it.

    Raises:
        UserError: If it names what is not there, a place outside the tape, or no number.
    """
    if isinstance(edit, TokenEdit):
        _check_token(edit, edited)
        return
    if isinstance(edit, TeachEdit):
        examples_of(edit, edited.network)
        return
    if isinstance(edit, WordsEdit):
        new_words(edit.words, edited.network)
        return
    if isinstance(edit, ModelEdit | TextEdit):
        after(edit, edited, edited.network)
        return
    if isinstance(edit, CellEdit):
        changed_passes(edit, edited.network)
        return
    if isinstance(edit, CutEdit):
        cut_of(edit, edited)
        return
    numbers = [number for row in edit.rows for number in row] if isinstance(edit, PatchEdit) else [edit.number]
    if any(map(isnan, numbers)):
        raise UserError("NaN is no number that can be set: give one such as 0 or -4.5; `break nan` stops at an ∞ too")
    largest = float(np.finfo(edited.network.dtype).max)
    if too_large := [number for number in numbers if largest < abs(number) < inf]:
        raise UserError(f"{too_large[0]!r} is more than a {edited.network.dtype} of this network holds: inf is ∞")
    if isinstance(edit, HeldEdit):
        holds_of(edit, edited)
    elif not exists(edit, edited.network).any():
        owner, _, name = edit.tensor.rpartition("/")
        cell = next(one.cell.name for one in edited.network.passes if one.name == owner)
        raise UserError(f"nothing there is a weight: the mask of {visible(cell)} keeps that part of {name} at 0")


def _check_token(edit: TokenEdit, edited: Edited) -> None:
    sequence, network = edited.sequence, edited.network
    if network.tokens is None or sequence.ids is None:
        instead = "set x instead, as in `set layer0.forward.x[0] @ 3 = 1.5`"
        if network.is_part:
            why = network.why_no_tokens or "what makes numbers of the tokens is not run here"
            raise UserError(
                f"{visible(network.name)} is one module, and {visible(why)}: {instead}, or give capture() another batch"
            )
        raise UserError(f"this network reads numbers: {instead}")
    last = len(sequence) - (edit.verb != "insert")
    if not 0 <= edit.t <= last:
        raise UserError(f"there is no place {edit.t} on this tape: it has {len(sequence)} tokens, from 0")
    if edit.verb == "delete" and len(sequence) == 1:
        raise UserError("the last token that is left cannot be deleted")
    if edit.verb != "delete":
        _read(edit.token, network.tokens)


def _token(edit: TokenEdit, edited: Edited) -> Edited:
    sequence, network = edited.sequence, edited.network
    assert network.tokens is not None
    assert sequence.ids is not None
    tokens, origins = sequence.tokens, edited.origins
    ids, unknown = sequence.ids, [t for t in sequence.unknown if edit.verb == "insert" or t != edit.t]
    shift = {"replace": 0, "insert": 1, "delete": -1}[edit.verb]
    if edit.verb == "delete":
        tokens, origins = edited_tokens(tokens, edit.t, edit.t + 1, ()), origins.deleted(edit.t)
        ids = np.delete(ids, edit.t)
    else:  # the rest keeps its ids: what pads a text, or was unknown, is not looked up again
        token, number = _read(edit.token, network.tokens)
        place = slice(edit.t, edit.t + (edit.verb == "replace"))
        tokens = edited_tokens(tokens, place.start, place.stop, (token,))
        ids = np.concatenate([ids[: place.start], [number], ids[place.stop :]])
        origins = origins.inserted(edit.t) if edit.verb == "insert" else origins
    places = tuple(t + shift * (t >= edit.t) for t in unknown)
    if edit.verb != "delete" and is_unknown(token, network.tokens):
        places = tuple(sorted((*places, edit.t)))
    sequence = replace(sequence, tokens=tokens, ids=ids.astype(np.int64, copy=False), unknown=places)
    values = tuple(moved for hold in edited.values if (moved := hold.shifted(edit.t, shift)) is not None)
    sequence = sequence.with_cuts(tuple(cut.shifted(edit.t, shift) for cut in sequence.cuts))
    return replace(edited, sequence=sequence, origins=origins, values=values)


def _read(token: str, known: Tokens) -> tuple[str, int]:
    """Return a token that is put on the tape, and its id; of pieces, a word that is one piece is that piece.

    A word that is not known is read as it is in a file: as the unknown one, where the network has such.

    Raises:
        UserError: It is more than one token, or the network has nothing for what it does not know.
    """
    ids, unknown = known.encode([token])
    if not unknown:
        return token, int(ids[0])
    name = visible(token)
    if known.definition:
        from lstm_tui.formats.inputs.tokenizer import splitter

        pieces, numbers, _ = splitter(known.definition).split(token, special=False)
        if len(pieces) == 1 and 0 <= numbers[0] < len(known.vocabulary) and numbers[0] != known.unknown_id:
            return known.vocabulary[numbers[0]], numbers[0]
        if len(pieces) > 1:
            raise UserError(_several(name, pieces, "pieces"))
    elif known.kind in ("words", "chars", "bytes") and len(made := tokenize(token, known.kind)) > 1:
        raise UserError(_several(name, made, known.kind))
    if known.are_ids or known.definition or not 0 <= known.unknown_id < len(known.vocabulary):
        raise UserError(f"“{name}” is not in the vocabulary{_known_like(token, known)}")
    return token, known.unknown_id


def is_unknown(token: str, known: Tokens) -> bool:
    """Say whether a network reads a token as the unknown one."""
    return bool(known.encode([token])[1])


def _several(name: str, pieces: Items[str], kind: str) -> str:
    made = " ".join(visible(piece) for piece in pieces[:8])
    return f"“{name}” is {len(pieces)} {kind} here, and an edit takes one: {made}"


def _known_like(token: str, known: Tokens) -> str:
    """Return what to write instead of a token that is not known."""
    near = known.near(token, 1)
    return f"; did you mean “{visible(near[0])}”?" if near else "; any token of it can be completed with tab"


def cut_of(edit: CutEdit, edited: Edited) -> TapeCut:
    """Return where an edit cuts the tape.

    Raises:
        UserError: If it names no place of it.
    """
    if edit.every:
        return TapeCut(edit.kind, (), edit.every)
    if (None, None) in edit.steps:
        return TapeCut(edit.kind, (), 1)
    places = {t for span in edit.steps for t in range_of(span, len(edited.sequence))}
    if not places or any(not range_of(span, len(edited.sequence)) for span in edit.steps):
        raise UserError(f"this tape has {len(edited.sequence)} tokens, from 0: nothing to {edit.kind} is there")
    return TapeCut(edit.kind, tuple(sorted(places)))


def holds_of(edit: HeldEdit, edited: Edited) -> tuple[Hold, ...]:
    """Return what an edit holds: one value over its steps, or of a patch, numbers of their own at each step.

    Raises:
        UserError: If it names what is not there, a place outside the tape, or has not a number for each unit and step.
    """
    units, steps = _held(edit, edited)
    name, value, between = edit.pass_name, edit.value, (units.start, units.stop)
    if isinstance(edit, ValueEdit):
        return (Hold(name, value, between, (steps.start, steps.stop), edit.verb, edit.number),)
    if len(edit.rows) != len(steps) or len(edit.rows[0]) != len(units):
        has = f"{count_of(len(edit.rows), 'step')} of {count_of(len(edit.rows[0]), 'unit')}"
        wanted = f"{count_of(len(steps), 'step')} of {count_of(len(units), 'unit')}"
        raise UserError(f"this patch holds numbers for {has}, and {wanted} of {name}.{value} are meant")
    return tuple(Hold(name, value, between, (t, t + 1), "set", row) for t, row in zip(steps, edit.rows, strict=True))


def _held(edit: HeldEdit, edited: Edited) -> tuple[range, range]:
    """Return the units and the steps that are meant."""
    name, known = edit.pass_name, sizes_of(edit.pass_name, edited.network)
    if edit.value not in known:
        cell = next((one.cell for one in edited.network.passes if one.name == name), None)
        if cell is not None and edit.value in (*cell.fixed, *cell.counted):
            raise UserError(f"{edit.value} is fixed by the cell of {name}: only what it computes can be set")
        near = nearest(edit.value, known)
        what = "series" if name == READOUT else "value"
        raise UserError(f"{name} has no {what} {edit.value}" + (f"; did you mean {near}?" if near else ""))
    units = units_meant(edit, edited.network)
    steps = range_of(edit.steps, len(edited.sequence))
    if not units:
        raise UserError(f"{name}.{edit.value} has {known[edit.value]} units, from 0: none of them is meant")
    if not steps:
        raise UserError(f"this tape has {len(edited.sequence)} tokens, from 0: no step of it is meant")
    return units, steps


def shape_of(name: str, value: str, network: Network) -> Shape | None:
    """Return the heads, rows and columns of a value of a pass; None of one that is no matrix, and of the readout."""
    return next((one.program.matrices.get(value) for one in network.passes if one.name == name), None)


def units_meant(edit: HeldEdit, network: Network) -> range:
    """Return which units of its value an edit means, counted through; none where there are no such.

    Raises:
        UserError: A line of a matrix is meant, and the value is none or has no such line.
    """
    size = sizes_of(edit.pass_name, network).get(edit.value, 0)
    if not edit.line:
        return range_of(edit.units, size)
    shape = shape_of(edit.pass_name, edit.value, network)
    if shape is None:
        raise UserError(f"{edit.pass_name}.{edit.value} has no rows and columns: its units are {edit.value}[0] …")
    begin = shape.find(edit.value, (*edit.line, 0))
    columns = range_of(edit.units, shape.columns)
    if not columns:
        raise UserError(f"{edit.value} has {count_of(shape.columns, 'column')}, from 0")
    return range(begin + columns.start, begin + columns.stop)


def by_entry(edit: Edit, network: Network) -> Edit:
    """Return an edit that names units of a matrix as the screen does, by row and columns; any other as it is."""
    if not isinstance(edit, HeldEdit) or edit.line or edit.units == (None, None):
        return edit
    shape = shape_of(edit.pass_name, edit.value, network)
    units = range_of(edit.units, 0 if shape is None else shape.numbers)
    if shape is None or not units:
        return edit
    head, row, column = shape.place(units.start)
    if shape.place(units.stop - 1)[:2] != (head, row):
        return edit  # it goes over several rows
    line = (row,) if shape.heads == 1 else (head, row)
    return replace(edit, line=line, units=(column, column + len(units)))


def sizes_of(name: str, network: Network) -> dict[str, int]:
    """Return how many units each value has that can be held in a pass, or in the readout.

    Raises:
        UserError: If there is no such pass.
    """
    if name == READOUT:
        if network.readout is None:
            raise UserError("this network has no readout")
        values = network.readout.program.values
        return {one: values[one].size for one in network.readout.page.series}
    program = _pass(name, network).program
    return {"x": program.input_size, **{one: slot.size for one, slot in program.values.items()}}


def _pass(name: str, network: Network) -> Pass:
    for one in network.passes:
        if one.name == name:
            return one
    raise no_pass(name, [one.name for one in network.passes])


def _weight(edit: WeightEdit, edited: Edited, first: bool) -> Edited:
    network = edited.network.copy() if first else edited.network
    view, index = _place(edit, network)
    with np.errstate(all="ignore"):
        if edit.verb == "set":
            view[index] = edit.number
        else:
            view[index] *= view.dtype.type(edit.number)
    network.apply_masks()
    return replace(edited, network=network, weights=edited.weights | {edit.tensor})


def exists(edit: WeightEdit, network: Network) -> Array:
    """Return which of the numbers that are meant are weights, and not kept at 0 by a mask.

    Raises:
        UserError: If there is no such parameter, or nothing of it is meant.
    """
    there = part_of(edit, network)
    owner, _, name = edit.tensor.rpartition("/")
    masks = (one.program.parameters[name].mask for one in network.passes if one.name == owner)
    mask = next(masks, None)
    return np.ones(there.shape, dtype=np.bool_) if mask is None else mask[_place(edit, network)[1]]


def part_of(edit: WeightEdit, network: Network) -> Array:
    """Return the numbers of a parameter that are meant, as a view.

    Raises:
        UserError: If there is no such parameter, or nothing of it is meant.
    """
    view, index = _place(edit, network)
    return view[index]


def _place(edit: WeightEdit, network: Network) -> tuple[Array, tuple[slice, ...]]:
    """Return a parameter and the part of it that is meant."""
    tensors = network.tensors()
    if edit.tensor not in tensors:
        near = nearest(edit.tensor, tensors)
        hint = f"; did you mean {near}?" if near else ""
        raise UserError(f"there is no parameter {visible(edit.tensor)}{hint}")
    view = tensors[edit.tensor]
    return view, _index(edit.index, view.shape, edit.tensor)


def _index(spans: tuple[Span, ...], shape: tuple[int, ...], name: str) -> tuple[slice, ...]:
    if len(spans) > len(shape):
        raise UserError(f"{name} has {len(shape)} index{'es' * (len(shape) > 1)}, not {len(spans)}")
    result: list[slice] = []
    for span, size in zip(spans, shape, strict=False):
        chosen = range_of(span, size)
        if not chosen:
            raise UserError(f"{name} is {'×'.join(str(n) for n in shape)}, counted from 0: nothing there is meant")
        result.append(slice(chosen.start, chosen.stop))
    return tuple(result)
