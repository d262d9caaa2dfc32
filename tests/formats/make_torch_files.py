"""Small networks as PyTorch saves them, with what PyTorch says of them: run as a program to freeze them again.

`python tests/formats/make_torch_files.py` writes `files/torch_*` and needs PyTorch; the tests of frozen files do not.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).parent / "files"
STEPS = 6


class Tagger(nn.Module):
    """Embedding, two layers both ways, a head with something without weights in it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.rnn = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.embedding(ids))[0])


def shake(module: nn.Module, seed: int) -> nn.Module:
    """Give every parameter a random value, biases too, so that no convention hides behind a zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in module.parameters():
            one.copy_(torch.randn(one.shape, generator=generator) * 0.6)
    return module.eval()


RECURRENT: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: nn.LSTM(3, 4),
    "lstm_stacked": lambda: nn.LSTM(3, 4, num_layers=3),
    "lstm_both": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    "lstm_projected": lambda: nn.LSTM(3, 5, num_layers=2, proj_size=2, bidirectional=True),
    "lstm_no_bias": lambda: nn.LSTM(3, 4, bias=False),
    "lstm_square": lambda: nn.LSTM(4, 4, num_layers=2),
    "gru": lambda: nn.GRU(3, 4),
    "gru_both": lambda: nn.GRU(4, 4, num_layers=2, bidirectional=True),
    "gru_no_bias": lambda: nn.GRU(3, 4, bias=False),
    "rnn_tanh": lambda: nn.RNN(3, 4, num_layers=2),
    "rnn_relu": lambda: nn.RNN(3, 4, bidirectional=True, nonlinearity="relu"),
    "lstm_cell": lambda: nn.LSTMCell(3, 4),
    "gru_cell": lambda: nn.GRUCell(3, 4),
    "rnn_cell": lambda: nn.RNNCell(3, 4),
}


def outputs(module: nn.Module, x: np.ndarray) -> np.ndarray:
    """Return what a recurrent module gives at every step, (T, n)."""
    series = torch.from_numpy(x)
    with torch.no_grad():
        if not isinstance(module, nn.RNNCellBase):
            return np.asarray(module(series)[0])
        state: Any = None
        rows = []
        for row in series:
            state = module(row, state)
            rows.append(state[0] if isinstance(state, tuple) else state)
        return np.asarray(torch.stack(rows))


def numbers(columns: int, seed: int = 0) -> np.ndarray:
    """Return rows (T, columns)."""
    return np.random.default_rng(seed).normal(size=(STEPS, columns)).astype(np.float32)


def more_ways_to_save(x: np.ndarray) -> dict[str, np.ndarray]:
    """Write a scripted module and one with weight normalisation, whose weights are length and direction."""
    scripted = shake(RECURRENT["lstm_stacked"](), 6)
    whole = io.BytesIO()
    torch.jit.save(torch.jit.script(scripted), whole)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(FOLDER / "torch_lstm_scripted.pt", "w") as kept:
        for name in archive.namelist():
            if "/code/" not in name:  # the program is PyTorch's own, and nothing here reads it
                kept.writestr(name, archive.read(name))
    normed = nn.utils.parametrizations.weight_norm(shake(RECURRENT["gru"](), 7), "weight_hh_l0")
    normed.parametrizations.weight_hh_l0.original0.data *= 1.5
    torch.save(normed.state_dict(), FOLDER / "torch_gru_normed.pt")
    return {"lstm_scripted": outputs(scripted, x), "gru_normed": outputs(normed, x)}


def freeze() -> None:
    """Write the files and what PyTorch says of them."""
    from safetensors.torch import save_file

    FOLDER.mkdir(exist_ok=True)
    expected: dict[str, Any] = {"x": numbers(3), "x4": numbers(4)}
    lstm = shake(RECURRENT["lstm_both"](), 1)
    torch.save(lstm.state_dict(), FOLDER / "torch_lstm_both.pt")
    expected["lstm_both"] = outputs(lstm, expected["x"])
    gru = shake(RECURRENT["gru_both"](), 2)
    torch.save(gru.state_dict(), FOLDER / "torch_gru_both_legacy.pth", _use_new_zipfile_serialization=False)
    expected["gru_both"] = outputs(gru, expected["x4"])
    projected = shake(RECURRENT["lstm_projected"](), 3)
    optimiser = torch.optim.Adam(projected.parameters())
    checkpoint = {
        "epoch": 3,
        "optimizer": optimiser.state_dict(),
        "state_dict": {f"module.net.{name}": one for name, one in projected.state_dict().items()},
    }
    torch.save(checkpoint, FOLDER / "torch_lstm_projected.ckpt")
    expected["lstm_projected"] = outputs(projected, expected["x"])
    relu = shake(RECURRENT["rnn_relu"](), 4)
    torch.save(relu, FOLDER / "torch_rnn_relu_module.pt")
    expected["rnn_relu"] = outputs(relu, expected["x"])
    expected |= more_ways_to_save(expected["x"])
    tagger = shake(Tagger(), 5)
    ids = torch.tensor([3, 1, 4, 1, 5, 9])
    torch.save(tagger.state_dict(), FOLDER / "torch_tagger.pt")
    save_file(tagger.state_dict(), FOLDER / "torch_tagger.safetensors")
    half = {name: one.to(torch.bfloat16) for name, one in tagger.state_dict().items()}
    save_file(half, FOLDER / "torch_tagger_bf16.safetensors")
    torch.save(half, FOLDER / "torch_tagger_bf16.pt")
    with torch.no_grad():
        expected |= {"ids": ids.numpy(), "tagger": tagger(ids).numpy()}
        rounded = Tagger().eval()
        rounded.load_state_dict({name: one.float() for name, one in half.items()})
        expected["tagger_bf16"] = rounded(ids).numpy()
    np.savez_compressed(FOLDER / "torch_expected.npz", **expected)


if __name__ == "__main__":
    freeze()
