"""Modules of PyTorch that take one step, as torch.export writes them: the family of `step_graphs` that torch steps."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

HIDDEN, WIDTH = 8, 3
ONE, VECTOR = (1, WIDTH), (1, HIDDEN)
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class ExportedStep:
    """A module that takes one step.

    Attributes:
        name: What it is called.
        module: Takes its inputs in the order of `inputs`, laid out by `nested`.
        inputs: Shapes of everything that goes in, by the name that the exported program has for it.
        states: Inputs that are states, and the output each comes out as.
        opens_as: Cells it has to be opened as, from the lowest up; empty for a page of its own.
        settings: What `--set` has to say, where no name says it.
        nested: Lays out what goes in as the module takes it.
        free: Whether the batch is left free.
        core: Whether the program is written in the core ops of ATen alone.
    """

    name: str
    module: Any
    inputs: Shapes
    states: Mapping[str, str]
    opens_as: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    nested: Callable[..., tuple[Any, ...]] = lambda *given: given
    free: bool = False
    core: bool = False

    def exported(self) -> bytes:
        """Return the archive."""
        import torch

        sizes = {name: (2, *shape[1:]) if self.free else shape for name, shape in self.inputs.items()}
        given = [
            torch.zeros(shape, dtype=torch.int64) if name == "token" else torch.randn(shape)
            for name, shape in sizes.items()
        ]
        batch = torch.export.Dim("batch")
        dynamic = tuple({0: batch} for _ in given) if self.free else None
        out = io.BytesIO()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(self.module.eval(), self.nested(*given), dynamic_shapes=dynamic)
            torch.export.save(program.run_decompositions() if self.core else program, out)
        return _cleaned(out.getvalue())

    def run(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the module gives, by the names that are given to it here."""
        import torch

        tensors = [torch.from_numpy(np.ascontiguousarray(given[name])) for name in self.inputs]
        with torch.no_grad():
            made = self.module(*self.nested(*tensors))
        if isinstance(made, dict):
            return {name + ".new" * (name in self.inputs): one.numpy() for name, one in made.items()}
        leaves = _leaves(made)
        return {f"output.{n}": one.numpy() for n, one in enumerate(leaves)}


