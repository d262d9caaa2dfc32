"""Random small modules of PyTorch as its exporters write them to ONNX, run by PyTorch itself."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .verdicts import Case

STEPS = 6


def case(draw: random.Random) -> Case:
    """Return a random module, exported."""
    import torch

    torch.manual_seed(draw.randrange(1 << 30))
    settings = settings_of(draw)
    module = module_of(settings)
    x = torch.randint(0, 9, (STEPS,)) if settings["below"] == "ids" else torch.randn(STEPS, 3)
    first = settings["batch_first"] != settings["wrong"]
    given = x[None] if first else x[:, None]
    with torch.no_grad():
        results = module(given)
    results = results if isinstance(results, tuple) else (results,)
    names = [f"out{n}" for n in range(len(results))]
    new = importlib.util.find_spec("onnxscript") is not None and draw.random() < 0.3
    free = draw.random() < 0.5 and not new
    opset = 18 if new else draw.choice((12, 14, 17))

    def write(folder: Path) -> Path:
        path = folder / "m.onnx"
        export(module, given, path, names, new, opset, {"x": {1 if first else 0: "t"}} if free else None)
        return path

    def run(path: Path) -> dict[str, Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return dict(zip(names, session.run(None, {"x": given.numpy()}), strict=True))

    told = f"{settings}, {'new' if new else 'old'} exporter, opset {opset}, {'free' if free else 'fixed'}"
    outputs = {name: one.numpy() for name, one in zip(names, results, strict=True)}
    return Case("torch", write, {"x": x.numpy().astype(np.float32)}, outputs, told=told, run=run)


def settings_of(draw: random.Random) -> dict[str, Any]:
    """Return what a module is drawn to be."""
    return {
        "kind": draw.choice(("LSTM", "GRU", "RNN")),
        "hidden": draw.randint(2, 4),
        "depth": draw.choice((1, 1, 2)),
        "both": draw.random() < 0.4,
        "batch_first": draw.random() < 0.7,
        "bias": draw.random() < 0.85,
        "below": draw.choice(("none", "ids", "linear", "norm", "none")),
        "head": draw.choice((
            "none", "each", "last", "first", "mean", "max", "hn", "cat hn", "view hn", "cn", "back", "flatten", "norm",
            "residual", "softmax", "attention", "pools", "two",
        )),
        "wrong": draw.random() < 0.2,
    }  # fmt: skip


def module_of(settings: dict[str, Any]) -> Any:
    """Return a module with random numbers."""
    import torch

    module = _Module(settings).eval()
    with torch.no_grad():
        for one in module.parameters():
            one.normal_(0, 0.5)
    return module


def export(
    module: Any, given: Any, path: Path, names: list[str], new: bool, opset: int, axes: dict[str, dict[int, str]] | None
) -> None:
    """Write a module as ONNX, by the new exporter or the old."""
    import torch

    said: dict[str, Any] = {"input_names": ["x"], "output_names": names, "opset_version": opset, "dynamo": new}
    if axes is not None:
        said["dynamic_axes"] = axes
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (given,), str(path), **said)


def _Module(settings: dict[str, Any]) -> Any:
    import torch
    from torch import nn

    class Module(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            width = 3
            below, hidden = settings["below"], settings["hidden"]
            self.table = nn.Embedding(9, 3) if below == "ids" else None
            self.below: Any = None
            if below == "linear":
                self.below, width = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), 4
            elif below == "norm":
                self.below = nn.LayerNorm(3)
            self.rnn = getattr(nn, settings["kind"])(
                width, hidden, settings["depth"], batch_first=settings["batch_first"],
                bidirectional=settings["both"], bias=settings["bias"],
            )  # fmt: skip
            ways = 1 + settings["both"]
            size = {"cat hn": hidden * min(2, ways * settings["depth"]), "view hn": hidden * ways * settings["depth"],
                    "hn": hidden, "cn": hidden, "back": hidden, "flatten": hidden * ways * STEPS,
                    "pools": 2 * hidden * ways}.get(settings["head"], hidden * ways)  # fmt: skip
            self.norm: Any = nn.LayerNorm(hidden * ways) if settings["head"] in ("norm", "residual") else None
            self.score: Any = nn.Linear(hidden * ways, 1) if settings["head"] == "attention" else None
            self.head: Any = nn.Linear(size, 2) if settings["head"] != "none" else None
            self.other: Any = nn.Linear(hidden * ways, 3) if settings["head"] == "two" else None

        def forward(self, x: Any) -> Any:
            if self.table is not None:
                x = self.table(x)
            if self.below is not None:
                x = self.below(x)
            y, end = self.rnn(x)
            h = end[0] if settings["kind"] == "LSTM" else end
            time = 1 if settings["batch_first"] else 0
            head = settings["head"]
            if head == "none":
                return y
            if head == "last":
                y = y[:, -1] if time else y[-1]
            elif head == "first":
                y = y[:, 0] if time else y[0]
            elif head == "mean":
                y = y.mean(time)
            elif head == "max":
                y = y.max(time)[0]
            elif head in ("hn", "back"):
                y = h[-1]
            elif head == "cn":
                y = end[1][-1] if settings["kind"] == "LSTM" else h[0]
            elif head == "cat hn":
                y = torch.cat([h[-2], h[-1]], dim=1) if len(h) > 1 else h[-1]
            elif head == "view hn":
                y = h.transpose(0, 1).reshape(h.shape[1], -1)
            elif head == "flatten":
                y = y.flatten(1) if time else y.transpose(0, 1).flatten(1)
            elif head == "norm":
                y = self.norm(y)
            elif head == "residual":
                y = self.norm(y) + y
            elif head == "softmax":
                return torch.softmax(self.head(y), -1)
            elif head == "attention":
                y = (torch.softmax(self.score(y), time) * y).sum(time)
            elif head == "pools":
                y = torch.cat([y.mean(time), y.max(time)[0]], dim=-1)
            elif head == "two":
                return self.head(y), self.other(y[:, -1] if time else y[-1])
            return self.head(y)

    return Module()
