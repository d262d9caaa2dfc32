"""From spawn to the first full frame, beside a bare Textual app with a header and a footer.

    python -m tests.benchmarks.startup [-n 15] [--file samples/sample.txt]

The two are started in turn, so that whatever else the machine does falls on both. The ratio is that of the
medians; the aim is 1.5, the limit 2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from .terminal import Terminal

HERE = Path(__file__).parent
FULL = [b"tokens", b"units", b"cell", b"memory", b"attribution", b"output", b"quit"]
"""Words of every pane, the footer's last among them."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=15, help="spawns of each (15)")
    parser.add_argument("--file", default=str(HERE.parents[1] / "samples" / "sample.txt"))
    parser.add_argument("--command", nargs=argparse.REMAINDER, help="what to run instead of lstm-tui run FILE")
    options = parser.parse_args()
    ours = options.command or [sys.executable, "-m", "lstm_tui", "run", options.file]
    bare = [sys.executable, str(HERE / "bare.py")]
    times: dict[str, list[float]] = {"bare": [], "lstm-tui": []}
    for turn in range(options.n + 1):
        for name, command, words in (("bare", bare, [b"quit"]), ("lstm-tui", ours, FULL)):
            terminal = Terminal(command)
            seconds = terminal.until(words)
            terminal.settle(0.3)
            terminal.end()
            if turn:  # the first of each fills the disk's cache
                times[name].append(seconds)
    print(f"{'':10} {'median':>8} {'least':>8} {'most':>8}   seconds, {options.n} spawns each, in turn")
    for name, found in times.items():
        print(f"{name:10} {statistics.median(found):8.3f} {min(found):8.3f} {max(found):8.3f}")
    ratio = statistics.median(times["lstm-tui"]) / statistics.median(times["bare"])
    print(f"{'ratio':10} {ratio:8.2f}")


if __name__ == "__main__":
    main()
