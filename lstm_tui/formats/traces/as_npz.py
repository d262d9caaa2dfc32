"""Trace files as arrays: `.npz`, one array for each value of each pass and the header as a JSON string."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.formats.io.json import encode
from lstm_tui.formats.traces.excerpt import Excerpt, top_classes
from lstm_tui.formats.traces.header import header


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
                np.lib.format.write_array(file, array, allow_pickle=False)
            if progress:
                progress(n, len(arrays))


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
    places = np.apply_along_axis(top_classes, -1, values)
    arrays[name] = np.take_along_axis(values, places, -1)
    arrays[f"{name}_classes"] = places
