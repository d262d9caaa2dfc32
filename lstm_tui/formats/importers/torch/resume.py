"""Checkpoints: named arrays and a JSON text in one safetensors file, written complete or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.files import label, read_bytes, replacing
from lstm_tui.formats.io.json import Fields, decode, encode

if TYPE_CHECKING:
    from lstm_tui.engine.arrays import Array

KEY = "lstm-tui-checkpoint"
LIMIT = 8 << 30


def save_checkpoint(path: str | Path, arrays: Mapping[str, Array], content: Mapping[str, Any]) -> None:
    """Write arrays and a JSON-able content.

    Raises:
        UserError: It cannot be written.
    """
    import numpy as np
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, {KEY: encode(content).decode()})
    with replacing(path) as stream:
        stream.write(data)


@door("a checkpoint of a training")
def load_checkpoint(path: str | Path) -> tuple[dict[str, Array], Fields]:
    """Read what `save_checkpoint` wrote.

    Raises:
        UserError: It is no such file, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    where = label(path)
    data = read_bytes(path, LIMIT)
    try:
        size = int.from_bytes(data[:8], "little")
        arrays: dict[str, Array] = load(data)  # checks every size against the file
        header = decode(data[8 : 8 + size], where)
        text = header["__metadata__"][KEY]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{where}: is no checkpoint of a training, or is damaged; delete it and train again") from error
    if any(array.dtype.kind != "f" for array in arrays.values()):
        raise UserError(f"{where}: is damaged: an array holds no numbers; delete it and train again")
    return arrays, Fields(decode(text, where), where)
