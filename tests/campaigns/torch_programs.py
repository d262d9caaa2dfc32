"""Random small modules of PyTorch saved with their program, by torch.jit and torch.export, run by PyTorch itself."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .verdicts import Case

STEPS, INPUTS, WORDS = 6, 3, 9
HEADS = (
    "none", "each", "last", "first", "mean", "max", "sum", "hn", "cat hn", "view hn", "cn", "back", "flatten", "norm",
    "residual", "softmax", "attention", "pools", "two", "states", "norm last", "deep", "batch norm", "gate",
    "other axis", "part", "turned", "masked mean", "masked max", "masked attention", "gelu", "prelu", "with input",
    "rms", "normalised",
)  # fmt: skip
BETWEEN = (
    "none",
    "norm",
    "residual",
    "past",
    "joined",
    "linear",
    "scale",
    "flip",
    "skip",
    "projected",
    "dropout",
    "conv",
)
BELOW = ("none", "none", "ids", "linear", "norm", "conv", "two norms", "add", "position")
HOW = ("layer", "layer", "layer", "layer", "stepped", "stepped, filled", "packed")
"""How the first layer is run: by itself, a cell called for every step, or of packed sequences."""


def scripted(draw: random.Random) -> Case:
    """Return a random module as torch.jit saves it: traced, scripted or frozen."""
    import torch

    how = draw.choice(("trace", "script", "trace", "freeze"))
    settings = settings_of(draw)
    if how != "trace":  # no shape is kept, so what a caller gives it is not in the file
        if settings["head"] == "other axis" and settings["batch_first"]:  # without a batch that is the last step
            settings["head"] = "last"
        settings["swapped"] = settings["head"] == "other axis"  # the head shows which axis was meant to be the tape
    module, given, x = built(draw, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "trace":
            made = torch.jit.trace(module, (given,), check_trace=False)
        else:
            made = torch.jit.script(module)
            made = torch.jit.freeze(made) if how == "freeze" else made

    def write(folder: Path) -> Path:
        made.save(str(folder / "m.pt"))
        return folder / "m.pt"

    outputs = _run(module, given)
    names = ["output"] if len(outputs) == 1 else [f"output{n}" for n in range(len(outputs))]

    def run(path: Path) -> dict[str, Any]:
        return dict(zip(names, _run(torch.jit.load(str(path)), given), strict=True))

    told = f"{settings}, {how}"
    return Case("torchscript", write, {"x": x}, dict(zip(names, outputs, strict=True)), told=told, run=run)


def exported(draw: random.Random) -> Case:
    """Return a random module as torch.export saves it."""
    import torch

    settings = settings_of(draw)
    module, given, x = built(draw, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.export.export(module, (given,))
        if draw.random() < 0.4:
            made = made.run_decompositions({}) if draw.random() < 0.3 else made

    def write(folder: Path) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(made, str(folder / "m.pt2"))
        return folder / "m.pt2"

    outputs = _run(module, given)
    names = list(made.graph_signature.user_outputs)

    def run(path: Path) -> dict[str, Any]:
        return dict(zip(names, _run(torch.export.load(str(path)).module(), given), strict=True))

    return Case("export", write, {"x": x}, dict(zip(names, outputs, strict=True)), told=str(settings), run=run)


def settings_of(draw: random.Random) -> dict[str, Any]:
    """Return what a module is drawn to be."""
    return {
        "kind": draw.choice(("LSTM", "LSTM", "GRU", "RNN")),
        "relu": draw.random() < 0.3,
        "hidden": draw.randint(2, 4),
        "depth": draw.choice((1, 1, 2)),
        "both": draw.random() < 0.35,
        "batch_first": draw.random() < 0.7,
        "bias": draw.random() < 0.85,
        "projection": draw.random() < 0.15,
        "below": draw.choice(BELOW),
        "second": draw.random() < 0.5,
        "between": draw.choice(BETWEEN),
        "head": draw.choice(HEADS),
        "swapped": draw.random() < 0.2,
        "unbatched": draw.random() < 0.08,
        "start": draw.choice(("none", "none", "none", "zeros", "learned")),
        "how": draw.choice(HOW),
    }


def built(draw: random.Random, settings: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return a module, one sequence as it takes it, and as it is read here."""
    import torch

    torch.manual_seed(draw.randrange(1 << 30))
    if settings["between"] in ("residual", "skip", "past", "joined"):
        settings["second"] = True
    if settings["head"].startswith("masked") and (
        settings["unbatched"] or settings["below"] not in ("ids", "position")
    ):
        settings |= {"below": "ids", "unbatched": False}
    if settings["unbatched"]:
        settings["how"] = "layer"
    if settings["how"].startswith("stepped"):
        settings |= {"depth": 1, "both": False, "projection": False}
    module = _module(settings).eval()
    with torch.no_grad():
        for one in module.parameters():
            one.normal_(0, 0.5)
        for name, one in module.named_buffers():
            if name.endswith("running_var"):
                one.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                one.normal_(0, 0.3)
    least = int(settings["head"].startswith("masked"))  # no id is that of padding
    x = (
        torch.randint(least, WORDS, (STEPS,))
        if settings["below"] in ("ids", "position")
        else torch.randn(STEPS, INPUTS)
    )
    if settings["unbatched"]:
        return module, x, x.numpy().astype(np.float32)
    given = x[None] if settings["batch_first"] != settings["swapped"] else x[:, None]
    return module, given, x.numpy().astype(np.float32)


