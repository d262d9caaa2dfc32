"""A small `.toml` file of what a file of weights does not say: decisions, and tensors for the equations of cells."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.gate_layouts import KINDS, TORCH
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import (
    Activation,
    Dense,
    Found,
    Norm,
    Op,
    Plan,
    PositionEmbedding,
    Recurrent,
    Reduce,
)
from lstm_tui.formats.io.files import label, read_bytes
from lstm_tui.formats.io.json import Fields

_LIMIT = 1 << 20
_LARGEST = 1e6
_KEYS = ("set", "layer", "dense", "embedding", "network")
_LAYER_KEYS = (
    "name",
    "cell",
    "hidden",
    "inputs",
    "sizes",
    "merge",
    "residual",
    "below",
    "forward",
    "backward",
    "initial",
)
_OP_KEYS = ("name", "weight", "bias", "activation", "norm", "epsilon", "position", "scale", "shift", "over")
_OVER = ("last", "first", "mean", "max", "sum", "final")


@door("a mapping")
def read_mapping(path: str | Path) -> Fields:
    """Return the content of a mapping file.

    Raises:
        UserError: It cannot be read, is no TOML, or has a key that means nothing.
    """
    where = label(path)
    try:
        content = tomllib.loads(read_bytes(path, _LIMIT).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{where}: is no TOML that can be read: {visible(str(error))}") from error
    for key in content:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            raise UserError(f"{where}: {visible(key)} means nothing here" + (f"; did you mean {near}?" if near else ""))
    fields = Fields(content, where)
    for kind, keys in (("layer", _LAYER_KEYS), ("dense", _OP_KEYS)):
        for entry in fields.each(kind) if kind in content else ():
            _known(entry, keys)
            for below in entry.each("below") if "below" in entry.content else ():
                _known(below, _OP_KEYS)
    return fields


def settings_of(fields: Fields) -> dict[str, str]:
    """Return the decisions of a mapping file."""
    table = fields.inside("set") if "set" in fields.content else Fields({}, fields.where)
    return {key: str(table.content[key]) for key in table.content}


def find_mapped(fields: Fields, tensors: Mapping[str, Array], folder: Path) -> Found:
    """Return the network whose layers a mapping file describes.

    Args:
        fields: The mapping.
        tensors: Of the file of weights.
        folder: Where cell files are looked for by relative names.

    Raises:
        UserError: A tensor, a cell or a parameter is not there, or its shape does not fit.
    """
    entries = list(fields.each("layer"))
    names = tuple(entry.maybe("name", str) or f"layer{n}" for n, entry in enumerate(entries))

    def plan(report: ImportReport) -> Plan:
        used: set[str] = set()
        chain: list[Recurrent | Op] = []
        for n, entry in enumerate(entries):
            for below in entry.each("below") if "below" in entry.content else ():
                chain += _ops(below, tensors, used, report)
            part = _layer(entry, names[n], tensors, folder, used)
            report.say(f"layer{n}.name", part.name, "set", "the mapping file")
            report.say(f"layer{n}.cell", entry.get("cell", str), "set", "the mapping file")
            report.say(f"layer{n}.size", f"{part.inputs} → {part.hidden}", "inferred", "shapes")
            chain.append(part)
        for entry in fields.each("dense") if "dense" in fields.content else ():
            chain += _ops(entry, tensors, used, report, "readout.")
        table = fields.content.get("embedding")
        embedding = None if table is None else _tensor(table, tensors, fields, "embedding", used)
        for name, one in tensors.items():
            if name in used:
                report.use(name, one.shape, "the mapping file")
            else:
                report.leave(name, one.shape)
        return Plan(fields.maybe("network", str) or "network", chain, embedding)

    return Found("", names, plan)


def _ops(
    entry: Fields, tensors: Mapping[str, Array], used: set[str], report: ImportReport, before: str = "below."
) -> list[Op]:
    """Return what one row without a cell does: one of a dense layer, a norm, a table of positions, a scale, a pooling.

    Raises:
        UserError: It is none of them, or a tensor does not fit.
    """
    _known(entry, _OP_KEYS)
    given = {what: _tensor(entry.content[what], tensors, entry, what, used)
             for what in ("weight", "bias", "norm", "position") if what in entry.content}  # fmt: skip
    name = entry.maybe("name", str) or next((what for what in ("norm", "position", "weight") if what in given), "step")
    name = name if name != "weight" else "dense"
    ops: list[Op] = []
    if "weight" in given:
        if given["weight"].ndim != 2:
            raise entry.damaged("weight", "must be a matrix, (out, in)")
        ops.append(Dense(name, given["weight"], given.get("bias")))
        report.say(f"{before}{visible(name)}", "×".join(map(str, given["weight"].shape)), "set", "the mapping file")
    elif "norm" in given:
        epsilon = entry.maybe("epsilon", float)
        ops.append(Norm(name, 1e-5 if epsilon is None else float(epsilon), given["norm"], given.get("bias")))
    elif "position" in given:
        if given["position"].ndim != 2:
            raise entry.damaged("position", "must be a table, (places, n)")
        ops.append(PositionEmbedding(name, given["position"]))
    for what, text in (("scale", "a * {}"), ("shift", "a + {}")):
        number = entry.maybe(what, float)
        if number is not None:
            if not math.isfinite(number) or abs(number) > _LARGEST:
                raise entry.damaged(what, "must be a number that is not too large")
            ops.append(Activation(name, f"{what}={text.format(f'({float(number)!r})')}"))
    function = entry.maybe("activation", str)
    if function is not None:
        ops.append(Activation(name, function))
    if "over" in entry.content:
        ops.append(Reduce(entry.choice("over", _OVER)))
    if not ops:
        raise entry.damaged("", "does nothing: give weight, norm, position, scale, shift, activation or over")
    return ops


def _known(entry: Fields, keys: Sequence[str]) -> None:
    """Refuse a key that means nothing.

    Raises:
        UserError: There is one; the nearest is named.
    """
    for key in entry.content:
        if key not in keys:
            near = nearest(key, keys)
            raise entry.damaged(key, "means nothing here" + (f"; did you mean {near}?" if near else ""))


def _layer(entry: Fields, name: str, tensors: Mapping[str, Array], folder: Path, used: set[str]) -> Recurrent:
    _known(entry, _LAYER_KEYS)
    wanted = entry.get("cell", str)
    beside = folder / wanted
    cell = load_cell(beside if wanted.endswith(".toml") else wanted)
    hidden = entry.get("hidden", int)
    directions = [one for one in ("forward", "backward") if one in entry.content]
    if not directions:
        raise entry.damaged("forward", "is missing: a table of parameters and the tensors they are")
    passes: list[tuple[str, dict[str, Array]]] = []
    for direction in directions:
        table = entry.inside(direction)
        given = {}
        for parameter in table.content:
            if parameter not in cell.parameters:
                near = nearest(parameter, cell.parameters)
                hint = f"; did you mean {near}?" if near else f"; there are {', '.join(cell.parameters)}"
                raise entry.damaged(f"{direction}.{parameter}", f"is no parameter of {cell.name}{hint}")
            given[parameter] = _tensor(table.content[parameter], tensors, table, parameter, used)
        passes.append((direction, given))
    inputs = entry.maybe("inputs", int)
    if inputs is None:
        wide = [array.shape[1] for key, array in passes[0][1].items() if key.startswith("W_") and array.ndim == 2]
        if not wide:
            raise entry.damaged("inputs", "is missing: how many numbers a step the layer reads")
        inputs = wide[0]
    return Recurrent(
        name=name,
        cell=cell.text,
        hidden=hidden,
        inputs=inputs,
        passes=passes,
        merge=entry.maybe("merge", str) or "concat",
        without=tuple(one for one in cell.optional if one not in passes[0][1]),
        sizes={key: int(value) for key, value in (entry.maybe("sizes", dict) or {}).items()},
        initial=_initial(entry, directions, cell.state, tensors, used),
        residual=bool(entry.maybe("residual", bool)),
    )


def _initial(
    entry: Fields, directions: Sequence[str], states: Sequence[str], tensors: Mapping[str, Array], used: set[str]
) -> dict[str, dict[str, Array]]:
    """Return the states before the first step, by direction; a table that names none is meant for each.

    Raises:
        UserError: A state is none of the cell's, or a direction none of the layer's.
    """
    if "initial" not in entry.content:
        return {}
    whole = entry.inside("initial")
    apart = any(key in ("forward", "backward") for key in whole.content)
    if apart:
        _known(whole, directions)
    tables = {way: whole.inside(way) for way in whole.content} if apart else dict.fromkeys(directions, whole)
    found: dict[str, dict[str, Array]] = {}
    for direction, table in tables.items():
        _known(table, states)
        given = table.content
        found[direction] = {one: _tensor(given[one], tensors, table, one, used).reshape(-1) for one in given}
    return found


def _tensor(entry: Any, tensors: Mapping[str, Array], fields: Fields, key: str, used: set[str]) -> Array:
    """Return a tensor by name, or `{ tensor, rows, columns, transpose, plus, add, negate }` of one."""
    table = Fields({"tensor": entry} if isinstance(entry, str) else entry, fields.where, f"{fields.path}{key}.")
    name = table.get("tensor", str)
    if name not in tensors:
        near = nearest(name, tensors)
        raise fields.damaged(f"{key}: {name}", "is no tensor of the file" + (f"; did you mean {near}?" if near else ""))
    used.add(name)
    array = np.asarray(tensors[name])
    if array.dtype.kind != "f":
        raise fields.damaged(f"{key}: {name}", f"holds {array.dtype} numbers, not floating point")
    if table.maybe("transpose", bool):
        array = array.T
    for axis, part in enumerate(("rows", "columns")):
        if part in table.content:
            bounds = table.items(part, int)
            if len(bounds) != 2 or axis >= array.ndim or not 0 <= bounds[0] < bounds[1] <= array.shape[axis]:
                raise table.damaged(part, f"must be two places in {'×'.join(map(str, array.shape))}")
            array = array[bounds[0] : bounds[1]] if axis == 0 else array[:, bounds[0] : bounds[1]]
    if "plus" in table.content:
        other = _tensor(table.content["plus"], tensors, fields, f"{key}.plus", used)
        if other.shape != array.shape:
            raise table.damaged("plus", "has another shape")
        array = array + other
    more = table.content.get("add", 0)  # what a program adds as it runs, as TensorFlow 1 to the forget bias
    if isinstance(more, bool) or not isinstance(more, int | float) or not math.isfinite(more):
        raise table.damaged("add", "must be a number")
    if more:
        array = array + array.dtype.type(more)
    if table.maybe("negate", bool):
        array = -array
    return array.astype(array.dtype if array.dtype.itemsize > 2 else np.float32)


def mapping_text(report: ImportReport, network: str = "") -> str:
    """Return a mapping file with every decision a report lists, to be changed by hand."""
    lines = [f"# How {report.file} is read; change what is wrong, and give the file with --map."]
    if network:
        lines.append(f"network = {_quoted(network)}")
    lines += ["", "[set]"]
    for fact in report.facts:
        if fact.others or fact.how == "set":
            lines.append(f"# {fact.how}: {fact.why}" + (f"; or {', '.join(fact.others)}" if fact.others else ""))
            lines.append(f"{_quoted(fact.key)} = {_quoted(fact.value)}")
    return "\n".join(lines) + "\n"


def skeleton_text(file: str, why: str, tensors: Mapping[str, Array]) -> str:
    """Return a mapping file to be filled in, of a file in which no network was found.

    Args:
        file: Its name, safe to show.
        why: Why it was refused.
        tensors: By name.
    """
    wide = max((len(_quoted(visible(name))) for name in tensors), default=0)
    why = why.removeprefix(f"{file}: ").partition("; `inspect")[0]
    lines = [f"# {file} was refused: {visible(why)}", "#", "# Its tensors, to be named below:"]
    for name, one in tensors.items():
        shape = "×".join(map(str, one.shape)) or "one number"
        lines.append(f"#   {_quoted(visible(name)):{wide}}  {shape}  {one.dtype}")
    hidden, gates = _guessed_layer(tensors)
    cell = KINDS[gates] if gates > 1 else "lstm"
    table = next((name for name, one in tensors.items() if one.ndim == 2 and "emb" in name.lower()), None)
    table = "NAME" if table is None else visible(table)
    lines += [
        "#", "# Take the sign # away and fill in; `lstm-tui help mapping` tells every key, `lstm-tui cells` the cells.",
        "# W_ of the equations is (H, I), U_ is (H, H): rows and columns cut a packed matrix, transpose turns it.",
        "", f"# embedding = {_quoted(table)}", "", "# [[layer]]", '# name = "rnn"', f'# cell = "{cell}"',
        f"# hidden = {hidden}   # units, H", "# [layer.forward]",
    ]  # fmt: skip
    if gates > 1:
        lines.append(f"# rows as PyTorch packs the gates, {' '.join(TORCH[cell])}: check in what order this file does")
    for parameter in load_cell(cell).parameters:
        place = TORCH[cell].index(parameter[-1])
        rows = f", rows = [{place * hidden}, {(place + 1) * hidden}]" if gates > 1 else ""
        lines.append(f'# {parameter} = {{ tensor = "NAME"{rows} }}')
    lines += ["", "# [[dense]]", '# name = "out"', '# weight = "NAME"   # (out, in)', '# bias = "NAME"']
    return "\n".join(lines) + "\n"


def _guessed_layer(tensors: Mapping[str, Array]) -> tuple[int, int]:
    """Return how many units a layer could have, and how many gates a matrix packs: what most of the shapes fit."""
    matrices = [one.shape for one in tensors.values() if one.ndim == 2 and min(one.shape) > 0]
    matrices += [(columns, rows) for rows, columns in matrices]
    vectors = [one.shape[0] for one in tensors.values() if one.ndim == 1]
    points: dict[tuple[int, int], int] = {}
    for units in {size // gates for shape in matrices for size in shape for gates in KINDS if size % gates == 0}:
        for gates in KINDS:
            own = [shape for shape in matrices if shape[0] == gates * units and shape[1] == units]
            packed = [shape for shape in matrices if shape[0] == gates * units and shape[1] > units > 1]
            if own or (packed and gates > 1):  # a matrix of the states, or one of inputs and states
                biases = vectors.count(gates * units)
                reads = sum(shape[1] == units for shape in matrices)
                points[units, gates] = (
                    2 * bool(own) + 3 * bool(biases) + reads + (2 if gates > 1 else 0) - 9 * (units == 1)
                )
    return max(points, key=lambda one: points[one]) if points else (1, 1)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
