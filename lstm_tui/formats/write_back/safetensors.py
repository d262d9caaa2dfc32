"""Where the numbers of a safetensors file lie: its header says it."""

from __future__ import annotations

import math

from lstm_tui.formats.importers.safetensors_file import DTYPES, header_of
from lstm_tui.formats.write_back.places import BFLOAT16, TensorPlace, WeightsFile


def find_safetensors(file: WeightsFile, where: str) -> None:
    """Add the places of a safetensors file that was read already."""
    header, begin = header_of(file.data, where)
    for name in header.content:
        if name == "__metadata__":
            continue
        entry = header.inside(name)
        dtype, _ = DTYPES[entry.get("dtype", str)]
        if "f" in dtype.replace(BFLOAT16, "f"):
            shape, offsets = entry.items("shape", int), entry.items("data_offsets", int)
            file.places.append(TensorPlace(name, dtype, math.prod(shape), "", begin + offsets[0]))
