"""Edits in words: `forget bias of layer0.forward, unit 7: 1.00 → -4.00`."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.apply import Edited, exists, is_unknown, part_of, shape_of, units_meant
from lstm_tui.debugger.edits.equations import dropped, right_sides
from lstm_tui.debugger.edits.language import (
    CellEdit,
    CutEdit,
    Edit,
    HeldEdit,
    ModelEdit,
    PatchEdit,
    TeachEdit,
    TextEdit,
    TokenEdit,
    WeightEdit,
    WordsEdit,
    range_of,
)
from lstm_tui.debugger.edits.openings import asked, network_named, read_as, reread
from lstm_tui.debugger.edits.teaching import taught_words
from lstm_tui.debugger.unknown_words import unknown_word, words_known
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.compiler.roles import ranges_of
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.expression import Name, Product, walk
from lstm_tui.engine.model.more_words import new_words
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of, fixed, sentence
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span


def describe(
    edit: Edit,
    before: Edited,
    trace: Trace | None = None,
    made: Edited | None = None,
    ran: Trace | None = None,
    old: Array | None = None,
) -> str:
    """Return an edit in words; what it was and what it is are read back from what was run.

    Args:
        edit: What is changed.
        before: What was run before it.
        trace: That run, from which the old number of a value is told; None tells the new one only.
        made: What is run with it; None where it was not made yet.
        ran: That run; None where it is not at hand: what is then told is what was asked for.
        old: The weights that are meant as they were, where `made` has been written over them.
    """
    if isinstance(edit, TokenEdit):
        return _token(edit, before)
    if isinstance(edit, HeldEdit):
        return _value(edit, before, trace, ran)
    if isinstance(edit, CutEdit):
        return _cut(edit, before)
    if isinstance(edit, CellEdit):
        return _cell(edit, before, made)
    if isinstance(edit, ModelEdit):
        return _model(edit, before)
    if isinstance(edit, WordsEdit):
        words = new_words(edit.words, before.network)
        named = ", ".join(f"“{visible(word)}”" for word in words[:_MOST_UNKNOWN])
        more = f" and {len(words) - _MOST_UNKNOWN} more" if len(words) > _MOST_UNKNOWN else ""
        return f"{count_of(len(words), 'new word')}: {named}{more}, read so far as the unknown word is"
    if isinstance(edit, TeachEdit):
        return taught_words(edit, before.network, None if made is None else made.network)
    if isinstance(edit, TextEdit):
        return f"text: {_as_read(read_as(edit.text, before.network), before.network)}"
    return _weight(edit, before, made, weights_meant(edit, before) if old is None else old)


def weights_meant(edit: Edit, of: Edited) -> Array | None:
    """Return the numbers that an edit of weights means, (n,) of their own; None for any other edit.

    Raises:
        UserError: As `exists`.
    """
    if not isinstance(edit, WeightEdit):
        return None
    there = exists(edit, of.network)
    return np.array(part_of(edit, of.network)[there])


def effect(edit: Edit, before: Trace, after: Trace) -> str:
    """Return what is told of an edit that changed nothing, or no more than the value it sets; else nothing.

    Of a run in windows it is not known before all of it is computed.
    """
    if before.windows is not None or after.windows is not None:
        return ""
    old, new = series_of(before), series_of(after)
    if len(before.sequence) != len(after.sequence) or old.keys() != new.keys():
        return ""
    own = f"{edit.pass_name}.{edit.value}" if isinstance(edit, HeldEdit) else None
    changed = False
    for name, series in new.items():
        if not same_bits(old[name], series):
            changed = True
            if name != own:
                return ""
    return "; nothing else of this run changed" if changed else "; no number of this run changed"


def series_of(trace: Trace) -> dict[str, Array]:
    """Return every number of a run by name: values and inputs of passes, the readout, what the network says."""
    found: dict[str, Array] = {
        f"{name}.{value}": series for name, passed in trace.items() for value, series in passed.items()
    }
    found |= {f"{name}.x": passed.inputs["x"] for name, passed in trace.items() if "x" in passed.inputs}
    found |= {f"{READOUT}.{value}": series for value, series in trace.readout.items()}
    whole = {"output": trace.output, "result": trace.result}
    return found | {name: series for name, series in whole.items() if series is not None}


_COMPARED = 256
"""Steps that are compared together: the first that differ are enough."""


def same_bits(one: Array, other: Array) -> bool:
    """Say whether two series hold the same numbers, NaN at the same places."""
    if one.shape != other.shape:
        return False
    parts = ((one[base : base + _COMPARED], other[base : base + _COMPARED]) for base in range(0, len(one), _COMPARED))
    return all(np.array_equal(*part, equal_nan=True) for part in parts)


def _token(edit: TokenEdit, before: Edited) -> str:
    tokens = before.sequence.tokens
    old = visible(tokens[edit.t]) if edit.t < len(tokens) else "the end"
    known = before.network.tokens
    if edit.verb != "delete":
        strange = known is not None and is_unknown(edit.token, known)
        unknown = f"; {unknown_word(edit.token, known)}" if known is not None and strange else ""
        if edit.verb == "replace":
            return f"token {edit.t}: “{old}” → “{visible(edit.token)}”{unknown}"
        return f"“{visible(edit.token)}” inserted at {edit.t}, before “{old}”{unknown}"
    return f"token {edit.t}, “{old}”, deleted"


_MOST_UNKNOWN = 3


def _model(edit: ModelEdit, before: Edited) -> str:
    network = network_named(edit.name)
    was, now = visible(before.network.name), visible(network.name)
    instead = f"{now} instead of {was}" if was != now else f"{now} as its file has it"
    return f"{instead}: {_as_read(reread(before.sequence, network, before.network), network)}"


def _as_read(sequence: Sequence, network: Network) -> str:
    """Return how many tokens of a text a network knows, and the first that it does not."""
    if network.tokens is None or sequence.ids is None:
        return "it reads the same numbers"
    sequence = asked(sequence, network)
    unknown = tuple(dict.fromkeys(sequence.tokens[t] for t in sequence.unknown))
    if len(unknown) == 1:
        return f"{words_known(sequence)}; {unknown_word(unknown[0], network.tokens)}"
    named = ", ".join(f"“{visible(one)}”" for one in unknown[:_MOST_UNKNOWN])
    more = f" and {len(unknown) - _MOST_UNKNOWN} more" if len(unknown) > _MOST_UNKNOWN else ""
    return words_known(sequence) + (f"; unknown: {named}{more}" if unknown else "")


def _value(edit: HeldEdit, before: Edited, trace: Trace | None, ran: Trace | None) -> str:
    label = "input" if edit.value == "x" else _label(edit, before) or "value"
    units = units_meant(edit, before.network)
    steps = range_of(edit.steps, len(before.sequence))
    whole = edit.units == (None, None) and not edit.line
    shape = shape_of(edit.pass_name, edit.value, before.network)
    of = _units(edit.units, units) if shape is None or whole else _entries(shape, units, edit.value)
    where = f"{label} {edit.value} of {edit.pass_name}, {of}, {_steps(edit.steps, steps)}"
    old, new = (_first_number(one, edit, steps.start, units.start) for one in (trace, ran))
    one = len(units) == len(steps) == 1
    was = f"{fixed(old)} → " if one and old is not None else ""
    if isinstance(edit, PatchEdit):
        numbers = f"{was}{fixed(edit.rows[0][0] if new is None else new)}" if one else "numbers"
        return f"{where}: {numbers} from {visible(edit.origin) or 'elsewhere'}"
    if edit.verb == "scale":
        told = f", {was}{fixed(new)}{_outside(edit, before, new)}" if was and new is not None else ""
        return f"{where}: × {sentence(edit.number, 6)}{told}"
    held = "held at " if len(steps) > 1 else ""
    return f"{where}: {was}{held}{fixed(edit.number if new is None else new)}{_outside(edit, before, edit.number)}"


def _outside(edit: HeldEdit, before: Edited, number: float) -> str:
    """Return in which range the cell's own equation puts a value, where a number lies outside of it."""
    passed = next((one for one in before.network.passes if one.name == edit.pass_name), None)
    bounds = None if passed is None else ranges_of(passed.cell).get(edit.value)
    if bounds is None or not (number < bounds[0] or number > bounds[1]):
        return ""
    return f" (its equation gives {sentence(bounds[0])} to {sentence(bounds[1])})"


