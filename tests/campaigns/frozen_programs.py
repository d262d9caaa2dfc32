"""Write the small programs of PyTorch that the default tests open without PyTorch, with what PyTorch computed.

`python -m tests.campaigns.frozen_programs` (PyTorch 2.13) writes all, and names after it those alone. Each lies in
`tests/formats/files/frozen` with its numbers; paths of the machine that made it are taken out of it.
"""

from __future__ import annotations

import json
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .freeze import write
from .verdicts import Case, judged

FOLDER = Path(__file__).parents[1] / "formats" / "files" / "frozen"
STEPS, INPUTS, HIDDEN = 6, 3, 4
X = torch.from_numpy(np.random.default_rng(5).normal(size=(STEPS, INPUTS)).astype(np.float32))
IDS = torch.tensor([3, 1, 4, 1, 5, 0])
NO_PADDING = torch.tensor([3, 1, 4, 1, 5, 2])


class Last(nn.Module):  # type: ignore[misc]
    """The last step of a series: with `first`, the batch is the first axis for the layer too."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=first)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


class LastOfTheBatch(nn.Module):  # type: ignore[misc]
    """A cell stepped along the first axis, and the last of the second: who calls it may take that one for the tape."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(INPUTS, HIDDEN)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(1), self.cell.hidden_size)
        made: list[Tensor] = []
        for t in range(x.size(0)):
            h = self.cell(x[t], h)
            made.append(h)
        return self.head(torch.stack(made)[:, -1])


class BothEnds(nn.Module):  # type: ignore[misc]
    """The last states of two directions end to end, from ids."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(6, INPUTS)
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * HIDDEN, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.rnn(self.words(x))
        return self.head(self.drop(torch.cat([h[-2], h[-1]], dim=1)))


class LastMemory(nn.Module):  # type: ignore[misc]
    """The answer is made of c, not of h."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (_, c) = self.rnn(x)
        return self.head(c[-1])


class TwoHeads(nn.Module):  # type: ignore[misc]
    """An answer at every step, and another from their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)
        self.each = nn.Linear(HIDDEN, 2)
        self.whole = nn.Linear(HIDDEN, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, _ = self.rnn(x)
        return self.each(y), torch.softmax(self.whole(y.mean(1)), -1)


class Normed(nn.Module):  # type: ignore[misc]
    """A norm between two layers, the second turned round, and a residual around it."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.LSTM(INPUTS, HIDDEN, batch_first=True)
        self.norm = nn.LayerNorm(HIDDEN)
        self.high = nn.GRU(HIDDEN, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.low(x)[0])
        z = self.high(torch.flip(y, [1]))[0]
        return self.head(torch.relu(y + torch.flip(z, [1])))


class Placed(nn.Module):  # type: ignore[misc]
    """Places added to what is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(6, INPUTS)
        self.places = nn.Embedding(20, INPUTS)
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(self.words(x) + self.places(torch.arange(x.size(1))))[0]


class Decoder(nn.Module):  # type: ignore[misc]
    """A cell that the program steps by hand, feeding back what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(INPUTS, HIDDEN, batch_first=True)
        self.decoder = nn.GRUCell(HIDDEN, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.encoder(x)
        state = h[0]
        outputs = []
        for _ in range(3):
            state = self.decoder(torch.tanh(state), state)
            outputs.append(state)
        return torch.stack(outputs, 1)


class Stepped(nn.Module):  # type: ignore[misc]
    """A cell that is stepped by hand, and a head at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(INPUTS, HIDDEN)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), self.cell.hidden_size)
        c = torch.zeros(x.size(0), self.cell.hidden_size)
        made = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            made.append(torch.tanh(self.head(h)))
        return torch.stack(made, 1)


class Tower(nn.Module):  # type: ignore[misc]
    """Two cells, one above the other, stepped from the last step to the first; the answer is the end of the upper."""

    def __init__(self) -> None:
        super().__init__()
        self.lower = nn.GRUCell(INPUTS, HIDDEN)
        self.upper = nn.RNNCell(HIDDEN, 3, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), self.lower.hidden_size)
        y = torch.zeros(x.size(0), 3)
        for t in range(x.size(1)):
            h = self.lower(x[:, x.size(1) - 1 - t], h)
            y = self.upper(h, y)
        return y


class Packed(nn.Module):  # type: ignore[misc]
    """Sequences packed by their lengths, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(6, INPUTS)
        self.rnn = nn.LSTM(INPUTS, HIDDEN, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * HIDDEN, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.table(x), lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.head(y.sum(1) / lengths.unsqueeze(1))


class Masked(nn.Module):  # type: ignore[misc]
    """The largest of the steps that are no padding."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(6, INPUTS, padding_idx=0)
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(self.table(x))[0].masked_fill((x == 0).unsqueeze(-1), float("-inf"))
        return self.head(y.max(1)[0])


class Attention(nn.Module):  # type: ignore[misc]
    """Weights over the steps that depend on the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)
        self.score = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(x)
        return (torch.softmax(self.score(y), 1) * y).sum(1)


class Summed(nn.Module):  # type: ignore[misc]
    """A sum that grows along the steps: not understood, and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cumsum(self.rnn(x)[0], 1))


class Learned(nn.Module):  # type: ignore[misc]
    """States before the first step that were learned, two layers, a batch norm and a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.h0 = nn.Parameter(torch.zeros(2, 1, HIDDEN))
        self.rnn = nn.RNN(INPUTS, HIDDEN, 2, batch_first=True, nonlinearity="relu", dropout=0.2)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(x, self.h0.expand(2, x.size(0), self.h0.size(2)).contiguous())
        return self.head(torch.relu(self.norm(y[:, -1])))


class Convolved(nn.Module):  # type: ignore[misc]
    """Two tables added, and a convolution of every second step: what stands before the layer is run as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(6, INPUTS)
        self.marks = nn.Embedding(6, INPUTS)
        self.conv = nn.Conv1d(INPUTS, HIDDEN, 3, stride=2, padding=1)
        self.rnn = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv((self.words(x) + self.marks(x)).transpose(1, 2))).transpose(1, 2)
        return self.head(self.rnn(y)[1][0][-1])


class Late(nn.Module):  # type: ignore[misc]
    """Every step reads the one before it."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1))[0]


class Averaged(nn.Module):  # type: ignore[misc]
    """A sum divided by the number of steps, which is no number of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(x)[0]
        return torch.nn.functional.normalize(y.sum(1) / float(x.size(1)), dim=1)


class Counted(nn.Module):  # type: ignore[misc]
    """An answer that grows with the number of steps: not the same for every length, and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0][:, -1] * float(x.size(1))


