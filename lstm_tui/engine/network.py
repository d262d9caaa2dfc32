"""A network: embedding, layers of passes, merges and a readout, with all its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.cell import Cell, load_cell, parse_cell
from lstm_tui.engine.compile import compile_cell
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.initialise import initialise
from lstm_tui.engine.program import Program
from lstm_tui.engine.readout import ReadoutPage, compile_readout, load_readout, parse_readout
from lstm_tui.engine.tokens import Tokens
from lstm_tui.engine.trace import Direction
from lstm_tui.engine.visible import visible

Array = NDArray[np.floating[Any]]
Merge = Literal["concat", "sum", "average", "mul"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "mul")
MAX_PARAMETERS = 500_000_000


@dataclass(frozen=True, eq=False)
class Pass:
    """One layer in one direction.

    Attributes:
        name: Such as `layer0.forward`.
        cell: Its equations.
        program: The cell compiled for this layer's sizes.
        direction: Which way it reads the tape.
        flat: Its parameters; `program.view(flat, name)` is one of them.
    """

    name: str
    cell: Cell
    program: Program
    direction: Direction
    flat: Array

    @property
    def output_size(self) -> int:
        """How many numbers the layer above sees of it."""
        return self.program.values[self.cell.output].size


@dataclass(frozen=True, eq=False)
class Layer:
    """The passes of one layer, and how their outputs become one."""

    passes: tuple[Pass, ...]
    merge: Merge = "concat"

    @property
    def output_size(self) -> int:
        """How many numbers the layer above sees."""
        sizes = [one.output_size for one in self.passes]
        return sum(sizes) if self.merge == "concat" else sizes[0]


@dataclass(frozen=True, eq=False)
class Readout:
    """What the network says, and its parameters."""

    page: ReadoutPage
    program: Program
    flat: Array


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
        card: What is known of its training.
        file: Where it came from; None when bundled or made here.
        sha256: Of its file; None when made here.
        dtype: Of its weights.
    """

    name: str
    input_size: int
    layers: tuple[Layer, ...]
    tokens: Tokens | None = None
    embedding: Array | None = None
    readout: Readout | None = None
    classes: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    sha256: str | None = None

    @property
    def passes(self) -> tuple[Pass, ...]:
        """Every pass, in the order in which they run."""
        return tuple(one for layer in self.layers for one in layer.passes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights."""
        return self.passes[0].flat.dtype

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
            replace(layer, passes=tuple(replace(one, flat=one.flat.copy()) for one in layer.passes))
            for layer in self.layers
        )
        embedding = None if self.embedding is None else self.embedding.copy()
        readout = None if self.readout is None else replace(self.readout, flat=self.readout.flat.copy())
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
            `embedding_size`, `layers` (cell, hidden_size, directions, merge, sizes, without), `readout`,
            `cells` and `readouts` (texts of the files by name), `classes`, `outputs`, `card`.
        tensors: Every parameter by name; None to start at random.
        seed: Of the random start.
        dtype: Of the weights.
        file: Where it came from.
        sha256: Of that file.

    Raises:
        UserError: If the description is wrong, a tensor is missing, unknown or of another shape.
    """
    name = _get(spec, "name", str, "network")
    where = f"network {visible(name)}"
    if spec.get("version", 1) != 1:
        raise UserError(f"{where}: it was written by a newer lstm-tui (version {spec['version']}); this one reads 1")
    tokens = _tokens(spec.get("tokens"), where)
    embedding_size = _get(spec, "embedding_size", int, 0) if tokens else 0
    input_size = embedding_size or _get(spec, "input_size", int, 0)
    if input_size < 1:
        raise UserError(f"{where}: it needs an input_size or an embedding_size of 1 or more")
    classes = tuple(str(one) for one in _get(spec, "classes", list, []))
    layers = _layers(spec, input_size, dtype, where)
    if tokens and embedding_size:
        _bounded(len(tokens.vocabulary) * embedding_size, where)
    embedding = np.zeros((len(tokens.vocabulary), embedding_size), dtype=dtype) if tokens and embedding_size else None
    outputs = _get(spec, "outputs", int, len(classes) or (len(tokens.vocabulary) if tokens else input_size))
    readout = _readout(spec, layers, input_size, outputs, dtype, where)
    if readout and not classes and tokens and outputs == len(tokens.vocabulary):
        classes = tokens.vocabulary  # a language model: what it says is its next token
    if readout and classes:
        said = readout.program.values[readout.page.result].size
        if said != len(classes):
            raise UserError(f"{where}: it has {len(classes)} classes, but its readout says {said} numbers")
    network = Network(
        name=name,
        input_size=input_size,
        layers=layers,
        tokens=tokens,
        embedding=embedding,
        readout=readout,
        classes=classes,
        card=_get(spec, "card", dict, {}),
        file=file,
        sha256=sha256,
    )
    if tensors is None:
        initialise(network, seed)
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
        "layers": [
            {
                "cell": layer.passes[0].cell.name,
                "hidden_size": layer.passes[0].program.hidden_size,
                "directions": [one.direction for one in layer.passes],
                "merge": layer.merge,
                "sizes": dict(layer.passes[0].program.sizes),
                "without": list(layer.passes[0].program.without),
            }
            for layer in network.layers
        ],
        "cells": {one.cell.name: one.cell.text for one in network.passes},
        "readout": None,
        "card": dict(network.card),
    }
    if tokens is None:
        spec["input_size"] = network.input_size
    else:
        vocabulary = None if tokens.kind == "bytes" else list(tokens.vocabulary)
        spec["tokens"] = {"kind": tokens.kind, "lowercase": tokens.lowercase, "vocabulary": vocabulary}
        spec["embedding_size"] = network.input_size
    if network.readout is not None:
        page = network.readout.page
        spec["readout"] = page.name
        spec["readouts"] = {page.name: page.text}
        spec["outputs"] = network.readout.program.values[page.result].size
    if tokens is None or network.classes != tokens.vocabulary:
        spec["classes"] = list(network.classes)
    return spec