def _cut(edit: CutEdit, before: Edited) -> str:
    backward = any(one.direction == "backward" for one in before.network.passes)
    if edit.every:
        where = f"every {count_of(edit.every, 'token')}"
    else:
        where = ", ".join(_place(span, before.sequence) for span in edit.steps)
    if edit.kind == "reset":
        return f"states set back to those the network begins with, {where}" + ("; backward too" if backward else "")
    carried = "states are carried forwards"
    return f"a chunk begins {where}: {carried}" + (", and a backward pass begins anew" if backward else "")


def _place(span: Span, sequence: Sequence) -> str:
    places = range_of(span, len(sequence))
    if len(places) > 1:
        return f"before t={places.start}–{places.stop - 1}"
    return f"before t={places.start}, “{visible(sequence.tokens[places.start])}”"


def _first_number(trace: Trace | None, edit: HeldEdit, t: int, unit: int) -> float | None:
    """Return a number of a run; None without a run, and where one in windows would have to be computed to there."""
    if trace is None or (trace.windows is not None and not all(trace.is_ready(name, t) for name in trace)):
        return None
    return float(_series(trace, edit.pass_name, edit.value)[t : t + 1, unit : unit + 1].ravel()[0])


def _label(edit: HeldEdit, before: Edited) -> str:
    readout = before.network.readout
    if edit.pass_name == READOUT and readout is not None:
        return next(one.label for one in readout.page.equations if one.name == edit.value)
    return next(one for one in before.network.passes if one.name == edit.pass_name).cell.equation(edit.value).label


