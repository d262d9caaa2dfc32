"""The header of a trace file: everything but the numbers of the steps, the same in every format."""

from __future__ import annotations

from typing import Any

from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.io.json import Nonfinite, nonfinite
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
