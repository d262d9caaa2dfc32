"""Trace files as arrays, written and read: `.npz`, one for each value of each pass, the header as JSON."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import IO, Any, BinaryIO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.windowed_series import as_array, is_windowed
from lstm_tui.formats.io.json import Fields, decode, encode
from lstm_tui.formats.io.npy import unpacked
from lstm_tui.formats.traces.contents import Numbers, check_header, dtype_of, header
from lstm_tui.formats.traces.excerpt import Excerpt, top_classes


def write_npz(part: Excerpt, stream: BinaryIO, progress: Progress | None = None) -> None:
    """Write every array under the name it has in the other formats, such as `layer0.forward/f` (T, H).

    The same trace gives the same bytes. Of many classes, `output` holds the ten largest of each step and
    `output_classes` says which they are; `result` and `result_classes` likewise.
    """
    arrays = _arrays(part)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for n, (name, array) in enumerate(arrays.items(), 1):
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, so that the bytes depend on the trace alone
            with archive.open(member, "w", force_zip64=True) as file:
                _write_array(file, array)
            if progress:
                progress(n, len(arrays))


def _write_array(file: IO[bytes], array: Array) -> None:
    """Write one array; a series of a run in windows is written window by window, with the same bytes."""
    if not is_windowed(array):
        np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
        return
    form = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, form)
    for rows in array.parts():
        file.write(np.ascontiguousarray(rows).tobytes())


def _arrays(part: Excerpt) -> dict[str, Array]:
    arrays: dict[str, Array] = {"header": np.array(encode(header(part)).decode())}
    sequence = part.trace.sequence
    if sequence.x is not None:
        arrays["x"] = sequence.x[slice(*part.steps)]
    for name, values in part.passes.items():
        for value, array in values.items():
            arrays[f"{name}/{value}"] = array
    for value, array in part.whole.items():
        arrays[f"{READOUT}/{value}"] = array
    if part.output is not None:
        _by_class(arrays, "output", part.output, part.has_top)
    if part.trace.result is not None:
        _by_class(arrays, "result", part.trace.result, part.has_top)
    return arrays


def _by_class(arrays: dict[str, Array], name: str, values: Array, has_top: bool) -> None:
    if not has_top:
        arrays[name] = values
        return
    if is_windowed(values):
        arrays[name] = as_array(values.mapped(lambda rows: np.take_along_axis(rows, _top(rows), -1)))
        arrays[f"{name}_classes"] = as_array(values.mapped(_top))
        return
    places = _top(values)
    arrays[name] = np.take_along_axis(values, places, -1)
    arrays[f"{name}_classes"] = places


def _top(values: Array) -> Array:
    """Return the places of the largest classes of each row; of no rows, none."""
    if not len(values):
        return np.zeros((0, len(top_classes(np.zeros(values.shape[-1])))), np.int64)
    return np.apply_along_axis(top_classes, -1, values)


def read_arrays(data: bytes, where: str) -> tuple[Fields, Numbers]:
    """Return the header and the numbers of a trace written as arrays.

    Raises:
        UserError: It is no `.npz` file, there is no header, or an array it names is missing or of the wrong type.
    """
    arrays = unpacked(data, where, kinds="fiubU")
    if "header" not in arrays or arrays["header"].dtype.kind != "U" or arrays["header"].size != 1:
        raise UserError(f"{where}: is not a trace file; `lstm-tui trace FILE -o OUT.npz` writes one")
    header = check_header(decode(arrays["header"].item(), f"{where}: header"), where)
    dtype = dtype_of(header)
    numbers = Numbers()
    for entry in header.each("passes"):
        name = entry.get("name", str)
        numbers.passes[name] = {
            value: _floats(arrays, f"{name}/{value}", header, dtype, 2) for value in entry.items("values", str)
        }
    known = set(numbers.passes.get(READOUT, {}))
    for name in arrays:
        group, _, value = name.partition("/")
        if group == READOUT and value not in known:
            numbers.whole[value] = _floats(arrays, name, header, dtype, 1)
    if "x" in arrays:
        numbers.x = _floats(arrays, "x", header, None, 2)
    classes = header.items("classes", str) if "classes" in header.content else []
    if "output" in arrays:
        numbers.output = _read_by_class(arrays, "output", 2, len(classes), header)
    if "result" in arrays:
        numbers.result = _read_by_class(arrays, "result", 1, len(classes), header)
    return header, numbers


def _floats(arrays: Mapping[str, Array], name: str, header: Fields, dtype: np.dtype[Any] | None, ndim: int) -> Array:
    array = arrays.get(name)
    if array is None:
        raise header.damaged(name, "is missing")
    if array.ndim != ndim or array.dtype.kind != "f" or (dtype is not None and array.dtype != dtype):
        kind = dtype.name if dtype else "floating point"
        raise header.damaged(name, f"must be {kind} of {ndim} dimensions")
    return np.array(array)


def _read_by_class(arrays: Mapping[str, Array], name: str, ndim: int, count: int, header: Fields) -> Array:
    kept = _floats(arrays, name, header, dtype_of(header), ndim)
    places = arrays.get(f"{name}_classes")
    if places is None:
        return kept
    if places.shape != kept.shape or places.dtype.kind != "i" or not ((places >= 0) & (places < count)).all():
        raise header.damaged(f"{name}_classes", "must say which class each number of the output is")
    full = np.full((*kept.shape[:-1], count), np.nan, kept.dtype)
    np.put_along_axis(full, places.astype(np.intp), kept, -1)
    return full
