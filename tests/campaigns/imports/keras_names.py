"""What a file of Keras's weights calls each layer of the model it was saved from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def names_in_file(path: Path, layers: list[Any]) -> dict[str, str]:
    """Return by a layer's name what the file calls it: the group in which its first array stands."""
    import h5py

    found: dict[str, str] = {}
    with h5py.File(path, "r") as file:

        def visit(name: str, one: Any) -> None:
            if not isinstance(one, h5py.Dataset) or "optimizer" in name:
                return
            for layer in layers:
                first = layer.get_weights()[0]
                if layer.name not in found and one.shape == first.shape and np.array_equal(one[()], first):
                    parts = name.split("/")
                    known = parts[1] if parts[0] in ("layers", "_layer_checkpoint_dependencies") else parts[0]
                    found[layer.name] = known

        file.visititems(visit)
    return found