class Narrow(nn.Module):  # type: ignore[misc]
    """A layer that reads a part of each step: a script does not say how wide the whole is."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(2, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x[..., :2])[0]


class Turned(nn.Module):  # type: ignore[misc]
    """A series without a batch, given from its end: read with a batch the same program swaps its sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.flip(self.rnn(x)[0], [0])


class Started(nn.Module):  # type: ignore[misc]
    """States before the first step that the program computes of the input: zeros here, and said."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(INPUTS, HIDDEN)
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x, torch.tanh(self.first(x.mean(1))).unsqueeze(0))[0]


class Residual(nn.Module):  # type: ignore[misc]
    """Every layer reads what the one below reads and shows, added; the head reads the input too."""

    def __init__(self) -> None:
        super().__init__()
        self.rnns = nn.ModuleList(nn.LSTM(INPUTS, INPUTS, batch_first=True) for _ in range(3))
        self.head = nn.Linear(INPUTS, 2)

    def forward(self, x: Tensor) -> Tensor:
        for rnn in self.rnns:
            x = x + rnn(x)[0]
        return self.head(x)


class Skipped(nn.Module):  # type: ignore[misc]
    """What enters goes past two layers, a norm stands in front of each, and a gate by the input above."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.GRU(INPUTS, INPUTS, batch_first=True), nn.GRU(INPUTS, INPUTS, batch_first=True)
        self.norm, self.gate = nn.LayerNorm(INPUTS), nn.Linear(INPUTS, INPUTS)
        self.top, self.head = nn.GRU(INPUTS, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.first(self.norm(x))
        z, _ = self.second(self.norm(x + y))
        gate = torch.sigmoid(self.gate(x))
        w, _ = self.top(gate * (x + y + z) + (1 - gate) * x)
        return self.head(w[:, -1])


class Joined(nn.Module):  # type: ignore[misc]
    """Each layer reads everything below, end to end, and in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.GRU(INPUTS, HIDDEN, batch_first=True, bidirectional=True)
        self.high = nn.GRU(INPUTS + 2 * HIDDEN, HIDDEN, batch_first=True)
        self.head = nn.Linear(3 * HIDDEN + INPUTS, 2)

    def forward(self, x: Tensor) -> Tensor:
        low = self.low(x)[0]
        high = self.high(torch.cat([x, low], -1))[0]
        return self.head(torch.cat([low, high, x], -1))


class Projected(nn.Module):  # type: ignore[misc]
    """A projected layer whose input is added, under another that has half of its own added."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = (nn.LSTM(INPUTS, HIDDEN, batch_first=True, proj_size=INPUTS) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.low(x)[0]
        return x + 0.5 * self.high(x)[0]


class Curved(nn.Module):  # type: ignore[misc]
    """Activations that have no word in the equations: gelu, PReLU with a slope a unit, mish, RMS norm."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(INPUTS, HIDDEN, batch_first=True)
        self.slopes, self.norm, self.head = nn.PReLU(HIDDEN), nn.RMSNorm(HIDDEN), nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        last = self.slopes(self.rnn(x)[0][:, -1])
        return nn.functional.mish(self.head(nn.functional.gelu(self.norm(last))))


class ByHand(nn.Module):  # type: ignore[misc]
    """A cell whose memory is turned round after every step: it is no layer of this kind any more."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(INPUTS, HIDDEN), nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(1, HIDDEN)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
            c = torch.flip(c, [1])
        return self.head(h)


CASES: dict[str, tuple[Callable[[], nn.Module], Any, tuple[str, ...]]] = {
    "swapped": (lambda: Last(False), X[None], ("trace", "export")),
    "confused": (lambda: Last(False), X[None], ("script",)),
    "last": (lambda: Last(True), X[None], ("trace", "script", "export")),
    "bothends": (BothEnds, IDS[None], ("script", "trace", "export")),
    "memory": (LastMemory, X[None], ("trace", "export")),
    "heads": (TwoHeads, X[None], ("trace", "export")),
    "normed": (Normed, X[None], ("script", "export")),
    "placed": (Placed, IDS[None], ("trace", "script")),
    "attention": (Attention, X[None], ("trace", "export")),
    "summed": (Summed, X[None], ("trace", "script", "export")),
    "learned": (Learned, X[None], ("freeze", "export")),
    "decoder": (Decoder, X[None], ("trace",)),
    "stepped": (Stepped, X[None], ("trace", "script", "export")),
    "tower": (Tower, X[None], ("trace", "script", "export")),
    "packed": (Packed, (NO_PADDING[None], torch.tensor([len(NO_PADDING)])), ("trace", "script")),
    "masked": (Masked, NO_PADDING[None], ("trace", "script", "export")),
    "convolved": (Convolved, IDS[None], ("trace", "script")),
    "late": (Late, X[None], ("script", "export")),
    "averaged": (Averaged, X[None], ("script", "freeze")),
    "counted": (Counted, X[None], ("script",)),
    "narrow": (Narrow, X[None], ("script", "export")),
    "started": (Started, X[None], ("trace",)),
    "residual": (Residual, X[None], ("trace", "script", "export")),
    "skipped": (Skipped, X[None], ("trace", "export")),
    "joined": (Joined, X[None], ("trace", "export")),
    "projected": (Projected, X[None], ("trace", "export")),
    "curved": (Curved, X[None], ("trace", "export")),
    "turned": (Turned, X, ("freeze",)),
    "several": (lambda: Last(True), torch.stack([X, X.flip(0), -X]), ("export", "trace")),
    "byhand": (ByHand, X[None], ("trace", "export")),
    "otherbatch": (LastOfTheBatch, X[None], ("script",)),
}


def main() -> int:
    """Write the named cases, or all, in each of their forms, and say what came of them."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or CASES:
        make, given, forms = CASES[name]
        for form in forms:
            torch.manual_seed(3)
            module = make().eval()
            with torch.no_grad():
                for one in module.parameters():
                    one.normal_(0, 0.5)
            case = _case(name, form, module, given)
            verdict, why = judged(case)
            write(case, FOLDER, f"program_{name}_{form}", verdict)
            print(f"{name} {form}: {verdict} {why}")
    return 0


def _case(name: str, form: str, module: nn.Module, given: Any) -> Case:
    every = given if isinstance(given, tuple) else (given,)
    given = every[0]
    with torch.no_grad():  # of several sequences the first is the case
        made = module(given[:1]) if len(every) == 1 and given.ndim > 2 else module(*every)
    outputs = [one.numpy() for one in (made if isinstance(made, tuple) else (made,))]
    names = ["output"] if len(outputs) == 1 else [f"output{n}" for n in range(len(outputs))]
    program: Any
    if form == "export":
        program = torch.export.export(module, every)
        names = list(program.graph_signature.user_outputs)
    elif form == "trace":
        program = torch.jit.trace(module, every, check_trace=False)
    else:
        program = torch.jit.script(module)
        program = torch.jit.freeze(program) if form == "freeze" else program

    def save(folder: Path) -> Path:
        path = folder / ("m.pt2" if form == "export" else "m.pt")
        if form == "export":
            torch.export.save(program, str(path))
        else:
            program.save(str(path))
        _cleaned(path)
        return path

    x = (given[0] if len(given) == 1 or given.ndim > 2 else given).numpy().astype(np.float32)
    return Case(name, save, {"x": x}, dict(zip(names, outputs, strict=True)), told=f"{name}, {form}")


def _cleaned(path: Path) -> None:
    """Take out what names the machine and its folders: debugging notes, stack traces and example inputs."""
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as kept:
        for name, data in members.items():
            if name.endswith((".debug_pkl", "serialization_id")) or "/sample_inputs/" in name:
                continue
            if name.endswith("models/model.json"):
                whole = json.loads(data)
                for node in whole["graph_module"]["graph"]["nodes"]:
                    node["metadata"] = {}
                whole["graph_module"]["module_call_graph"] = []
                whole["guards_code"] = []
                data = json.dumps(whole, separators=(",", ":")).encode()
            kept.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    sys.exit(main())
