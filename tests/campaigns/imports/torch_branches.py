"""Random models of PyTorch that are more than one chain, saved as their weights alone.

Towers, encoders and decoders, skips, blocks, several heads, modules that are called twice, tables that are shared, and
names in any order. What every module read and gave is caught by hooks, so that each network that is found in the file
is compared by the names of its own modules, given what the lowest of them read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .by_module import judged, second
from .implied import Implied, slug
from .outcome import Outcome

NEEDS = ("torch",)
ROW = "torch, branches"
STEPS, IDS = 6, 9
WORDS = (
    "a", "b", "z", "rnn", "lstm", "gru", "first", "second", "encoder", "decoder", "context", "left", "right", "block",
    "core", "memory", "low", "top", "seq", "branch_a", "branch_b", "main", "layer", "net.0", "net.1", "body.rnn",
    "rnn2", "rnn1", "enc.rnn", "dec.rnn", "question", "answer",
)  # fmt: skip
WAYS = ("lstm_fw", "lstm_bw", "rnn_f", "rnn_b", "forward_rnn", "backward_rnn")
DENSE = ("fc", "fc1", "fc2", "out", "proj", "linear", "mix", "head", "dense", "score", "value", "policy", "aux", "to_x")


@dataclass
class _Drawn:
    """A model that is being drawn.

    Attributes:
        torch: The library.
        plan: Draws.
        parts: Modules by path.
        made_of: Words for the table.
        read: What each module was given in its first call.
        gave: What it gave there, and in its second call.
        implied: What `--set` has to say so that the file is read so.
        chain: The recurrent modules from the lowest up, where each reads what the one below it gives, each with the
            dense layers between the two; empty where they are no such chain.
        heads: The paths of what stands above the top layer and below every head.
        depth: By path of a recurrent module, of how many layers it is.
        plain: Whether nothing is applied that has no weights, so that structure is all there is to find out.
    """

    torch: Any
    plan: random.Random
    parts: dict[str, Any] = field(default_factory=dict)
    made_of: list[str] = field(default_factory=list)
    read: dict[str, Any] = field(default_factory=dict)
    gave: dict[str, Any] = field(default_factory=dict)
    implied: Implied = field(default_factory=Implied)
    plain: bool = False
    chain: list[tuple[str, list[str]]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    depth: dict[str, int] = field(default_factory=dict)

    def named(self, words: tuple[str, ...]) -> str:
        """Return a path that is free."""
        free = [one for one in words if not any(_inside(one, other) or _inside(other, one) for other in self.parts)]
        return self.plan.choice(free)

    def add(self, name: str, part: Any) -> Callable[..., Any]:
        """Add a module, and return what runs it and notes what it read and gave."""
        for one in part.parameters():
            self.torch.nn.init.normal_(one, std=0.6)
        self.parts[name] = part.eval()

        def run(value: Any, *more: Any) -> Any:
            made = part(value, *more)
            shown = made[0] if isinstance(made, tuple) else made
            if name in self.gave:
                self.gave.setdefault(second(name), shown.detach().numpy())
            self.read.setdefault(name, value.detach().numpy())
            self.gave.setdefault(name, shown.detach().numpy())
            return made

        return run

    def maybe(self, chance: float, word: str) -> bool:
        """Decide, and note what was decided for."""
        chosen = self.plan.random() < chance
        if chosen and word not in self.made_of:
            self.made_of.append(word)
        return chosen

    def activated(self, value: Any, name: str) -> Any:
        """Apply a function that has no weights, or none, to what a dense layer gives."""
        kind = "linear"
        if not self.plain and self.maybe(0.3, "activation"):
            kind = self.plan.choice(("relu", "tanh", "sigmoid"))
        self.implied.add(rf".*\.after_{slug(name)}", kind)
        return value if kind == "linear" else getattr(self.torch, kind)(value)

    def recurrent(self, inputs: int, hidden: int, name: str = "", both: bool | None = None) -> tuple[Any, str, int]:
        """Add a recurrent module; return what runs it, its path and how many numbers it gives."""
        kind = self.plan.choice(("LSTM", "GRU", "RNN"))
        both = self.plan.random() < 0.15 if both is None else both
        options: dict[str, Any] = {"bidirectional": both, "bias": self.plan.random() < 0.9}
        if kind == "RNN" and not self.plain and self.maybe(0.2, "relu cell"):
            options["nonlinearity"] = "relu"
        deep = 2 if self.plan.random() < 0.1 else 1
        name = name or self.named(WORDS)
        self.implied.add(f"<{name}>.activation", options.get("nonlinearity", "tanh"))
        self.depth[name] = deep
        run = self.add(name, getattr(self.torch.nn, kind)(inputs, hidden, num_layers=deep, **options))
        return run, name, hidden * (1 + both)

    def linear(self, inputs: int, outputs: int, name: str = "", bias: bool = True) -> tuple[Any, str]:
        """Add a dense layer; return what runs it, and its path."""
        name = name or self.named(DENSE)
        return self.add(name, self.torch.nn.Linear(inputs, outputs, bias=bias)), name


def _inside(one: str, other: str) -> bool:
    return one == other or other.startswith(f"{one}.")


def campaign(count: int, seed: int, folder: Path) -> Iterator[Outcome]:
    """Iterate over what becomes of random models."""
    for number in range(seed * 1_000_003, seed * 1_000_003 + count):
        yield one_model(number, folder)


def one_model(seed: int, folder: Path) -> Outcome:
    """Make a model, save its weights, open every network in them and compare; a seed makes the same model again."""
    import torch

    torch.manual_seed(seed)
    drawn = _Drawn(torch, random.Random(seed))
    drawn.plain = drawn.plan.random() < 0.5
    with torch.no_grad():
        answers = {name: one.detach().numpy() for name, one in drawn.plan.choice(_SHAPES)(drawn).items()}
    _imply_order(drawn, answers)
    made_of = (*dict.fromkeys(drawn.made_of), *(["plain"] if drawn.plain else []))
    parts = list(drawn.parts.items())
    if drawn.plan.random() < 0.5:
        drawn.plan.shuffle(parts)
    path = folder / "bag.pt"
    torch.save(_held(torch.nn, dict(parts)).state_dict(), path)
    return judged(seed, path, made_of, drawn.read, drawn.gave, answers, drawn.implied)


def _imply_order(drawn: _Drawn, answers: Mapping[str, Any]) -> None:
    """Add how the modules follow each other, and where the dense layers stand."""
    implied, layer = drawn.implied, 0
    implied.add("join", ",".join(name for name, _ in drawn.chain) or "apart")
    for number, (name, between) in enumerate(drawn.chain):
        layer += bool(between)
        for one in between:
            implied.add(rf"place\.{slug(one)}", f"below_{number}")
        implied.add(rf"layer{layer - 1}\.below" if number else "input_layers", ", ".join(between) or "none")
        layer += drawn.depth.get(name, 1)
    implied.add("input_layers", "none")
    for one in [*drawn.heads, *answers]:
        implied.add(rf"place\.{slug(one)}", "readout")
    implied.add("readout", *(", ".join([*drawn.heads, name]) for name in answers), *([] if answers else ["none"]))
    tables = [name for name, part in drawn.parts.items() if isinstance(part, drawn.torch.nn.Embedding)]
    implied.looked_up = {name: table for name in drawn.depth for table in tables
                         if np.array_equal(drawn.read[name], drawn.gave[table])}  # fmt: skip
    if tables and drawn.chain:
        implied.looked_up.setdefault(drawn.chain[0][0], tables[0])  # through a norm
    for name in drawn.depth:
        implied.add(f"<{name}>.directions", "forward")


def _held(nn: Any, parts: Mapping[str, Any]) -> Any:
    """Return a module that holds others by their paths, in their order."""
    holder = nn.Module()
    for name, part in parts.items():
        inner = holder
        *folders, leaf = name.split(".")
        for one in folders:
            if not hasattr(inner, one):
                inner.add_module(one, nn.Module())
            inner = getattr(inner, one)
        inner.add_module(leaf, part)
    return holder


def _begun(drawn: _Drawn, width: int) -> Any:
    """Return what the model is given: numbers, or ids that are looked up."""
    if drawn.maybe(0.5, "ids"):
        name = drawn.plan.choice(("emb", "embedding", "lookup", "wte"))
        table = drawn.add(name, drawn.torch.nn.Embedding(IDS, width))
        return table(drawn.torch.randint(0, IDS, (STEPS,)))
    return drawn.torch.randn(STEPS, width)


def _heads(drawn: _Drawn, value: Any, chance: float = 0.25) -> dict[str, Any]:
    """Return the answers of one head or of three."""
    if drawn.plan.random() < 0.15:
        return {}
    over = drawn.plan.choice(("each", "each", "last", "mean"))
    below = [f"{over} after {one}" for one in drawn.heads]
    if over == "last":
        value = value[-1]
    elif over == "mean":
        value = value.mean(0)
    drawn.made_of += ["over"] if over != "each" else []
    drawn.implied.add("readout.over", *below[-1:], over)
    answers = {}
    if drawn.plan.random() < 0.25:
        run, name = drawn.linear(value.shape[-1], drawn.plan.choice((3, 4)))
        value = drawn.activated(run(value), name)
        drawn.heads.append(name)
    width = value.shape[-1]
    same = drawn.plan.random() < 0.3
    for _ in range(drawn.plan.choice((2, 3)) if drawn.maybe(chance, "several heads") else 1):
        run, name = drawn.linear(width, width if same else drawn.plan.choice((2, 3, width)))
        answers[name] = run(value)
    if drawn.maybe(0.08, "unused"):
        drawn.linear(width, 2)
    return answers


def _chain(drawn: _Drawn) -> dict[str, Any]:
    """Layers of one width, names in any order, dense layers between them."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    between: list[str] = []
    for _ in range(drawn.plan.choice((2, 2, 3))):
        run, name, gives = drawn.recurrent(value.shape[-1], width)
        drawn.chain.append((name, between))
        between = []
        value = run(value)[0]
        if drawn.maybe(0.3, "dense between") or gives != width:
            run, name = drawn.linear(gives, width)
            value = drawn.activated(run(value), name)
            between = [name]
    drawn.heads += between
    drawn.implied.top = drawn.chain[-1][0]
    return _heads(drawn, value)


