"""Kernels that the tests take are compiled once: each worker compiles some, and takes those of the others from disk.

Where they are kept already, as in every run but the first of a tree, none is compiled.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

_PATIENCE = 120.0
"""Seconds that a worker waits for another, whose kernels it else compiles itself."""


class CompiledOnce:
    """What one worker of several compiles, and whether it still does."""

    def __init__(self) -> None:
        """Say that this worker will; where there is but one process, nothing is said."""
        run, worker = os.environ.get("PYTEST_XDIST_TESTRUNUID", ""), os.environ.get("PYTEST_XDIST_WORKER", "")
        self._number = int(worker.removeprefix("gw") or 0)
        self._count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
        self._markers = f"lstm-tui-compiles-{run}-"
        self._marker = Path(tempfile.gettempdir()) / f"{self._markers}{self._number}"
        if self._count > 1:
            self._marker.touch()

    def compile(self) -> None:
        """Compile this worker's kernels, and wait for the others, which do so at the same time."""
        if self._count < 2:
            return
        try:
            jobs = [(dtype, is_back) for dtype in (np.float32, np.float64) for is_back in (True, False)]
            for dtype, is_back in jobs[self._number :: self._count]:
                _take_a_step(dtype, is_back)
        finally:
            self.leave()
        end = time.monotonic() + _PATIENCE
        while any(self._marker.parent.glob(f"{self._markers}*")) and time.monotonic() < end:
            time.sleep(0.05)

    def leave(self) -> None:
        """Say that this worker compiles nothing more."""
        self._marker.unlink(missing_ok=True)


def _take_a_step(dtype: type, is_back: bool) -> None:
    from lstm_tui.engine.compiler.compile import compile_cell
    from lstm_tui.engine.language.cell import load_cell
    from lstm_tui.engine.runtime import kernels
    from lstm_tui.engine.runtime.storage import prepare

    program = compile_cell(load_cell("rnn"), 1, 1)
    flat = program.empty(dtype)
    flat[...] = 0
    rows = prepare(program, flat, {"x": np.zeros((1, 1), dtype)}, program.initial_states(flat), 0, 1)
    if is_back:
        kernels.backprop(program, flat, rows, np.zeros_like(rows), np.zeros_like(flat), 0, 1)
    else:
        kernels.run(program, flat, rows, 0, 1)
