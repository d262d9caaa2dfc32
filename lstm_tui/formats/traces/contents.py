"""What every trace file holds, whatever its format: a header and numbers, and the checks that every format needs."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.io.json import Fields, Nonfinite, nonfinite
from lstm_tui.formats.traces.excerpt import TOP, Excerpt
from lstm_tui.version import __version__

FORMAT = "lstm-tui-trace"
VERSION = 1


def header(part: Excerpt) -> dict[str, Any]:
    """Return the header of a trace file as JSON values."""
    trace = part.trace
    sequence = trace.sequence
    source: dict[str, Any] = {
        "file": sequence.file,
        "line": sequence.line,
        "kind": sequence.kind,
        "tokens": list(sequence.tokens),
        "ids": None if sequence.ids is None else sequence.ids.tolist(),
        "unknown": list(sequence.unknown),
    }
    if sequence.x is not None:
        source["columns"] = list(sequence.columns)
        source["dtype"] = sequence.x.dtype.name
    if sequence.names_rows:
        source["names_rows"] = True
    if sequence.cuts:
        source["cuts"] = [
            {"kind": cut.kind, **({"every": cut.every} if cut.every else {"before": list(cut.places)})}
            for cut in sequence.cuts
        ]
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "lstm_tui": __version__,
        "model": _model(trace),
        "input": source,
        "engine": {"interpreter": trace.interpreter, "dtype": trace.dtype},
        "classes": list(trace.classes),
        "cells": {passed.cell.name: passed.cell.text for passed in trace.values()},
        "passes": [_pass(part, name) for name in part.passes],
        "edits": list(trace.edits),
    }
    if part.has_top:
        content["output_top"] = TOP
    if part.names is not None or part.units is not None or part.steps != (0, len(sequence)):
        content["selection"] = {
            "values": None if part.names is None else list(part.names),
            "units": None if part.units is None else list(part.units),
            "steps": list(part.steps),
        }
    if part.comes:
        content["not_read_yet"] = {"from": len(sequence)}
    return content


def _model(trace: Trace) -> dict[str, Any]:
    """Return what ran, with what was assumed of it where that gives other numbers."""
    model: dict[str, Any] = {key: trace.model.get(key) for key in ("name", "file", "sha256")}
    return model | {"warnings": list(trace.remarks)} if trace.remarks else model


def _pass(part: Excerpt, name: str) -> dict[str, Any]:
    values = list(part.passes[name])
    if name == READOUT:
        return _readout(part, values)
    passed = part.trace[name]
    places: Nonfinite = []
    initial = {}
    for state, row in part.initial[name].items():
        found = nonfinite(row, name, state)
        places += found
        gone = {place[2] for place in found}
        initial[state] = [None if k in gone else _shortest(v) for k, v in enumerate(row)]
    content: dict[str, Any] = {
        "name": name,
        "cell": passed.cell.name,
        "direction": passed.direction,
        "input_size": passed.input_size,
        "hidden_size": passed.hidden_size,
        "equations": [equation.text for equation in passed.cell.equations],
        "values": values,
        "initial": initial,
    }
    if places:
        content["nonfinite"] = places
    if passed.resets.spans:
        chosen = slice(None) if part.units is None else slice(*part.units)
        content["reset_to"] = {
            state: [_shortest(v) if np.isfinite(v) else None for v in row[chosen]]
            for state, row in passed.resets.states.items() if state in passed
        }  # fmt: skip
    return content


def _readout(part: Excerpt, values: list[str]) -> dict[str, Any]:
    network = part.trace.network
    readout = None if network is None else network.readout
    return {
        "name": READOUT,
        "cell": None if readout is None else readout.page.name,
        "direction": None,
        "input_size": None,
        "hidden_size": None,
        "equations": [] if readout is None else [equation.text for equation in readout.page.equations],
        "values": values,
        "whole": list(part.whole),
        "initial": {},
    }


def _shortest(number: Any) -> float:
    """Return a Python number whose text is the shortest that reads back as this float32 or float64."""
    return float(str(number))


@dataclass
class Numbers:
    """The arrays of a trace file before they are put together.

    Attributes:
        passes: (t, n) by pass and value; the readout's series under `readout`.
        whole: The readout's values of the whole sequence, (n,).
        x: Numeric input (t, I), or None.
        output: (t, K) or None; a class that was not kept is NaN.
        result: (K,) or None; likewise.
    """

    passes: dict[str, dict[str, Array]] = field(default_factory=dict)
    whole: dict[str, Array] = field(default_factory=dict)
    x: Array | None = None
    output: Array | None = None
    result: Array | None = None


def check_header(content: Any, where: str) -> Fields:
    """Return a header whose format and version are ours.

    Raises:
        UserError: They are not.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{where}: is not a trace file; `lstm-tui trace FILE -o OUT.json` writes one")
    header = Fields(content, where)
    version = header.get("version", int)
    if version != VERSION:
        raise UserError(f"{where}: is of version {version}, and this program reads {VERSION}; update lstm-tui")
    return header


def dtype_of(header: Fields) -> np.dtype[Any]:
    """Return the precision of the run."""
    return np.dtype(header.inside("engine").choice("dtype", ("float32", "float64")))


def x_dtype_of(header: Fields) -> np.dtype[Any]:
    """Return the precision of the numeric input."""
    source = header.inside("input")
    return np.dtype(source.choice("dtype", ("float32", "float64")) if "dtype" in source.content else "float64")


def vector(values: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array:
    """Return a JSON list of numbers and nulls as an array (n,); a null is NaN."""
    array = _array(values, dtype, header, what)
    if array is None or array.ndim != 1:
        raise header.damaged(what, "must be a list of numbers")
    return array


def matrix(rows: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array:
    """Return equally long JSON lists of numbers and nulls as an array (t, n)."""
    array = _array(rows, dtype, header, what)
    if array is None or array.ndim != 2:
        raise header.damaged(what, "must be lists of numbers, equally long at every step")
    return array


def _array(values: Any, dtype: np.dtype[Any], header: Fields, what: str) -> Array | None:
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=dtype)
    except (ValueError, TypeError, OverflowError):
        return None
    if np.isinf(array).any():  # JSON has no infinity, so that it was a number
        raise header.damaged(what, f"holds a number that is too large for {dtype.name}")
    return array


def restore(array: Array, place: tuple[int, ...], word: Any, header: Fields) -> None:
    """Put NaN or an infinity back where the file has a null."""
    if word not in ("nan", "inf", "-inf"):
        raise header.damaged("nonfinite", 'must say "nan", "inf" or "-inf"')
    if any(not 0 <= k < n for k, n in zip(place, array.shape, strict=True)):
        raise header.damaged("nonfinite", "names a place that is not there")
    array[place] = float(word)
