"""What an application recorded of a stream: of each chunk what it gave the network, and what came out.

As `.npz`, either an array for each chunk, `input/0`, `output/0`, `input/1` …, or all chunks in one, `input` (N, n, I)
and `output` (N, n, K); `state/0/layer0.forward/h`, or `state/layer0.forward/h` (N, H), are states behind a chunk, and
`stream` (N,) says of which of several streams each is. As JSON, an object a line: `input`, `output`, and if there are
any `state` (an object of lists by name) and `stream`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.io.files import label, read_bytes, size_text
from lstm_tui.formats.io.json import Fields, decode
from lstm_tui.formats.io.npy import read_npz

MOST_CHUNKS = 100_000
LIMIT = 256 << 20
LINES_LIMIT = 64 << 20
MOST_NUMBERS = 16_000_000
"""Numbers of inputs and outputs together."""
_INPUT, _OUTPUT, _STATE, _STREAM = "input", "output", "state", "stream"
_LONGEST_NAME = 40


@dataclass(frozen=True, eq=False)
class RecordedChunk:
    """One chunk as it was recorded.

    Attributes:
        inputs: What the network, or what stands before it, was given; of any shape so far.
        outputs: What it said; None where only states were recorded.
        states: States behind the chunk, by names such as `layer0.forward/h`.
        stream: Which stream it belongs to.
    """

    inputs: Array
    outputs: Array | None
    states: Mapping[str, Array] = field(default_factory=dict)
    stream: str = ""


@dataclass(frozen=True, eq=False)
class RecordedStream:
    """What was recorded.

    Attributes:
        where: The file, safe to show.
        chunks: In the order in which they came.
    """

    where: str
    chunks: tuple[RecordedChunk, ...]


@door("a recorded stream")
def read_recorded_stream(path: str | Path) -> RecordedStream:
    """Read what an application recorded, as `.npz` or lines of JSON.

    Raises:
        UserError: It is neither, or chunks, inputs or outputs are missing; the place is named.
    """
    where = label(path)
    data = read_bytes(path, LIMIT).removeprefix(codecs.BOM_UTF8)
    if data.startswith(b"PK"):
        chunks = _of_arrays(read_npz(path, LIMIT, "fiubU"), where)
    elif data.lstrip()[:1] == b"{":
        if len(data) > LINES_LIMIT:
            raise UserError(f"{where}: lines of JSON may be {size_text(LINES_LIMIT)} long together; give a .npz")
        chunks = list(_of_lines(data, where))
    else:
        raise UserError(f"{where}: is neither a .npz nor lines of JSON; `lstm-tui help streams` shows both")
    numbers = sum(one.inputs.size + (0 if one.outputs is None else one.outputs.size) for one in chunks)
    if numbers > MOST_NUMBERS:
        raise UserError(f"{where}: holds {numbers} numbers, and {MOST_NUMBERS} is the most; record a part of it")
    if all(one.outputs is None and not one.states for one in chunks):
        raise UserError(f"{where}: holds no outputs and no states: there is nothing to compare")
    return RecordedStream(where, tuple(chunks))


def _of_arrays(arrays: Mapping[str, Array], where: str) -> list[RecordedChunk]:
    streams = arrays.get(_STREAM)
    texts = [name for name, one in arrays.items() if one.dtype.kind == "U" and name != _STREAM]
    if texts:
        raise UserError(f"{where}: {visible(texts[0][:_LONGEST_NAME])} holds text, not numbers")
    inputs = _by_chunk(arrays, _INPUT, where)
    if not inputs:
        raise UserError(f"{where}: should hold input/0, input/1 … or `input` (chunks first), and outputs likewise")
    outputs = _by_chunk(arrays, _OUTPUT, where)
    states: dict[int, dict[str, Array]] = {}
    for name, array in arrays.items():
        if not name.startswith(f"{_STATE}/"):
            continue
        number, _, rest = name.removeprefix(f"{_STATE}/").partition("/")
        chunk = whole_number(number, most=MOST_CHUNKS)
        if chunk is not None and rest:
            states.setdefault(chunk, {})[rest] = array
            continue
        if not array.ndim or len(array) != len(inputs):
            raise UserError(f"{where}: {visible(name[:_LONGEST_NAME])} should hold a state behind each chunk")
        for n, row in enumerate(array):
            states.setdefault(n, {})[name.removeprefix(f"{_STATE}/")] = row
    if sorted(inputs) != list(range(len(inputs))):
        missing = next(n for n in range(len(inputs)) if n not in inputs)
        raise UserError(f"{where}: holds no {_INPUT}/{missing}, and later ones; chunks count from 0")
    stray = next((n for n in (*outputs, *states) if n not in inputs), None)
    if stray is not None:
        raise UserError(f"{where}: holds what came of chunk {stray}, and no {_INPUT}/{stray}")
    if streams is not None and streams.shape != (len(inputs),):
        raise UserError(f"{where}: `{_STREAM}` should name the stream of each of the {len(inputs)} chunks")
    names = [""] * len(inputs) if streams is None else [str(one)[:_LONGEST_NAME] for one in streams]
    return [RecordedChunk(inputs[n], outputs.get(n), states.get(n, {}), names[n]) for n in range(len(inputs))]


def _by_chunk(arrays: Mapping[str, Array], kind: str, where: str) -> dict[int, Array]:
    """Return the arrays of a kind by the number of their chunk: an array each, or the rows of one."""
    found: dict[int, Array] = {}
    for name, array in arrays.items():
        if name.startswith(f"{kind}/"):
            chunk = whole_number(name.removeprefix(f"{kind}/"), most=MOST_CHUNKS)
            if chunk is None:
                raise UserError(f"{where}: {visible(name[:_LONGEST_NAME])} names no chunk; chunks count from 0")
            found[chunk] = array
    whole = arrays.get(kind)
    if whole is None:
        return found
    if found:
        raise UserError(f"{where}: holds both `{kind}` and {kind}/{min(found)}; give the chunks one way")
    if not whole.ndim or len(whole) > MOST_CHUNKS:
        raise UserError(f"{where}: `{kind}` should hold at most {MOST_CHUNKS} chunks, which stand first in its shape")
    return dict(enumerate(whole))


def _of_lines(data: bytes, where: str) -> Iterator[RecordedChunk]:
    lines = data.split(b"\n")
    if len(lines) > MOST_CHUNKS + 1:
        raise UserError(f"{where}: holds more than {MOST_CHUNKS} chunks; record a part of them")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{where}: line {number}"
        fields = Fields(decode(line, place), place)
        outputs, states = fields.content.get(_OUTPUT), fields.content.get(_STATE, {})
        if not isinstance(states, dict):
            raise fields.damaged(_STATE, "must be an object of lists, by the names of states")
        yield RecordedChunk(
            _numbers(fields.content.get(_INPUT), f"{place}: {_INPUT}"),
            None if outputs is None else _numbers(outputs, f"{place}: {_OUTPUT}"),
            {name: _numbers(one, f"{place}: {_STATE} {visible(name[:_LONGEST_NAME])}") for name, one in states.items()},
            str(fields.content.get(_STREAM, ""))[:_LONGEST_NAME],
        )


def _numbers(value: Any, where: str) -> Array:
    """Return lists of numbers as an array; null is NaN, as in the files this program writes."""
    if value is None:
        raise UserError(f"{where} is missing: numbers are wanted there, or lists of numbers")
    try:
        made = np.array(value, dtype=object if _holds_null(value) else None)
        made = made.astype(np.float64) if made.dtype == object else made
    except (ValueError, TypeError, OverflowError):
        raise UserError(f"{where} should be lists of numbers, of one length each") from None
    if made.dtype.kind not in "fiu":
        raise UserError(f"{where} should be numbers, or lists of numbers")
    return made


def _holds_null(value: Any) -> bool:
    return any(map(_holds_null, value)) if isinstance(value, list) else value is None
