"""`python -m tests.campaigns.step_graphs`: graphs of one step, opened; do they step as onnxruntime and torch do?

Every graph is made here: by both exporters of PyTorch to ONNX and by torch.export from modules of our own, and by hand.
onnxruntime takes the steps of ONNX and torch those of its own programs, one run a step, with the state carried by hand;
the network that was opened takes them as one sequence. A state or an answer that differs by more than 1e-5 is wrong,
and so is a graph that is refused.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.formats.importers.open import ImportOptions, open_file

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from saved_arrays import savez

from .step_exports import ExportedStep, of_modules, own_steps

CLOSE = 1e-5
HIDDEN, WIDTH = 8, 3
Feeds = dict[str, Array]


@dataclass(frozen=True)
class StepCase:
    """A graph of one step.

    Attributes:
        name: What it is called.
        make: Returns the file, as bytes.
        states: Inputs that are states, and the output each comes out as.
        opens_as: Cells it has to be opened as, from the lowest up; empty for a page of its own.
        inputs: Shapes of what is read at each step; whole numbers below a limit where `ids` says so.
        ids: Of inputs of whole numbers, below what they are.
        truths: Inputs that are truths.
        settings: What `--set` has to say.
        fixed: Whole numbers that are the same at every step.
        close: How far it may be off.
        series: Whether the file goes through a whole series in one run.
        by_torch: The module that torch.export wrote the file of, which torch itself steps; None for a graph of ONNX.
    """

    name: str
    make: Callable[[], bytes]
    states: Mapping[str, str]
    opens_as: tuple[str, ...] = ()
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: {"x": (1, WIDTH)})
    ids: Mapping[str, int] = field(default_factory=dict)
    truths: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, int] = field(default_factory=dict)
    close: float = CLOSE
    series: bool = False
    by_torch: ExportedStep | None = None

    @property
    def ending(self) -> str:
        """How its file ends."""
        return "onnx" if self.by_torch is None else "pt2"


# --- modules of PyTorch ---------------------------------------------------------------------------------------------


def modules() -> dict[str, tuple[Any, Mapping[str, tuple[int, ...]], Mapping[str, str], tuple[str, ...]]]:
    """Return modules by name: the module, the shapes of what goes in, its states, the cells it should be opened as."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(5)

    class Policy(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(WIDTH, HIDDEN)
            self.actor = nn.Sequential(nn.Linear(HIDDEN, 6), nn.ELU(), nn.Linear(6, 2))
            self.critic = nn.Linear(HIDDEN, 1)

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            h, c = self.cell(x, (h, c))
            return self.actor(h), self.critic(h), h, c

    class Recurrent(nn.Module):  # type: ignore[misc]
        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell, self.head = cell, nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, h: Any) -> Any:
            h = self.cell(x, h)
            return torch.softmax(self.head(h), -1), h

    class Stacked(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.front, self.one, self.two = nn.Linear(WIDTH, 5), nn.LSTMCell(5, HIDDEN), nn.GRUCell(HIDDEN, HIDDEN)
            self.head = nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, state: Any) -> Any:
            h, c = self.one(torch.relu(self.front(x)), (state[0], state[1]))
            other = self.two(h, state[2])
            return torch.sigmoid(self.head(other)), torch.stack([h, c, other])

    class Minimal(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.new = nn.Linear(WIDTH + HIDDEN, HIDDEN), nn.Linear(WIDTH + HIDDEN, HIDDEN)
            self.head = nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, h: Any) -> Any:
            f = torch.sigmoid(self.gate(torch.cat([x, h], -1)))
            n = torch.tanh(self.new(torch.cat([x, f * h], -1)))
            h = (1 - f) * h + f * n
            return self.head(h), h

    class NormedLSTM(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.x, self.h = nn.Linear(WIDTH, 4 * HIDDEN), nn.Linear(HIDDEN, 4 * HIDDEN, bias=False)
            self.norm, self.after = nn.LayerNorm(4 * HIDDEN), nn.LayerNorm(HIDDEN, eps=1e-3)

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            i, f, g, o = self.norm(self.x(x) + self.h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(self.after(c))
            return h.mean(-1, keepdim=True), h, c

    class Denoiser(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.cell, self.mask = (
                nn.Conv1d(1, 2, 3, stride=2),
                nn.GRUCell(10, HIDDEN),
                nn.Linear(HIDDEN, 12),
            )

        def forward(self, frame: Any, state: Any) -> Any:
            spectrum = torch.relu(self.conv(frame.unsqueeze(1))).flatten(1)
            state = self.cell(spectrum, state.squeeze(0))
            return frame * torch.sigmoid(self.mask(state)), state.unsqueeze(0)

    class Masked(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.GRUCell(WIDTH, HIDDEN), nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, h: Any, done: Any) -> Any:
            h = self.cell(x, h * (1 - done))
            return self.head(h), h

    class Spoken(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.table, self.cell, self.head = nn.Embedding(11, 6), nn.GRUCell(6, HIDDEN), nn.Linear(HIDDEN, 11)

        def forward(self, token: Any, h: Any) -> Any:
            h = self.cell(self.table(token), h)
            return torch.log_softmax(self.head(h), -1), h

    class FastWeights(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.k, self.v, self.q = (nn.Linear(WIDTH, 4) for _ in range(3))

        def forward(self, x: Any, s: Any) -> Any:
            k, v, q = torch.softmax(self.k(x), -1), self.v(x), self.q(x)
            s = 0.9 * s + v.unsqueeze(-1) @ k.unsqueeze(-2)
            return (s @ q.unsqueeze(-1)).squeeze(-1), s

    class StateSpace(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rate = nn.Parameter(torch.randn(HIDDEN))
            self.b, self.c, self.d = nn.Linear(WIDTH, HIDDEN, bias=False), nn.Linear(HIDDEN, 2), nn.Linear(WIDTH, 2)

        def forward(self, x: Any, h: Any) -> Any:
            h = torch.exp(-functional.softplus(self.rate)) * h + self.b(x)
            return self.c(functional.gelu(h)) + self.d(x), h

    class Windowed(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.cell, self.head = nn.Conv1d(WIDTH, 4, 3), nn.GRUCell(4, HIDDEN), nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, window: Any, h: Any) -> Any:
            seen = torch.cat([window, x.unsqueeze(-1)], -1)
            h = self.cell(functional.silu(self.conv(seen)).squeeze(-1), h)
            return self.head(h), seen[:, :, 1:], h

    class Layers(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(WIDTH, HIDDEN, num_layers=2, batch_first=True), nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, h: Any) -> Any:
            y, h = self.rnn(x.unsqueeze(1), h)
            return self.head(y[:, -1] + torch.tanh(y[:, -1])), h

    class Spiking(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.current, self.head = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, v: Any, trace: Any) -> Any:
            v = 0.8 * v + 3 * self.current(x)
            spikes = torch.where(v > 0.5, torch.ones_like(v), torch.zeros_like(v))
            trace = 0.5 * trace + spikes
            return self.head(trace), v * (1 - spikes), trace

    class Separated(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.mask = nn.LSTMCell(6, HIDDEN), nn.LSTMCell(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 6)

        def forward(self, x: Any, states: Any) -> Any:
            h, c = self.one(x[:, 0], (states[:, 0, :, 0], states[:, 0, :, 1]))
            g, d = self.two(h, (states[:, 1, :, 0], states[:, 1, :, 1]))
            made = torch.stack([torch.stack([h, c], -1), torch.stack([g, d], -1)], 1)
            return (x[:, 0] * torch.sigmoid(self.mask(g))).unsqueeze(1), made

    class Buffered(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.rnn, self.mask = (
                nn.Conv1d(4, 8, 3),
                nn.GRU(8, HIDDEN, batch_first=True),
                nn.Linear(HIDDEN, 4),
            )

        def forward(self, frame: Any, past: Any, h: Any) -> Any:
            seen = torch.cat([past, frame], 2)
            y, h = self.rnn(functional.leaky_relu(self.conv(seen), 0.2).transpose(1, 2), h)
            return torch.sigmoid(self.mask(y)).transpose(1, 2) * frame, seen[:, :, 1:], h

    class Selective(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.rate = nn.Linear(WIDTH, 16), nn.Parameter(torch.randn(8, 3))
            self.both, self.size, self.leave = nn.Linear(8, 6), nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x: Any, ssm_state: Any) -> Any:
            u, z = self.enter(x).chunk(2, -1)
            u, d = functional.silu(u), functional.softplus(self.size(u))
            b, c = self.both(u).chunk(2, -1)
            kept = torch.exp(d[:, :, None] * -torch.exp(self.rate)) * ssm_state
            state = kept + (d * u)[:, :, None] * b[:, None, :]
            return self.leave((state * c[:, None, :]).sum(-1) * functional.silu(z)), state

    class Attending(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.ask, self.head = nn.GRUCell(WIDTH + 6, HIDDEN), nn.Linear(HIDDEN, 6), nn.Linear(HIDDEN, 3)

        def forward(self, x: Any, encoded: Any, h: Any) -> Any:
            weights = torch.softmax((encoded @ self.ask(h).unsqueeze(-1)).squeeze(-1), -1)
            h = self.cell(torch.cat([x, (weights.unsqueeze(1) @ encoded).squeeze(1)], -1), h)
            return self.head(h), weights, h

    class Retaining(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(WIDTH, 8) for _ in range(3))
            self.norm = nn.GroupNorm(2, 8)
            self.register_buffer("decay", torch.tensor([0.9, 0.8]).view(1, 2, 1, 1))

        def forward(self, x: Any, kv: Any) -> Any:
            q, k, v = (part(x).view(1, 2, 4) for part in (self.q, self.k, self.v))
            kv = self.decay * kv + k.unsqueeze(-1) * v.unsqueeze(-2)
            return self.norm((q.unsqueeze(-2) @ kv).squeeze(-2).reshape(1, 8)), kv

    one: dict[str, tuple[int, ...]] = {"x": (1, WIDTH)}
    vector: dict[str, tuple[int, ...]] = {"h": (1, HIDDEN)}
    relu = Recurrent(nn.RNNCell(WIDTH, HIDDEN, nonlinearity="relu"))
    return {
        "policy": (Policy(), one | vector | {"c": (1, HIDDEN)}, {"h": "h_out", "c": "c_out"}, ("lstm",)),
        "gru": (Recurrent(nn.GRUCell(WIDTH, HIDDEN)), one | vector, {"h": "h_out"}, ("gru",)),
        "rnn": (Recurrent(nn.RNNCell(WIDTH, HIDDEN)), one | vector, {"h": "h_out"}, ("rnn",)),
        "rnn relu": (relu, one | vector, {"h": "h_out"}, ("rnn_relu",)),
        "stacked": (Stacked(), one | {"state": (3, 1, HIDDEN)}, {"state": "state_out"}, ("front_0", "lstm", "gru")),
        "minimal gated": (Minimal(), one | vector, {"h": "h_out"}, ()),
        "normed lstm": (NormedLSTM(), one | vector | {"c": (1, HIDDEN)}, {"h": "h_out", "c": "c_out"}, ()),
        "denoiser": (
            Denoiser(), {"frame": (1, 12), "state": (1, 1, HIDDEN)}, {"state": "state_out"}, ("front_0", "gru"),
        ),
        "masked": (Masked(), one | vector | {"done": (1, 1)}, {"h": "h_out"}, ()),
        "tokens": (Spoken(), {"token": (1,)} | vector, {"h": "h_out"}, ("gru",)),
        "fast weights": (FastWeights(), one | {"s": (1, 4, 4)}, {"s": "s_out"}, ()),
        "state space": (StateSpace(), one | vector, {"h": "h_out"}, ()),
        "windowed": (Windowed(), one | {"window": (1, WIDTH, 2)} | vector, {"window": "window_out", "h": "h_out"}, ()),
        "two layers": (Layers(), one | {"h": (2, 1, HIDDEN)}, {"h": "h_out"}, ("gru", "gru")),
        "separated": (
            Separated(), {"x": (1, 1, 6), "states": (1, 2, HIDDEN, 2)}, {"states": "states_out"},
            ("front_0", "lstm", "lstm"),
        ),
        "buffered": (
            Buffered(), {"frame": (1, 4, 1), "past": (1, 4, 2), "h": (1, 1, HIDDEN)},
            {"past": "past_out", "h": "h_out"}, (),
        ),
        "selective": (Selective(), one | {"ssm_state": (1, 8, 3)}, {"ssm_state": "ssm_state_out"}, ()),
        "attending": (Attending(), one | {"encoded": (1, 5, 6)} | vector, {"h": "h_out"}, ()),
        "retaining": (Retaining(), one | {"kv": (1, 2, 4, 4)}, {"kv": "kv_out"}, ()),
        "spiking": (
            Spiking(), one | {"v": (1, HIDDEN), "trace": (1, HIDDEN)}, {"v": "v_out", "trace": "trace_out"}, ()
        ),
    }  # fmt: skip


def exported(module: Any, inputs: Mapping[str, tuple[int, ...]], states: Mapping[str, str], dynamo: bool) -> bytes:
    """Return a module as PyTorch exports it, its weights inside."""
    import onnx
    import torch

    given = tuple(
        torch.zeros(shape, dtype=torch.int64) if name == "token" else torch.randn(shape)
        for name, shape in inputs.items()
    )
    with torch.no_grad():
        count = len(module(*given))
    answers = [f"y{n}" for n in range(count - len(states))]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "step.onnx"
        stdout, sys.stdout = sys.stdout, io.StringIO()
        try:
            torch.onnx.export(
                module.eval(), given, str(path), input_names=list(inputs), output_names=[*answers, *states.values()],
                dynamo=dynamo, opset_version=18,
            )  # fmt: skip
        finally:
            sys.stdout = stdout
        return bytes(onnx.load(str(path)).SerializeToString())


def torch_cases() -> list[StepCase]:
    """Return the modules, by both exporters."""
    cases = []
    for name, (module, inputs, states, opens_as) in modules().items():
        read = {key: shape for key, shape in inputs.items() if key not in states}
        ids = {"token": 11} if "token" in read else {}
        for dynamo in (False, True):

            def make(module: Any = module, inputs: Any = inputs, states: Any = states, dynamo: bool = dynamo) -> bytes:
                return exported(module, inputs, states, dynamo)

            label = f"{name} ({'dynamo' if dynamo else 'script'})"
            cases.append(StepCase(label, make, states, opens_as, read, ids))
    return cases


def exported_cases() -> list[StepCase]:
    """Return the modules as torch.export writes them."""
    return [
        StepCase(
            f"{one.name} (export)", one.exported, one.states, one.opens_as,
            {name: shape for name, shape in one.inputs.items() if name not in one.states},
            {"token": 11} if "token" in one.inputs else {}, settings=one.settings, by_torch=one,
        )
        for one in [*own_steps(), *of_modules(modules())]
    ]  # fmt: skip


# --- by hand ----------------------------------------------------------------------------------------------------------


class Hand:
    """A graph that is put together node by node."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, name: str, *shape: int, numbers: Any = None, kind: Any = np.float32) -> str:
        """Add a tensor and return its name."""
        from onnx import numpy_helper

        array = self.random.normal(scale=0.5, size=shape) if numbers is None else np.array(numbers)
        self.weights.append(numpy_helper.from_array(array.astype(kind), name))
        return name

    def index(self, name: str, *numbers: int) -> str:
        """Add whole numbers and return their name."""
        return self.weight(name, numbers=list(numbers), kind=np.int64)

    def node(self, kind: str, inputs: str, outputs: str, **attributes: Any) -> str:
        """Add a node; names stand with spaces between them, `-` for one that is left out. Return its first output."""
        from onnx import helper

        names = ["" if one == "-" else one for one in inputs.split()]
        self.nodes.append(
            helper.make_node(kind, names, outputs.split(), name=f"{kind}_{len(self.nodes)}", **attributes)
        )
        return outputs.split()[0]

    def graph(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any], name: str = "step") -> Any:
        """Return a graph; a shape may begin with the kind of its numbers."""
        from onnx import TensorProto, helper

        def value(one: str, shape: Any) -> Any:
            said = bool(shape) and isinstance(shape[0], str) and shape[0].isupper()
            kind, sizes = (shape[0], shape[1:]) if said else ("FLOAT", shape)
            return helper.make_tensor_value_info(one, getattr(TensorProto, kind), sizes)

        ends = [[value(one, shape) for one, shape in side.items()] for side in (inputs, outputs)]
        return helper.make_graph(self.nodes, name, *ends, initializer=self.weights)

    def model(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any], opset: int = 18) -> bytes:
        """Return the file."""
        from onnx import helper

        made = helper.make_model(
            self.graph(inputs, outputs), opset_imports=[helper.make_opsetid("", opset)], ir_version=8
        )
        return bytes(made.SerializeToString())


def _gates(hand: Hand, count: int) -> None:
    """Add one product for several gates, of the input and the state side by side."""
    hand.weight("W", WIDTH + HIDDEN, count * HIDDEN)
    hand.weight("b", count * HIDDEN)
    hand.node("Concat", "x h", "xh", axis=1)
    hand.node("MatMul", "xh W", "xhW")
    hand.node("Add", "xhW b", "sums")
    hand.node("Split", "sums", " ".join(f"s{n}" for n in range(count)), axis=1, **({"num_outputs": count}))


def lstm_ofgi() -> bytes:
    """An LSTM whose gates stand in the order o, f, g, i, stacked for an answer."""
    hand = Hand(1)
    _gates(hand, 4)
    for n, gate in enumerate(("o", "f", "g", "i")):
        hand.node("Tanh" if gate == "g" else "Sigmoid", f"s{n}", gate)
    hand.node("Mul", "g i", "written")
    hand.node("Mul", "c f", "kept")
    hand.node("Add", "written kept", "c_next")
    hand.node("Tanh", "c_next", "shown")
    hand.node("Mul", "shown o", "h_next")
    hand.weight("V", HIDDEN, 2)
    hand.node("MatMul", "h_next V", "y")
    one = {"x": (1, WIDTH), "h": (1, HIDDEN), "c": (1, HIDDEN)}
    return hand.model(one, {"y": (1, 2), "h_next": (1, HIDDEN), "c_next": (1, HIDDEN)})


def hard_lstm() -> bytes:
    """An LSTM with hard sigmoids, batch and hidden size of its states left free."""
    hand = Hand(2)
    _gates(hand, 4)
    for n, gate in enumerate("ifgo"):
        hand.node("Tanh", f"s{n}", gate) if gate == "g" else hand.node(
            "HardSigmoid", f"s{n}", gate, alpha=0.25, beta=0.5
        )
    hand.node("Mul", "g i", "written")
    hand.node("Mul", "c f", "kept")
    hand.node("Add", "kept written", "new_c")
    hand.node("Softsign", "new_c", "shown")
    hand.node("Mul", "shown o", "new_h")
    one = {"x": ("batch", WIDTH), "h": ("batch", HIDDEN), "c": ("batch", HIDDEN)}
    return hand.model(one, {"new_h": ("batch", HIDDEN), "new_c": ("batch", HIDDEN)})


def peephole() -> bytes:
    """An LSTM with peepholes and one gate for keeping and writing."""
    hand = Hand(3)
    _gates(hand, 3)
    for name in ("p_f", "p_o"):
        hand.weight(name, 1, HIDDEN)
    hand.weight("one", numbers=1.0)
    hand.node("Mul", "c p_f", "peeped")
    hand.node("Add", "s0 peeped", "s_f")
    hand.node("Sigmoid", "s_f", "f")
    hand.node("Sub", "one f", "i")
    hand.node("Tanh", "s1", "g")
    hand.node("Mul", "f c", "kept")
    hand.node("Mul", "i g", "written")
    hand.node("Add", "kept written", "c_out")
    hand.node("Mul", "c_out p_o", "peeped_out")
    hand.node("Add", "s2 peeped_out", "s_o")
    hand.node("Sigmoid", "s_o", "o")
    hand.node("Mul", "o c_out", "h_out")
    one = {"x": (1, WIDTH), "h": (1, HIDDEN), "c": (1, HIDDEN)}
    return hand.model(one, {"h_out": (1, HIDDEN), "c_out": (1, HIDDEN)})


def gru_by_difference() -> bytes:
    """A GRU written as h + z (n - h), with a gate that writes."""
    hand = Hand(4)
    hand.weight("Wx", 3 * HIDDEN, WIDTH)
    hand.weight("Wh", 3 * HIDDEN, HIDDEN)
    hand.weight("bx", 3 * HIDDEN)
    hand.weight("bh", 3 * HIDDEN)
    hand.node("Gemm", "x Wx bx", "a", transB=1)
    hand.node("Gemm", "h Wh bh", "b", transB=1)
    hand.node("Split", "a", "az ar an", axis=1, num_outputs=3)
    hand.node("Split", "b", "bz br bn", axis=1, num_outputs=3)
    for gate in "zr":
        hand.node("Add", f"b{gate} a{gate}", f"s{gate}")
        hand.node("Sigmoid", f"s{gate}", gate)
    hand.node("Mul", "bn r", "reset")
    hand.node("Add", "an reset", "sn")
    hand.node("Tanh", "sn", "n")
    hand.node("Sub", "n h", "apart")
    hand.node("Mul", "apart z", "moved")
    hand.node("Add", "moved h", "h1")
    return hand.model({"x": (1, WIDTH), "h": (1, HIDDEN)}, {"h1": (1, HIDDEN)})


def chosen() -> bytes:
    """A step inside an `If` inside another, both decided by constants, with a rate that is given."""
    from onnx import TensorProto, helper

    def branch(seed: int, name: str) -> Any:
        hand = Hand(seed)
        hand.weight(f"W{name}", WIDTH, HIDDEN)
        hand.weight(f"U{name}", HIDDEN, HIDDEN)
        hand.node("MatMul", f"x W{name}", f"a{name}")
        hand.node("MatMul", f"state U{name}", f"b{name}")
        hand.node("Add", f"a{name} b{name}", f"s{name}")
        hand.node("Tanh", f"s{name}", f"o{name}")
        return helper.make_graph(
            hand.nodes,
            name,
            [],
            [helper.make_tensor_value_info(f"o{name}", TensorProto.FLOAT, (1, HIDDEN))],
            hand.weights,
        )

    inner = Hand(0)
    inner.weight("yes", numbers=True, kind=np.bool_)
    inner.node("If", "yes", "inside", then_branch=branch(5, "A"), else_branch=branch(6, "B"))
    ends = [helper.make_tensor_value_info("inside", TensorProto.FLOAT, (1, HIDDEN))]
    outer = Hand(0)
    outer.weight("rate", numbers=16000, kind=np.int64)
    outer.node("Equal", "sr rate", "fast")
    outer.node(
        "If", "fast", "stateN", then_branch=helper.make_graph(inner.nodes, "inner", [], ends, inner.weights),
        else_branch=branch(7, "C"),
    )  # fmt: skip
    outer.weight("V", HIDDEN, 2)
    outer.node("MatMul", "stateN V", "sums")
    outer.node("Softmax", "sums", "output", axis=-1)
    return outer.model(
        {"x": (1, WIDTH), "state": (1, HIDDEN), "sr": ("INT64",)}, {"output": (1, 2), "stateN": (1, HIDDEN)}
    )


def inside_step() -> bytes:
    """An LSTM node that reads one step, its two states in one tensor, behind a window of the frames before."""
    hand = Hand(8)
    hand.node("Concat", "window x", "seen", axis=1)
    hand.index("from", 2)
    hand.index("to", 6)
    hand.index("axis", 1)
    hand.node("Slice", "seen from to axis", "window_out")
    hand.index("first", 0)
    hand.node("Unsqueeze", "seen first", "series")
    hand.index("both", 2, 1, 1, HIDDEN)
    hand.node("Split", "state", "h c", axis=0, num_outputs=2)
    hand.weight("W", 1, 4 * HIDDEN, 6)
    hand.weight("R", 1, 4 * HIDDEN, HIDDEN)
    hand.weight("B", 1, 8 * HIDDEN)
    hand.node("LSTM", "series W R B - h c", "Y h1 c1", hidden_size=HIDDEN)
    hand.node("Concat", "h1 c1", "state_out", axis=0)
    hand.index("flat", 1, HIDDEN)
    hand.node("Reshape", "Y flat", "last")
    hand.weight("V", HIDDEN, 1)
    hand.node("MatMul", "last V", "score")
    hand.node("Sigmoid", "score", "y")
    one = {"x": (1, 2), "window": (1, 4), "state": (2, 1, HIDDEN)}
    return hand.model(one, {"y": (1, 1), "window_out": (1, 4), "state_out": (2, 1, HIDDEN)})


def half() -> bytes:
    """A GRU-like step whose weights and numbers have half the bits."""
    hand = Hand(9)
    hand.weight("W", WIDTH, HIDDEN, kind=np.float16)
    hand.weight("U", HIDDEN, HIDDEN, kind=np.float16)
    hand.node("MatMul", "x W", "a")
    hand.node("MatMul", "h U", "b")
    hand.node("Add", "a b", "s")
    hand.node("Tanh", "s", "h_out")
    return hand.model({"x": ("FLOAT16", 1, WIDTH), "h": ("FLOAT16", 1, HIDDEN)}, {"h_out": ("FLOAT16", 1, HIDDEN)})


def reset_by_truth() -> bytes:
    """A plain layer whose state a truth sets to 0, with a rate by which it leaks."""
    hand = Hand(10)
    hand.weight("zero", 1, HIDDEN, numbers=np.zeros((1, HIDDEN)))
    hand.node("Where", "done zero h", "begun")
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.weight("leak", numbers=0.3)
    hand.weight("rest", numbers=0.7)
    hand.node("MatMul", "x W", "a")
    hand.node("MatMul", "begun U", "b")
    hand.node("Add", "a b", "s")
    hand.node("Tanh", "s", "n")
    hand.node("Mul", "n leak", "moved")
    hand.node("Mul", "begun rest", "kept")
    hand.node("Add", "kept moved", "h_out")
    return hand.model({"x": (1, WIDTH), "h": (1, HIDDEN), "done": ("BOOL", 1, 1)}, {"h_out": (1, HIDDEN)})


def scan() -> bytes:
    """A `Scan` along the input, which begins with a constant, its answers made of the series of states."""
    body = Hand(11)
    body.node("MatMul", "x_t W", "a")
    body.node("MatMul", "h_t U", "b_t")
    body.node("Add", "a b_t", "s")
    body.node("Tanh", "s", "h_next")
    body.node("Identity", "h_next", "shown")
    vector = (1, HIDDEN)
    inside = body.graph({"h_t": vector, "x_t": (1, WIDTH)}, {"h_next": vector, "shown": vector}, "body")
    hand = Hand(12)
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.weight("h0", 1, HIDDEN)
    hand.node("Scan", "h0 x", "last series", body=inside, num_scan_inputs=1)
    hand.weight("V", HIDDEN, 2)
    hand.node("MatMul", "series V", "sums")
    hand.node("Sigmoid", "sums", "y")
    return hand.model({"x": ("time", 1, WIDTH)}, {"y": ("time", 1, 2)})


def loop() -> bytes:
    """A `Loop` that takes the rows of its input by its counter and carries a GRU-like state."""
    body = Hand(13)
    body.node("Gather", "x count", "x_t", axis=0)
    body.node("MatMul", "x_t W", "a")
    body.node("MatMul", "c_t U", "b_t")
    body.node("Add", "a b_t", "s")
    body.node("Sigmoid", "s", "f")
    body.node("MatMul", "x_t V", "n")
    body.node("Sub", "c_t n", "apart")
    body.node("Mul", "apart f", "kept")
    body.node("Add", "kept n", "c_next")
    body.node("Identity", "going", "goes_on")
    body.node("Relu", "c_next", "shown")
    vector = (1, HIDDEN)
    inside = body.graph(
        {"count": ("INT64",), "going": ("BOOL",), "c_t": vector},
        {"goes_on": ("BOOL",), "c_next": vector, "shown": vector}, "body",
    )  # fmt: skip
    hand = Hand(14)
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.weight("V", WIDTH, HIDDEN)
    hand.weight("start", 1, HIDDEN, numbers=np.zeros((1, HIDDEN)))
    hand.weight("yes", numbers=True, kind=np.bool_)
    hand.index("first", 0)
    hand.node("Shape", "x", "sizes")
    hand.node("Gather", "sizes first", "steps", axis=0)
    hand.node("Loop", "steps yes start", "last series", body=inside)
    return hand.model({"x": ("time", 1, WIDTH)}, {"series": ("time", 1, HIDDEN), "last": (1, HIDDEN)})


def iterated() -> bytes:
    """A step that runs an inner loop three times: a small fixed point inside each step."""
    body = Hand(15)
    body.node("MatMul", "v_t U", "b_t")
    body.node("Add", "a b_t", "s")
    body.node("Tanh", "s", "v_next")
    body.node("Identity", "going", "goes_on")
    vector = (1, HIDDEN)
    inside = body.graph(
        {"count": ("INT64",), "going": ("BOOL",), "v_t": vector}, {"goes_on": ("BOOL",), "v_next": vector}, "body"
    )
    hand = Hand(16)
    hand.weight("W", WIDTH, HIDDEN)
    hand.weight("U", HIDDEN, HIDDEN)
    hand.weight("yes", numbers=True, kind=np.bool_)
    hand.index("trips", 3)
    hand.node("MatMul", "x W", "a")
    hand.node("Loop", "trips yes h", "h_out", body=inside)
    return hand.model({"x": (1, WIDTH), "h": (1, HIDDEN)}, {"h_out": (1, HIDDEN)})


def hand_cases() -> list[StepCase]:
    """Return the graphs that are put together by hand."""
    both = {"h": "h_next", "c": "c_next"}
    series = {"x": (1, 1, WIDTH)}
    return [
        StepCase("lstm, gates o f g i", lstm_ofgi, both, ("lstm",)),
        StepCase("lstm, hard gates", hard_lstm, {"h": "new_h", "c": "new_c"}, ("lstm_hard_sigmoid_output_softsign",)),
        StepCase("peepholes, coupled", peephole, {"h": "h_out", "c": "c_out"}),
        StepCase("gru, h + z (n - h)", gru_by_difference, {"h": "h1"}, ("gru",)),
        StepCase("If in If", chosen, {"state": "stateN"}, ("rnn",), fixed={"sr": 16000}),
        StepCase(
            "LSTM node, a window", inside_step, {"window": "window_out", "state": "state_out"}, inputs={"x": (1, 2)}
        ),
        StepCase("half the bits", half, {"h": "h_out"}, ("rnn",), close=5e-3),
        StepCase(
            "reset by a truth",
            reset_by_truth,
            {"h": "h_out"},
            inputs={"x": (1, WIDTH), "done": (1, 1)},
            truths=("done",),
        ),
        StepCase("Scan", scan, {}, ("rnn_started",), series, series=True),
        StepCase("Loop", loop, {}, (), series, series=True),
        StepCase("Loop inside a step", iterated, {"h": "h_out"}),
    ]


# --- stepped --------------------------------------------------------------------------------------------------------


def stepped(data: bytes, case: StepCase, feeds: list[Feeds]) -> list[Feeds]:
    """Return what onnxruntime, or torch, gives at each step, its states carried by hand from zeros."""
    if case.by_torch is not None:
        return _stepped_by_torch(case, case.by_torch, feeds)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kinds = {one.name: one for one in session.get_inputs()}
    types = {"tensor(float16)": np.float16, "tensor(bool)": np.bool_, "tensor(int64)": np.int64}
    names = [one.name for one in session.get_outputs()]
    fixed = {name: np.array(number) for name, number in case.fixed.items()}
    feeds = [
        {name: one.astype(types.get(kinds[name].type, np.float32)) for name, one in step.items()} for step in feeds
    ]
    if case.series:
        whole = session.run(None, {name: np.concatenate([one[name] for one in feeds]) for name in feeds[0]})
        there = {name: one for name, one in zip(names, whole, strict=True) if len(one) == len(feeds)}
        return [{name: one[n] for name, one in there.items()} for n in range(len(feeds))]
    state: Feeds = {
        name: np.zeros(
            [n if isinstance(n, int) else 1 for n in kinds[name].shape], types.get(kinds[name].type, np.float32)
        )
        for name in case.states
    }
    made: list[Feeds] = []
    for one in feeds:
        made.append(dict(zip(names, session.run(None, {**one, **fixed, **state}), strict=True)))
        state = {old: made[-1][new] for old, new in case.states.items()}
    return made


def _stepped_by_torch(case: StepCase, module: ExportedStep, feeds: list[Feeds]) -> list[Feeds]:
    state: Feeds = {name: np.zeros(module.inputs[name], np.float32) for name in case.states}
    made: list[Feeds] = []
    for one in feeds:
        made.append(module.run({**one, **state}))
        state = {old: made[-1][new] for old, new in case.states.items()}
    return made


def feeds_of(case: StepCase, steps: int, seed: int) -> list[Feeds]:
    """Return random inputs of steps."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(steps):
        one: Feeds = {}
        for name, shape in case.inputs.items():
            if name in case.ids:
                one[name] = random.integers(0, case.ids[name], shape)
            elif name in case.truths:
                one[name] = (random.random(shape) < 0.5).astype(np.float32)
            else:
                one[name] = random.normal(size=shape).astype(np.float32)
        made.append(one)
    return made


def flat(steps: Sequence[Feeds], names: Iterable[str]) -> Array:
    """Return arrays of every step end to end, (T, n)."""
    return np.stack([np.concatenate([one[name].reshape(-1).astype(np.float32) for name in names]) for one in steps])


def apart(network: Network, read: Mapping[str, Array], answer: Array | None, states: Array | None) -> float:
    """Return how far an answer and all states of a network are from what they should be, at most.

    Args:
        network: What was opened.
        read: What it reads, (T, n) each by name, in the order of the file.
        answer: (T, n), or None where there is none.
        states: (T, n) of all states in any order, or None where they are not known.
    """
    if network.front is not None:
        x = network.front.run({name: read[name] for name in network.front.inputs})
    elif network.embedding is not None:
        x = network.embedding[next(iter(read.values()))[:, 0].astype(np.int64)]
    else:
        x = np.concatenate(list(read.values()), axis=1)
    ran = run_arrays(network, np.ascontiguousarray(x, network.dtype), "numpy")
    shown = ran.merged[-1]
    if network.readout is not None and ran.readout is not None:
        shown = ran.readout.values[network.readout.page.result]
    worst = 0.0 if answer is None else _largest(shown, answer)
    if states is None:
        return worst
    mine = np.concatenate([
        ran.stored[one.name].values[state]
        for one in network.passes if not one.cell.name.startswith("front") for state in one.cell.state
    ], axis=1)  # fmt: skip
    if mine.shape != states.shape:
        return np.inf
    unused = list(range(mine.shape[1]))
    for column in states.T:  # each state of the file is one of ours, and each of ours is used once
        distances = [_largest(mine[:, n], column) for n in unused]
        nearest = int(np.argmin(distances))
        worst = max(worst, distances[nearest])
        unused.pop(nearest)
    return worst


def _largest(one: Array, other: Array) -> float:
    return float(np.abs(one.astype(np.float64) - other).max()) if one.shape == other.shape else np.inf


def recorded(case: StepCase, data: bytes, steps: int) -> dict[str, Array]:
    """Return what goes in and what onnxruntime gives, as arrays to be kept."""
    feeds = feeds_of(case, steps, 1)
    wanted = stepped(data, case, feeds)
    made = {f"input {name}": flat(feeds, [name]) for name in case.inputs}
    answers = [name for name in wanted[0] if name not in case.states.values()]
    made |= {"answer": flat(wanted, answers[:1])} if answers else {}
    return made | ({"states": flat(wanted, case.states.values())} if case.states else {})


def compared(path: Path, settings: Mapping[str, str], known: Mapping[str, Array]) -> tuple[float, tuple[str, ...]]:
    """Return how far a file is from what onnxruntime gave of it, and the cells it was opened as.

    Raises:
        UserError: It is refused.
    """
    network = open_file(path, ImportOptions(dict(settings))).network
    read = {name.partition(" ")[2]: one for name, one in known.items() if name.startswith("input ")}
    distance = apart(network, read, known.get("answer"), known.get("states"))
    return distance, tuple(one.cell.name for one in network.passes)


def all_cases() -> Iterator[StepCase]:
    """Yield every graph: by hand first, then those of PyTorch."""
    yield from hand_cases()
    yield from torch_cases()
    yield from exported_cases()


@dataclass
class MakerTally:
    """What became of the graphs of one maker."""

    graphs: int = 0
    known: int = 0
    pages: int = 0
    refused: int = 0
    wrong: int = 0
    largest: float = 0.0

    def row(self, maker: str) -> str:
        """Return it as a row of a table."""
        counts = (self.graphs, self.known, self.pages, self.refused, self.wrong)
        return f"| {maker} | {' | '.join(map(str, counts))} | {self.largest:.1e} |"


def maker_of(case: StepCase) -> str:
    """Return who made a graph."""
    if case.by_torch is not None:
        return "torch.export"
    said = re.search(r" \((script|dynamo)\)\Z", case.name)
    return "by hand" if said is None else f"torch.onnx, {said[1]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try graphs and print a table; 1 where one is wrong, refused or not the cell it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.step_graphs", description=__doc__)
    parser.add_argument("--steps", type=int, default=100, help="random inputs of each")
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--by-hand", action="store_true", help="none that PyTorch exports")
    parser.add_argument("--freeze", type=Path, help="a folder to keep graphs and their numbers in")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    tallies: dict[str, MakerTally] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in hand_cases() if options.by_hand else all_cases():
            if options.only in case.name:
                _one(
                    case, Path(folder), options.steps, options.freeze, tallies.setdefault(maker_of(case), MakerTally())
                )
    print("| made | graphs | known cells | pages | refused | wrong | largest |\n|---|---|---|---|---|---|---|")
    for maker, tally in tallies.items():
        print(tally.row(maker))
    print(f"{options.steps} inputs each, {time.monotonic() - started:.0f} s")
    return int(any(one.known + one.pages < one.graphs for one in tallies.values()))


def _one(case: StepCase, folder: Path, steps: int, keep: Path | None, tally: MakerTally) -> None:
    """Try one graph, and keep it where it is to be kept and is right."""
    data = case.make()
    known = recorded(case, data, steps)
    path = folder / f"graph.{case.ending}"
    path.write_bytes(data)
    tally.graphs += 1
    try:
        distance, cells = compared(path, case.settings, known)
    except UserError as error:
        tally.refused += 1
        print(f"{case.name:26} refused: {error}", flush=True)
        return
    right = distance <= case.close and cells == (case.opens_as or cells[:1])
    tally.wrong += not right
    tally.known += right and bool(case.opens_as)
    tally.pages += right and not case.opens_as
    tally.largest = max(tally.largest, distance if case.close == CLOSE else 0.0)
    print(f"{case.name:26} {'right' if right else 'WRONG'} {distance:8.1e}  {', '.join(cells)}", flush=True)
    if keep is not None and right:
        _freeze(keep, case, data, known, cells)


_KEPT = frozenset(("LSTMCell, h twice", "coupled, a dictionary", "nn.LSTM, projected", "several states"))
"""Modules of torch.export that are kept."""


def _freeze(folder: Path, case: StepCase, data: bytes, known: Mapping[str, Array], cells: Sequence[str]) -> None:
    """Keep a graph, what goes in, what comes out and what it is opened as."""
    name = case.name.removesuffix(" (dynamo)").removesuffix(" (export)")
    if case.name.endswith("(script)") or (case.by_torch is not None and name not in _KEPT):
        return  # one exporter's are enough to be kept
    stem = "_".join([*["export"] * (case.by_torch is not None), *re.findall("[a-z]+", name.lower())])
    (folder / f"{stem}.{case.ending}").write_bytes(data)
    kept: dict[str, Any] = {
        "cells": np.array([one if one in case.opens_as else "" for one in cells]),
        "close": np.array(case.close),
    }
    savez(folder / f"{stem}.npz", {**known, **kept})


if __name__ == "__main__":
    sys.exit(main())
