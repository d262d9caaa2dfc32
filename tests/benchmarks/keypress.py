"""From a key to the last byte of its frame, beside a bare app that repaints one full-screen heat map.

    python -m tests.benchmarks.keypress [-n 100] [--file samples/sample.txt]

Both run at once, each in its own terminal, and are pressed in turn. The limit is 1.5 times the 95th
percentile of the bare app.
"""

from __future__ import annotations

import statistics
import sys

from .startup import FULL, HERE, asked
from .terminal import Terminal

KEYS = {"n": "nnnNNN", "s": "sssSSS", "j": "jjjkkk", "o": "oooooo", "]": "]]]]]]"}


def percentile(values: list[float], part: float) -> float:
    """Return the value below which `part` of the values lie."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def pressed(count: int, command: list[str]) -> dict[str, list[float]]:
    """Return the seconds of every press to its frame, by key; those of the bare app under `bare`."""
    ours = Terminal(command)
    bare = Terminal([sys.executable, str(HERE / "bare.py"), "heat"])
    ours.until(FULL)
    for terminal in (ours, bare):
        terminal.settle(3.0)
    times: dict[str, list[float]] = {"bare": []}
    for name, presses in KEYS.items():
        times[name] = []
        for turn in range(count):
            times[name].append(ours.press(presses[turn % len(presses)].encode()))
            times["bare"].append(bare.press(b"n"))
    for terminal in (ours, bare):
        terminal.end()
    return times


def main() -> None:
    """Measure and print a table."""
    count, command = asked(__doc__, 100, "presses of each key")
    times = pressed(count, command)
    limit = percentile(times["bare"], 0.95)
    print(f"{'key':6} {'median':>8} {'p95':>8} {'ratio':>6}   milliseconds, {count} presses each")
    for name, found in times.items():
        p95 = percentile(found, 0.95)
        print(f"{name:6} {statistics.median(found) * 1e3:8.1f} {p95 * 1e3:8.1f} {p95 / limit:6.2f}")


if __name__ == "__main__":
    main()
