"""Print how long a token takes with every value recorded, beside frameworks that record nothing.

    python -m tests.benchmarks.speed [--sizes 8 64] [--tokens 512] [--rounds 9]

Every contestant gets the same weights and the same input (T, I) with I = H, batch 1, one thread, float32, and
the outputs are compared first. Ours is the whole of `storage.run_pass`: from the input to every named value,
the products of the input and the memory for it all included. All contestants take turns of about the same
length in every round; processor time is measured, page faults included, since the machine is never quiet. A
ratio is taken within a round; the table gives the median of the rounds, with the smallest and the largest. A
ratio above 1 means that we were faster.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from lstm_tui.engine.arrays import Array

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported: two threads make small products slower, at random

import numpy as np  # noqa: E402

from lstm_tui.engine.compiler.compile import compile_cell  # noqa: E402
from lstm_tui.engine.language.cell import load_cell  # noqa: E402
from lstm_tui.engine.runtime.storage import backprop_pass, run_pass  # noqa: E402

try:
    import torch

    from . import torch_gates

    torch.set_num_threads(1)
except ImportError:
    torch = None
try:
    import onnx
    import onnxruntime
except ImportError:
    onnxruntime = None

SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
TURN = 0.03  # seconds
GATES = "ifgo"  # the order of the blocks in torch
Run = Callable[[], Any]
COLUMNS = {
    "torch": "torch nn.LSTM",
    "onnx": "onnxruntime",
    "loop": "torch loop, gates kept",
    "numpy": "NumPy interpreter",
    "gradient": "torch autograd",
}


class Contest:
    """One hidden size: the same LSTM for every contestant."""

    def __init__(self, hidden: int, tokens: int) -> None:
        rng = np.random.default_rng(hidden)
        self.hidden = hidden
        self.program = compile_cell(load_cell("lstm"), hidden, hidden)
        self.flat = self.program.empty(np.float32)
        for name in self.program.parameters:
            view = self.program.view(self.flat, name)
            view[...] = rng.uniform(-1, 1, view.shape) / np.sqrt(hidden)
        self.x = rng.standard_normal((tokens, hidden)).astype(np.float32)
        self.weight = rng.standard_normal((tokens, hidden)).astype(np.float32)
        self.initial = self.program.initial_states(self.flat)

    def runs(self) -> Iterator[tuple[str, Run, Run | None]]:
        """Yield the name of each contestant, what is timed, and how its h (T, H) is had."""
        yield "numba", lambda: self.ours("numba"), lambda: self.ours("numba").values["h"]
        yield "numpy", lambda: self.ours("numpy"), lambda: self.ours("numpy").values["h"]
        if torch is not None:
            lstm = self.torch_lstm()
            x = torch.from_numpy(self.x)

            def framework() -> Any:
                with torch.inference_mode():
                    return lstm(x[:, None])[0]

            yield "torch", framework, lambda: framework()[:, 0].numpy()
            yield "loop", lambda: torch_gates.capture(lstm, x), lambda: torch_gates.capture(lstm, x)["h"].numpy()
        if onnxruntime is not None:
            session = self.onnx_session()
            feed = {"x": self.x[:, None]}
            yield "onnx", lambda: session.run(None, feed), lambda: session.run(None, feed)[0][:, 0, 0]

    def gradients(self) -> Iterator[tuple[str, Run, Run]]:
        """Yield our full gradient and torch's: forward, backward, by every weight and by the input."""

        def ours() -> Any:
            return backprop_pass(self.ours("numba", keep_rows=True), {"h": self.weight}, every_slot=False)

        yield "ours", ours, lambda: ours()[1]["x"]
        if torch is not None:
            lstm = self.torch_lstm()
            x = torch.from_numpy(self.x).requires_grad_()
            weight = torch.from_numpy(self.weight)

            def autograd() -> Any:
                lstm.zero_grad(set_to_none=True)
                x.grad = None
                (lstm(x[:, None])[0][:, 0] * weight).sum().backward()
                return x.grad

            yield "gradient", autograd, lambda: autograd().numpy()

    def ours(self, name: str, keep_rows: bool = False) -> Any:
        return run_pass(self.program, self.flat, {"x": self.x}, self.initial, name, keep_rows=keep_rows)

    def stacked(self, letter: str, order: str) -> Array:
        return np.concatenate([self.program.view(self.flat, f"{letter}_{gate}") for gate in order])

    def torch_lstm(self) -> Any:
        lstm = torch.nn.LSTM(self.hidden, self.hidden)
        with torch.no_grad():
            for letter, name in (("W", "weight_ih_l0"), ("U", "weight_hh_l0"), ("b", "bias_ih_l0")):
                getattr(lstm, name).copy_(torch.from_numpy(self.stacked(letter, GATES)))
            lstm.bias_hh_l0.zero_()
        return lstm

    def onnx_session(self) -> Any:
        helper, numpy_helper = onnx.helper, onnx.numpy_helper
        bias = self.stacked("b", "iofg")
        weights = {
            "W": self.stacked("W", "iofg")[None],
            "R": self.stacked("U", "iofg")[None],
            "B": np.concatenate([bias, np.zeros_like(bias)])[None],
        }
        node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=self.hidden)
        kind = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            [node],
            "lstm",
            [helper.make_tensor_value_info("x", kind, ["T", 1, self.hidden])],
            [helper.make_tensor_value_info("y", kind, ["T", 1, 1, self.hidden])],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(runs: dict[str, Run], rounds: int, tokens: int) -> dict[str, list[float]]:
    """Return µs per token of every contestant in every round; all take turns of about the same length."""
    repeats: dict[str, int] = {}
    for name, run in runs.items():
        run()
        repeats[name] = max(2, round(TURN / timed(run, 1)))
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(timed(run, repeats[name]) / tokens * 1e6)
    return taken


def timed(run: Run, repeats: int) -> float:
    """Return the processor time of a run, in seconds: what others do on the machine does not count."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def ratio(taken: dict[str, list[float]], name: str, ours: str) -> str:
    """Return the median of the ratios to ours within a round, with the spread."""
    if name not in taken:
        return "absent"
    found = [other / own for other, own in zip(taken[name], taken[ours], strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def check(contestants: list[tuple[str, Run, Run | None]]) -> None:
    """Stop unless all compute the same."""
    expected = contestants[0][2]()  # type: ignore[misc]
    for name, _, result in contestants[1:]:
        worst = float(np.abs(result() - expected).max())  # type: ignore[misc]
        if not worst < 1e-3 * max(1.0, float(np.abs(expected).max())):
            sys.exit(f"{name} computes something else: off by {worst}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="H")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(f"{options.tokens} tokens, {options.rounds} rounds. Ours: µs per token; the others: how many times longer.")
    others = ("torch", "onnx", "loop", "numpy")
    heads = ["H", "ours", *(COLUMNS[name] for name in others), "our gradient", COLUMNS["gradient"]]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for hidden in options.sizes:
        contest = Contest(hidden, options.tokens)
        contestants, gradients = list(contest.runs()), list(contest.gradients())
        check(contestants)
        check(gradients)  # type: ignore[arg-type]
        taken = measure({name: run for name, run, _ in [*contestants, *gradients]}, options.rounds, options.tokens)
        cells = [str(hidden), f"{statistics.median(taken['numba']):.2f}"]
        cells += [ratio(taken, name, "numba") for name in others]
        cells += [f"{statistics.median(taken['ours']):.2f}", ratio(taken, "gradient", "ours")]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
