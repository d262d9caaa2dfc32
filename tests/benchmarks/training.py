"""Print how many tokens a second are trained on, beside PyTorch on the same task.

    python -m tests.benchmarks.training [--sizes 16 64] [--window 100] [--rounds 5] [--as-user] [--keep]

A language model of bytes: embedding of 32, one LSTM, softmax over 256, cross-entropy, clipping and Adam, 16 sequences a
step, float32, one thread. Both begin with the same weights, and their losses are compared first. We take the 16
sequences of a step at once; PyTorch does so as well, and in a second column one after the other. All take turns in
every round; processor time is measured, a ratio is taken within a round, and the median of the rounds is given with
the smallest and the largest. A ratio above 1 means that we were faster.

With `--as-user` it is elapsed time, and each computes on as many threads as it takes by itself.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from typing import Any
from unittest.mock import patch

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import mean_loss, next_tokens
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime import side_by_side

from . import machine
from .machine import keep

try:
    import torch
except ImportError:
    torch = None

BATCH, EMBEDDING, STEPS, RATE = 16, 32, 4, 1e-3
GATES = "ifgo"  # the order of the blocks in torch


def model(hidden: int) -> Network:
    """Return our network."""
    spec = {
        "name": "bytes",
        "tokens": {"kind": "bytes"},
        "embedding_size": EMBEDDING,
        "layers": [{"cell": "lstm", "hidden_size": hidden}],
        "readout": "dense",
    }
    return build_network(spec, seed=hidden)


def torch_model(network: Network, hidden: int) -> Any:
    """Return the same network of PyTorch."""

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(256, EMBEDDING)
            self.lstm = torch.nn.LSTM(EMBEDDING, hidden, batch_first=True)
            self.dense = torch.nn.Linear(hidden, 256)

        def forward(self, ids: Any) -> Any:
            return self.dense(self.lstm(self.embedding(ids))[0])

    made, ours = Model(), network.tensors()

    def stacked(letter: str) -> Any:
        return torch.from_numpy(np.concatenate([ours[f"layer0.forward/{letter}_{gate}"] for gate in GATES]))

    with torch.no_grad():
        made.embedding.weight.copy_(torch.from_numpy(ours["embedding"]))
        made.lstm.weight_ih_l0.copy_(stacked("W"))
        made.lstm.weight_hh_l0.copy_(stacked("U"))
        made.lstm.bias_ih_l0.copy_(stacked("b"))
        made.lstm.bias_hh_l0.zero_()
        matrix = next(name for name in ours if name.startswith("readout/") and ours[name].ndim == 2)
        made.dense.weight.copy_(torch.from_numpy(ours[matrix]))
        made.dense.bias.zero_()
    return made


def torch_epoch(made: Any, ids: Array, together: int) -> Callable[[], None]:
    """Return an epoch of PyTorch that reads `together` sequences at once."""
    given = torch.from_numpy(ids)
    adam = torch.optim.Adam(made.parameters(), RATE)

    def run() -> None:
        for start in range(0, len(given), BATCH):
            adam.zero_grad(set_to_none=True)
            for part in given[start : start + BATCH].split(together):
                said = made(part[:, :-1])
                loss = torch.nn.functional.cross_entropy(said.flatten(0, 1), part[:, 1:].flatten())
                (loss * len(part) / BATCH).backward()
            torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
            adam.step()

    return run


def timed(run: Callable[[], Any], as_user: bool) -> float:
    clock = time.perf_counter if as_user else time.process_time
    start = clock()
    run()
    return clock() - start


def measured_of(hidden: int, window: int, rounds: int, as_user: bool = False) -> list[dict[str, float]]:
    """Return the seconds that an epoch took each, in every round."""
    ids = np.random.default_rng(0).integers(0, 256, (BATCH * STEPS, window + 1))
    network = model(hidden)
    examples = [next_tokens(line) for line in ids]
    how = Settings(epochs=1, rate=RATE, last_rate=1.0, batch=BATCH)
    runs: dict[str, Callable[[], Any]] = {"ours": lambda: train(network, examples, how)}
    if torch is not None:
        made = torch_model(network, hidden)
        with torch.inference_mode():
            said = made(torch.from_numpy(ids[:, :-1]))
            theirs = float(
                torch.nn.functional.cross_entropy(said.flatten(0, 1), torch.from_numpy(ids[:, 1:]).flatten())
            )
        if not abs(theirs - mean_loss(network, examples)) < 1e-4:
            sys.exit(f"PyTorch computes something else: a loss of {theirs}, not {mean_loss(network, examples)}")
        runs["together"] = torch_epoch(made, ids, BATCH)
        runs["one by one"] = torch_epoch(torch_model(network, hidden), ids, 1)
    for run in runs.values():
        run()
    return [{name: timed(run, as_user) for name, run in runs.items()} for _ in range(rounds)]


def row(hidden: int, window: int, taken: list[dict[str, float]]) -> list[str]:
    """Return the cells of the table for one size."""
    tokens = BATCH * STEPS * window
    speed = statistics.median(tokens / one["ours"] for one in taken)
    return [
        str(hidden),
        f"{speed:,.0f}".replace(",", " "),
        *(ratio(taken, name) for name in ("together", "one by one")),
    ]


def ratios(taken: list[dict[str, float]], name: str) -> list[float]:
    """Return how many times as long another took, in every round; nothing where it is absent."""
    return [one[name] / one["ours"] for one in taken if name in one]


def ratio(taken: list[dict[str, float]], name: str) -> str:
    found = ratios(taken, name)
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})" if found else "absent"


def kept(every: dict[int, list[dict[str, float]]], as_user: bool = False) -> dict[str, Any]:
    """Return what the manual says of it: medians, the lowest and the highest of all sizes."""

    def medians(name: str) -> list[float]:
        found = [statistics.median(ratios(taken, name)) for taken in every.values()]
        return [round(min(found), 2), round(max(found), 2)]

    return {
        "command": f"python -m tests.benchmarks.training{' --as-user' if as_user else ''}",
        "written": date.today().isoformat(),
        "machine": machine.described(),
        "batch": BATCH,
        "sizes": [min(every), max(every)],
        "of_batches": medians("together"),
        "one_by_one": medians("one by one"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128], metavar="H")
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--as-user", action="store_true", help="elapsed time, and threads as each takes them by itself")
    parser.add_argument("--keep", action="store_true", help="put it into measured.json, of which the manual is made")
    options = parser.parse_args()
    if torch is not None and not options.as_user:
        torch.set_num_threads(1)
    heads = ["H", "ours, tokens/s", f"torch, {BATCH} sequences at once", "torch, one by one"]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    every = {}
    for hidden in options.sizes:
        alone = patch.object(side_by_side, "idle_cores", return_value=0)  # one thread, as the other
        with nullcontext() if options.as_user else alone:
            every[hidden] = measured_of(hidden, options.window, options.rounds, options.as_user)
        print("| " + " | ".join(row(hidden, options.window, every[hidden])) + " |", flush=True)
    if options.keep:
        keep("training as user" if options.as_user else "training", kept(every, options.as_user))


if __name__ == "__main__":
    main()
