"""From a key to the last byte of its frame, beside a bare app that repaints one full-screen heat map.

    python -m tests.benchmarks.keypress [-n 100] [--file samples/sample.txt]

Both run at once, each in its own terminal, and are pressed in turn. The limit is 1.5 times the 95th
percentile of the bare app.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from .startup import FULL, HERE
from .terminal import Terminal


def percentile(values: list[float], part: float) -> float:
    """Return the value below which `part` of the values lie."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=100, help="presses of each key (100)")
    parser.add_argument("--file", default=str(Path(HERE).parents[1] / "samples" / "sample.txt"))
    parser.add_argument("--command", nargs=argparse.REMAINDER, help="what to run instead of lstm-tui run FILE")
    options = parser.parse_args()
    ours = Terminal(options.command or [sys.executable, "-m", "lstm_tui", "run", options.file])
    bare = Terminal([sys.executable, str(HERE / "bare.py"), "heat"])
    ours.until(FULL)
    for terminal in (ours, bare):
        terminal.settle(3.0)
    keys = {"n": "nnnNNN", "s": "sssSSS", "j": "jjjkkk", "o": "oooooo", "]": "]]]]]]"}
    times: dict[str, list[float]] = {"bare": []}
    for name, presses in keys.items():
        times[name] = []
        for turn in range(options.n):
            times[name].append(ours.press(presses[turn % len(presses)].encode()))
            times["bare"].append(bare.press(b"n"))
    for terminal in (ours, bare):
        terminal.end()
    limit = percentile(times["bare"], 0.95)
    print(f"{'key':6} {'median':>8} {'p95':>8} {'ratio':>6}   milliseconds, {options.n} presses each")
    for name, found in times.items():
        p95 = percentile(found, 0.95)
        print(f"{name:6} {statistics.median(found) * 1e3:8.1f} {p95 * 1e3:8.1f} {p95 / limit:6.2f}")


if __name__ == "__main__":
    main()
