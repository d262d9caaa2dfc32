"""Print how much sooner both directions of a layer are run on two threads than on one.

    python -m tests.benchmarks.two_threads [--sizes 32 64 128 256] [--steps 256 512 2048]

Elapsed time, one and two threads in turns, float32. A sample counts only where a core was idle before it and no thread
was driven off its own meanwhile, so that on a busy machine there are few, or none. A ratio above 1 means that two are
sooner; `dealt out` says whether the engine takes two there.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime import forward
from lstm_tui.engine.runtime.cores import idle_cores
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.side_by_side import LEAST_SECONDS, seconds_of

from .speed import KINDS, network_of

SAMPLES, SECONDS = 15, 4.0


def driven_off() -> int:
    """Return how often a thread of this process was driven off its core."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def in_turns(runs: list[Callable[[], Any]]) -> list[list[float]]:
    """Return the seconds that each took, in the samples that count."""
    taken: list[list[float]] = [[] for _ in runs]
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and min(map(len, taken)) < SAMPLES:
        for run, mine in zip(runs, taken, strict=True):
            time.sleep(0.001)
            quiet, before, start = idle_cores() > 0, driven_off(), time.perf_counter()
            run()
            elapsed = time.perf_counter() - start
            if quiet and driven_off() == before:
                mine.append(elapsed)
    return taken


def main() -> None:
    """Measure and print every row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--steps", type=int, nargs="+", default=[256, 512, 2048])
    options = parser.parse_args()
    print(f"{'H':>5} {'steps':>6} {'one / two':>10} {'samples':>8}  dealt out")
    for hidden in options.sizes:
        network = network_of(KINDS["bilstm"], hidden)
        for steps in options.steps:
            x = np.random.default_rng(0).standard_normal((steps, hidden)).astype(np.float32)

            def on(threads: int, x: Array = x) -> Callable[[], Any]:
                def run() -> Any:
                    with patch.object(forward, "threads_for", return_value=threads):
                        return run_arrays(network, x, "numba")  # noqa: B023

                return run

            one, two = in_turns([on(1), on(2)])
            ratio = f"{statistics.median(one) / statistics.median(two):10.2f}" if one and two else f"{'–':>10}"
            dealt = seconds_of(network.passes[0].program, steps) >= LEAST_SECONDS
            print(
                f"{hidden:>5} {steps:>6} {ratio} {min(len(one), len(two)):>8}  {'yes' if dealt else 'no'}", flush=True
            )


if __name__ == "__main__":
    main()
