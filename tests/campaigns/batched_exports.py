"""Modules of PyTorch exported for one, two or three sequences at once, their sizes fixed or free.

What a module gives of one sequence is what the file has to give of it, whatever stood beside it when it was exported.
The written file is run with all its sequences first: where it mixes them, or another runtime refuses it, it is no case.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

from . import torch_exports, torch_programs
from .torch_exports import export
from .verdicts import Case

BATCHES = (1, 2, 3)
FREE = ("fixed", "time", "batch", "both")
"""Which axes an export leaves open."""
_SAME = 1e-4


def traced(draw: random.Random) -> Case:
    """Return a random module as torch.jit.trace saves it, of several sequences; it keeps no shapes."""
    import torch

    module, settings, every = _drawn(draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.jit.trace(module, (every,), check_trace=False)
        made = torch.jit.freeze(made) if draw.random() < 0.2 else made

    def write(folder: Path) -> Path:
        made.save(str(folder / "m.pt"))
        return folder / "m.pt"

    return _case("torchscript_batch", write, module, every, settings, lambda path: torch.jit.load(str(path)))


def exported(draw: random.Random) -> Case:
    """Return a random module as torch.export saves it, of several sequences."""
    import torch

    module, settings, every = _drawn(draw)
    settings["free"] = draw.choice(FREE)
    auto = torch.export.Dim.AUTO
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.export.export(module, (every,), dynamic_shapes=(_open(settings, lambda _: auto),), strict=False)
        made = made.run_decompositions({}) if draw.random() < 0.15 else made

    def write(folder: Path) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(made, str(folder / "m.pt2"))
        return folder / "m.pt2"

    names = list(made.graph_signature.user_outputs)
    return _case(
        "export_batch", write, module, every, settings, lambda path: torch.export.load(str(path)).module(), names
    )


def onnx(draw: random.Random) -> Case:
    """Return a random module as PyTorch's exporters write it to ONNX, of several sequences, run by onnxruntime."""
    import torch

    settings: dict[str, Any] = {**torch_exports.settings_of(draw), "wrong": False, "batch": draw.choice(BATCHES)}
    torch.manual_seed(draw.randrange(1 << 30))
    module = torch_exports.module_of(settings)
    steps = torch_exports.STEPS
    rows = [
        torch.randint(0, 9, (steps,)) if settings["below"] == "ids" else torch.randn(steps, 3)
        for _ in range(settings["batch"])
    ]
    every = torch.stack(rows, 0 if settings["batch_first"] else 1)
    settings["free"] = draw.choice(FREE)
    settings["opset"] = draw.choice((12, 14, 17))
    names = [f"out{n}" for n in range(len(_outputs(module, every)))]
    axes = _open(settings, lambda axis: f"d{axis}")

    def write(folder: Path) -> Path:
        export(module, every, folder / "m.onnx", names, False, settings["opset"], {"x": axes} if axes else None)
        return folder / "m.onnx"

    def loaded(path: Path) -> Callable[[Any], Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda given: tuple(map(torch.from_numpy, session.run(None, {"x": given.numpy()})))

    return _case("torch_batch", write, module, every, settings, loaded, names)


def _drawn(draw: random.Random) -> tuple[Any, dict[str, Any], Any]:
    """Return a module, what was drawn, and several sequences for it: the first, and its steps in other orders."""
    import torch

    settings = {**torch_programs.settings_of(draw), "swapped": False, "unbatched": False, "batch": draw.choice(BATCHES)}
    if settings["head"] == "other axis":  # takes one sequence of the batch
        settings["head"] = "last"
    module, given, _ = torch_programs.built(draw, settings)
    along = 1 if settings["batch_first"] else 0
    others = [given.index_select(along, torch.randperm(given.shape[along])) for _ in range(settings["batch"] - 1)]
    return module, settings, torch.cat([given, *others], 1 - along)


def _open(settings: Mapping[str, Any], named: Callable[[int], Any]) -> dict[int, Any]:
    """Return the axes that an export leaves open."""
    batch = 0 if settings["batch_first"] else 1
    free = {"fixed": (), "time": (1 - batch,), "batch": (batch,), "both": (0, 1)}[settings["free"]]
    return {axis: named(axis) for axis in free}


def _outputs(module: Callable[[Any], Any], given: Any) -> list[Array]:
    import torch

    with torch.no_grad():
        made = module(given)
    return [one.numpy() for one in (made if isinstance(made, tuple | list) else (made,))]


def _case(
    name: str, write: Callable[[Path], Path], module: Any, every: Any, settings: Mapping[str, Any],
    load: Callable[[Path], Callable[[Any], Any]], names: Sequence[str] = (),
) -> Case:  # fmt: skip
    """Return a file of a module as a case of its first sequence, once it is seen to keep its sequences apart.

    Raises:
        ValueError: It mixes them.
    """
    import tempfile

    batch = 0 if settings["batch_first"] else 1
    first = every[:1] if batch == 0 else every[:, :1]
    alone, together = _outputs(module, first), _outputs(module, every)
    names = names or (["output"] if len(alone) == 1 else [f"output{n}" for n in range(len(alone))])

    def own(made: Sequence[Array]) -> list[Array]:
        return [_of_the_first(one, like) for one, like in zip(made, alone, strict=True)]

    def run(path: Path) -> dict[str, Array]:
        return dict(zip(names, own(_outputs(load(path), every)), strict=True))

    with tempfile.TemporaryDirectory() as folder:
        said = list(run(write(Path(folder))).values())
    for mine, theirs, wanted in zip(own(together), said, alone, strict=True):
        if not (np.allclose(mine, wanted, atol=_SAME) and np.allclose(theirs, wanted, atol=_SAME)):
            raise ValueError("what it gives of one sequence depends on the others")
    x = (first[0] if batch == 0 else first[:, 0]).numpy().astype(np.float32)
    return Case(name, write, {"x": x}, dict(zip(names, alone, strict=True)), told=str(settings), run=run)


def _of_the_first(made: Array, like: Array) -> Array:
    """Return the part of an output of several sequences that is of the first: it has the shape of one alone."""
    if made.shape == like.shape:
        return made
    (axis,) = [n for n, (size, one) in enumerate(zip(made.shape, like.shape, strict=True)) if size != one]
    return np.take(made, [0], axis=axis)