def _cleaned(data: bytes) -> bytes:
    """Take out what names the machine and its folders: stack traces, guards and example inputs."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in archive.namelist():
            member = archive.read(name)
            if name.endswith("serialization_id") or "/sample_inputs/" in name:
                continue
            if name.endswith("models/model.json"):
                whole = json.loads(member)
                for node in whole["graph_module"]["graph"]["nodes"]:
                    node["metadata"] = {}
                calls = whole["graph_module"]["module_call_graph"]
                whole["graph_module"]["module_call_graph"] = [one for one in calls if one["fqn"] == ""]
                whole["guards_code"] = []
                member = json.dumps(whole, separators=(",", ":")).encode()
            kept.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), member, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _leaves(made: Any) -> list[Any]:
    if isinstance(made, list | tuple):
        return [leaf for one in made for leaf in _leaves(one)]
    return [made]


def of_modules(modules: Mapping[str, tuple[Any, Shapes, Mapping[str, str], Sequence[str]]]) -> list[ExportedStep]:
    """Return the modules of the other family, whose states stand last of what they return."""
    made = []
    for name, (module, inputs, states, opens_as) in modules.items():
        import torch

        with torch.no_grad():
            given = [
                torch.zeros(shape, dtype=torch.int64) if key == "token" else torch.randn(shape)
                for key, shape in inputs.items()
            ]
            answers = len(module(*given)) - len(states)
        ends = {state: f"output.{answers + n}" for n, state in enumerate(states)}
        settings = {f"state.{state}": end for state, end in ends.items()} if name in _UNNAMED else {}
        made.append(ExportedStep(name, module, inputs, ends, tuple(opens_as), settings))
    return made


_UNNAMED = frozenset(("fast weights", "windowed", "retaining", "spiking"))
"""Modules whose states are called by no name that says so."""


def own_steps() -> list[ExportedStep]:
    """Return modules of this family alone."""
    import torch
    from torch import nn

    torch.manual_seed(11)

    class Bare(nn.Module):  # type: ignore[misc]
        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: Any, h: Any) -> Any:
            return self.cell(x, h)

    class BareLSTM(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(WIDTH, HIDDEN)

        def forward(self, x: Any, state: Any) -> Any:
            h, c = self.cell(x, state)
            return h, (h, c)

    class Series(nn.Module):  # type: ignore[misc]
        def __init__(self, rnn: Any, first: bool) -> None:
            super().__init__()
            self.rnn, self.first, self.head = rnn, first, nn.Linear(rnn.proj_size or HIDDEN, 2)

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            y, (h, c) = self.rnn(x, (h, c))
            return torch.softmax(self.head(y[:, -1] if self.first else y[-1]), -1), h, c

    class Peepholes(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.both = nn.Linear(WIDTH + HIDDEN, 4 * HIDDEN)
            self.see = nn.Parameter(torch.randn(3, HIDDEN))

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            i, f, g, o = self.both(torch.cat((x, h), 1)).split(HIDDEN, 1)
            i, f = torch.sigmoid(i + self.see[0] * c), torch.sigmoid(f + self.see[1] * c)
            c = f * c + i * g.tanh()
            return torch.sigmoid(o + self.see[2] * c) * c.tanh(), c

    class Coupled(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.both = nn.Linear(WIDTH + HIDDEN, 3 * HIDDEN)

        def forward(self, x: Any, hidden: Any, cell: Any) -> Any:
            f, g, o = torch.chunk(self.both(torch.cat([x, hidden], dim=-1)), 3, dim=-1)
            f = f.sigmoid()
            cell = f * cell + (1 - f) * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            return {"y": hidden.sum(-1, keepdim=True), "hidden": hidden, "cell": cell}

    class Leaky(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.x, self.h = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN, bias=False)
            self.rate = nn.Parameter(torch.rand(HIDDEN))

        def forward(self, x: Any, h: Any) -> Any:
            h = torch.addcmul(h * (1 - self.rate), self.rate, torch.tanh(self.x(x) + self.h(h)))
            return h[:, :2] - h[:, 2:4], h

    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.front, self.cell, self.head = (
                nn.Linear(WIDTH, HIDDEN),
                nn.GRUCell(HIDDEN, HIDDEN),
                nn.Linear(HIDDEN, 2),
            )

        def forward(self, x: Any, h: Any) -> Any:
            e = self.front(x)
            h = self.cell(e, h)
            return self.head(e + h).log_softmax(-1), h

    class Several(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.GRUCell(WIDTH, HIDDEN), nn.RNNCell(HIDDEN, 5)
            self.count = nn.Linear(5, 4)

        def forward(self, x: Any, h1: Any, h2: Any, memory: Any) -> Any:
            h1 = self.one(x, h1)
            h2 = self.two(h1, h2)
            memory = 0.9 * memory + self.count(h2).relu()
            return memory.mean(-1, keepdim=True), h1, h2, memory

    class Clamped(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.x, self.h = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN)

        def forward(self, x: Any, h: Any) -> Any:
            h = torch.clamp(self.x(x) + self.h(h), -1.0, 1.0)
            return torch.minimum(h, torch.full_like(h, 0.5)).amax(-1, keepdim=True), h

    class Layers(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.head = nn.LSTMCell(WIDTH, HIDDEN), nn.LSTMCell(HIDDEN, 5), nn.Linear(5, 2)

        def forward(self, x: Any, states: Any) -> Any:
            (h, c), (g, d) = states
            h, c = self.one(x, (h, c))
            g, d = self.two(h, (g, d))
            return self.head(g), ((h, c), (g, d))

    class Swapped(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.LSTMCell(WIDTH, HIDDEN), nn.Linear(HIDDEN, 2)

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            h, c = self.cell(x, (h, c))
            return self.head(h), c, h

    class Gated(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(WIDTH + HIDDEN)
            self.all = nn.Sequential(nn.Linear(WIDTH + HIDDEN, 12), nn.SiLU(), nn.Linear(12, 2 * HIDDEN))

        def forward(self, x: Any, h: Any) -> Any:
            new, keep = nn.functional.logsigmoid(self.all(self.norm(torch.cat([x, h], -1)))).chunk(2, -1)
            h = keep.exp() * h + nn.functional.gelu(new)
            return nn.functional.normalize(h, dim=-1)[:, :3], h

    both = {"h": VECTOR, "c": VECTOR}
    named = {"h": "output.0"}
    series = {"h": (1, 1, HIDDEN), "c": (1, 1, HIDDEN)}
    ends = {"h": "output.1", "c": "output.2"}
    projected = nn.LSTM(WIDTH, HIDDEN, proj_size=4)
    deep = nn.LSTM(WIDTH, HIDDEN, num_layers=2)
    split = {"states_0_0": VECTOR, "states_0_1": VECTOR, "states_1_0": (1, 5), "states_1_1": (1, 5)}
    return [
        ExportedStep("GRUCell", Bare(nn.GRUCell(WIDTH, HIDDEN)), {"x": ONE, "h": VECTOR}, named, ("gru",)),
        ExportedStep("GRUCell, core ops", Bare(nn.GRUCell(WIDTH, HIDDEN)), {"x": ONE, "h": VECTOR}, named, ("gru",),
                     core=True),
        ExportedStep("GRUCell, free batch", Bare(nn.GRUCell(WIDTH, HIDDEN)), {"x": ONE, "h": VECTOR}, named, ("gru",),
                     free=True),
        ExportedStep("GRUCell, no batch", Bare(nn.GRUCell(WIDTH, HIDDEN)), {"x": (WIDTH,), "h": (HIDDEN,)}, named,
                     ("gru",)),
        ExportedStep("GRUCell, no bias", Bare(nn.GRUCell(WIDTH, HIDDEN, bias=False)), {"x": ONE, "h": VECTOR}, named,
                     ("gru",)),
        ExportedStep("RNNCell", Bare(nn.RNNCell(WIDTH, HIDDEN)), {"x": ONE, "h": VECTOR}, named, ("rnn",)),
        ExportedStep("LSTMCell, h twice", BareLSTM(), {"x": ONE, "state_0": VECTOR, "state_1": VECTOR},
                     {"state_0": "output.0", "state_1": "output.2"}, ("lstm",),
                     nested=lambda x, h, c: (x, (h, c))),
        ExportedStep("LSTMCell, core ops", BareLSTM(), {"x": ONE, "state_0": VECTOR, "state_1": VECTOR},
                     {"state_0": "output.0", "state_1": "output.2"}, ("lstm",),
                     nested=lambda x, h, c: (x, (h, c)), core=True),
        ExportedStep("nn.LSTM of one step", Series(nn.LSTM(WIDTH, HIDDEN), False), {"x": (1, 1, WIDTH)} | series, ends,
                     ("lstm",)),
        ExportedStep("nn.LSTM, batch first", Series(nn.LSTM(WIDTH, HIDDEN, batch_first=True), True),
                     {"x": (1, 1, WIDTH)} | series, ends, ("lstm",)),
        ExportedStep("nn.LSTM, two layers", Series(deep, False),
                     {"x": (1, 1, WIDTH), "h": (2, 1, HIDDEN), "c": (2, 1, HIDDEN)}, ends, ("lstm", "lstm")),
        ExportedStep("nn.LSTM, projected", Series(projected, False),
                     {"x": (1, 1, WIDTH), "h": (1, 1, 4), "c": (1, 1, HIDDEN)}, ends),
        ExportedStep("nn.LSTM, core ops", Series(nn.LSTM(WIDTH, HIDDEN), False), {"x": (1, 1, WIDTH)} | series, ends,
                     ("lstm",), core=True),
        ExportedStep("peepholes", Peepholes(), {"x": ONE} | both, {"h": "output.0", "c": "output.1"}),
        ExportedStep("coupled, a dictionary", Coupled(), {"x": ONE, "hidden": VECTOR, "cell": VECTOR},
                     {"hidden": "hidden.new", "cell": "cell.new"}),
        ExportedStep("leaky", Leaky(), {"x": ONE, "h": VECTOR}, {"h": "output.1"}),
        ExportedStep("residual", Residual(), {"x": ONE, "h": VECTOR}, {"h": "output.1"}, ("front_0", "gru")),
        ExportedStep("several states", Several(), {"x": ONE, "h1": VECTOR, "h2": (1, 5), "memory": (1, 4)},
                     {"h1": "output.1", "h2": "output.2", "memory": "output.3"}),
        ExportedStep("clamped", Clamped(), {"x": ONE, "h": VECTOR}, {"h": "output.1"}),
        ExportedStep("two LSTMCells", Layers(), {"x": ONE} | split,
                     {name: f"output.{n + 1}" for n, name in enumerate(split)}, ("lstm", "lstm"),
                     nested=lambda x, h, c, g, d: (x, ((h, c), (g, d)))),
        ExportedStep("c before h, set", Swapped(), {"x": ONE} | both, {"h": "output.2", "c": "output.1"}, ("lstm",),
                     {"state.h": "output.2", "state.c": "output.1"}),
        ExportedStep("norm, silu, gelu", Gated(), {"x": ONE, "h": VECTOR}, {"h": "output.1"}),
    ]  # fmt: skip
