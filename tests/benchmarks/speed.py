"""Print how long a token takes with every value recorded, beside frameworks that record nothing.

    python -m tests.benchmarks.speed [--cells lstm gru] [--sizes 8 64] [--rounds 5] [--write FILE.json]
    python -m tests.benchmarks.speed --as-user [...]
    python -m tests.benchmarks.speed --compare OLD.json NEW.json

Every contestant gets the same weights and the same input (T, I) with I = H, one sequence, one thread, float32, and the
outputs are compared first. Ours is the whole of a run, from the input to every named value of every step, the products
of the input and the memory for it all included; `from Python` is `lstm_tui.trace` of 4,096 tokens, end to end. No
variable is set. All contestants take turns of about the same length in every round; processor time is measured, page
faults included. A ratio is taken within a round; the table gives the median of the rounds, with the smallest and the
largest. A ratio above 1 means that we were faster. Each row is held against the machine: GFLOP/s against what one core
reaches, and the bytes of the recurrent matrices against how fast as many are read again and again.

With `--as-user` it is elapsed time instead, and every contestant computes on as many threads as it takes by itself:
ours deals out work where it finds a core idle, the others as they come. Each runs for half a second before it counts,
as some compile only what is run often, and before every turn all threads come to rest.

With `--compare` it says what became slower: where the ranges of two files do not meet. Times are compared only where
both were measured on a processor of one name.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import lstm_tui
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime import side_by_side
from lstm_tui.engine.runtime.batch import ToRun, gradients_together, run_together, values_outside
from lstm_tui.engine.runtime.run import run_arrays

from . import machine, peers

SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
TURN, REST, WARM = 0.02, 0.02, 0.5
"""Seconds of a turn; before one as a user has it, since a pool of threads waits a while for more work before it sleeps;
and of what goes before all turns then."""
TOKENS, LARGE, FEWER, OF_PYTHON = 512, 512, 128, 4096
"""Tokens of a run; from which size on there are fewer; and those of a run from Python."""
Run = Callable[[], Any]
Range = list[float]


class Kind(NamedTuple):
    """A network that is measured: its cell, directions and layers."""

    cell: str
    both: bool = False
    layers: int = 1


KINDS = {
    "lstm": Kind("lstm"),
    "gru": Kind("gru"),
    "bilstm": Kind("lstm", both=True),
    "two layers": Kind("lstm", layers=2),
    "peephole": Kind("lstm_peephole"),
    "projection": Kind("lstm_projected"),
}


def network_of(kind: Kind, hidden: int) -> Network:
    """Return a network of a kind, I = H, with weights at random; the projection shows half as many numbers."""
    layer: dict[str, Any] = {"cell": kind.cell, "hidden_size": hidden, "merge": "concat"}
    layer["directions"] = ["forward", "backward"] if kind.both else ["forward"]
    if kind.cell == "lstm_projected":
        layer["sizes"] = {"P": max(hidden // 2, 1)}
    network = build_network({"name": "made", "input_size": hidden, "layers": [layer] * kind.layers}, seed=hidden)
    rng = np.random.default_rng(hidden)
    for view in network.tensors().values():
        view[...] = rng.uniform(-1, 1, view.shape) / np.sqrt(hidden)
    return network


class Contest:
    """One network for every contestant."""

    def __init__(self, kind: Kind, hidden: int) -> None:
        """Make the network and its input."""
        rng = np.random.default_rng(hidden + 1)
        self.kind, self.hidden = kind, hidden
        self.tokens = FEWER if hidden >= LARGE else TOKENS
        self.network = network_of(kind, hidden)
        self.x = rng.standard_normal((self.tokens, hidden)).astype(np.float32)
        self.long = rng.standard_normal((OF_PYTHON, hidden)).astype(np.float32)
        self.weight = rng.standard_normal(self.ours().merged[-1].shape).astype(np.float32)

    def ours(self) -> Any:
        """Return our run."""
        return run_arrays(self.network, self.x, "numba")

    def runs(self) -> Iterator[tuple[str, Run, Callable[[], Array]]]:
        """Yield the name of each contestant, what is timed, and how its output (T, n) is had."""
        yield "ours", self.ours, lambda: self.ours().merged[-1]
        yield from peers.contestants(self.network, self.x)
        if peers.torch is not None and self.kind == KINDS["lstm"] and self.hidden < LARGE:
            from . import torch_gates  # which needs PyTorch

            made, x = peers.torch_network(self.network), peers.torch.from_numpy(self.x)
            yield "torch_gates", lambda: torch_gates.capture(made, x), lambda: torch_gates.capture(made, x)["h"].numpy()

    def gradients(self) -> Iterator[tuple[str, Run, Callable[[], Array]]]:
        """Yield our full gradient and torch's: forward, backward, by every weight and by the input."""
        top, start, wanted = self.network.layers[-1], 0, {}
        weight = np.concatenate([np.zeros_like(self.weight[:1]), self.weight])  # there is a row before the first step
        for one in top.passes:
            wanted[one.name] = {one.cell.output: weight[:, start : start + one.output_size]}
            start += one.output_size

        def ours() -> Any:
            made = run_together(self.network, [ToRun(self.x)], values_outside(self.network))
            assert made is not None
            return gradients_together(made, {}, wanted)

        yield "gradient", ours, lambda: ours()[1][1:]
        if peers.torch is not None and self.kind.cell != "lstm_peephole":
            made = peers.torch_network(self.network)
            x = peers.torch.from_numpy(self.x).requires_grad_()
            by_output = peers.torch.from_numpy(self.weight)

            def autograd() -> Any:
                made.zero_grad(set_to_none=True)
                x.grad = None
                (made(x[:, None])[0][:, 0] * by_output).sum().backward()
                return x.grad

            yield "autograd", autograd, lambda: autograd().numpy()


