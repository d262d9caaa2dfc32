"""Edits in words: `forget bias of layer0.forward, unit 7: 1.00 → -4.00`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.ablations import ABLATIONS
from lstm_tui.debugger.cell_edits import dropped, right_sides
from lstm_tui.debugger.edits import Edited, sizes_of
from lstm_tui.debugger.recipe import CellEdit, Edit, Span, TokenEdit, ValueEdit, WeightEdit, range_of
from lstm_tui.engine.cell import Cell
from lstm_tui.engine.expression import Name, Product, walk
from lstm_tui.engine.holds import READOUT
from lstm_tui.engine.number_text import fixed, sentence
from lstm_tui.engine.trace import Trace
from lstm_tui.engine.visible import visible


def describe(edit: Edit, before: Edited, trace: Trace | None = None) -> str:
    """Return an edit in words.

    Args:
        edit: What is changed.
        before: What was run before it.
        trace: That run, from which the old number of a value is told; None tells the new one only.
    """
    if isinstance(edit, TokenEdit):
        return _token(edit, before)
    if isinstance(edit, ValueEdit):
        return _value(edit, before, trace)
    if isinstance(edit, CellEdit):
        return _cell(edit, before)
    return _weight(edit, before)


def _token(edit: TokenEdit, before: Edited) -> str:
    tokens = before.sequence.tokens
    old = visible(tokens[edit.t]) if edit.t < len(tokens) else "the end"
    if edit.verb == "replace":
        return f"token {edit.t}: “{old}” → “{visible(edit.token)}”"
    if edit.verb == "insert":
        return f"“{visible(edit.token)}” inserted at {edit.t}, before “{old}”"
    return f"token {edit.t}, “{old}”, deleted"


def _value(edit: ValueEdit, before: Edited, trace: Trace | None) -> str:
    label = "input" if edit.value == "x" else _label(edit, before) or "value"
    units = range_of(edit.units, sizes_of(edit.pass_name, before.network).get(edit.value, 0))
    steps = range_of(edit.steps, len(before.sequence))
    where = f"{label} {edit.value} of {edit.pass_name}, {_units(edit.units, units)}, {_steps(edit.steps, steps)}"
    if edit.verb == "scale":
        return f"{where}: × {sentence(edit.number, 6)}"
    old = ""
    if trace is not None and len(units) == len(steps) == 1:
        series = _series(trace, edit.pass_name, edit.value)
        old = f"{fixed(float(series[steps.start, units.start]))} → "
    held = "held at " if len(steps) > 1 else ""
    return f"{where}: {old}{held}{fixed(edit.number)}"


def _label(edit: ValueEdit, before: Edited) -> str:
    readout = before.network.readout
    if edit.pass_name == READOUT and readout is not None:
        return next(one.label for one in readout.page.equations if one.name == edit.value)
    return next(one for one in before.network.passes if one.name == edit.pass_name).cell.equation(edit.value).label


def _series(trace: Trace, owner: str, value: str) -> NDArray[np.floating[Any]]:
    if owner == READOUT:
        return trace.readout[value]
    return trace[owner].inputs["x"] if value == "x" else trace[owner][value]


def _cell(edit: CellEdit, before: Edited) -> str:
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
    return said + (f"; without {', '.join(unused)}" if unused else "")


def _weight(edit: WeightEdit, before: Edited) -> str:
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
    if edit.verb == "scale":
        return f"{where}: × {sentence(edit.number, 6)}"
    numbers = view[tuple(slice(one.start, one.stop) for one in chosen)]
    old = f"{fixed(float(np.ravel(numbers)[0]))} → " if numbers.size == 1 else ""
    return f"{where}: {old}{fixed(edit.number)}"


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


def _steps(span: Span, chosen: range) -> str:
    if span == (None, None):
        return "at every step"
    return f"t={chosen.start}" if len(chosen) == 1 else f"t={chosen.start}–{chosen.stop - 1}"
