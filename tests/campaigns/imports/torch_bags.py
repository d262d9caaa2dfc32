"""Random modules of PyTorch, saved as their weights alone: what stands around a layer is not in the file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.number_text import sentence

from .by_layer import judged
from .implied import Implied, slug
from .outcome import Outcome

NEEDS = ("torch",)
ROW = "torch, one chain"
STEPS = 6
ACTIVATIONS = ("relu", "tanh", "sigmoid")
NAMES = (
    ("rnn1", "rnn2", "rnn3"),
    ("lstm", "lstm_2", "lstm_3"),
    ("low", "mid", "top"),
    ("layers.0", "layers.1", "layers.2"),
)
UNRECORDED = {
    "positions": r"input\.position",
    "scaled embedding": r"before=|input_layers|below", "activation below": r"after_proj",
    "activation between": r"\.before|after_mix|after_norm", "relu cell": r"\.activation(?:=| is assumed)",
    "residual": r"residual",
    "activation above": r"readout\.", "over mean": r"readout\.over", "over max": r"readout\.over",
    "backward first": r"readout\.over",
    "final states": r"readout\.over", "activation in the head": r"after_head", "softmax": r"readout\.activation",
    "norm below": r"ln_in", "norm between": r"norm\d", "norm above": r"ln_out",
}  # fmt: skip
"""What weights alone do not record, and the warning that names it."""
OVER = ("each", "each", "last", "mean", "max", "final")


def campaign(count: int, seed: int, folder: Path) -> Iterator[Outcome]:
    """Iterate over what becomes of random modules."""
    for number in range(seed * 1_000_003, seed * 1_000_003 + count):
        yield one_module(number, folder)


def one_module(seed: int, folder: Path) -> Outcome:
    """Make a module, save its weights, open them and compare; a seed makes the same module again."""
    import torch

    plan = random.Random(seed)
    torch.manual_seed(seed)
    implied = Implied()
    module, made_of, x, wanted = _made(torch, plan, implied)
    path = folder / "bag.pt"
    torch.save(module.state_dict(), path)
    return judged(seed, path, tuple(made_of), x, wanted, UNRECORDED, implied)


def _made(torch: Any, plan: random.Random, implied: Implied) -> tuple[Any, list[str], Any, dict[str, Any]]:
    """Return a module that only holds parameters, what it is made of, an input, and what its program computes.

    What `--set` has to say so that the file is read so is `implied`.
    """
    nn = torch.nn
    parts: list[tuple[str, Any]] = []
    made_of: list[str] = []
    wanted: dict[str, Any] = {}

    def maybe(chance: float, word: str) -> bool:
        chosen = plan.random() < chance
        if chosen:
            made_of.append(word)
        return chosen

    def add(name: str, part: Any) -> Any:
        for one in part.parameters():
            nn.init.normal_(one, std=0.6)
        for buffer, one in part.named_buffers():
            if buffer.endswith("var"):
                nn.init.uniform_(one, 0.5, 2)
            elif one.is_floating_point():
                nn.init.normal_(one)
        parts.append((name, part.eval()))
        return part

    def activated(chance: float, word: str, value: Any, *keys: str) -> Any:
        kind = plan.choice(ACTIVATIONS) if maybe(chance, word) else "linear"
        for key in keys:
            implied.add(key, kind)
        return value if kind == "linear" else getattr(torch, kind)(value)

    width = plan.choice((3, 4, 5))
    if maybe(0.6, "ids"):
        x = np.array([plan.randrange(9) for _ in range(STEPS)])
        value = add(plan.choice(("emb", "embedding", "word_embeddings", "wte")), nn.Embedding(9, width))(
            torch.tensor(x)
        )
        if maybe(0.15, "positions"):
            value = value + add("pos_embedding", nn.Embedding(16, width))(torch.arange(STEPS))
        if maybe(0.08, "scaled embedding"):
            value = value * width**0.5
            root = sentence(width**0.5, 6)
            implied.add("input.scale", f"{root} with positions", root)
    else:
        x = torch.randn(STEPS, width).numpy()
        value = torch.tensor(x)
    if maybe(0.25, "dense below"):
        width = plan.choice((3, 4, 5))
        made = add("proj", nn.Linear(value.shape[-1], width))(value)
        value = activated(0.6, "activation below", made, r".*\.after_proj")
        implied.add("place.proj", "below_0")
    if maybe(0.12, "norm below"):
        value = add("ln_in", nn.LayerNorm(width))(value)
        implied.add("place.ln_in", "below_0")
    implied.add("input_layers", ", ".join(one for one, _ in parts if one in ("proj", "ln_in")) or "none")
    names = plan.choice(NAMES)
    layer = 0
    count = plan.choice((1, 1, 1, 2, 2, 3))
    implied.add("join", ",".join(names[:count]))
    for number in range(count):
        if number:
            made_of.append("several modules")
            between = []
            if maybe(0.2, "norm between"):
                between.append(f"norm{number}")
                value = add(between[-1], nn.LayerNorm(value.shape[-1]))(value)
            if maybe(0.15, "dense between"):
                between.append(f"mix{number}")
                value = add(between[-1], nn.Linear(value.shape[-1], plan.choice((3, 4, 5))))(value)
            for name in between:
                implied.add(f"place.{name}", f"below_{number}")
            if between:
                implied.add(r"layer\d+\.below", ", ".join(between))
            key = rf"layer\d+\.below\.after_{between[-1]}" if between else f"<{names[number]}>.before"
            value = activated(0.1, "activation between", value, key)
        kind = plan.choice(("LSTM", "GRU", "RNN"))
        options: dict[str, Any] = {"bias": plan.random() < 0.85, "bidirectional": maybe(0.3, "both directions")}
        if kind == "LSTM" and maybe(0.1, "projection"):
            options["proj_size"] = 2
        if kind == "RNN" and maybe(0.2, "relu cell"):
            options["nonlinearity"] = "relu"
            implied.add(f"<{names[number]}>.activation", "relu")
        made_of.append(kind)
        deep = 2 if maybe(0.15, "two layers in one") else 1
        module = add(
            names[number], getattr(nn, kind)(value.shape[-1], plan.choice((3, 4, 5)), num_layers=deep, **options)
        )
        before, value = value, module(value)[0]
        layer += deep
        ways = ("forward", "backward") if options["bidirectional"] else ("forward",)
        for way, h in zip(ways, value.chunk(len(ways), dim=-1), strict=True):
            wanted[f"layer{layer - 1}.{way}/h"] = h.detach().numpy()
        if before.shape == value.shape and maybe(0.3, "residual"):
            value = value + before
            implied.add(f"<{names[number]}>.residual", "added")
    if maybe(0.75, "head"):
        _head(torch, plan, value, ways, wanted, add, maybe, activated, implied)
    else:
        implied.add("readout", "none")
    holder = nn.Module()
    if maybe(0.3, "other order in the file"):
        plan.shuffle(parts)
    for name, part in parts:
        holder_of = holder
        *folders, leaf = name.split(".")
        for inner in folders:
            if not hasattr(holder_of, inner):
                holder_of.add_module(inner, nn.Module())
            holder_of = getattr(holder_of, inner)
        holder_of.add_module(leaf, part)
    return holder, list(dict.fromkeys(made_of)), x, wanted


def _head(
    torch: Any,
    plan: random.Random,
    value: Any,
    ways: Any,
    wanted: Any,
    add: Any,
    maybe: Any,
    activated: Any,
    implied: Implied,
) -> None:
    """Put a head on top: norms, pooling, dense layers, and what comes last."""
    nn = torch.nn
    chain = []
    if maybe(0.2, "norm above"):
        value = add("ln_out", nn.LayerNorm(value.shape[-1]))(value)
        chain.append("ln_out")
    value = activated(0.2, "activation above", value, "readout.after_ln_out" if chain else "readout.before")
    over = plan.choice(OVER)
    if over == "final":
        half = value.shape[-1] // len(ways)
        ends = [value[-1, :half], value[0, half:]]
        if len(ways) > 1:
            turned = maybe(0.3, "backward first")
            implied.add("readout.directions", "backward first" if turned else "forward first")
            ends = ends[::-1] if turned else ends
        value = value[-1] if len(ways) == 1 else torch.cat(ends)
        maybe(1, "final states")
    elif over != "each":
        value = {"last": lambda: value[-1], "mean": lambda: value.mean(0), "max": lambda: value.max(0)[0]}[over]()
        maybe(1, f"over {over}")
    implied.add(
        "readout.over", *([f"{over} after ln_out"] if chain else []), over, *(["last"] if over == "final" else [])
    )
    if maybe(0.35, "two dense layers"):
        made = add("head.0", nn.Linear(value.shape[-1], 5))(value)
        value = activated(0.8, "activation in the head", made, f"readout.after_{slug('head.0')}")
        chain += ["head.0", plan.choice(("head.1", "head.2", "head.2"))]  # of a list, or of a Sequential
        value = add(chain[-1], nn.Linear(5, 3))(value)
    else:
        chain.append(plan.choice(("fc", "out", "linear", "classifier")))
        value = add(chain[-1], nn.Linear(value.shape[-1], 3))(value)
    implied.add("readout", ", ".join(chain))
    for one in chain:
        implied.add(f"place.{slug(one)}", "readout")
    if maybe(0.15, "second head"):
        add("value_head", nn.Linear(parts_width(value, wanted), 1))
    if maybe(0.2, "softmax"):
        value = torch.softmax(value, dim=-1)
        implied.add("readout.activation", "softmax")
    wanted["output" if value.dim() == 2 else "result"] = value.detach().numpy()


def parts_width(value: Any, wanted: Any) -> int:
    """Return how many numbers the top layer gives."""
    top = [name for name in wanted if name.startswith("layer")][-1].split(".")[0]
    return int(sum(one.shape[1] for name, one in wanted.items() if name.startswith(f"{top}.")))