def measured_of(contest: Contest, rounds: int, as_user: bool = False) -> dict[str, Range]:
    """Return µs a token of every contestant in every round; all take turns of about the same length."""
    runs, gradient = list(contest.runs()), list(contest.gradients())
    check(runs)
    check(gradient)
    tokens = {name: contest.tokens for name, _, _ in (*runs, *gradient)} | {"python": OF_PYTHON}
    timed_runs = {name: run for name, run, _ in (*runs, *gradient)}
    if contest.hidden < LARGE:
        timed_runs["python"] = lambda: lstm_tui.trace(contest.long, model=contest.network)
    clock = time.perf_counter if as_user else time.process_time
    repeats = {name: max(1, round(TURN / max(timed(run, 1, clock), 1e-6))) for name, run in timed_runs.items()}
    taken: dict[str, Range] = {name: [] for name in timed_runs}
    for run in timed_runs.values() if as_user else ():
        timed(run, max(1, round(WARM / max(timed(run, 1, clock), 1e-6))), clock)
    for _ in range(rounds):
        for name, run in timed_runs.items():
            if as_user:
                time.sleep(REST)
            taken[name].append(timed(run, repeats[name], clock) / tokens[name] * 1e6)
    return taken


def timed(run: Run, repeats: int, clock: Callable[[], float]) -> float:
    """Return how long a run takes, in seconds: of processor time, what others do on the machine does not count."""
    start = clock()
    for _ in range(repeats):
        run()
    return (clock() - start) / repeats


def check(contestants: list[tuple[str, Run, Callable[[], Array]]]) -> None:
    """Stop unless all compute the same."""
    expected = contestants[0][2]()
    for name, _, result in contestants[1:]:
        worst = float(np.abs(result() - expected).max())
        if not worst < 2e-3 * max(1.0, float(np.abs(expected).max())):
            sys.exit(f"{name} computes something else: off by {worst}")


def range_of(numbers: Range) -> Range:
    """Return the smallest, the median and the largest."""
    return [round(one, 4) for one in machine.spread(numbers)]


def row_of(name: str, hidden: int, taken: dict[str, Range], network: Network, peak: float) -> dict[str, Any]:
    """Return what was measured of a network: times in µs a token, ratios of others to ours, shares of the peak."""
    ours, gradient = taken["ours"], taken["gradient"]

    def ratio(other: str, own: Range) -> Range:
        return range_of(machine.ratios(taken[other], own))

    others = [one for one in ("torch", "onnxruntime", "openvino", "jax") if one in taken]
    matrices = [p.count for one in network.passes for p in one.program.parameters.values() if len(p.shape) == 2]
    recurrent = 4 * sum(
        p.count
        for one in network.passes
        for p in one.program.parameters.values()
        if len(p.shape) == 2 and not p.name.startswith("W_")
    )
    fastest = min(ours)
    row: dict[str, Any] = {
        "network": name,
        "H": hidden,
        "ours_us": range_of(ours),
        "others": {one: ratio(one, ours) for one in (*others, "torch_gates") if one in taken},
        "gradient_us": range_of(gradient),
        "gflops": round(2e-3 * sum(matrices) / fastest, 1),
        "of_peak": round(2e-3 * sum(matrices) / fastest / peak, 3),
        "gbytes": round(1e-3 * recurrent / fastest, 1),
        "of_bandwidth": round(1e-3 * recurrent / fastest / machine.bandwidth(recurrent), 3),
    }
    if others:
        best = [min(taken[one][n] for one in others) for n in range(len(ours))]
        row["best"] = range_of(machine.ratios(best, ours))
        if "python" in taken:
            row["python"] = range_of(machine.ratios(best, taken["python"]))
    if "autograd" in taken:
        row["autograd"] = ratio("autograd", gradient)
    return row


COLUMNS = ("torch", "onnxruntime", "openvino", "jax", "torch_gates")


