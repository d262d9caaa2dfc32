"""Reads the files in `vectors/`, which `freeze_frameworks.py` made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network

FOLDER = Path(__file__).parent / "vectors"
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@dataclass(frozen=True, eq=False)
class Vectors:
    """What a framework computed with one network.

    Attributes:
        made_by: The framework and its version.
        spec: Of the network.
        arrays: `tensor/…`, `x/n`, `y/n` and the others that `freeze_frameworks.py` names.
        exact: Whether the framework computed in float64.
    """

    made_by: str
    spec: dict[str, Any]
    arrays: dict[str, Array]
    exact: bool

    def under(self, prefix: str) -> dict[str, Array]:
        """Return the arrays whose names begin so, by the rest of the name."""
        return {key.removeprefix(prefix): value for key, value in self.arrays.items() if key.startswith(prefix)}

    def sequences(self) -> Iterator[tuple[int, Array]]:
        """Yield the number of each sequence and what it reads, (T, I)."""
        for n, x in sorted(self.under("x/").items()):
            yield int(n), x

    def initial(self, n: int) -> dict[str, dict[str, Array]]:
        """Return the states before the first step of a sequence, by pass."""
        result: dict[str, dict[str, Array]] = {}
        for key, value in self.under(f"initial/{n}/").items():
            name, _, state = key.partition("/")
            result.setdefault(name, {})[state] = value
        return result

    def network(self) -> Network:
        """Return the network in float64."""
        return build_network(self.spec, self.under("tensor/"), dtype=np.float64)


@cache
def read(name: str) -> Vectors:
    """Read one file."""
    with np.load(FOLDER / f"{name}.npz") as file:
        about, data = json.loads(str(file["about"])), file["data"]
    arrays: dict[str, Array] = {}
    start = 0
    for key, shape in about["shapes"].items():
        stop = start + int(np.prod(shape))
        arrays[key] = data[start:stop].reshape(shape).astype(np.float64)
        start = stop
    return Vectors(about["made_by"], about["spec"], arrays, about["exact"])
