"""Trace files as text, written and read: `.json` is one document, `.ndjson` has a line for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.formats.inputs.text_input import text_of
from lstm_tui.formats.io.json import Fields, Nonfinite, decode, encode, nonfinite, number_rows, numbers
from lstm_tui.formats.traces.contents import (
    Numbers,
    check_header,
    dtype_of,
    header,
    matrix,
    restore,
    vector,
    x_dtype_of,
)
from lstm_tui.formats.traces.excerpt import Excerpt, top_classes

_BLOCK = 256  # steps whose text is held at a time


def write_json(part: Excerpt, stream: BinaryIO, progress: Progress | None = None) -> None:
    """Write one JSON document; each step stands on a line of its own."""
    stream.write(encode(header(part))[:-1] + b',\n"steps": [')
    separator = b"\n"
    for line in _steps(part, progress):
        stream.write(separator + line)
        separator = b",\n"
    stream.write(b"\n],\n" + _end(part)[1:] + b"\n")


def write_ndjson(part: Excerpt, stream: BinaryIO, progress: Progress | None = None) -> None:
    """Write a header line, a line for each step and a last line with the result."""
    stream.write(encode(header(part)) + b"\n")
    for line in _steps(part, progress):
        stream.write(line + b"\n")
    stream.write(_end(part) + b"\n")


def _steps(part: Excerpt, progress: Progress | None) -> Iterator[bytes]:
    start, stop = part.steps
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        yield from _block(part, slice(first - start, last - start))
        if progress:
            progress(last - start, stop - start)


def _block(part: Excerpt, block: slice) -> Iterator[bytes]:
    """Return the lines of some steps: text is made a block at a time, which is what makes it fast."""
    sequence = part.trace.sequence
    prefixes: list[tuple[bytes, list[bytes]]] = []
    opening = b""
    for name, values in part.passes.items():
        if name == READOUT and not values:  # it has values of the whole sequence only
            continue
        opening += encode(name) + b": {"
        for value, array in values.items():
            prefixes.append((opening + encode(value) + b": ", number_rows(array[block])))
            opening = b", "
        opening = opening.removesuffix(b", ") + b"}, "
    closing = opening.removesuffix(b", ")
    outputs = _class_rows(part, block)
    broken = _nonfinite_arrays(part, block)
    start = part.steps[0]
    rows = None if sequence.x is None else number_rows(sequence.x[start:][block])
    for k, n in enumerate(range(block.start, block.stop)):
        t = start + n
        values_text = b"".join(prefix + texts[k] for prefix, texts in prefixes) + closing
        line = b'{"t": %d, "token": %s' % (t, encode(sequence.tokens[t]))
        if rows is not None:
            line += b', "x": ' + rows[k]
        line += b', "values": {' + values_text + b'}, "output": ' + outputs[k]
        places = [place for group, name, array in broken for place in nonfinite(array[k], group, name)]
        yield line + (b', "nonfinite": ' + encode(places) if places else b"") + b"}"


def _nonfinite_arrays(part: Excerpt, block: slice) -> list[tuple[str, str, Array]]:
    """Return the arrays of some steps that are not finite throughout, with the names they are given."""
    arrays = [(name, value, array[block]) for name, values in part.passes.items() for value, array in values.items()]
    sequence = part.trace.sequence
    if sequence.x is not None:
        arrays.append(("input", "x", sequence.x[part.steps[0] :][block]))
    if part.output is not None:
        arrays.append(("output", "output", part.output[block]))
    return [entry for entry in arrays if not np.isfinite(entry[2]).all()]


def _class_rows(part: Excerpt, block: slice) -> list[bytes]:
    output = part.output
    if output is None:
        return [b"null"] * (block.stop - block.start)
    return [_by_class(part, row) for row in output[block]]


def _by_class(part: Excerpt, row: Array) -> bytes:
    """Return numbers by class, of many classes the largest; a list where the classes have no names."""
    classes = part.trace.classes
    if len(set(classes)) != len(row):
        return numbers(row)
    chosen = top_classes(row) if part.has_top else np.arange(len(row))
    texts = numbers(row[chosen])[1:-1].split(b",")
    return b"{" + b", ".join(_key(classes[k]) + text for k, text in zip(chosen, texts, strict=True)) + b"}"


@lru_cache(maxsize=4096)
def _key(name: str) -> bytes:
    return encode(name) + b": "


def _end(part: Excerpt) -> bytes:
    """Return what stands after the steps, as an object."""
    result = part.trace.result
    text = b'{"result": ' + (b"null" if result is None else _by_class(part, result))
    places: Nonfinite = [] if result is None else nonfinite(result, "result", "result")
    if part.whole:
        rows = [encode(name) + b": " + numbers(array.reshape(-1)) for name, array in part.whole.items()]
        text += b', "readout": {' + b", ".join(rows) + b"}"
        for name, array in part.whole.items():
            places += nonfinite(array.reshape(-1), READOUT, name)
    return text + (b', "nonfinite": ' + encode(places) if places else b"") + b"}"


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
        numbers.output = np.stack([_read_by_class(output, classes, dtype, header) for output in outputs])
    if end.content.get("result") is not None:
        numbers.result = _read_by_class(end.content["result"], classes, dtype, header)
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


def _read_by_class(content: Any, classes: list[str], dtype: np.dtype[Any], header: Fields) -> Array:
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
