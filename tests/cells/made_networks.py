"""Networks of any cell in the folder, with random weights of which none is 0, in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler import ops
from lstm_tui.engine.compiler.roles import ranges_of
from lstm_tui.engine.language.cell import Cell, cell_names, load_cell, parse_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.run import RunBuffers

STRANGERS = tuple(sorted(str(path) for path in (Path(__file__).parent / "strangers").glob("*.toml")))
"""Files of cells that are not ours, written from their papers only: a user's own."""
EVERY_CELL = (*cell_names(), *STRANGERS)
PROJECTED = 2
"""What every free letter in a cell's sizes stands for: not H, not I."""


def called(name: str) -> str:
    """Return what a test calls a cell, by its name or its file."""
    return Path(name).stem


def letters_of(cell: Cell) -> dict[str, int]:
    """Return a value for every free letter in the sizes of a cell that has none of its own."""
    return {letter: PROJECTED for letter in cell.free_letters if letter not in cell.defaults}


def input_size_of(cell: Cell, wanted: int, hidden: int) -> int:
    """Return the input size that a cell takes: the wanted one unless it is strict."""
    size = cell.sizes.get("x")
    return wanted if size is None else hidden * size.factor if size.letter == "H" else size.factor


def largest_of(cell: Cell, value: str, series: Array) -> float:
    """Return what rounding is a part of: 1, or the largest number of a value that may grow for ever."""
    return 1.0 if ranges_of(cell)[value] is not None else max(1.0, float(np.abs(series).max(initial=0.0)))


def make_network(
    name: str,
    layers: int = 1,
    inputs: int = 3,
    hidden: int = 5,
    seed: int = 0,
    directions: Sequence[str] = ("forward",),
    text: str | None = None,
    **more: Any,
) -> Network:
    """Return a stack of one cell, by name or file, with every weight in ±0.9 and at least 0.05 from 0."""
    cell = load_cell(name) if text is None else parse_cell(text)
    layer = {
        "cell": cell.name,
        "hidden_size": hidden,
        "directions": list(directions),
        "merge": "sum",  # concat would give the layer above another input size, which strict cells refuse
        "sizes": letters_of(cell),
    }
    spec = {
        "version": 1,
        "name": cell.name,
        "input_size": input_size_of(cell, inputs, hidden),
        "layers": [layer] * layers,
        "cells": {cell.name: cell.text},
        **more,
    }
    network = build_network(spec, dtype=np.float64)
    random = np.random.default_rng([seed, *cell.name.encode()])
    for one in network.passes:
        for parameter in one.program.parameters.values():
            view = one.program.view(one.flat, parameter.name)
            view[...] = random.uniform(0.05, 0.9, view.shape) * random.choice([-1.0, 1.0], view.shape)
            if parameter.mask is not None:
                view[~parameter.mask] = 0
    if network.readout is not None:
        program, flat = network.readout.program, network.readout.flat
        for parameter_name in program.parameters:
            view = program.view(flat, parameter_name)
            view[...] = random.uniform(0.05, 0.9, view.shape) * random.choice([-1.0, 1.0], view.shape)
    return network


def make_input(network: Network, steps: int, seed: int = 0) -> Array:
    """Return random numbers for a network, (T, I)."""
    return np.random.default_rng([seed, 7]).normal(size=(steps, network.input_size))


def make_initial(network: Network, seed: int = 0) -> dict[str, dict[str, Array]]:
    """Return random states before the first step, of both signs."""
    random = np.random.default_rng([seed, 11])
    return {
        one.name: {state: random.uniform(-0.8, 0.8, one.program.values[state].size) for state in one.cell.state}
        for one in network.passes
    }


def own_initial(network: Network) -> dict[str, dict[str, Array]]:
    """Return the states that the cells themselves start from."""
    return {one.name: one.program.initial_states(one.flat) for one in network.passes}


def parameters_of(network: Network) -> list[Mapping[str, Array]]:
    """Return the parameters of each pass by their names in the cell."""
    return [{name: one.program.view(one.flat, name) for name in one.program.parameters} for one in network.passes]


def distance_from_kinks(ran: RunBuffers) -> float:
    """Return how near a run comes to a point where some op has no derivative.

    A tie that is exact is one by construction (`min(a - m, 0)` where m is a) and holds on both sides.
    """
    nearest = np.inf
    kinked = {ops.Code.RELU, ops.Code.ABS, ops.Code.STEP, ops.Code.MAX, ops.Code.MIN, ops.Code.CLIP}
    for stored in ran.stored.values():
        assert stored.rows is not None
        spaces = (stored.rows[1:], stored.rows[:-1], np.broadcast_to(stored.flat, (stored.steps, len(stored.flat))))
        for one in stored.program.instructions:
            if one.op.code in kinked:
                first, *others = (spaces[o.space][:, o.offset : o.offset + o.size] for o in one.operands)
                for other in others or [np.zeros(1)]:
                    gaps = np.abs(first - other)
                    gaps = gaps[gaps > 0]
                    nearest = min(nearest, float(gaps.min(initial=np.inf)))
    return nearest
