"""Gradients of every cell in the folder, and of the attention readouts' passes, by central differences.

The loss weighs every value of every layer at every step, so that each way a gradient can take is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from made_networks import (
    EVERY_CELL,
    called,
    distance_from_kinks,
    make_initial,
    make_input,
    make_network,
)
from registries import sampled

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import RunBuffers, gradients, run_arrays

STEPS = 4
STEP = 1e-5
TOLERANCE = 1e-6
CLEAR_OF_KINKS = 1e-3


class Case:
    """A network, what it reads and the weights of a loss, away from every kink."""

    def __init__(self, name: str) -> None:
        cell = load_cell(name)
        layers = 2 if cell.below else 1
        for seed in range(50):
            self.network = make_network(name, layers, inputs=2, hidden=3, seed=seed)
            self.x = make_input(self.network, STEPS, seed)
            self.initial = make_initial(self.network, seed)
            ran = self.run("numpy")
            if distance_from_kinks(ran) > CLEAR_OF_KINKS:
                break
        else:
            pytest.fail(f"{name}: no seed of 50 keeps clear of its kinks")
        random = np.random.default_rng(1)
        self.weights = {
            one.name: {value: random.normal(size=(STEPS, slot.size)) for value, slot in one.program.values.items()}
            for one in self.network.passes
        }

    def run(self, interpreter: str) -> RunBuffers:
        return run_arrays(self.network, self.x, interpreter, self.initial)

    def loss(self) -> float:
        stored = self.run("numpy").stored
        return sum(
            float((w * stored[name].values[value]).sum())
            for name, values in self.weights.items()
            for value, w in values.items()
        )


def differences(array: Array, loss: Callable[[], float], chosen: Array | None = None) -> Array:
    """Return the central difference of a loss by every number of an array, which is put back."""
    result = np.zeros(array.shape)
    for place in np.ndindex(*array.shape):
        if chosen is not None and not chosen[place]:
            continue
        value = array[place]
        array[place] = value + STEP
        above = loss()
        array[place] = value - STEP
        below = loss()
        array[place] = value
        result[place] = (above - below) / (2 * STEP)
    return result


@cache
def measured(name: str) -> tuple[Case, dict[str, Array]]:
    """Return a case and its gradients by central differences: of parameters, of x and of the first states."""
    case = Case(name)
    found: dict[str, Array] = {}
    for one in case.network.passes:
        for parameter in one.program.parameters.values():
            view = one.program.view(one.flat, parameter.name)
            found[f"{one.name}/{parameter.name}"] = differences(view, case.loss, parameter.mask)
        for state, numbers in case.initial[one.name].items():
            found[f"{one.name} starts from {state}"] = differences(numbers, case.loss)
    found["x"] = differences(case.x, case.loss)
    return case, found


def computed(case: Case, interpreter: str) -> dict[str, Array]:
    """Return the same gradients by back-propagation."""
    network: Network = case.network
    flats, d_x, slots = gradients(case.run(interpreter), None, case.weights)
    result: dict[str, Array] = {"x": d_x}
    for one in network.passes:
        for name in one.program.parameters:
            result[f"{one.name}/{name}"] = one.program.view(flats[one.name], name)
        for state in one.cell.state:
            slot = one.program.values[state]
            result[f"{one.name} starts from {state}"] = slots[one.name][0, slot.offset : slot.offset + slot.size]
    return result


@pytest.mark.parametrize(
    ("name", "interpreter"),
    [*((name, "numpy") for name in EVERY_CELL), *sampled([(name, "numba") for name in EVERY_CELL], 4)],
    ids=called,
)
def test_back_propagation_agrees_with_central_differences(name: str, interpreter: str) -> None:
    case, expected = measured(name)
    found = computed(case, interpreter)
    assert found.keys() == expected.keys()
    largest = max(float(np.abs(one).max()) for one in expected.values())
    for key, numbers in expected.items():
        error = float(np.abs(found[key] - numbers).max())
        assert error < TOLERANCE * largest, f"{key}: off by {error:.1e}, the largest is {largest:.1e}"
