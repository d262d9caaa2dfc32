"""Both interpreters pass back the right gradient through every op and every cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, ENGINES, bundled, equations, page, parameters, program_of, series
from registries import sampled

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, parse_cell
from lstm_tui.engine.runtime import storage
from lstm_tui.engine.runtime.storage import backprop_pass, run_pass

STEP = 1e-5


def weights(program: Program, steps: int) -> dict[str, Array]:
    """Return how much each number of each value counts in the loss."""
    rng = np.random.default_rng(5)
    return {name: rng.normal(size=(steps, slot.size)) for name, slot in program.values.items()}


def random_states(program: Program, flat: Array) -> dict[str, Array]:
    """Return initial states that are not all alike, since `layernorm` is steep there; -inf stays."""
    rng = np.random.default_rng(6)
    start = program.initial_states(flat)
    return {name: np.where(np.isfinite(a), rng.normal(size=a.shape), a) for name, a in start.items()}


def gradients(
    program: Program, flat: Array, inputs: dict[str, Array], initial: dict[str, Array], engine: str
) -> dict[str, Array]:
    """Return the gradient of the loss by every parameter, input and initial state."""
    steps = len(inputs["x"])
    outside = {name: w.astype(flat.dtype) for name, w in weights(program, steps).items()}
    gradient, by_input, adjoint = backprop_pass(run_pass(program, flat, inputs, initial, engine), outside)
    found = {f"by {name}": program.view(gradient, name).copy() for name in program.parameters}
    found |= {f"by {name}": numbers.copy() for name, numbers in by_input.items()}
    for name in initial:
        slot = program.values[name]
        found[f"by initial {name}"] = adjoint[0, slot.offset : slot.offset + slot.size].copy()
    return found


def differences(program: Program, flat: Array, inputs: dict[str, Array], initial: dict[str, Array]) -> dict[str, Array]:
    """Return the same by central differences; -inf has none."""
    counts = weights(program, len(inputs["x"]))

    def loss() -> float:
        values = run_pass(program, flat, inputs, initial, "numba").values
        return float(sum((counts[name] * numbers).sum() for name, numbers in values.items()))

    found = {}
    for name, parameter in program.parameters.items():
        found[f"by {name}"] = _slopes(program.view(flat, name), loss)
        if parameter.mask is not None:
            found[f"by {name}"][~parameter.mask] = 0
    found |= {f"by {name}": _slopes(numbers, loss) for name, numbers in inputs.items()}
    return found | {f"by initial {name}": _slopes(numbers, loss) for name, numbers in initial.items()}


def _slopes(numbers: Array, loss: Callable[[], float]) -> Array:
    slopes = np.zeros(numbers.shape)
    for place in np.ndindex(numbers.shape):
        before = numbers[place]
        if not np.isfinite(before):
            continue
        numbers[place] = before + STEP
        above = loss()
        numbers[place] = before - STEP
        slopes[place] = (above - loss()) / (2 * STEP)
        numbers[place] = before
    return slopes


def assert_near(found: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    """Compare to a tolerance of the largest gradient."""
    largest = max(1.0, *(float(np.abs(numbers).max(initial=0)) for numbers in expected.values()))
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance * largest, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", cell_names())
def test_gradients_of_every_cell_match_central_differences(name: str, engine: str) -> None:
    program = bundled(name, 4, 3)
    flat = parameters(program, np.float64, seed=3)
    inputs, initial = series(program, 4, np.float64), random_states(program, flat)
    found = gradients(program, flat, inputs, initial, engine)
    assert_near(found, differences(program, flat, inputs, initial), 1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", sampled(cell_names(), 8))
def test_going_back_in_pieces_is_going_back_at_once(name: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = bundled(name, 4, 3)
    flat, inputs = parameters(program, np.float64), series(program, 300, np.float64)
    ran = run_pass(program, flat, inputs, random_states(program, flat), engine)
    outside = weights(program, 300)
    monkeypatch.setattr(storage, "SPAN_BYTES", 2**30)
    whole, by_input, slots = backprop_pass(ran, outside)
    monkeypatch.setattr(storage, "SPAN_BYTES", 0)
    for every_slot in (True, False):
        pieces, by_input_too, slots_too = backprop_pass(ran, outside, every_slot)
        np.testing.assert_allclose(pieces, whole, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(by_input_too["x"], by_input["x"], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(slots_too, slots if every_slot else slots[:1], rtol=1e-9, atol=1e-9)


OPERATIONS = """
b_1 + b_2; b_1 - b_2; b_1 * b_2; b_1 / (4 + b_2); -b_1; 2 * b_1; 2 - b_1; 2 / (4 + b_1); b_1 / 2;
b_1 + sum(b_2); sum(b_2) * b_1; b_1 / (4 + dot(b_2, b_2)); sum(b_2) / (4 + b_1); sigmoid(b_1); tanh(b_1);
relu(b_1); exp(b_1); log(4 + b_1); softplus(b_1); abs(b_1); sqrt(4 + b_1); step(b_1) * b_2; max(b_1, b_2);
max(b_1, mean(b_2)); max(mean(b_1), b_2); min(b_1, b_2); min(0.1, b_2); clip(b_1, -0.5, 0.5);
clip(b_1, b_2, 0.5); clip(0.2, b_1, b_2); clip(b_1, sum(b_2), mean(b_2) + 2); layernorm(b_1); softmax(b_1);
dot(b_1, b_2); dot(b_1, 2); dot(0.5, b_2); dot(b_1, b_1); sum(b_1); mean(b_1); every(2) * b_1;
part(b_1, 1, 2) + b_2; concat(part(h, 0, 2), part(x, 1, 2)); b_1 * b_1; W_1 @ (b_1 * b_2);
W_1 @ x + W_1 @ (x * b_2); prev(h) * b_1; W_1 @ part(concat(x, x), 1, 2); sigmoid(mean(b_1)) + b_2
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("operation", [part.strip() for part in OPERATIONS.split(";")])
def test_gradients_of_every_op_match_central_differences(operation: str, engine: str) -> None:
    program = program_of(f"v = {operation}\nh = v + 0.5 * (U_h @ h) + W_x @ x", 6, 6)
    flat = parameters(program, np.float64, seed=4)
    inputs, initial = series(program, 3, np.float64), random_states(program, flat)
    found = gradients(program, flat, inputs, initial, engine)
    assert_near(found, differences(program, flat, inputs, initial), 1e-6)


@settings(max_examples=100, deadline=None)
@given(equations(), st.sampled_from(DTYPES), st.integers(1, 20), st.integers(0, 2**31))
def test_the_interpreters_pass_the_same_back(text: str, dtype: Any, hidden: int, seed: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden)
    except LanguageError:
        assume(False)
    flat, inputs = parameters(program, dtype, seed), series(program, 1, dtype, seed)
    ran = run_pass(program, flat, inputs, program.initial_states(flat), "numpy")
    adjoints = []
    for engine in ENGINES.values():
        assert ran.rows is not None
        adjoint, gradient = np.ones_like(ran.rows), np.zeros_like(flat)
        engine.backprop(program, flat, ran.rows, adjoint, gradient, 0, 1)
        adjoints.append(np.concatenate([adjoint.ravel(), gradient]))
    theirs, ours = adjoints
    usual = np.isfinite(theirs)
    assume(usual.all() and np.abs(theirs).max() < 1e6)
    np.testing.assert_allclose(
        ours, theirs, rtol=0, atol=1e4 * np.finfo(dtype).eps * max(1.0, float(np.abs(theirs).max()))
    )
