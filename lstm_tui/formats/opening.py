"""Networks made on the command line: untrained ones, one layer of a network, states before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import count_of, label

if TYPE_CHECKING:
    from lstm_tui.engine.network import Network
    from lstm_tui.engine.tokens import Tokens
    from lstm_tui.engine.trace import Array


@dataclass(frozen=True)
class Untrained:
    """A network that was never trained, as described on the command line.

    Attributes:
        cell: Name or file of its cell.
        hidden: Units, H.
        layers: How many.
        bidirectional: Whether each layer has a pass from the end, too.
        merge: How the two become one.
        seed: Of the random weights.
        sizes: Free sizes of the cell.
        without: Optional parameters that are left out.
    """

    cell: str = "lstm"
    hidden: int = 32
    layers: int = 1
    bidirectional: bool = False
    merge: str = "concat"
    seed: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    without: Sequence[str] = ()


def untrained(how: Untrained, tokens: Tokens | None, columns: int = 0) -> Network:
    """Return a network with random weights for a text's own vocabulary, or for rows of numbers.

    Args:
        how: What it is made of.
        tokens: The vocabulary; None for numbers.
        columns: Numbers in a row, when there is no vocabulary.

    Raises:
        UserError: The cell is not known or malformed, or its sizes do not fit.
    """
    from lstm_tui.engine.network import build_network

    spec: dict[str, Any] = {**layers_of(how), "readout": None}
    spec["name"] = f"untrained {spec['layers'][0]['cell']}"
    if tokens is None:
        spec["input_size"] = columns
    else:
        vocabulary = None if tokens.kind == "bytes" else list(tokens.vocabulary)
        spec["tokens"] = {"kind": tokens.kind, "lowercase": tokens.lowercase, "vocabulary": vocabulary}
        spec["embedding_size"] = how.hidden
    return build_network(spec, seed=how.seed)


def layers_of(how: Untrained) -> dict[str, Any]:
    """Return the layers of a description and the text of their cell.

    Raises:
        UserError: The cell is not known or malformed.
    """
    from lstm_tui.engine.cell import load_cell

    cell = load_cell(how.cell)
    layer = {
        "cell": cell.name,
        "hidden_size": how.hidden,
        "directions": ["forward", "backward"] if how.bidirectional else ["forward"],
        "merge": how.merge,
        "sizes": dict(how.sizes),
        "without": list(how.without),
    }
    return {"layers": [layer] * how.layers, "cells": {cell.name: cell.text}}


def one_layer(network: Network, number: int) -> Network:
    """Return one layer of a network as a network of its own, which reads numbers.

    Raises:
        UserError: There is no such layer.
    """
    from lstm_tui.engine.network import build_network, spec_of

    count = count_of(len(network.layers), "layer")
    if number >= len(network.layers):
        raise UserError(f"{visible(network.name)} has {count}, from 0, so there is no layer {number}")
    whole = spec_of(network)
    layer = network.layers[number]
    prefix = f"layer{number}."
    spec = {
        "name": f"{network.name}, layer {number}",
        "input_size": layer.passes[0].program.input_size,
        "layers": [whole["layers"][number]],
        "cells": whole["cells"],
    }
    tensors = {
        "layer0." + name.removeprefix(prefix): tensor
        for name, tensor in network.tensors().items()
        if name.startswith(prefix)
    }
    return build_network(spec, tensors, dtype=network.dtype, file=network.file, sha256=network.sha256)


def initial_states(path: str | Path, network: Network) -> dict[str, dict[str, Array]]:
    """Read states before the first step from a `.npz` with arrays such as `layer0.forward/h` (H,).

    Raises:
        UserError: A name is no state of the network, or an array has another length.
    """
    from lstm_tui.formats.arrays import read_npz

    where = label(path)
    sizes = {
        f"{one.name}/{state}": one.program.values[state].size for one in network.passes for state in one.cell.state
    }
    states: dict[str, dict[str, Array]] = {}
    for name, array in read_npz(path).items():
        if name not in sizes:
            alike = nearest(name, sizes)
            advice = f"did you mean {alike}?" if alike else f"there are {', '.join(sizes)}"
            raise UserError(f"{where}: {visible(name)!r} is no state of {visible(network.name)}; {advice}")
        if array.shape not in ((sizes[name],), (1, sizes[name])):
            shape = "×".join(map(str, array.shape)) or "one number"
            raise UserError(f"{where}: {name} has the shape {shape}; it should hold {sizes[name]} numbers")
        one, _, state = name.rpartition("/")
        states.setdefault(one, {})[state] = array.reshape(-1).astype("float64")
    return states
