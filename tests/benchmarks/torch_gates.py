"""The plain loop by which a PyTorch user sees the gates of an LSTM: the equations of its documentation.

`torch.nn.LSTM` returns h and the last C only, so whoever wants f, i, g, o and every C writes this.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.inference_mode()
def capture(lstm: torch.nn.LSTM, x: Tensor) -> dict[str, Tensor]:
    """Run the first layer of a trained LSTM step by step and keep every gate.

    Args:
        lstm: Batch-second, one layer, one direction.
        x: (T, I).

    Returns:
        i, f, g, o, c and h, each (T, H).
    """
    h = torch.zeros(lstm.hidden_size, dtype=x.dtype)
    c = torch.zeros(lstm.hidden_size, dtype=x.dtype)
    captured: dict[str, list[Tensor]] = {name: [] for name in "ifgoch"}
    for x_t in x:
        z = torch.nn.functional.linear(x_t, lstm.weight_ih_l0, lstm.bias_ih_l0)
        z = z + torch.nn.functional.linear(h, lstm.weight_hh_l0, lstm.bias_hh_l0)
        i, f, g, o = z.chunk(4)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        for name, value in zip("ifgoch", (i, f, g, o, c, h), strict=True):
            captured[name].append(value)
    return {name: torch.stack(values) for name, values in captured.items()}
