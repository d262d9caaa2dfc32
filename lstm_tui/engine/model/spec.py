"""The parts of a network, and the JSON-able description that they are made of, which may come from a stranger's file.

The parts are passes, the layers they make, and a readout; they name what another reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, get_args

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import MAX_PARAMETERS, compile_cell
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import Cell, load_cell, parse_cell
from lstm_tui.engine.language.readout import ReadoutPage, compile_readout, load_readout, parse_readout
from lstm_tui.engine.model.sequence import Direction
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

Merge = Literal["concat", "sum", "average", "mul"]
MERGES: tuple[Merge, ...] = ("concat", "sum", "average", "mul")


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

    def __repr__(self) -> str:
        """Say in one line what it is; no weight."""
        size, numbers = count_of(self.program.hidden_size, "unit"), f"{self.flat.size:,} parameters"
        return f"<Pass {visible(self.name)}: {visible(self.cell.name)}, {size}, {numbers}, {self.flat.dtype}>"

    @property
    def output_size(self) -> int:
        """How many numbers the layer above sees of it."""
        return self.program.values[self.cell.output].size


@dataclass(frozen=True, eq=False)
class Layer:
    """The passes of one layer, and how their outputs become one."""

    passes: tuple[Pass, ...]
    merge: Merge = "concat"

    def __repr__(self) -> str:
        """Say in one line what it is made of."""
        merged = f", merged by {self.merge}" if len(self.passes) > 1 else ""
        return f"<Layer of {', '.join(map(repr, self.passes))}{merged}>"

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

    def __repr__(self) -> str:
        """Say in one line what it is; no weight."""
        return f"<Readout {visible(self.page.name)}: {visible(self.page.title)}, {self.flat.size:,} parameters>"


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


def size_of_source(source: str, layers: Sequence[Layer], input_size: int) -> int:
    """Return how many numbers `reads` of a readout names.

    Raises:
        UserError: If there is no such layer, pass or value.
    """
    if source == "embedding":
        return input_size
    number, direction, value = find_source(source, layers)
    if direction is None:
        return layers[number].output_size
    return next(one for one in layers[number].passes if one.direction == direction).program.values[value].size


MOST_ANSWERED = 500
"""Tokens of an answer."""


@dataclass(frozen=True)
class Answers:
    """How a network of two parts answers on the tape that it reads from.

    Attributes:
        begin: The token with which the answer begins: what stands before it is read.
        end: The token that ends it.
        most: Tokens after which it ends whatever is said.
    """

    begin: str
    end: str
    most: int


Asked = Literal["each", "last"]
OWN = "own"
"""Key of a layer's description: by direction, the cell and the sizes of a pass that differs from the others."""


def get(spec: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    """Return a key of a description, or the default when it is left out.

    Raises:
        UserError: If it is of another kind.
    """
    value = spec.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"the description of this network is wrong: `{key}` must be {kind.__name__}")
    return value


def bounded(count: int, where: str) -> None:
    """Refuse more parameters than any network here can need.

    Raises:
        UserError: If there are more.
    """
    if count > MAX_PARAMETERS:
        raise UserError(f"{where}: {count} parameters; {MAX_PARAMETERS} is the most")


def read_tokens(spec: Any, where: str) -> Tokens | None:
    """Return how text is read; None for numbers."""
    if spec is None or (isinstance(spec, Mapping) and spec.get("kind") == "numbers"):
        return None
    if not isinstance(spec, Mapping) or spec.get("kind") not in ("words", "chars", "bytes", "pieces"):
        raise UserError(f"{where}: `tokens` must say words, chars, bytes, pieces or numbers")
    if spec["kind"] == "bytes":
        return Tokens.of_bytes()
    vocabulary = spec.get("vocabulary")
    if not isinstance(vocabulary, list) or not vocabulary or not all(isinstance(one, str) for one in vocabulary):
        raise UserError(f"{where}: its vocabulary must be a list of tokens")
    definition = get(spec, "tokenizer", str, "")
    if (spec["kind"] == "pieces") != bool(definition):
        raise UserError(f"{where}: pieces are split by a `tokens.tokenizer`, and nothing else is")
    unknown = spec.get("unknown", 0)
    if type(unknown) is not int or not -1 <= unknown < len(vocabulary):
        raise UserError(f"{where}: `tokens.unknown` must be an id of its vocabulary, or -1")
    return Tokens(spec["kind"], tuple(vocabulary), bool(spec.get("lowercase", False)), unknown, definition)


def read_asked(spec: Mapping[str, Any], where: str) -> Asked:
    """Return at which tokens a network is asked something; files that do not say ask at each."""
    asked = get(spec, "asked", str, "each")
    if asked == "last":
        return "last"
    if asked != "each":
        raise UserError(f"{where}: `asked` is {' or '.join(get_args(Asked))}")
    return "each"