def _towers(drawn: _Drawn) -> dict[str, Any]:
    """Two or three layers that read the same, put together."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    drawn.made_of.append("towers")
    hidden = drawn.plan.choice((width, width, 2, 5))
    shown = []
    for number in range(drawn.plan.choice((2, 2, 3))):
        name = drawn.named(WAYS) if drawn.plan.random() < 0.2 else ""
        run, name, _ = drawn.recurrent(width, hidden, name, both=False)
        turned = number > 0 and drawn.maybe(0.2, "turned")
        backward = turned and "ids" in drawn.made_of  # else it is given what it read itself, from the end
        drawn.implied.add(f"<{name}>.directions", "backward" if backward else "forward")
        made = run(value.flip(0) if turned else value)[0]
        shown.append(made.flip(0) if turned else made)
    added = drawn.maybe(0.3, "added")
    value = sum(shown) if added else drawn.torch.cat(shown, -1)
    drawn.implied.top = ""
    if drawn.plan.random() < 0.3:
        run, drawn.implied.top, _ = drawn.recurrent(value.shape[-1], drawn.plan.choice((width, value.shape[-1])))
        value = run(value)[0]
    return _heads(drawn, value)


def _pair(drawn: _Drawn) -> dict[str, Any]:
    """An encoder, and a decoder that begins with the states the encoder ends with."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    drawn.made_of.append("decoder")
    names = drawn.plan.choice((("encoder", "decoder"), ("enc.rnn", "dec.rnn"), ("question", "answer"), ("a", "b"),
                               ("second", "first"), ("low", "top")))  # fmt: skip
    kind = drawn.plan.choice(("LSTM", "GRU"))
    first = drawn.add(names[0], getattr(drawn.torch.nn, kind)(width, width))
    other = drawn.add(names[1], getattr(drawn.torch.nn, kind)(width, width))
    drawn.depth |= dict.fromkeys(names, 1)
    state = first(value)[1]
    given = value
    if "ids" in drawn.made_of and drawn.maybe(0.5, "own table"):
        table = drawn.add(drawn.plan.choice(("dec_emb", "emb_out", "target_embedding")),
                          drawn.torch.nn.Embedding(IDS, width))  # fmt: skip
        given = table(drawn.torch.randint(0, IDS, (STEPS,)))
    drawn.implied.top = names[1]
    return _heads(drawn, other(given, state)[0])


