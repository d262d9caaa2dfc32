"""Where the numbers of an ONNX file lie: the bytes of its initialisers and constants, found in the wire format.

protobuf writes a message as fields, each with its number, its kind and its bytes, so that a tensor's numbers lie in
one piece whether they are raw bytes or packed floats. Nothing is decoded but what leads there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.onnx.file import Outside
from lstm_tui.formats.write_back.places import BFLOAT16, TensorPlace, WeightsFile

_DEEPEST = 32
_GRAPH_OF_MODEL, _NODE, _INITIALIZER = 7, 1, 5
_OUTPUT, _OP_TYPE, _ATTRIBUTE = 2, 4, 5
_TENSOR_OF_ATTRIBUTE, _GRAPH_OF_ATTRIBUTE = 5, 6
_DIMS, _DATA_TYPE, _FLOAT_DATA, _NAME, _RAW_DATA, _DOUBLE_DATA = 1, 2, 4, 8, 9, 10
_DTYPES = {1: "<f4", 10: "<f2", 11: "<f8", 16: BFLOAT16}
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class Field(NamedTuple):
    """A field of a message: its number, its kind, where its bytes begin and end, and its value if it is a number."""

    number: int
    kind: int
    begin: int
    end: int
    value: int = 0


def find_onnx(file: WeightsFile) -> None:
    """Add the places of an ONNX file that was read already."""
    for one in fields(file.data, 0, len(file.data)):
        if one.number == _GRAPH_OF_MODEL and one.kind == _BYTES:
            _graph(file, one, 0)


def inlined(data: bytes, path: str, where: str) -> bytes:
    """Return an ONNX file with the tensors in it that lie in files beside it; the same bytes where none do.

    Raises:
        UserError: Such a file is missing, too short, or in another folder.
    """
    import onnx

    model = onnx.load_model_from_string(data)
    outside = Outside(path, where)
    found = [one for one in _tensors(model.graph, 0) if one.data_location == onnx.TensorProto.EXTERNAL]
    for one in found:
        width = onnx.helper.tensor_dtype_to_np_dtype(one.data_type).itemsize
        outside.fetch(one, math.prod(one.dims) * width)
    return bytes(model.SerializeToString()) if found else data


def _tensors(graph: Any, depth: int) -> Iterator[Any]:
    yield from graph.initializer
    for attribute in (one for node in graph.node for one in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inside in (attribute.g, *attribute.graphs) if depth < _DEEPEST else ():
            yield from _tensors(inside, depth + 1)


def fields(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message of protobuf.

    Raises:
        ValueError: It is none.
    """
    place = begin
    while place < end:
        key, place = _varint(data, place, end)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            start = place
            value, place = _varint(data, place, end)
            yield Field(number, kind, start, place, value)
            continue
        if kind == _BYTES:
            size, place = _varint(data, place, end)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + size > end:
            raise ValueError("a field is cut short")
        yield Field(number, kind, place, place + size)
        place += size


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 70:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("a number is cut short")


def _graph(file: WeightsFile, graph: Field, depth: int) -> None:
    if depth > _DEEPEST:
        return
    for one in fields(file.data, graph.begin, graph.end):
        if one.kind == _BYTES and one.number == _INITIALIZER:
            _tensor(file, one, "")
        elif one.kind == _BYTES and one.number == _NODE:
            _node(file, one, depth)


def _node(file: WeightsFile, node: Field, depth: int) -> None:
    inside = [one for one in fields(file.data, node.begin, node.end) if one.kind == _BYTES]
    said = {number: _text(file, next((one for one in inside if one.number == number), None))
            for number in (_OUTPUT, _OP_TYPE)}  # fmt: skip
    if said[_OP_TYPE] == "DequantizeLinear":
        _note(file, "some of its weights are whole numbers with a scale, which are not written")
    for attribute in inside:
        if attribute.number != _ATTRIBUTE:
            continue
        for one in fields(file.data, attribute.begin, attribute.end):
            if one.kind == _BYTES and one.number == _TENSOR_OF_ATTRIBUTE and said[_OP_TYPE] == "Constant":
                _tensor(file, one, said[_OUTPUT])
            elif one.kind == _BYTES and one.number == _GRAPH_OF_ATTRIBUTE:
                _graph(file, one, depth + 1)


def _tensor(file: WeightsFile, tensor: Field, name: str) -> None:
    dims: list[int] = []
    numbers: list[Field] = []
    dtype = ""
    for one in fields(file.data, tensor.begin, tensor.end):
        if one.number == _DIMS:
            dims += [one.value] if one.kind == _VARINT else _packed(file.data, one)
        elif one.number == _DATA_TYPE:
            dtype = _DTYPES.get(one.value, "")
        elif one.number == _NAME:
            name = _text(file, one) or name
        elif one.number in (_FLOAT_DATA, _DOUBLE_DATA, _RAW_DATA) and one.begin < one.end:
            numbers.append(one)
    if not dtype:
        return
    place = TensorPlace(name, dtype, math.prod(dims), "", numbers[0].begin if numbers else 0)
    if len(numbers) == 1 and numbers[0].end - numbers[0].begin == place.size:
        file.places.append(place)
    elif place.count:
        _note(file, f"{visible(name)} is written number by number, and is left as it is")


def _packed(data: bytes, field: Field) -> list[int]:
    values, place = [], field.begin
    while place < field.end:
        value, place = _varint(data, place, field.end)
        values.append(value)
    return values


def _text(file: WeightsFile, field: Field | None) -> str:
    return "" if field is None else file.data[field.begin : field.end].decode("utf-8", "replace")


def _note(file: WeightsFile, reason: str) -> None:
    if reason not in file.elsewhere:
        file.elsewhere.append(reason)
