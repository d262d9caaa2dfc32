"""Where the numbers of a `.npz` file lie: behind the header of each of its arrays."""

from __future__ import annotations

import io
import math
import warnings
import zipfile

import numpy as np

from lstm_tui.formats.write_back.places import TensorPlace, WeightsFile


def find_npz(file: WeightsFile) -> None:
    """Add the places of a `.npz` file that was read already."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        for member in archive.infolist():
            content = archive.read(member)
            stream = io.BytesIO(content)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about headers that Python 2 wrote
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(stream)
            if dtype.kind == "f":
                file.members[member.filename] = content
                name = member.filename.removesuffix(".npy")
                file.places.append(TensorPlace(name, dtype.str, math.prod(shape), member.filename, stream.tell()))
