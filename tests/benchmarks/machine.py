"""What the machine can do at most, and what it is called: every row of `speed` is held against it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.fused.compiled_steps import SeriesMatrix

MEASURED = Path(__file__).with_name("measured.json")
PEERS = {"torch": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "jax": "jax"}
"""What is measured beside us, and the package each is in."""


def described() -> dict[str, Any]:
    """Return the processor, its cores, and the versions of what is measured."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: found for name in ("numpy", "llvmlite", *PEERS) if (found := _version(name))},
    }


def keep(table: str, found: Mapping[str, Any]) -> None:
    """Put what was measured into the file of which the manual is made; `python tests/test_readme.py` fills it in."""
    every = json.loads(MEASURED.read_text("utf-8"))
    every[table] = found
    MEASURED.write_text(in_lines(every), "utf-8")


def in_lines(found: Mapping[str, Any], margin: str = "") -> str:
    """Return JSON in which a row of a table, and whatever holds nothing that holds something, is one line."""
    lines = []
    for key, value in found.items():
        if isinstance(value, Mapping):
            text = in_lines(value, f"{margin} ").rstrip("\n")
        elif isinstance(value, list) and value and isinstance(value[0], list | Mapping):
            rows = ",\n".join(f"{margin}  {json.dumps(row, ensure_ascii=False)}" for row in value)
            text = f"[\n{rows}\n{margin} ]"
        else:
            text = json.dumps(value, ensure_ascii=False)
        lines.append(f"{margin} {json.dumps(key, ensure_ascii=False)}: {text}")
    return "{\n" + ",\n".join(lines) + f"\n{margin}}}\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def ratios(taken: Sequence[float], beside: Sequence[float]) -> list[float]:
    """Return how many times as long as what stood beside it something took, turn by turn."""
    return [one / other for one, other in zip(taken, beside, strict=True)]


def spread(numbers: Sequence[float]) -> list[float]:
    """Return the smallest, the median and the largest of numbers."""
    return [min(numbers), statistics.median(numbers), max(numbers)]


def least(run: Callable[[], Any], seconds: float = 0.1) -> float:
    """Return the least processor time that a run took, in seconds."""
    run()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time_ns()
        run()
        best = min(best, (time.process_time_ns() - start) / 1e9)
    return best


def peak() -> float:
    """Return how many GFLOP/s one core reaches in float32, with everything in its nearest cache."""
    x, w = np.ones((480, 64), np.float32), np.ones((64, 64), np.float32)
    out, matrix = aligned((480, 64), np.float32), SeriesMatrix(w)
    return 2 * 480 * 64 * 64 / least(lambda: matrix.run(x, out)) / 1e9


@one_thread
def bandwidth(size: int) -> float:
    """Return how many GB/s one core reads of so many bytes, again and again."""
    half = aligned((max(size // 8, 64),), np.float32)
    other = aligned(half.shape, np.float32)
    half[:] = other[:] = 1
    again = max(1, 2**18 // size)

    def run() -> None:
        for _ in range(again):
            half.dot(other)

    return again * (half.nbytes + other.nbytes) / least(run) / 1e9