def _get(spec: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = spec.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"the description of this network is wrong: `{key}` must be {kind.__name__}")
    return value


def _bounded(count: int, where: str) -> None:
    if count > MAX_PARAMETERS:
        raise UserError(f"{where}: {count} parameters; {MAX_PARAMETERS} is the most")


def _tokens(spec: Any, where: str) -> Tokens | None:
    if spec is None or (isinstance(spec, Mapping) and spec.get("kind") == "numbers"):
        return None
    if not isinstance(spec, Mapping) or spec.get("kind") not in ("words", "chars", "bytes"):
        raise UserError(f"{where}: `tokens` must say words, chars, bytes or numbers")
    if spec["kind"] == "bytes":
        return Tokens.of_bytes()
    vocabulary = spec.get("vocabulary")
    if not isinstance(vocabulary, list) or not vocabulary or not all(isinstance(one, str) for one in vocabulary):
        raise UserError(f"{where}: its vocabulary must be a list of tokens")
    return Tokens(spec["kind"], tuple(vocabulary), bool(spec.get("lowercase", False)))


def _layers(spec: Mapping[str, Any], input_size: int, dtype: Any, where: str) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    descriptions = _get(spec, "layers", list, [])
    if not descriptions:
        raise UserError(f"{where}: it has no layers")
    texts = _get(spec, "cells", dict, {})
    size = input_size
    for number, one in enumerate(descriptions):
        if not isinstance(one, Mapping):
            raise UserError(f"{where}: layer {number} is no description of a layer")
        layers.append(_layer(number, one, texts, size, dtype, where))
        if number:
            _check_below(number, layers, where)
        size = layers[-1].output_size
    return tuple(layers)


def _check_below(number: int, layers: Sequence[Layer], where: str) -> None:
    """Refuse a layer that reads of the layer below what is not there."""
    lower = {one.direction: one.program for one in layers[number - 1].passes}
    for one in layers[number].passes:
        for name, value in one.program.below.items():
            program = lower.get(one.direction)
            if program is None or value not in program.values:
                raise UserError(f"{where}: {one.name} reads {value} of layer{number - 1}.{one.direction}: there is none")
            size, wanted = program.values[value].size, one.program.inputs[name].size
            if size != wanted:
                raise UserError(
                    f"{where}: {one.name} reads {wanted} numbers of {value} from below; layer {number - 1} has {size}"
                )


