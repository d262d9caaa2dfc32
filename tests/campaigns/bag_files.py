"""Random small modules of PyTorch saved as their weights alone, loaded into the module again and run by PyTorch."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .verdicts import Case

STEPS = 6
FAMILIES = {
    f"weights in {ending}": (f"bag_files.{maker}", needed)
    for ending, maker, needed in (
        (".pt", "of_pt", ("torch",)),
        (".pt of before 1.6", "of_legacy_pt", ("torch",)),
        (".safetensors", "of_safetensors", ("torch", "safetensors")),
        (".npz", "of_npz", ("torch",)),
    )
}


def _case(draw: random.Random, ending: str) -> Case:
    import torch
    from torch import nn

    torch.manual_seed(draw.randrange(1 << 30))
    kind, hidden = draw.choice(("LSTM", "GRU", "RNN")), draw.randint(2, 4)
    both, deep, ids = draw.random() < 0.4, draw.choice((1, 1, 2)), draw.random() < 0.5
    bias = draw.random() < 0.8
    projection = {"proj_size": hidden - 1} if kind == "LSTM" and draw.random() < 0.2 else {}
    shown = projection.get("proj_size", hidden) * (1 + both)

    class Module(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            if ids:
                self.embedding = nn.Embedding(9, 3)
            self.rnn = getattr(nn, kind)(3, hidden, deep, bidirectional=both, bias=bias, **projection)
            self.fc = nn.Linear(shown, 2)
            self.register_buffer("steps", torch.tensor(7))

        def forward(self, x: Any) -> Any:
            return self.fc(self.rnn(self.embedding(x) if ids else x)[0])

    module = Module()
    x = torch.randint(0, 9, (STEPS,)) if ids else torch.randn(STEPS, 3)

    def write(folder: Path) -> Path:
        path = folder / f"m{ending.split(' ')[0]}"
        state = module.state_dict()
        if ending == ".safetensors":
            from safetensors.torch import save_file

            save_file(state, path, metadata={"format": "pt", "epoch": "3"})
        elif ending == ".npz":
            np.savez(path, **{name: one.numpy() for name, one in state.items()})
        else:
            torch.save({"state": state, "epoch": 3}, path, _use_new_zipfile_serialization=ending == ".pt")
        return path

    def run(path: Path) -> dict[str, Any]:
        if ending == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        elif ending == ".npz":
            with np.load(path) as arrays:
                state = {name: torch.tensor(arrays[name]) for name in arrays.files}
        else:
            whole = torch.load(path)
            assert whole["epoch"] == 3
            state = whole["state"]
        assert sorted(state) == sorted(module.state_dict())
        other = Module()
        other.load_state_dict(state)
        return {"output": _said(other)}

    def _said(of: Any) -> Any:
        with torch.no_grad():
            return of(x).numpy()

    told = f"{kind}, H = {hidden}, {deep} layers, both {both}, ids {ids}, {projection}, {ending}"
    outputs = {"output": _said(module)}
    return Case("weights", write, {"x": x.numpy().astype(np.float32)}, outputs, told=told, run=run)


of_pt = partial(_case, ending=".pt")
of_legacy_pt = partial(_case, ending=".pt of before 1.6")
of_safetensors = partial(_case, ending=".safetensors")
of_npz = partial(_case, ending=".npz")