def line_of(row: dict[str, Any]) -> str:
    """Return a row as a line of a table."""

    def shown(numbers: Range | None) -> str:
        return "–" if numbers is None else f"{numbers[1]:.2f} ({numbers[0]:.2f}-{numbers[2]:.2f})"

    others = [shown(row["others"].get(name)) for name in COLUMNS]
    machine_cells = [f"{row['gflops']:.0f} ({100 * row['of_peak']:.0f} %)"]
    machine_cells.append(f"{row['gbytes']:.0f} ({100 * row['of_bandwidth']:.0f} %)")
    cells = [row["network"], str(row["H"]), f"{row['ours_us'][1]:.2f}", *others, shown(row.get("best"))]
    cells += [shown(row.get("python")), f"{row['gradient_us'][1]:.2f}", shown(row.get("autograd")), *machine_cells]
    return "| " + " | ".join(cells) + " |"


def compared(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what is slower in a new file than in an old one beyond the ranges of both, a line each."""
    before = {(row["network"], row["H"]): row for row in old["rows"]}
    alike = old["machine"]["processor"] == new["machine"]["processor"]
    found = []
    for row in new["rows"]:
        was = before.get((row["network"], row["H"]))
        if was is None:
            continue
        name = f"{row['network']}, H = {row['H']}"
        for key, what in (("ours_us", "a run"), ("gradient_us", "a gradient")):
            if alike and row[key][0] > was[key][2]:
                found.append(f"{name}: {what} takes {row[key][1]:.2f} µs a token, {was[key][1]:.2f} before")
        ratios = {"best": "the best of the others", "python": "the best of the others, from Python"}
        ratios["autograd"] = "autograd"
        for key, what in ratios.items():
            if key in row and key in was and row[key][2] < was[key][0]:
                found.append(f"{name}: {what} takes {row[key][1]:.2f} × as long, {was[key][1]:.2f} × before")
    return found


def read(path: Path) -> dict[str, Any]:
    """Return a file that `--write` wrote."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}: give two files that --write wrote")
    if not isinstance(found, dict) or not {"machine", "written", "rows"} <= found.keys():
        sys.exit(f"{path}: it is no file that --write wrote")
    return found


def told(old: dict[str, Any], new: dict[str, Any]) -> int:
    """Print what is slower; return 1 if anything is."""
    slower = compared(old, new)
    rows = len({(r["network"], r["H"]) for r in old["rows"]} & {(r["network"], r["H"]) for r in new["rows"]})
    print(f"{rows} rows of {old['written']} and {new['written']}; slower beyond the ranges: {len(slower) or 'none'}")
    if old["machine"]["processor"] != new["machine"]["processor"]:
        print("other processors: ratios alone are compared")
    print("".join(f"{line}\n" for line in slower), end="")
    return 1 if slower else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=KINDS, default=list(KINDS), metavar="NETWORK")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="H")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE", help="the rows as JSON, with machine, date and ranges")
    parser.add_argument("--keep", action="store_true", help="put the rows into measured.json, of which the manual is")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("OLD", "NEW"), help="say what is slower in NEW")
    parser.add_argument("--as-user", action="store_true", help="elapsed time, and threads as each takes them by itself")
    options = parser.parse_args()
    if options.compare:
        sys.exit(told(*map(read, options.compare)))
    if absent := peers.absent():
        print(f"not installed here, and not measured: {', '.join(absent)}")
    if not options.as_user:
        peers.use_one_thread()
    peak = machine.peak()
    print(f"{options.rounds} rounds; one core reaches {peak:.0f} GFLOP/s. Ours: µs a token; others: times as long.")
    heads = (
        "network",
        "H",
        "ours",
        *COLUMNS,
        "best",
        "best, from Python",
        "our gradient",
        "autograd",
        "GFLOP/s",
        "GB/s",
    )
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    rows = []
    alone = patch.object(side_by_side, "idle_cores", return_value=0)  # one thread, as the others
    with nullcontext() if options.as_user else alone:
        for name in options.cells:
            for hidden in options.sizes:
                contest = Contest(KINDS[name], hidden)
                rows.append(
                    row_of(name, hidden, measured_of(contest, options.rounds, options.as_user), contest.network, peak)
                )
                print(line_of(rows[-1]), flush=True)
    found = {
        "command": f"python -m tests.benchmarks.speed{' --as-user' if options.as_user else ''}",
        "written": date.today().isoformat(),
        "machine": machine.described() | {"peak_gflops": round(peak, 1)},
        "tokens": TOKENS,
        "rounds": options.rounds,
        "rows": rows,
    }
    if options.write:
        options.write.write_text(machine.in_lines(found), "utf-8")
    if options.keep:
        machine.keep("speed as user" if options.as_user else "speed", found)


if __name__ == "__main__":
    main()
