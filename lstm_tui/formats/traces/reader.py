"""A trace file read back: the named values of every pass, checked before anything relies on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.language.cell import Cell, parse_cell
from lstm_tui.engine.model.cuts import CutKind, TapeCut
from lstm_tui.engine.model.sequence import Direction, Sequence
from lstm_tui.engine.model.tokens import Kind
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.resets import Resets, cut_spans
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import NETWORK_BYTES, label, read_bytes
from lstm_tui.formats.io.json import Fields
from lstm_tui.formats.traces.as_json import read_lines
from lstm_tui.formats.traces.as_npz import read_arrays
from lstm_tui.formats.traces.contents import Numbers, dtype_of, restore, vector

LIMIT = 256 << 20  # of JSON, which takes several times as much to read
_READERS: dict[str, tuple[Callable[[bytes, str], tuple[Fields, Numbers]], int]] = {".npz": (read_arrays, NETWORK_BYTES)}
"""Of a format told by the ending of its file, what reads its bytes, and how many at most; any other file is text."""
_KINDS = ("words", "chars", "bytes", "pieces", "numbers")


@door("a trace")
def read(path: str | Path) -> Trace:
    """Read a trace file: `.npz` by its ending, else JSON in one document or in lines, told apart by what is in it.

    An excerpt is read as a trace of its own: its tape holds the exported tokens, from 0, and its passes the
    exported units, from 0. The network is not in the file.

    Raises:
        UserError: It is no trace file, is damaged, or was written by a later version.
    """
    where = label(path)
    reader, most = _READERS.get(Path(path).suffix.lower(), (read_lines, LIMIT))
    header, numbers = reader(read_bytes(path, most), where)
    return _trace(header, numbers)


def _trace(header: Fields, numbers: Numbers) -> Trace:
    sequence = _sequence(header, numbers)
    cells = _cells(header)
    passes: dict[str, PassTrace] = {}
    for entry in header.each("passes"):
        name = entry.get("name", str)
        if name != READOUT:
            passes[name] = _pass(entry, numbers, cells, sequence, header)
    if not passes:
        raise header.damaged("passes", "holds none")
    if numbers.output is not None and (len(numbers.output) != len(sequence) or not numbers.output.shape[1]):
        shape = "×".join(map(str, numbers.output.shape))
        raise header.damaged("output", f"has the shape {shape}, and should have {len(sequence)} rows")
    readout = {**numbers.passes.get(READOUT, {}), **numbers.whole}
    model = header.inside("model")
    for array in (*readout.values(), *(a for a in (numbers.output, numbers.result) if a is not None)):
        array.setflags(write=False)
    return Trace(
        model={key: model.maybe(key, str) for key in ("name", "file", "sha256")},
        sequence=sequence,
        interpreter=header.inside("engine").get("interpreter", str),
        dtype=dtype_of(header).name,
        passes=passes,
        readout=readout,
        output=numbers.output,
        result=numbers.result,
        classes=_classes(header, numbers),
        edits=tuple(header.items("edits", str)),
        noted=_noted(header, model),
    )


def _noted(header: Fields, model: Fields) -> tuple[str, ...]:
    """Return what a file remarks: what was assumed of its network, and what was not read yet when it was written."""
    said = [visible(one) for one in model.items("warnings", str)] if "warnings" in model.content else []
    if header.maybe("not_read_yet", dict) is not None:
        count = header.inside("not_read_yet").get("from", int)
        if count != len(header.inside("input").items("tokens", str)):
            raise header.damaged("not_read_yet.from", "is not behind the last token")
        there = count_of(count, "token")
        said.append(f"written while its text still came: what stands behind its {there} was not read yet")
    return tuple(said)


def _sequence(header: Fields, numbers: Numbers) -> Sequence:
    source = header.inside("input")
    kind = cast(Kind, source.choice("kind", _KINDS))
    tokens = source.items("tokens", str)
    ids = None if source.content.get("ids") is None else source.items("ids", int)
    unknown = source.items("unknown", int)
    start, stop = 0, len(tokens)
    file = source.maybe("file", str)
    if header.maybe("selection", dict) is not None:
        chosen = header.inside("selection")
        if len(chosen.items("steps", int)) != 2:
            raise header.damaged("selection.steps", "must be two numbers")
        start, stop = chosen.get("steps", list)
        if not 0 <= start < stop <= len(tokens):
            raise header.damaged("selection.steps", "is outside the tape")
    if not tokens or (ids is not None and len(ids) != len(tokens)):
        raise header.damaged("input", "must hold at least one token, and as many ids as tokens")
    x = numbers.x
    if (kind == "numbers") != (x is not None) or (x is not None and len(x) != stop - start):
        raise header.damaged("input", "of numbers needs a row of x at every step, and text none")
    try:
        array = None if ids is None else np.array(ids[start:stop], dtype=np.int64)
    except OverflowError as error:
        raise header.damaged("input.ids", "holds a number that is too large") from error
    return Sequence(
        kind=kind,
        tokens=tuple(tokens[start:stop]),
        ids=array,
        unknown=tuple(t - start for t in unknown if start <= t < stop),
        x=x,
        file=file,
        line=source.maybe("line", int),
        columns=tuple(source.items("columns", str)) if "columns" in source.content else (),
        names_rows=bool(source.maybe("names_rows", bool)),
        cuts=_cuts(source, start, stop),
    )


def _pass(entry: Fields, numbers: Numbers, cells: Mapping[str, str], sequence: Sequence, header: Fields) -> PassTrace:
    name, steps = entry.get("name", str), len(sequence)
    values = numbers.passes[name]
    cell = _cell(entry, cells, header)
    given = {"x", *cell.below}
    size = entry.get("hidden_size", int)
    selection = header.maybe("selection", dict)
    units = None if selection is None else header.inside("selection").maybe("units", list)
    if units is not None and len(header.inside("selection").items("units", int)) == 2:
        size = len(range(*slice(units[0], units[1]).indices(size)))
    for value, array in values.items():
        if value not in given and value not in cell.values:
            raise header.damaged(f"{name}/{value}", f"is no value of the cell {cell.name}")
        if len(array) != steps or (value not in cell.sizes and value not in given and array.shape[1] != size):
            shape = "×".join(map(str, array.shape))
            raise header.damaged(f"{name}/{value}", f"has the shape {shape}, and should have {steps}×{size}")
        array.setflags(write=False)
    arrays = {value: array for value, array in values.items() if value not in given}
    if not arrays:
        raise header.damaged(name, "holds no value of its cell; write the file again with more --values")
    inputs = {value: array for value, array in values.items() if value in given}
    if name.startswith("layer0.") and numbers.x is not None:
        inputs["x"] = numbers.x.astype(dtype_of(header))
    direction = cast(Direction, entry.choice("direction", ("forward", "backward")))
    initial = _initial(entry, cell, size, dtype_of(header))
    return PassTrace(
        name=name,
        cell=cell,
        direction=direction,
        input_size=entry.get("input_size", int),
        hidden_size=size,
        arrays=arrays,
        initial=initial,
        inputs=inputs,
        resets=_resets(entry, sequence, direction, initial),
    )


def _resets(entry: Fields, sequence: Sequence, direction: Direction, initial: Mapping[str, Array]) -> Resets:
    """Return where a pass reads from the states its cell begins with."""
    spans = cut_spans(sequence.cuts, direction, len(sequence))
    if not spans:
        return Resets()
    states = {}
    for state, row in initial.items():
        states[state] = vector(entry.get("reset_to", dict).get(state), row.dtype, entry, f"reset_to.{state}")
        if len(states[state]) != len(row):
            raise entry.damaged(f"reset_to.{state}", f"must be {len(row)} numbers")
    return Resets(spans, states)


def _cuts(source: Fields, start: int, stop: int) -> tuple[TapeCut, ...]:
    """Return where the tape is cut, from one place to before another."""
    found = []
    for entry in source.each("cuts") if "cuts" in source.content else ():
        kind = cast(CutKind, entry.choice("kind", ("reset", "chunk")))
        every = entry.get("every", int) if "every" in entry.content else 0
        places = () if every else tuple(entry.items("before", int))
        if every < 0 or any(place < 0 for place in places):
            raise entry.damaged("every" if every else "before", "counts from 0")
        found.append(TapeCut(kind, places, every).part(start, stop))
    return tuple(found)


def _initial(entry: Fields, cell: Cell, size: int, dtype: np.dtype[Any]) -> dict[str, Array]:
    initial = {}
    for state in entry.get("initial", dict):
        row = vector(entry.content["initial"][state], dtype, entry, "initial")
        if state not in cell.state or (state not in cell.sizes and len(row) != size):
            raise entry.damaged(f"initial.{state}", f"is no state of {cell.name}, or not {size} long")
        initial[state] = row
    for place in entry.items("nonfinite", list) if "nonfinite" in entry.content else ():
        if len(place) != 4 or place[1] not in initial or not isinstance(place[2], int):
            raise entry.damaged("nonfinite", "names a place that is not there")
        restore(initial[place[1]], (place[2],), place[3], entry)
    for row in initial.values():
        row.setflags(write=False)
    return initial


def _cells(header: Fields) -> dict[str, str]:
    if "cells" not in header.content:
        return {}
    cells = header.inside("cells")
    return {name: cells.get(name, str) for name in cells.content}


def _cell(entry: Fields, cells: Mapping[str, str], header: Fields) -> Cell:
    """Return the cell of a pass: from its own text or, in a file without it, from its equations."""
    name = entry.get("cell", str)
    source = f"{header.where}: cell {visible(name)}"
    if name in cells:
        return parse_cell(cells[name], source)
    equations = entry.items("equations", str)
    if any("'''" in line or "\n" in line for line in equations) or not name.isidentifier():
        raise entry.damaged("equations", "must be one equation each")
    lines = "\n".join(equations)
    states = ", ".join(f'"{state}"' for state in entry.get("initial", dict) if state.isidentifier())
    text = f'name = "{name}"\ntitle = "{name}"\nsource = "a trace file"\nstate = [{states}]\n'
    return parse_cell(f"{text}equations = '''\n{lines}\n'''\n", source)


def _classes(header: Fields, numbers: Numbers) -> tuple[str, ...]:
    classes = tuple(header.items("classes", str)) if "classes" in header.content else ()
    for array in (numbers.output, numbers.result):
        if classes and array is not None and array.shape[-1] != len(classes):
            raise header.damaged("classes", f"must be {array.shape[-1]}, one for each number of the output")
    return classes