def _skip(drawn: _Drawn) -> dict[str, Any]:
    """A layer that reads what the one below reads beside what it gives."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    run, name, _ = drawn.recurrent(width, width, both=False)
    shown = run(value)[0]
    added = drawn.plan.random() < 0.5
    drawn.made_of.append("skip added" if added else "skip joined")
    value = shown + value if added else drawn.torch.cat([shown, value], -1)
    if added:
        drawn.implied.add(f"<{name}>.residual", "added")
    run, top, _ = drawn.recurrent(value.shape[-1], width)
    drawn.chain = [(name, []), (top, [])] if added else []
    drawn.implied.top = top
    return _heads(drawn, run(value)[0])


def _blocks(drawn: _Drawn) -> dict[str, Any]:
    """Blocks of one width: a norm before a layer, and what entered added to what it gives."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    stem = drawn.plan.choice(("blocks.{}.rnn", "rnns.{}", "layers.{}.lstm"))
    around = drawn.plan.choice(("blocks.{}.norm", "norms.{}", "layers.{}.ln"))
    normed = drawn.maybe(0.6, "norm before")
    past = drawn.maybe(0.7, "residual")
    drawn.implied.add(r"place\.every_norm", "residual" if past else "before")
    for number in range(drawn.plan.choice((2, 3))):
        norm = drawn.add(around.format(number), drawn.torch.nn.LayerNorm(width)) if normed else None
        run, name, _ = drawn.recurrent(width, width, stem.format(number), both=False)
        drawn.chain.append((name, [around.format(number)] if normed and not past else []))
        if past and not normed:
            drawn.implied.add(f"<{name}>.residual", "added")
        shown = run(norm(value) if norm else value)[0]
        value = shown + value if past else shown
    return _heads(drawn, value)


