"""Which finder tells where the numbers of a file lie: one for each format."""

from __future__ import annotations

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.write_back.places import WeightsFile


def find_places(data: bytes, kind: str, where: str) -> WeightsFile:
    """Return where the numbers of a file lie.

    Args:
        data: The file; an importer has read it already.
        kind: As `kind_of` tells it.
        where: What messages call it.

    Raises:
        UserError: It is of no format that is written back.
    """
    file = WeightsFile(data)
    if kind in ("native", "safetensors"):
        from lstm_tui.formats.write_back.safetensors import find_safetensors

        find_safetensors(file, where)
    elif kind == "torch":
        from lstm_tui.formats.write_back.torch import find_torch

        find_torch(file, where)
    elif kind in ("keras", "hdf5"):
        from lstm_tui.formats.write_back.hdf5 import find_hdf5

        find_hdf5(file, "model.weights.h5" if kind == "keras" else "")
    elif kind == "npz":
        from lstm_tui.formats.write_back.npz import find_npz

        find_npz(file)
    elif kind == "onnx":
        from lstm_tui.formats.write_back.onnx import find_onnx

        find_onnx(file)
    else:
        raise UserError(f"{where}: is of no format that is written back")
    return file
