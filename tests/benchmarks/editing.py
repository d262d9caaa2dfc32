"""What an edit costs beside a step, and what the ledger and a gradient cost beside a run.

    python -m tests.benchmarks.editing [-n 60] [--rounds 15]

First table: from a key to the last byte of its frame, in a terminal of 160 by 45, an LSTM of 64 units over 100
tokens; a step (`n`) and an edit (`Z`: made again after it was taken back, which runs everything again) take turns,
for the first edit, with which the baseline comes on the screen, and for a second one. The limit is 1.5.

Second table: processor time in one process, 64 units over 1 000 tokens, run by Numba; all take turns in every
round, and a ratio is taken within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported: two threads make small products slower, at random

import numpy as np  # noqa: E402

from lstm_tui.analysis.influence import Target, influence  # noqa: E402
from lstm_tui.analysis.ledger import flow_of, ledger_at  # noqa: E402
from lstm_tui.engine.model.network import Network, build_network  # noqa: E402
from lstm_tui.engine.model.sequence import Sequence  # noqa: E402
from lstm_tui.engine.runtime.run import run  # noqa: E402

from .machine import ratios  # noqa: E402
from .terminal import Terminal  # noqa: E402

HIDDEN = 64
WORDS = tuple(f"w{n}" for n in range(200))
EDITS = {
    "the first": ("set layer0.forward.f[7] @ 3:60 = 0",),
    "a gate held": ("set layer0.forward.f[9] @ 3:60 = 0", "set layer0.forward.f[7] @ 3:60 = 0"),
    "a weight": ("set layer0.forward.f[9] @ 3:60 = 0", "weight layer0.forward/b_f[7] = -4"),
    "a token": ("delete 3", "delete 30"),
}


Taken = tuple[float, float]
"""Seconds until the last byte of a frame, and those of processor time."""


def spent(pid: int) -> float:
    """Return the processor time that a process has taken, in seconds; Linux tells it by thread."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def pressed(terminal: Terminal, key: bytes) -> Taken:
    """Return the seconds until the last byte of the frame, and the processor time that was taken for it."""
    before = spent(terminal.pid)
    seconds = terminal.press(key)
    return seconds, spent(terminal.pid) - before


def edited(presses: int) -> Iterator[tuple[str, list[Taken], list[Taken]]]:
    """Yield what each kind of edit is called, and what every step and every edit took."""
    chosen = np.random.default_rng(0).integers(0, len(WORDS), 100)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "text.txt")
        file.write_text(" ".join(WORDS[n] for n in chosen) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "lstm_tui", "run", str(file), "--cell", "lstm", "--hidden", str(HIDDEN)]
        for name, lines in EDITS.items():
            ours = Terminal(command)
            ours.settle(3.0)
            for _ in range(40):
                ours.press(b"n")
            for part in (part for line in lines for part in (b":", line.encode(), b"\r")):
                ours.press(part, 0.3)
            step: list[Taken] = []
            edit: list[Taken] = []
            for turn in range(presses):
                step.append(pressed(ours, b"nN"[turn % 2 : turn % 2 + 1]))
                ours.press(b"z")
                edit.append(pressed(ours, b"Z"))
            ours.end()
            yield name, step, edit


def keys(presses: int) -> None:
    """Print the first table."""
    print(f"{'edit':14} {'until the frame':>24} {'processor time':>24}   ms of a step and an edit, and their ratio")
    for name, step, edit in edited(presses):
        cells = ""
        for which in (0, 1):
            one, other = (statistics.median(each[which] for each in taken) * 1e3 for taken in (step, edit))
            cells += f" {one:8.1f} {other:8.1f} {other / one:6.2f}"
        print(f"{name:14}{cells}", flush=True)


def network(both: bool) -> Network:
    """Return an untrained network that says one of two classes."""
    directions = ["forward", "backward"] if both else ["forward"]
    return build_network(
        {
            "name": "timed",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["<unk>", *WORDS]},
            "embedding_size": HIDDEN,
            "layers": [{"cell": "lstm", "hidden_size": HIDDEN, "directions": directions}],
            "readout": "mean",
            "classes": ["one", "two"],
        },
        seed=1,
        dtype=np.float32,
    )


def analysed(rounds: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield which directions a network has, and the seconds of processor time of its runs and of what looks at them."""
    for both in (False, True):
        timed = network(both)
        ids = np.random.default_rng(1).integers(1, len(WORDS), 1000)
        sequence = Sequence("words", tuple(WORDS[n - 1] for n in ids), ids=ids)
        trace = run(timed, sequence, "numba")

        def ledgers(trace=trace) -> None:  # type: ignore[no-untyped-def]
            for passed in trace.values():
                flow = flow_of(passed, "c")
                assert flow is not None
                ledger_at(passed, flow, passed.tape_place(999))

        turns: dict[str, Callable[[], object]] = {
            "run": lambda timed=timed, sequence=sequence: run(timed, sequence, "numba"),  # type: ignore[misc]
            "ledger": ledgers,
            "gradient": lambda trace=trace: influence(trace, Target("one", class_index=0)),  # type: ignore[misc]
        }
        taken: dict[str, list[float]] = {name: [] for name in turns}
        for _ in range(rounds):
            for name, act in turns.items():
                start = time.process_time()
                for _ in range(5):
                    act()
                taken[name].append((time.process_time() - start) / 5)
        yield "both ways" if both else "forward", taken


def analyses(rounds: int) -> None:
    """Print the second table."""
    print(
        f"\n{'1000 tokens':14} {'run':>8} {'ledger':>16} {'gradient':>16}   ms and ratios to the run, {rounds} rounds"
    )
    for ways, taken in analysed(rounds):
        line = f"{ways:14} {statistics.median(taken['run']) * 1e3:8.2f}"
        for name in ("ledger", "gradient"):
            ratio = statistics.median(ratios(taken[name], taken["run"]))
            line += f" {statistics.median(taken[name]) * 1e3:8.2f} ({ratio:5.2f})"
        print(line, flush=True)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=60, help="presses of each key (60)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of the second table (15)")
    options = parser.parse_args()
    keys(options.n)
    analyses(options.rounds)


if __name__ == "__main__":
    main()