def _twice(drawn: _Drawn) -> dict[str, Any]:
    """One layer that is called a second time, of what it gave."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    run, name, _ = drawn.recurrent(width, width, both=False)
    drawn.chain.append((name, []))
    drawn.implied.add(f"<{name}>.calls", "two")
    return _heads(drawn, run(run(value)[0])[0]) if drawn.maybe(1, "called twice") else {}


def _gate(drawn: _Drawn) -> dict[str, Any]:
    """A gate over what a layer shows, a dense layer as wide as itself."""
    width = drawn.plan.choice((3, 4))
    value = _begun(drawn, width)
    run, top, gives = drawn.recurrent(width, width)
    drawn.chain.append((top, []))
    value = run(value)[0]
    gate, name = drawn.linear(gives, gives, drawn.plan.choice(("gate", "fc", "proj")))
    drawn.made_of.append("gate")
    drawn.implied.add(rf".*\.after_{slug(name)}", "gate")
    value = value * drawn.torch.sigmoid(gate(value))
    drawn.heads.append(name)
    answers = _heads(drawn, value)
    if not answers:
        drawn.heads.remove(name)
        drawn.implied.add("readout.activation", "gate")
    return answers or {name: value}


def _tied(drawn: _Drawn) -> dict[str, Any]:
    """A language model whose last matrix is its table, or has the shape of it."""
    width = drawn.plan.choice((3, 4))
    table = drawn.torch.nn.Embedding(IDS, width)
    value = drawn.add("encoder" if drawn.plan.random() < 0.5 else "embed", table)(drawn.torch.randint(0, IDS, (STEPS,)))
    run, top, _ = drawn.recurrent(width, width, drawn.plan.choice(("rnn", "rnns.0")), both=False)
    drawn.chain.append((top, []))
    value = run(value)[0]
    head = drawn.torch.nn.Linear(width, IDS, bias=drawn.plan.random() < 0.5)
    name = drawn.plan.choice(("decoder", "out", "head"))
    run = drawn.add(name, head)
    if drawn.maybe(0.6, "tied"):
        head.weight = table.weight
    return {name: run(value)}


_SHAPES = (_chain, _chain, _towers, _towers, _pair, _skip, _skip, _blocks, _blocks, _twice, _gate, _tied)
