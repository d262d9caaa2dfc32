"""Networks made on the command line: untrained ones, one layer of a network, states before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.io.files import label

if TYPE_CHECKING:
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.model.network import Network
    from lstm_tui.engine.model.tokens import Tokens


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
    from lstm_tui.engine.model.network import build_network

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
    from lstm_tui.engine.language.cell import load_cell

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


def one_layer(network: Network, layer: int | str) -> Network:
    """Return one layer of a network as a network of its own, which reads numbers.

    Args:
        network: The network.
        layer: Its number from 0, or the name it has in the file the network came from.

    Raises:
        UserError: There is no such layer.
    """
    from lstm_tui.engine.model.network import build_network, spec_of
    from lstm_tui.formats.importers.open import NetworkOrigin

    number = _layer_number(network, layer)
    whole = spec_of(network)
    chosen = network.layers[number]
    prefix = f"layer{number}."
    spec = {
        "name": f"{network.name}, layer {number}",
        "input_size": chosen.passes[0].program.input_size,
        "layers": [whole["layers"][number]],
        "cells": whole["cells"],
        "card": {"imported": network.card["imported"]} if "imported" in network.card else {},
    }
    tensors = {
        "layer0." + name.removeprefix(prefix): tensor
        for name, tensor in network.tensors().items()
        if name.startswith(prefix)
    }
    taken = build_network(spec, tensors, dtype=network.dtype, file=network.file, sha256=network.sha256)
    origin = replace(network.origin, layer=layer) if isinstance(network.origin, NetworkOrigin) else None
    return replace(taken, origin=origin)


def _layer_number(network: Network, layer: int | str) -> int:
    count = count_of(len(network.layers), "layer")
    names = [str(name) for name in network.card.get("imported", {}).get("layers", [])]
    if isinstance(layer, str) and layer in names:
        return names.index(layer)
    number = whole_number(layer) if isinstance(layer, str) else layer
    if number is None:
        assert isinstance(layer, str)
        near = nearest(layer, names)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(names) or count + ', by number from 0'}"
        raise UserError(f"{visible(network.name)} has no layer {visible(layer)!r}; {hint}")
    if number >= len(network.layers):
        raise UserError(f"{visible(network.name)} has {count}, from 0, so there is no layer {number}")
    return number


@door("states")
def initial_states(path: str | Path, network: Network) -> dict[str, dict[str, Array]]:
    """Read states before the first step from a `.npz` with arrays such as `layer0.forward/h` (H,).

    A trace written as `.npz` gives the states its passes ended with, so that a decoder begins where its encoder
    stopped.

    Raises:
        UserError: A name is no state of the network, or an array has another length.
    """
    from lstm_tui.formats.io.npy import read_npz

    where = label(path)
    sizes = {
        f"{one.name}/{state}": one.program.values[state].size for one in network.passes for state in one.cell.state
    }
    states: dict[str, dict[str, Array]] = {}
    arrays = read_npz(path, kinds="fiubU")
    if "header" in arrays and arrays["header"].dtype.kind == "U":
        arrays = _last_states(path, sizes)
    for name, array in arrays.items():
        if array.dtype.kind == "U":
            raise UserError(f"{where}: {visible(name)!r} holds text, not numbers")
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


def _last_states(path: str | Path, wanted: Mapping[str, int]) -> dict[str, Array]:
    """Return the states of a trace after the last step each pass took, for those passes that are wanted."""
    from lstm_tui.formats.traces.reader import read

    trace = read(path)
    ended = {f"{name}/{state}": row for name, states in trace.final_states.items() for state, row in states.items()}
    states = {name: row for name, row in ended.items() if name in wanted}
    if not states:
        raise UserError(f"{label(path)}: is a trace of {', '.join(ended)}; this network has {', '.join(wanted)}")
    return states