def _run(module: Any, given: Any) -> list[Any]:
    import torch

    with torch.no_grad():
        results = module(given)
    return [one.numpy() for one in (results if isinstance(results, tuple) else (results,))]


def _module(settings: dict[str, Any]) -> Any:
    """Return a module whose `forward` is text of its own, so that torch.jit.script reads no way that is not taken."""
    import linecache

    from torch import nn

    init, lines = _lines(settings)
    text = "\n".join([
        "class Module(nn.Module):", "    def __init__(self):", "        super().__init__()",
        *(f"        {line}" for line in init), "    def forward(self, x):", *(f"        {line}" for line in lines), "",
    ])  # fmt: skip
    name = f"<module {abs(hash(text))}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    import torch
    import torch.nn.functional

    space: dict[str, Any] = {"nn": nn, "torch": torch, "F": torch.nn.functional, "__name__": "drawn"}
    exec(compile(text, name, "exec"), space)
    return space["Module"]()


def _lines(settings: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return what the drawn module makes and what it does."""
    kind, hidden, first = settings["kind"], settings["hidden"], settings["batch_first"]
    ways, depth = 1 + settings["both"], settings["depth"]
    time = 0 if settings["unbatched"] else 1 if first else 0
    init, lines, width = _below(settings)
    shown = hidden - 1 if settings["projection"] and kind == "LSTM" else hidden
    if settings["head"].startswith("masked"):
        lines.insert(0, "ids = x")
    if settings["head"] == "with input" or settings["between"] in ("past", "joined"):
        lines.append("given = x")
    settings["entering"] = width
    if settings["how"].startswith("stepped"):
        more, does = _stepped(settings, width)
        init += more
        lines += does
        return _above(settings, init, lines, (hidden, hidden, hidden), (1, 1, 1), time)
    said = f"{hidden}, {depth}, batch_first={first}, bidirectional={settings['both']}, bias={settings['bias']}"
    said += f", proj_size={shown}" if shown != hidden else ""
    said += ", nonlinearity='relu'" if kind == "RNN" and settings["relu"] else ""
    said += ", dropout=0.2" if depth > 1 else ""
    init.append(f"self.rnn = nn.{kind}({width}, {said})")
    start = settings["start"] if not settings["unbatched"] else "none"
    rows = ways * depth
    if settings["how"] == "packed":
        size = f"x.size({time})"
        lines.append(f"lengths = torch.full([x.size({1 - time})], {size}, dtype=torch.long)")
        lines.append(f"p = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first={first})")
        lines.append("q, end = self.rnn(p)")
        lines.append(f"y, lengths = torch.nn.utils.rnn.pad_packed_sequence(q, batch_first={first})")
    elif start == "none":
        lines.append("y, end = self.rnn(x)")
    else:
        batch = f"x.size({0 if first else 1})"
        for state, size in (("h", shown), ("c", hidden)):
            if start == "learned":
                init.append(f"self.{state}0 = nn.Parameter(torch.zeros({rows}, 1, {size}))")
                lines.append(f"{state} = self.{state}0.expand({rows}, {batch}, {size}).contiguous()")
            else:
                lines.append(f"{state} = torch.zeros({rows}, {batch}, {size})")
        lines.append(f"y, end = self.rnn(x, {'(h, c)' if kind == 'LSTM' else 'h'})")
    lines.append("h = end[0]" if kind == "LSTM" else "h = end")
    lines.append("c = end[1]" if kind == "LSTM" else "c = end")
    return _above(settings, init, lines, (shown * ways, shown, hidden), (ways, rows, depth), time)


def _stepped(settings: dict[str, Any], width: int) -> tuple[list[str], list[str]]:
    """Return a cell that is called for every step."""
    kind, hidden, first = settings["kind"], settings["hidden"], settings["batch_first"]
    said = ", nonlinearity='relu'" if kind == "RNN" and settings["relu"] else ""
    init = [f"self.cell = nn.{kind}Cell({width}, {hidden}, bias={settings['bias']}{said})"]
    steps, batch = ("x.size(1)", "x.size(0)") if first else ("x.size(0)", "x.size(1)")
    at = "x[:, t]" if first else "x[t]"
    lines = [f"h0 = torch.zeros({batch}, {hidden})", f"c0 = torch.zeros({batch}, {hidden})"]
    if settings["start"] == "learned":
        init.append(f"self.h0 = nn.Parameter(torch.zeros(1, {hidden}))")
        lines[0] = f"h0 = self.h0.expand({batch}, {hidden})"
    call = f"h0, c0 = self.cell({at}, (h0, c0))" if kind == "LSTM" else f"h0 = self.cell({at}, h0)"
    if settings["how"].endswith("filled"):
        shape = f"({batch}, {steps}, {hidden})" if first else f"({steps}, {batch}, {hidden})"
        lines += [f"y = torch.zeros{shape}", f"for t in range({steps}):", f"    {call}",
                  f"    {'y[:, t]' if first else 'y[t]'} = h0"]  # fmt: skip
    else:
        lines += ["shown = []", f"for t in range({steps}):", f"    {call}", "    shown.append(h0)",
                  f"y = torch.stack(shown, {1 if first else 0})"]  # fmt: skip
    state = "c0" if kind == "LSTM" else "h0"
    return init, [*lines, "h = h0.unsqueeze(0)", f"c = {state}.unsqueeze(0)"]


def _above(
    settings: dict[str, Any], init: list[str], lines: list[str], sizes: tuple[int, int, int],
    counts: tuple[int, int, int], time: int,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return all of a module: with what stands above its first layer, whose width, units and cells are given."""
    (width, shown, hidden), (_, rows, depth) = sizes, counts
    if settings["second"]:
        more, does, width = _between(settings, width, time)
        init += more
        lines += does
        if settings["between"] != "skip":
            rows = depth = 1
            shown = hidden = width
    more, does = _head(settings, width, shown, hidden, rows, time, depth)
    return init + more, lines + does


def _below(settings: dict[str, Any]) -> tuple[list[str], list[str], int]:
    below, flat = settings["below"], settings["unbatched"]
    if below in ("ids", "position"):
        init, lines = [f"self.table = nn.Embedding({WORDS}, {INPUTS})"], ["x = self.table(x)"]
        if below == "position" and not flat:
            axis = 1 if settings["batch_first"] else 0
            init.append(f"self.places = nn.Embedding(16, {INPUTS})")
            lines.append(f"p = self.places(torch.arange(x.size({axis})))")
            lines.append("x = x + " + ("p" if axis else "p.unsqueeze(1)"))
        return init, lines, INPUTS
    if below == "linear":
        return (
            [f"self.below = nn.Sequential(nn.Linear({INPUTS}, 4), nn.ReLU(), nn.Dropout(0.4))"],
            ["x = self.below(x)"],
            4,
        )
    if below == "norm":
        return [f"self.below = nn.LayerNorm({INPUTS})"], ["x = self.below(x)"], INPUTS
    if below == "two norms":
        return [f"self.below = nn.LayerNorm({INPUTS})", f"self.more = nn.Linear({INPUTS}, 4)"], [
            "x = torch.tanh(self.more(self.below(x)))"], 4  # fmt: skip
    if below == "add":
        return [], ["x = x * 2.0 + 0.5"], INPUTS
    if below == "conv" and not flat and settings["batch_first"]:
        return [f"self.below = nn.Conv1d({INPUTS}, 4, 3, padding=1)"], [
            "x = self.below(x.transpose(1, 2)).transpose(1, 2)"], 4  # fmt: skip
    return [], [], INPUTS


def _between(settings: dict[str, Any], width: int, time: int) -> tuple[list[str], list[str], int]:
    """Return what stands between the first recurrent module and a second, and the width the second gives."""
    how, first = settings["between"], settings["batch_first"]
    init: list[str] = []
    lines: list[str] = []
    read = width
    if how == "skip":
        init.append(f"self.skip = nn.Linear({width}, {width})")
        return init, ["y = y + torch.relu(self.skip(y))"], width
    if how == "norm":
        init.append(f"self.mid = nn.LayerNorm({width})")
        lines.append("y = self.mid(y)")
    elif how == "linear":
        init.append(f"self.mid = nn.Linear({width}, 5)")
        lines.append("y = F.relu(self.mid(y))")
        read = 5
    elif how == "scale":
        lines.append("y = torch.tanh(y) * 0.5")
    elif how == "flip":
        lines.append(f"y = torch.flip(y, [{time}])")
    elif how == "dropout":
        init.append("self.mid = nn.Dropout(0.3)")
        lines.append("y = self.mid(y)")
    elif how == "conv" and first and not settings["unbatched"]:
        init.append(f"self.mid = nn.Conv1d({width}, 4, 1)")
        lines.append("y = self.mid(y.transpose(1, 2)).transpose(1, 2)")
        read = 4
    elif how == "past" and settings["entering"] == width:
        lines.append("y = given + y")
    elif how == "joined":
        lines.append("y = torch.cat([given, y], -1)")
        read = width + settings["entering"]
    gives = width if how == "residual" else 3
    init.append(f"self.top = nn.GRU({read}, {gives}, batch_first={first})")
    lines += ["z, h = self.top(y)", "c = h", "y = y + z" if how == "residual" else "y = z"]
    return init, lines, gives


def _head(
    settings: dict[str, Any], width: int, shown: int, hidden: int, rows: int, time: int, depth: int
) -> tuple[list[str], list[str]]:
    head, flat = settings["head"], settings["unbatched"]
    other = 0 if time else 1
    at = {"last": -1, "first": 0}
    init: list[str] = []
    lines: list[str] = []
    size = width
    if head in ("hn", "cat hn", "view hn", "cn", "back", "states") and (flat or settings["between"] == "residual"):
        head = "each"
    if head in at:
        lines.append(f"y = y[{at[head]}]" if not time else f"y = y[:, {at[head]}]")
    elif head == "other axis":
        lines.append("y = y[-1]" if time or flat else "y = y[:, -1]")
    elif head in ("mean", "sum"):
        lines.append(f"y = y.{head}({time})")
    elif head == "max":
        lines.append(f"y = y.max({time})[0]")
    elif head in ("hn", "back"):
        lines.append("y = h[-1]")
        size = shown
    elif head == "cn":
        lines.append("y = c[-1]")
        size = hidden if settings["kind"] == "LSTM" or rows == 1 else shown
    elif head == "cat hn":
        lines.append("y = torch.cat([h[-2], h[-1]], dim=1)" if rows > 1 else "y = h[-1]")
        size = shown * min(2, rows)
    elif head == "view hn":
        lines.append("y = h.transpose(0, 1).reshape(h.size(1), -1)")
        size = shown * rows
    elif head == "flatten":
        lines.append("y = y.flatten()" if flat else "y = y.flatten(1)" if time else "y = y.transpose(0, 1).flatten(1)")
        size = width * STEPS
    elif head in ("norm", "norm last", "residual"):
        init.append(f"self.norm = nn.LayerNorm({width})")
        lines.append("y = self.norm(y) + y" if head == "residual" else "y = self.norm(y)")
        if head == "norm last":
            lines.append("y = y[-1]" if not time else "y = y[:, -1]")
    elif head == "batch norm" and not flat:
        init.append(f"self.norm = nn.BatchNorm1d({width})")
        lines.append(f"y = self.norm(y.permute({'0, 2, 1' if time else '1, 2, 0'}))[:, :, -1]")
    elif head == "attention":
        init.append(f"self.score = nn.Linear({width}, 1)")
        lines.append(f"y = (torch.softmax(self.score(y), {time}) * y).sum({time})")
    elif head == "pools":
        lines.append(f"y = torch.cat([y.mean({time}), y.max({time})[0]], dim=-1)")
        size = 2 * width
    elif head == "gate":
        init.append(f"self.gate = nn.Linear({width}, {width})")
        lines.append("y = torch.sigmoid(self.gate(y)) * y")
    elif head == "part":
        lines.append("y = y[..., 1:]")
        size = width - 1
    elif head.startswith("masked"):
        lines.append("m = (ids != 0).unsqueeze(-1)")
        lines += {
            "masked mean": [f"y = (y * m.float()).sum({time}) / m.float().sum({time})"],
            "masked max": [f"y = y.masked_fill(m == 0, -1e9).max({time})[0]"],
            "masked attention": [f"w = torch.softmax(self.score(y).masked_fill(m == 0, -1e9), {time})",
                                 f"y = (w * y).sum({time})"],
        }[head]  # fmt: skip
        init += [f"self.score = nn.Linear({width}, 1)"] if head == "masked attention" else []
    elif head == "gelu":
        lines.append("y = F.gelu(y)")
    elif head == "prelu":
        init.append("self.slope = nn.PReLU()")
        lines.append("y = self.slope(y)")
    elif head == "with input":
        lines.append("y = torch.cat([y, given], -1)")
        size = width + settings["entering"]
    elif head == "rms":
        init.append(f"self.norm = nn.RMSNorm({width})")
        lines.append("y = self.norm(y)")
    elif head == "normalised":
        lines.append("y = F.normalize(y, dim=-1)")
    elif head == "turned":
        lines.append(f"y = torch.flip(y, [{time}])")
    if head == "none":
        return init, ["return y"]
    if head == "states":
        return init, ["return y, h, c"]
    init.append(f"self.head = nn.Linear({size}, 2)")
    if head == "deep":
        init.append("self.deep = nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3), nn.LogSoftmax(-1))")
        return init, [*lines, "return self.deep(self.head(y))"]
    if head == "softmax":
        return init, [*lines, "return torch.softmax(self.head(y), -1)"]
    if head == "two":
        init.append(f"self.other = nn.Linear({size}, 3)")
        last = "y[-1]" if not time else "y[:, -1]"
        return init, [*lines, f"return self.head(y), self.other({last})"]
    return init, [*lines, f"return self.head(y){'.squeeze(1)' if other and head == 'gate' and not flat else ''}"]
