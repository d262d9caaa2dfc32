"""Trace files as text: `.json`, one document, and `.ndjson`, a header, a line for each step and a result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.formats.io.json import Nonfinite, encode, nonfinite, number_rows, numbers
from lstm_tui.formats.traces.excerpt import Excerpt, top_classes
from lstm_tui.formats.traces.header import header

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