def _layer(
    number: int, spec: Mapping[str, Any], texts: Mapping[str, Any], input_size: int, dtype: Any, where: str
) -> Layer:
    name = _get(spec, "cell", str, "lstm")
    text = texts.get(name)
    cell = parse_cell(text, source=f"{name}.toml") if isinstance(text, str) else load_cell(name)
    hidden = _get(spec, "hidden_size", int, 0)
    directions = _get(spec, "directions", list, ["forward"])
    merge = _get(spec, "merge", str, "concat")
    if hidden < 1:
        raise UserError(f"{where}: layer {number} needs a hidden_size of 1 or more")
    if (
        not directions
        or any(one not in ("forward", "backward") for one in directions)
        or len(set(directions)) < len(directions)
    ):
        raise UserError(f"{where}: layer {number}: directions are forward, backward or both")
    if merge not in MERGES:
        near = nearest(merge, MERGES)
        raise UserError(
            f"{where}: layer {number}: merge is {', '.join(MERGES)}" + (f"; did you mean {near}?" if near else "")
        )
    _bounded(hidden * (hidden + input_size), where)
    sizes = _get(spec, "sizes", dict, {})
    for letter, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UserError(f"{where}: layer {number}: size {letter} must be a whole number of 1 or more")
    without = _get(spec, "without", list, [])
    if not all(isinstance(one, str) for one in without):
        raise UserError(f"{where}: layer {number}: `without` must be a list of parameters")
    program = compile_cell(cell, input_size, hidden, sizes, without, bottom=number == 0)
    passes = [Pass(f"layer{number}.{one}", cell, program, one, program.empty(dtype)) for one in directions]
    return Layer(tuple(passes), merge)


def _readout(
    spec: Mapping[str, Any], layers: Sequence[Layer], input_size: int, outputs: int, dtype: Any, where: str
) -> Readout | None:
    name = _get(spec, "readout", str, None)
    if name is None:
        return None
    text = _get(spec, "readouts", dict, {}).get(name)
    page = parse_readout(text, name, source=f"{name}.toml") if isinstance(text, str) else load_readout(name)
    sizes = {"h": layers[-1].output_size}
    for alias, source in page.reads.items():
        sizes[alias] = _size_of_source(source, layers, input_size, where)
    _bounded(outputs * sizes["h"], where)
    program = compile_readout(page, sizes, outputs)
    return Readout(page, program, program.empty(dtype))


def find_source(source: str, layers: Sequence[Layer]) -> tuple[int, str | None, str]:
    """Return the layer, direction (None: the merge) and value that `reads` of a readout names.

    Without a direction the output of a layer is its merge; another value is that of its one pass.

    Raises:
        UserError: If there is no such layer, pass or value.
    """
    parts = source.split(".")
    number = len(layers) - 1 if parts[0] == "top" else int(parts[0].removeprefix("layer"))
    if number >= len(layers):
        raise UserError(f"the readout reads {source}, but there are {len(layers)} layers")
    value, passes = parts[-1], layers[number].passes
    direction = parts[1] if len(parts) == 3 else None
    if direction is None and value == passes[0].cell.output:
        return number, None, value
    if direction is None and len(passes) > 1:
        raise UserError(f"the readout reads {source}: say of which direction, as in {parts[0]}.forward.{value}")
    for one in passes:
        if direction in (None, one.direction) and value in one.program.values:
            return number, one.direction, value
    raise UserError(f"the readout reads {source}, which this network does not have")


def _size_of_source(source: str, layers: Sequence[Layer], input_size: int, where: str) -> int:
    if source == "embedding":
        return input_size
    number, direction, value = find_source(source, layers)
    if direction is None:
        return layers[number].output_size
    return next(one for one in layers[number].passes if one.direction == direction).program.values[value].size


def _fill(network: Network, tensors: Mapping[str, Array], where: str) -> None:
    views = network.tensors()
    for name in tensors:
        if name not in views:
            near = nearest(name, views)
            raise UserError(
                f"{where}: it has no parameter {visible(name)}" + (f"; did you mean {near}?" if near else "")
            )
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
