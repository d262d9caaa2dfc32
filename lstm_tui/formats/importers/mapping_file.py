"""A small `.toml` file of what a file of weights does not say: decisions, and tensors for the equations of cells."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Activation, Dense, Found, Op, Plan, Recurrent
from lstm_tui.formats.io.files import label, read_bytes
from lstm_tui.formats.io.json import Fields

_LIMIT = 1 << 20
_KEYS = ("set", "layer", "dense", "embedding", "network")


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
    return Fields(content, where)


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
            part = _layer(entry, names[n], tensors, folder, used)
            report.say(f"layer{n}.name", part.name, "set", "the mapping file")
            report.say(f"layer{n}.cell", entry.get("cell", str), "set", "the mapping file")
            report.say(f"layer{n}.size", f"{part.inputs} → {part.hidden}", "inferred", "shapes")
            chain.append(part)
        for entry in fields.each("dense") if "dense" in fields.content else ():
            weights = _tensor(entry.content.get("weight"), tensors, entry, "weight", used)
            bias = entry.content.get("bias")
            name = entry.maybe("name", str) or "dense"
            chain.append(Dense(name, weights, None if bias is None else _tensor(bias, tensors, entry, "bias", used)))
            function = entry.maybe("activation", str)
            if function is not None:
                chain.append(Activation(name, function))
            report.say(f"readout.{visible(name)}", "×".join(map(str, weights.shape)), "set", "the mapping file")
        table = fields.content.get("embedding")
        embedding = None if table is None else _tensor(table, tensors, fields, "embedding", used)
        report.unused += [visible(name) for name in tensors if name not in used]
        return Plan(fields.maybe("network", str) or "network", chain, embedding)

    return Found("", names, plan)


def _layer(entry: Fields, name: str, tensors: Mapping[str, Array], folder: Path, used: set[str]) -> Recurrent:
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
    )


def _tensor(entry: Any, tensors: Mapping[str, Array], fields: Fields, key: str, used: set[str]) -> Array:
    """Return a tensor by name, or `{ tensor, rows, columns, transpose, plus, add, negate }` of one."""
    table = Fields({"tensor": entry} if isinstance(entry, str) else entry, fields.where, f"{key}.")
    name = table.get("tensor", str)
    if name not in tensors:
        near = nearest(name, tensors)
        raise table.damaged(f"{key}: {name}", "is no tensor of the file" + (f"; did you mean {near}?" if near else ""))
    used.add(name)
    array = np.asarray(tensors[name])
    if array.dtype.kind != "f":
        raise table.damaged(f"{key}: {name}", f"holds {array.dtype} numbers, not floating point")
    if table.maybe("transpose", bool):
        array = array.T
    for axis, part in enumerate(("rows", "columns")):
        if part in table.content:
            bounds = table.items(part, int)
            if len(bounds) != 2 or axis >= array.ndim or not 0 <= bounds[0] < bounds[1] <= array.shape[axis]:
                raise table.damaged(f"{key}.{part}", f"must be two places in {'×'.join(map(str, array.shape))}")
            array = array[bounds[0] : bounds[1]] if axis == 0 else array[:, bounds[0] : bounds[1]]
    if "plus" in table.content:
        other = _tensor(table.content["plus"], tensors, fields, f"{key}.plus", used)
        if other.shape != array.shape:
            raise table.damaged(f"{key}.plus", "has another shape")
        array = array + other
    more = table.content.get("add", 0)  # what a program adds as it runs, as TensorFlow 1 to the forget bias
    if isinstance(more, bool) or not isinstance(more, int | float) or not math.isfinite(more):
        raise table.damaged(f"{key}.add", "must be a number")
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


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
