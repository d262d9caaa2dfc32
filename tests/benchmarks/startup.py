"""From spawn to the first full frame, beside a bare Textual app with a header and a footer.

    python -m tests.benchmarks.startup [-n 15] [--file samples/sample.txt]

The two are started in turn, so that whatever else the machine does falls on both. A ratio is taken of each turn, and
the median of them is given, with the smallest and the largest; the aim is 1.5, the limit 2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from .machine import ratios, spread
from .terminal import Terminal

HERE = Path(__file__).parent
SAMPLE = str(HERE.parents[1] / "samples" / "sample.txt")
FULL = [b"tokens", b"units", b"cell", b"memory", b"attribution", b"output", b"quit"]
"""Words of every pane, the footer's last among them."""


def screen_of(file: str) -> list[str]:
    """Return the command that opens the screen on a file."""
    return [sys.executable, "-m", "lstm_tui", "run", file]


def spawned(count: int, ours: list[str]) -> dict[str, list[float]]:
    """Return how long the two took to their first frame, in seconds, by name."""
    bare = [sys.executable, str(HERE / "bare.py")]
    times: dict[str, list[float]] = {"bare": [], "lstm-tui": []}
    for turn in range(count + 1):
        for name, command, words in (("bare", bare, [b"quit"]), ("lstm-tui", ours, FULL)):
            terminal = Terminal(command)
            seconds = terminal.until(words)
            terminal.settle(0.3)
            terminal.end()
            if turn:  # the first of each fills the disk's cache
                times[name].append(seconds)
    return times


def asked(text: str | None, count: int, what: str) -> tuple[int, list[str]]:
    """Return how often a command line has it done, and what is run.

    Args:
        text: What `--help` tells.
        count: How often it is done where nothing is said.
        what: What is done so often.
    """
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=count, help=f"{what} ({count})")
    parser.add_argument("--file", default=SAMPLE)
    parser.add_argument("--command", nargs=argparse.REMAINDER, help="what to run instead of lstm-tui run FILE")
    options = parser.parse_args()
    return options.n, options.command or screen_of(options.file)


def main() -> None:
    """Measure and print a table."""
    count, command = asked(__doc__, 15, "spawns of each")
    times = spawned(count, command)
    print(f"{'':10} {'median':>8} {'least':>8} {'most':>8}   seconds, {count} spawns each, in turn")
    for name, found in times.items():
        print(f"{name:10} {statistics.median(found):8.3f} {min(found):8.3f} {max(found):8.3f}")
    least, ratio, most = spread(ratios(times["lstm-tui"], times["bare"]))
    print(f"{'ratio':10} {ratio:8.2f} {least:8.2f} {most:8.2f}")


if __name__ == "__main__":
    main()
