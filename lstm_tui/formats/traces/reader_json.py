"""The numbers of a `.json` or `.ndjson` trace file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.formats.inputs.text_input import text_of
from lstm_tui.formats.io.json import Fields, decode
from lstm_tui.formats.traces.numbers import Numbers, check_header, dtype_of, matrix, restore, vector, x_dtype_of


def read_lines(data: bytes, where: str) -> tuple[Fields, Numbers]:
    """Return the header and the numbers of a trace written as text.

    Raises:
        UserError: It is not JSON, not a trace, cut short, or of unequal steps.
    """
    if b"lstm-tui-trace" not in data[:4096]:
        text_of(data, where)  # says what it is, when it is not even text
        raise UserError(f"{where}: is not a trace file; `lstm-tui trace FILE -o OUT.json` writes one")
    first, _, rest = data.partition(b"\n")
    if first.rstrip().endswith(b"}") and rest.strip():
        header = check_header(decode(first, f"{where}: line 1"), where)
        lines = [line for line in rest.split(b"\n") if line.strip()]
        values = [decode(line, f"{where}: line {n}") for n, line in enumerate(lines, 2)]
        end = Fields(values.pop(), where)
        if "result" not in end.content:
            raise UserError(f"{where}: is cut short: the last line has no result; write it again")
        steps: list[Any] = values
    else:
        header = check_header(decode(data, where), where)
        steps = header.get("steps", list)
        end = header
    return header, _numbers(header, [Fields(step, where, f"steps[{n}].") for n, step in enumerate(steps)], end)


def _numbers(header: Fields, steps: Sequence[Fields], end: Fields) -> Numbers:
    if not steps:
        raise header.damaged("steps", "holds none")
    dtype = dtype_of(header)
    numbers = Numbers()
    by_pass = [step.get("values", dict) for step in steps]
    for entry in header.each("passes"):
        name = entry.get("name", str)
        numbers.passes[name] = {}
        for value in entry.items("values", str):
            try:
                rows = [values[name][value] for values in by_pass]
            except (KeyError, TypeError) as error:
                raise header.damaged(f"{name}/{value}", "is missing at some step") from error
            numbers.passes[name][value] = matrix(rows, dtype, header, f"{name}/{value}")
    if "x" in steps[0].content:
        numbers.x = matrix([step.content.get("x") for step in steps], x_dtype_of(header), header, "x")
    classes = header.items("classes", str) if "classes" in header.content else []
    outputs = [step.content.get("output") for step in steps]
    if any(output is not None for output in outputs):
        _check_equal(outputs, header)
        numbers.output = np.stack([_by_class(output, classes, dtype, header) for output in outputs])
    if end.content.get("result") is not None:
        numbers.result = _by_class(end.content["result"], classes, dtype, header)
    if "readout" in end.content:
        whole = end.inside("readout")
        numbers.whole = {name: vector(whole.content[name], dtype, header, name) for name in whole.content}
    _restore(numbers, steps, end)
    return numbers


def _check_equal(outputs: list[Any], header: Fields) -> None:
    """Refuse an output that is of another form or length at one step."""
    first = outputs[0]
    for n, output in enumerate(outputs):
        if not isinstance(output, (list, dict)) or type(output) is not type(first):
            raise header.damaged(f"steps[{n}].output", "must be an object or a list, at every step or at none")
        if len(output) != len(first) or not output:
            raise header.damaged(
                f"steps[{n}].output", f"holds {count_of(len(output), 'number')}, and steps[0].output {len(first)}"
            )


def _by_class(content: Any, classes: list[str], dtype: np.dtype[Any], header: Fields) -> Array:
    """Return numbers by class as an array (K,), NaN where a class was not kept."""
    if isinstance(content, list):
        return vector(content, dtype, header, "output")
    if not isinstance(content, dict):
        raise header.damaged("output", "must be an object or a list, at every step or at none")
    if not classes:
        classes += list(content)
    places = {name: k for k, name in enumerate(classes)}
    if not places.keys() >= content.keys():
        raise header.damaged("output", "names a class that is not in `classes`")
    row = np.full(len(classes), np.nan, dtype)
    row[[places[name] for name in content]] = vector(list(content.values()), dtype, header, "output")
    return row


def _restore(numbers: Numbers, steps: Sequence[Fields], end: Fields) -> None:
    for n, step in enumerate(steps):
        for place in step.items("nonfinite", list) if "nonfinite" in step.content else ():
            group, name, k, word = _place(place, step)
            array = {"input": numbers.x, "output": numbers.output}.get(group)
            if array is None:
                array = numbers.passes.get(group, {}).get(name)
            if array is None:
                raise step.damaged("nonfinite", f"names {group}/{name}, which is not there")
            restore(array, (n, k), word, step)
    for place in end.items("nonfinite", list) if "nonfinite" in end.content else ():
        group, name, k, word = _place(place, end)
        array = numbers.whole.get(name) if group == READOUT else numbers.result
        if array is None:
            raise end.damaged("nonfinite", f"names {group}/{name}, which is not there")
        restore(array, (k,), word, end)


def _place(place: list[Any], fields: Fields) -> tuple[str, str, int, Any]:
    if len(place) == 4 and isinstance(place[0], str) and isinstance(place[1], str) and type(place[2]) is int:
        return place[0], place[1], place[2], place[3]
    raise fields.damaged("nonfinite", "must be lists of pass, value, unit and word")