def _series(trace: Trace, owner: str, value: str) -> Array:
    if owner == READOUT:
        return trace.readout[value]
    return trace[owner].inputs["x"] if value == "x" else trace[owner][value]


def _cell(edit: CellEdit, before: Edited, made: Edited | None) -> str:
    changes = right_sides(edit, before.network)
    unused = dropped(edit, before.network)
    where = "all passes" if len(changes) > 1 and len(changes) == len(before.network.passes) else ", ".join(changes)
    first = next(one for one in before.network.passes if one.name in changes)
    if edit.verb == "let":
        old = first.cell.equation(edit.what)
        label = f"{old.label} {edit.what}" if old.label else edit.what
        said = f"{label} of {where} = {edit.text}, was {old.text.partition('=')[2].strip()}"
    else:
        equations = "; ".join(f"{value} = {text}" for value, text in changes[first.name].items())
        said = f"{ABLATIONS[edit.what]} ({where}: {equations})"
    said += f"; without {', '.join(unused)}" if unused else ""
    holds = () if made is None else made.holds
    held = dict.fromkeys(one.value for one in holds if one.value in changes.get(one.pass_name, {}))
    return said + (f"; where an edit holds {', '.join(held)}, that stays" if held else "")


def _weight(edit: WeightEdit, before: Edited, made: Edited | None, old: Array | None) -> str:
    owner, _, parameter = edit.tensor.rpartition("/")
    cells = {one.name: one.cell for one in before.network.passes}
    view = before.network.tensors()[edit.tensor]
    what = parameter_label(cells[owner], parameter) if owner in cells else parameter
    chosen = [range_of(span, size) for span, size in zip(edit.index, view.shape, strict=False)]
    places = [
        _units(span, one, "unit" if n == 0 else "column")
        for n, (span, one) in enumerate(zip(edit.index, chosen, strict=True))
    ]
    where = ", ".join([f"{what} of {owner}" if owner else what, *places])
    there = exists(edit, before.network)
    new = None if made is None else weights_meant(edit, made)
    masked = f" ({there.sum()} of {there.size}: the mask keeps the others at 0)" if not there.all() else ""
    was = f"{fixed(float(old[0]))} → " if there.size == 1 and old is not None else ""
    if edit.verb == "scale":
        return f"{where}: × {sentence(edit.number, 6)}{masked}" + (
            f", {was}{fixed(float(new[0]))}" if was and new is not None else ""
        )
    return f"{where}: {was}{fixed(edit.number if new is None else float(new[0]))}{masked}"


def parameter_label(cell: Cell, name: str) -> str:
    """Return what a parameter is: `forget bias`, `forget gate, weights of x (W_f)`."""
    for equation in cell.equations:
        for node in walk(equation.expression):
            if isinstance(node, Product) and node.matrix == name:
                of = node.operand.name if isinstance(node.operand, Name) else "a product"
                return f"{equation.label or equation.name}, weights of {of} ({name})"
            if isinstance(node, Name) and node.name == name:
                kind = "peephole" if name.startswith("p_") else "bias"
                return f"{(equation.label or equation.name).removesuffix(' gate')} {kind}"
    return name


def _units(span: Span, chosen: range, word: str = "unit") -> str:
    if span == (None, None):
        return f"all {word}s"
    return f"{word} {chosen.start}" if len(chosen) == 1 else f"{word}s {chosen.start}–{chosen.stop - 1}"


def _entries(shape: Shape, chosen: range, value: str) -> str:
    """Return some units of a matrix by their rows and columns, as they are typed: `S[2,3]`."""
    first, last = (f"{value}[{shape.written(unit)}]" for unit in (chosen.start, chosen.stop - 1))
    return first if len(chosen) == 1 else f"{first} to {last}"


def _steps(span: Span, chosen: range) -> str:
    if span == (None, None):
        return "at every step"
    return f"t={chosen.start}" if len(chosen) == 1 else f"t={chosen.start}–{chosen.stop - 1}"
