"""Freeze what PyTorch computes: `python tests/engine/make_vectors.py` writes the files of `vectors/`.

Needs torch; the tests that read the files do not. Both biases of torch add up to one of ours, but for the
recurrent bias of a GRU's candidate, which stands inside the reset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "vectors"
GATES = {"lstm": "ifgo", "gru": "rzn"}
INPUT, HIDDEN, STEPS, LAYERS = 3, 4, 6, 2


def of_torch(cell: str, dtype: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Return weights by our names, the input, the output and the last states of a 2-layer bidirectional net."""
    import torch

    torch.manual_seed(seed)
    kind = torch.nn.LSTM if cell == "lstm" else torch.nn.GRU
    network = kind(INPUT, HIDDEN, num_layers=LAYERS, bidirectional=True).to(getattr(torch, dtype))
    x = torch.randn(STEPS, INPUT, dtype=getattr(torch, dtype))
    with torch.no_grad():
        output, last = network(x)
    made = {"x": x.numpy(), "output": output.numpy()}
    for name, state in zip("hc", last if cell == "lstm" else (last,), strict=False):
        made[f"last_{name}"] = state.numpy()
    parameters = {name: value.detach().numpy() for name, value in network.named_parameters()}
    for number in range(LAYERS):
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            mine = f"layer{number}.{direction}"
            tail = f"l{number}{suffix}"
            for place, gate in enumerate(GATES[cell]):
                rows = slice(place * HIDDEN, (place + 1) * HIDDEN)
                made[f"{mine}/W_{gate}"] = parameters[f"weight_ih_{tail}"][rows]
                made[f"{mine}/U_{gate}"] = parameters[f"weight_hh_{tail}"][rows]
                ours, theirs = parameters[f"bias_ih_{tail}"][rows], parameters[f"bias_hh_{tail}"][rows]
                apart = cell == "gru" and gate == "n"
                made[f"{mine}/b_{gate}"] = ours if apart else ours + theirs
                if apart:
                    made[f"{mine}/c_{gate}"] = theirs
    return made


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for cell in GATES:
        for dtype in ("float32", "float64"):
            made: dict[str, Any] = dict(of_torch(cell, dtype))
            np.savez_compressed(FOLDER / f"torch_{cell}_{dtype}.npz", **made)
