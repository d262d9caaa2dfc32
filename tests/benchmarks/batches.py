"""Print how many times as fast sequences are run together as one by one, with every value recorded.

    python -m tests.benchmarks.batches [--rounds 5]

Both take turns in every round; processor time is measured, and a ratio is taken within a round. One by one is the same
code with a sequence at a time. `check` and `stats` are the commands, over 300 lines of a text.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lstm_tui
from lstm_tui.analysis.influence import Target, deletions
from lstm_tui.cli.main import main as command_line
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import batch
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.forward import RunBuffers
from lstm_tui.models.bundled import open_model

from .speed import KINDS, network_of

LINES = 300
WORDS = ("the", "movie", "was", "not", "bad", "at", "all", "and", "i", "think", "it", "is", "a", "good", "film")


def text(random_one: random.Random, tokens: int) -> str:
    return " ".join(random_one.choice(WORDS) for _ in range(tokens))


def pieces(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is measured, by name."""
    rng, random_one = np.random.default_rng(0), random.Random(0)
    for hidden in (32, 128):
        network = network_of(KINDS["lstm"], hidden)
        given = [ToRun(rng.standard_normal((int(n), hidden)).astype(np.float32)) for n in rng.integers(10, 60, 96)]
        yield f"96 runs of 10 to 59 tokens, H = {hidden}", partial(runs, network, given)
    sentiment = open_model("sentiment")
    trace = lstm_tui.trace(text(random_one, 64), sentiment, interpreter="numba")
    yield "deletions of 64 tokens", lambda: deletions(trace, Target("one class", class_index=0))
    path = folder / "lines.txt"
    path.write_text("\n".join(text(random_one, random_one.randint(8, 30)) for _ in range(LINES)) + "\n", "utf-8")
    for words in (["check", str(path), "--assert", "not any(isnan(c))"], ["stats", str(path)]):
        yield f"`{words[0]}` of {LINES} lines", partial(quietly, words)


def runs(network: Network, given: list[ToRun]) -> list[RunBuffers]:
    return list(run_each(network, given, "numba"))


def quietly(words: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        command_line(words)


def timed(run: Callable[[], Any], together: int) -> float:
    """Return the processor time of a run in which so many sequences are run together, in seconds."""
    held, batch.MOST_TOGETHER = batch.MOST_TOGETHER, together
    start = time.process_time()
    try:
        run()
    finally:
        batch.MOST_TOGETHER = held
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| | one by one, ms | together, ms | times as fast |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, run in pieces(Path(folder)):
            most = batch.MOST_TOGETHER
            run()
            taken = [(timed(run, 1), timed(run, most)) for _ in range(options.rounds)]
            found = [alone / together for alone, together in taken]
            alone, together = (1e3 * statistics.median(column) for column in zip(*taken, strict=True))
            ratio = f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"
            print(f"| {name} | {alone:.1f} | {together:.1f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