def read_answers(spec: Mapping[str, Any], tokens: Tokens | None, where: str) -> Answers | None:
    """Return how a network answers; None for one that does not.

    Raises:
        UserError: Its signs are no tokens of its vocabulary, or the number is none.
    """
    said = get(spec, "answers", dict, None)
    if said is None:
        return None
    begin, end, most = said.get("begin"), said.get("end"), said.get("most")
    known = () if tokens is None else tokens.vocabulary
    if not isinstance(begin, str) or not isinstance(end, str) or begin not in known or end not in known:
        raise UserError(f"{where}: `answers.begin` and `answers.end` must be tokens of its vocabulary")
    if type(most) is not int or not 1 <= most <= MOST_ANSWERED:
        raise UserError(f"{where}: `answers.most` must be a number of tokens from 1 to {MOST_ANSWERED}")
    return Answers(begin, end, most)


def read_layers(spec: Mapping[str, Any], input_size: int, dtype: Any, where: str) -> tuple[Layer, ...]:
    """Return the layers, with parameters that are 0."""
    layers: list[Layer] = []
    descriptions = get(spec, "layers", list, [])
    if not descriptions:
        raise UserError(f"{where}: it has no layers")
    texts = get(spec, "cells", dict, {})
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
                lower_name = f"layer{number - 1}.{one.direction}"
                raise UserError(f"{where}: {one.name} reads {value} of {lower_name}, which is not there")
            size, wanted = program.values[value].size, one.program.inputs[name].size
            if size != wanted:
                raise UserError(
                    f"{where}: {one.name} reads {wanted} numbers of {value} from below; layer {number - 1} has {size}"
                )


def _layer(
    number: int, spec: Mapping[str, Any], texts: Mapping[str, Any], input_size: int, dtype: Any, where: str
) -> Layer:
    directions = get(spec, "directions", list, ["forward"])
    merge = get(spec, "merge", str, "concat")
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
    passes: list[Pass] = []
    own = get(spec, OWN, dict, {})
    for direction in directions:
        said = get(own, direction, dict, {})
        if passes and not said:  # the directions of a layer share a program
            passes.append(replace(passes[0], name=f"layer{number}.{direction}", direction=direction))
            passes[-1] = replace(passes[-1], flat=passes[-1].program.empty(dtype))
            continue
        cell, program = _program(number, {**spec, **said}, texts, input_size, where)
        passes.append(Pass(f"layer{number}.{direction}", cell, program, direction, program.empty(dtype)))
    if merge != "concat" and len({one.output_size for one in passes}) > 1:
        raise UserError(f"{where}: layer {number}: its directions give different sizes, so {merge} cannot merge them")
    return Layer(tuple(passes), merge)


def _program(
    number: int, spec: Mapping[str, Any], texts: Mapping[str, Any], input_size: int, where: str
) -> tuple[Cell, Program]:
    """Return the cell of a pass and the program it is compiled to."""
    name = get(spec, "cell", str, "lstm")
    text = texts.get(name)
    cell = _parsed(text, f"{name}.toml") if isinstance(text, str) else load_cell(name)
    hidden = get(spec, "hidden_size", int, 0)
    if hidden < 1:
        raise UserError(f"{where}: layer {number} needs a hidden_size of 1 or more")
    bounded(hidden * (hidden + input_size), where)
    sizes = get(spec, "sizes", dict, {})
    for letter, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UserError(f"{where}: layer {number}: size {letter} must be a whole number of 1 or more")
    without = get(spec, "without", list, [])
    if not all(isinstance(one, str) for one in without):
        raise UserError(f"{where}: layer {number}: `without` must be a list of parameters")
    return cell, compile_cell(cell, input_size, hidden, sizes, without, bottom=number == 0)


_parsed = lru_cache(maxsize=16)(parse_cell)  # a file is opened again and again, where other readings of it are tried
_parsed_readout = lru_cache(maxsize=16)(parse_readout)


def read_readout(
    spec: Mapping[str, Any], layers: Sequence[Layer], input_size: int, outputs: int, dtype: Any, where: str
) -> Readout | None:
    """Return the readout, with parameters that are 0; None when there is none."""
    name = get(spec, "readout", str, None)
    if name is None:
        return None
    text = get(spec, "readouts", dict, {}).get(name)
    page = _parsed_readout(text, name, f"{name}.toml") if isinstance(text, str) else load_readout(name)
    sizes = {"h": layers[-1].output_size}
    for alias, source in page.reads.items():
        sizes[alias] = size_of_source(source, layers, input_size)
    bounded(outputs * sizes["h"], where)
    program = compile_readout(page, sizes, outputs)
    return Readout(page, program, program.empty(dtype))
