"""A network: embedding, layers of passes, merges and a readout, with all its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned_copy
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UsageError, UserError, nearest
from lstm_tui.engine.model.initialise import initialise
from lstm_tui.engine.model.spec import (
    MERGES,
    OWN,
    Answers,
    Asked,
    Layer,
    Merge,
    Pass,
    Readout,
    bounded,
    find_source,
    get,
    read_answers,
    read_asked,
    read_layers,
    read_readout,
    read_tokens,
)
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.text_safety import visible

__all__ = [
    "MERGES", "Layer", "Merge", "Network", "Pass", "Readout", "build_network", "find_source", "spec_of",
]  # fmt: skip

RUNNING_MODULE = "a running PyTorch module"
"""Where a network comes from that is one module of a larger model, taken while that ran."""
WHY_NO_TOKENS = "why no tokens"
"""Where the card of such a module says why it reads no tokens."""
_MOST_UNUSED = 4
_MOST_LINES = 8
"""Layers, or names of outputs, that a network tells of itself at a prompt."""
"""Tensors of a file that are named where some are not used."""
LONGEST_UNIT_NAME = 20
"""Characters of the name of a unit; what is longer is cut."""


class FeatureExtractor(Protocol):
    """Array ops before the lowest layer."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays it is given."""

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the lowest layer, (T, I)."""


@dataclass(frozen=True, eq=False)
class Network:
    """A trained or untrained network.

    Attributes:
        name: What it is called on the screen.
        input_size: Numbers at each step: of the embedding, or columns of a series.
        layers: From the lowest up.
        tokens: How text becomes ids; None for numbers.
        embedding: (V, input_size), or None for numbers.
        readout: What it says, or None.
        classes: Names of the outputs; may be empty.
        asked: At which tokens what it says means something, where it says something at each: `each` one, or only
            the `last`, because before that nothing was asked of it when it learned.
        answers: How it answers behind what it has read; None where it says something of what it reads.
        card: What is known of its training.
        file: Where it came from; None when bundled or made here.
        sha256: Of its file; None when made here.
        front: What makes the input of the lowest layer of what a user gives, where an importer found something
            that has no equations; whoever makes the sequences runs it.
        origin: What an importer needs to open its file again and write its numbers back; None where it came from no
            file. It is only handed on here.
        dtype: Of its weights.
    """

    name: str
    input_size: int
    layers: tuple[Layer, ...]
    tokens: Tokens | None = None
    embedding: Array | None = None
    readout: Readout | None = None
    classes: tuple[str, ...] = ()
    asked: Asked = "each"
    card: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    sha256: str | None = None
    front: FeatureExtractor | None = None
    origin: object | None = None
    answers: Answers | None = None

    _repr_html_ = rich_display

    @property
    def outputs(self) -> int:
        """How many numbers it says at once; 0 without a readout."""
        return 0 if self.readout is None else self.readout.program.values[self.readout.page.result].size

    def with_classes(self, classes: Sequence[str]) -> Network:
        """Return the network with other names of its outputs.

        Raises:
            UsageError: They are not as many as there are outputs.
        """
        if len(classes) != self.outputs:
            raise UsageError(f"{len(classes)} classes are named, and there are {self.outputs} outputs")
        return replace(self, classes=tuple(classes))

    def __repr__(self) -> str:
        """Say in a few lines what it reads, what it is made of and what it says; no weight, and nothing raw."""
        kind = "" if self.tokens is None else f"text by {self.tokens.kind}, {len(self.tokens.vocabulary):,} known"
        lines = [
            f"<Network {visible(self.name)}: {self.parameter_count:,} parameters, {self.dtype}",
            f"  reads  {kind or count_of(self.input_size, 'number') + ' a step'}",
        ]
        for n, layer in enumerate(self.layers[:_MOST_LINES]):
            first = layer.passes[0]
            ways = " and ".join(one.direction for one in layer.passes)
            lines.append(
                f"  layer{n} {visible(first.cell.name)}, {count_of(first.program.hidden_size, 'unit')}, {ways}"
            )
        if len(self.layers) > _MOST_LINES:
            lines.append(f"  … {count_of(len(self.layers) - _MOST_LINES, 'layer')} more")
        if self.readout is None:
            lines.append("  says   nothing: it has no readout")
        else:
            outputs = self.outputs
            named = ", ".join(visible(one) for one in self.classes) if len(self.classes) <= _MOST_LINES else ""
            when = "at each token" if self.readout.page.per_token else "of the whole sequence"
            lines.append(f"  says   {named or count_of(outputs, 'number')}, {when}")
        return "\n".join(lines) + ">"

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """Every pass, in the order in which they run."""
        return tuple(one for layer in self.layers for one in layer.passes)

    @cached_property
    def numbers_of_token(self) -> int:
        """How many numbers a run holds for each token: what every pass and the readout read and compute."""
        numbers = self.input_size
        for one in self.passes:
            numbers += one.program.input_size + sum(slot.size for slot in one.program.values.values())
        return numbers + (self.readout.program.width if self.readout is not None else 0)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights."""
        return self.passes[0].flat.dtype

    @property
    def is_part(self) -> bool:
        """Whether it is one module of a model that ran: what read it, such as a readout, is not here."""
        imported = self.card.get("imported")
        return isinstance(imported, Mapping) and imported.get("format") == RUNNING_MODULE

    @property
    def why_no_tokens(self) -> str:
        """Why it reads no tokens, as a sentence's end, where it is a module of which that was looked at; else empty."""
        return str(self.card.get(WHY_NO_TOKENS, ""))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What whoever uses it should know of how it was read from another program's file.

        What was assumed and gives other numbers if it is wrong, and which tensors of the file are not used. This is
        the one place: screen, plain mode, standard error of every command, exports and Python ask here.
        """
        imported = self.card.get("imported")
        if not isinstance(imported, Mapping):
            return ()
        unused = tuple(visible(str(one)) for one in imported.get("unused", ()))
        more = f" and {len(unused) - _MOST_UNUSED} more" if len(unused) > _MOST_UNUSED else ""
        left = (f"not used of the file: {', '.join(unused[:_MOST_UNUSED])}{more}",) if unused else ()
        return (*(visible(str(one)) for one in imported.get("warnings", ())), *left)

    def remarks_on(self, columns: Sequence[str]) -> tuple[str, ...]:
        """What should be known of a series whose columns have names: those of the outputs, and in another order."""
        is_same = tuple(columns) == self.classes or sorted(columns) != sorted(self.classes)
        if is_same or self.tokens is not None or len(columns) != self.input_size:
            return ()
        there, wanted = (", ".join(map(visible, names[:_MOST_LINES])) for names in (columns, self.classes))
        return (
            f"the columns are {there}, and {visible(self.name)} names them in another order, {wanted}: "
            "they are read as they stand",
        )

    @cached_property
    def unit_names(self) -> Mapping[str, Mapping[int, str]]:
        """What the card calls units, by pass and number, safe to show.

        The card's `units` is a list of entries with `pass`, `unit` and `name`; what is no such entry names nothing, nor
        does a second name of a unit, or one that another unit of the pass has.
        """
        names: dict[str, dict[int, str]] = {}
        units = self.card.get("units")
        for one in units if isinstance(units, list) else ():
            if not isinstance(one, Mapping):
                continue
            pass_name, unit, name = one.get("pass"), one.get("unit"), one.get("name")
            if not (isinstance(pass_name, str) and type(unit) is int and isinstance(name, str)):
                continue
            safe, mine = visible(name)[:LONGEST_UNIT_NAME].strip(), names.setdefault(pass_name, {})
            if safe and unit not in mine and safe not in mine.values():
                mine[unit] = safe
        return names

    def unit_name(self, pass_name: str, unit: int) -> str:
        """Return what the card calls a unit of a pass, safe to show; empty where it gives it no name."""
        return self.unit_names.get(pass_name, {}).get(unit, "")

    @property
    def grid(self) -> tuple[int, int] | None:
        """In how many rows and columns what it reads lies, where its card says that it is a picture."""
        said = self.card.get("grid")
        if not isinstance(said, list) or len(said) != 2 or not all(type(one) is int and one > 0 for one in said):
            return None
        return said[0], said[1]

    @property
    def forward_only(self) -> bool:
        """Whether no pass reads from the end, so that what is said of a prefix needs no more than it."""
        return all(one.direction == "forward" for one in self.passes)

    def tensors(self) -> dict[str, Array]:
        """Return every parameter by name, as views: writing to them changes the network."""
        result: dict[str, Array] = {}
        if self.embedding is not None:
            result["embedding"] = self.embedding
        for one in self.passes:
            for name in one.program.parameters:
                result[f"{one.name}/{name}"] = one.program.view(one.flat, name)
        if self.readout is not None:
            for name in self.readout.program.parameters:
                result[f"readout/{name}"] = self.readout.program.view(self.readout.flat, name)
        return result

    def copy(self) -> Network:
        """Return the same network with weights of its own."""
        layers = tuple(
            replace(layer, passes=tuple(replace(one, flat=aligned_copy(one.flat)) for one in layer.passes))
            for layer in self.layers
        )
        embedding = None if self.embedding is None else self.embedding.copy()
        readout = None if self.readout is None else replace(self.readout, flat=aligned_copy(self.readout.flat))
        return replace(self, layers=layers, embedding=embedding, readout=readout)

    def apply_masks(self) -> None:
        """Set to 0 what a mask says is no weight."""
        for one in self.passes:
            for parameter in one.program.parameters.values():
                if parameter.mask is not None:
                    one.program.view(one.flat, parameter.name)[~parameter.mask] = 0

    @property
    def parameter_count(self) -> int:
        """How many numbers can be trained."""
        count = 0 if self.embedding is None else self.embedding.size
        programs = [one.program for one in self.passes] + ([self.readout.program] if self.readout else [])
        return count + sum(p.count for program in programs for p in program.parameters.values())


def build_network(
    spec: Mapping[str, Any],
    tensors: Mapping[str, Array] | None = None,
    *,
    seed: int = 0,
    dtype: Any = np.float32,
    file: str | None = None,
    sha256: str | None = None,
) -> Network:
    """Build a network from its description.

    Args:
        spec: JSON-able: `name`, `tokens` (kind, vocabulary, lowercase) or None, `input_size` (of numbers) or
            `embedding_size`, `layers` (cell, hidden_size, directions, merge, sizes, without, own), `readout`,
            `cells` and `readouts` (texts of the files by name), `classes`, `outputs`, `asked`, `answers` (begin, end,
            most), `card`.
        tensors: Every parameter by name; None to start at random.
        seed: Of the random start.
        dtype: Of the weights.
        file: Where it came from.
        sha256: Of that file.

    Raises:
        UserError: If the description is wrong, a tensor is missing, unknown or of another shape.
    """
    name = get(spec, "name", str, "network")
    where = f"network {name}"
    if spec.get("version", 1) != 1:
        raise UserError(f"{where}: it was written by a newer lstm-tui (version {spec['version']}); this one reads 1")
    tokens = read_tokens(spec.get("tokens"), where)
    embedding_size = get(spec, "embedding_size", int, 0) if tokens else 0
    input_size = embedding_size or get(spec, "input_size", int, 0)
    if input_size < 1:
        raise UserError(f"{where}: it needs an input_size or an embedding_size of 1 or more")
    classes = tuple(str(one) for one in get(spec, "classes", list, []))
    layers = read_layers(spec, input_size, dtype, where)
    if tokens and embedding_size:
        bounded(len(tokens.vocabulary) * embedding_size, where)
    embedding = np.zeros((len(tokens.vocabulary), embedding_size), dtype=dtype) if tokens and embedding_size else None
    outputs = get(spec, "outputs", int, len(classes) or (len(tokens.vocabulary) if tokens else input_size))
    readout = read_readout(spec, layers, input_size, outputs, dtype, where)
    if readout and not classes and tokens and outputs == len(tokens.vocabulary):
        classes = tokens.vocabulary  # a language model: what it says is its next token
    if readout and classes:
        said = readout.program.values[readout.page.result].size
        if said != len(classes):
            advice = f'; write sizes = {{ {readout.page.result} = "K" }} in the readout'
            raise UserError(f"{where}: it has {len(classes)} classes, but its readout says {said} numbers{advice}")
    network = Network(
        name=name,
        input_size=input_size,
        layers=layers,
        tokens=tokens,
        embedding=embedding,
        readout=readout,
        classes=classes,
        asked=read_asked(spec, where),
        answers=read_answers(spec, tokens, where),
        card=get(spec, "card", dict, {}),
        file=file,
        sha256=sha256,
    )
    if tensors is None:
        initialise(network.passes, network.tensors(), seed)
    else:
        _fill(network, tensors, where)
    return network


def spec_of(network: Network) -> dict[str, Any]:
    """Return the JSON-able description from which `build_network` builds the same network."""
    tokens = network.tokens
    spec: dict[str, Any] = {
        "version": 1,
        "name": network.name,
        "tokens": None,
        "layers": [_layer_of(layer) for layer in network.layers],
        "cells": {one.cell.name: one.cell.text for one in network.passes},
        "readout": None,
        "card": dict(network.card),
    }
    if tokens is None:
        spec["input_size"] = network.input_size
    else:
        vocabulary = None if tokens.kind == "bytes" else list(tokens.vocabulary)
        spec["tokens"] = {"kind": tokens.kind, "lowercase": tokens.lowercase, "vocabulary": vocabulary}
        if tokens.unknown_id:
            spec["tokens"]["unknown"] = tokens.unknown_id
        if tokens.definition:
            spec["tokens"]["tokenizer"] = tokens.definition
        spec["embedding_size"] = network.input_size
    if network.readout is not None:
        page = network.readout.page
        spec["readout"] = page.name
        spec["readouts"] = {page.name: page.text}
        spec["outputs"] = network.readout.program.values[page.result].size
    if tokens is None or network.classes != tokens.vocabulary:
        spec["classes"] = list(network.classes)
    if network.asked != "each":
        spec["asked"] = network.asked
    if network.answers is not None:
        spec["answers"] = asdict(network.answers)
    return spec


def _layer_of(layer: Layer) -> dict[str, Any]:
    """Return the description of a layer: of its first pass, then what is different in another."""
    directions = [one.direction for one in layer.passes]
    every = [
        {
            "cell": one.cell.name,
            "hidden_size": one.program.hidden_size,
            "directions": directions,
            "merge": layer.merge,
            "sizes": dict(one.program.sizes),
            "without": list(one.program.without),
        }
        for one in layer.passes
    ]
    own = {
        one.direction: {key: value for key, value in said.items() if value != every[0][key]}
        for one, said in zip(layer.passes, every, strict=True)
        if said != every[0]
    }
    return every[0] | ({OWN: own} if own else {})


def _fill(network: Network, tensors: Mapping[str, Array], where: str) -> None:
    views = network.tensors()
    for name in sorted(tensors):
        if name not in views:
            near = nearest(name, views)
            raise UserError(f"{where}: it has no parameter {name}" + (f"; did you mean {near}?" if near else ""))
    for name, view in views.items():
        if name not in tensors:
            raise UserError(f"{where}: the parameter {name} is missing")
        given = tensors[name]
        if given.shape != view.shape:
            raise UserError(f"{where}: {name} is {_times(given.shape)}; it should be {_times(view.shape)}")
        view[...] = given
    network.apply_masks()


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in shape)
