"""Traces: every bundled network and every cell, by both interpreters, in both precisions; values bit by bit."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from digests.outside import said
from digests.record import Record

_INTERPRETERS, _PRECISIONS = ("numpy", "numba"), ("float32", "float64")
_FILES = {
    "forecast": "samples/waves.csv",
    "recall": "samples/recall.txt",
    "story": "samples/story.txt",
    "tiny": "samples/tiny.txt",
}
"""What networks read, by the first part of their name; all others read the sample."""
_WAYS = {"forward": ("--layers", "2"), "both": ("--bidirectional",)}
_SIZES = {"lstm_projected": ("--size", "P=6")}
"""The sizes that a cell leaves free."""
_TEXT = "the cell keeps what the gate lets it keep , and the gate is the cell's own\n"


def column(table: str) -> list[str]:
    """Return the names in the first column of a printed table, below its heading."""
    rows = [line.split()[:1] for line in table.split("\n\n")[0].splitlines()[1:]]
    return [row[0] for row in rows if row]


def models() -> list[str]:
    """Return the bundled networks."""
    return column(said("models"))


def cells() -> list[str]:
    """Return the registered cells."""
    return column(said("cells"))


def arrays(content: bytes) -> str:
    """Return every array of an .npz file by name, as text that reads back bit by bit."""
    lines = []
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for member in sorted(packed.namelist()):
            array = np.load(io.BytesIO(packed.read(member)), allow_pickle=False)
            lines.append(f"{member} {array.dtype} {array.shape}")
            whole = array.reshape(-1)
            lines.append(str(array) if array.dtype.kind in "US" else " ".join(map(_exact, whole.tolist())))
    return "\n".join((*lines, ""))


def _exact(number: object) -> str:
    return number.hex() if isinstance(number, float) else str(number)


def record(into: Record, names: Iterable[str] | None = None) -> None:
    """Record the traces of networks and cells; of these, where there are some, in place of all."""
    for model in models() if names is None else names:
        for interpreter in _INTERPRETERS:
            for dtype in _PRECISIONS:
                _trace(into, f"{model}/{interpreter}/{dtype}", "--model", model, interpreter, dtype)
    Path("cells.txt").write_text(_TEXT, "utf-8")
    for cell in cells() if names is None else ():
        for way in _WAYS:
            for interpreter in _INTERPRETERS:
                for dtype in _PRECISIONS:
                    extra = ("--hidden", "6", *_WAYS[way], *_SIZES.get(cell, ()))
                    _trace(into, f"{cell}/{way}/{interpreter}/{dtype}", "--cell", cell, interpreter, dtype, *extra)


def _trace(into: Record, name: str, of: str, what: str, interpreter: str, dtype: str, *extra: str) -> None:
    file = "cells.txt" if of == "--cell" else _FILES.get(what.partition("-")[0], "samples/sample.txt")
    out = Path("trace.npz")
    out.unlink(missing_ok=True)
    options = (of, what, *extra, "--interpreter", interpreter, "--dtype", dtype)
    printed = said("trace", file, *options, "-o", str(out))
    into.add(f"traces/{name}", printed + (arrays(out.read_bytes()) if out.exists() else ""))
