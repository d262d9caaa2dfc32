"""The derivative of every op there is, in the NumPy table and in the compiled kernels, against central differences.

Parametrised over the registry: an op without a domain in `DOMAINS` fails by existing. The differences are taken of
the forward values alone, and those of an op are compared with plain formulas elsewhere, so that a derivative that is
wrong in both places is found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from made_programs import ENGINES, page

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import OPS, STEPS_OPS, StepsOp
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.language.cell import parse_cell
from lstm_tui.engine.runtime.storage import backprop_pass, run_pass

STEP = 1e-6
UNITS = 5
Draw = Callable[[np.random.Generator], tuple[Array, ...]]


def _away(random: np.random.Generator, *kinks: float) -> Array:
    """Return numbers between -3 and 3 that lie at least 0.05 from every kink."""
    numbers = random.uniform(-3, 3, size=400)
    apart = np.min([np.abs(numbers - kink) for kink in (*kinks, np.inf)], axis=0)
    return np.asarray(numbers[apart > 0.05][:UNITS])


def _plain(count: int) -> Draw:
    return lambda random: tuple(_away(random) for _ in range(count))


def _positive(random: np.random.Generator) -> tuple[Array, ...]:
    return (np.abs(_away(random, 0.0)) + 0.1,)


def _apart(random: np.random.Generator) -> tuple[Array, ...]:
    """Return two vectors of which either is the larger somewhere, never by less than 0.05."""
    one = _away(random)
    by = np.array([0.5, -0.5, 1.5, -0.06, 0.06])
    return one, one + random.permutation(by)


def _limits(random: np.random.Generator) -> tuple[Array, ...]:
    """Return a value below, between and above its limits, and limits in the wrong order."""
    low, high = np.array([-1.0, -1, -1, 1, 1]), np.array([1.0, 1, 1, -1, -1])
    value = np.array([-2.0, 0.3, 2.0, 0.2, 2.5]) + random.uniform(-0.1, 0.1, UNITS)
    order = random.permutation(UNITS)
    return (
        value[order],
        (low + random.uniform(-0.1, 0.1, UNITS))[order],
        (high + random.uniform(-0.1, 0.1, UNITS))[order],
    )


def _divisor(random: np.random.Generator) -> tuple[Array, ...]:
    return _away(random), _away(random, 0.0)


DOMAINS: dict[str, Draw] = {
    "copy": _plain(1), "neg": _plain(1), "add": _plain(2), "sub": _plain(2), "mul": _plain(2), "div": _divisor,
    "sigmoid": _plain(1), "tanh": _plain(1), "exp": _plain(1), "softplus": _plain(1), "layernorm": _plain(1),
    "softmax": _plain(1), "dot": _plain(2), "sum": _plain(1), "mean": _plain(1), "matvec": _plain(1),
    "relu": lambda random: (_away(random, 0.0),), "abs": lambda random: (_away(random, 0.0),),
    "step": lambda random: (_away(random, 0.0),), "log": _positive, "sqrt": _positive,
    "max": _apart, "min": _apart, "clip": _limits, "hold": _plain(1),
    "every": lambda random: (random.integers(1, 4, size=UNITS).astype(np.float64) + 0.4,),
}  # fmt: skip
"""What each op is tried on: inside its domain, and away from kinks by more than the step of a difference."""

FORMS = {
    "copy": "{0}", "neg": "-{0}", "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}",
    "matvec": "W_1 @ (1 * {0})", "hold": "{0}",
}  # fmt: skip
"""How ops are written that are not called by name."""
MODES = np.array([0.0, 1.0, 2.0, 0.0, 2.0])  # of `hold`: free, set, scaled


def program_for(op: str) -> tuple[Program, list[str]]:
    """Return a program whose value v is one op of vector parameters, and their names."""
    names = ["b_1", "b_2", "b_3"][: 1 if op == "hold" else OPS[op].arity]
    form = FORMS.get(op) or f"{op}({', '.join(f'{{{n}}}' for n in range(len(names)))})"
    cell = parse_cell(page(f"v = {form.format(*names)}\nh = 0.5 * v + 0 * (W_x @ x)"), "made")
    program = compile_cell(cell, 2, UNITS, held=["v"] if op == "hold" else [])
    assert op in {one.op.name for one in program.instructions}
    return program, names


def given(op: str, seed: int) -> tuple[Program, Array, dict[str, Array], list[str]]:
    program, names = program_for(op)
    random = np.random.default_rng(seed)
    flat = program.empty(np.float64)
    for name in program.parameters:
        view = program.view(flat, name)
        view[...] = random.normal(size=view.shape)
    for name, numbers in zip(names, DOMAINS[op](random), strict=True):
        view = program.view(flat, name)
        assert view.shape == numbers.shape, (op, name)
        view[...] = numbers
    inputs = {name: np.zeros((1, slot.size)) for name, slot in program.inputs.items()}
    if op == "hold":
        inputs["v mode"][0], inputs["v number"][0] = MODES, random.normal(size=UNITS)
    return program, flat, inputs, names


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("op", OPS)
def test_a_derivative_is_that_of_central_differences(op: str, engine: str, seed: int) -> None:
    program, flat, inputs, names = given(op, seed)
    start = program.initial_states(flat)
    counts = np.random.default_rng(seed + 100).normal(size=program.values["v"].size)

    def loss() -> float:
        return float((run_pass(program, flat, inputs, start, engine).values["v"][0] * counts).sum())

    gradient, _, _ = backprop_pass(run_pass(program, flat, inputs, start, engine), {"v": counts[None]})
    asked = [*names, "W_1"] if op == "matvec" else names
    for name in asked:
        view = program.view(flat, name)
        expected = np.zeros(view.shape)
        for place in np.ndindex(view.shape):
            before = view[place]
            view[place] = before + STEP
            above = loss()
            view[place] = before - STEP
            expected[place] = (above - loss()) / (2 * STEP)
            view[place] = before
        np.testing.assert_allclose(program.view(gradient, name), expected, rtol=1e-6, atol=1e-7, err_msg=name)


def test_every_op_has_a_domain_that_reaches_all_its_branches() -> None:
    assert set(DOMAINS) == set(OPS)
    for op, kinks in {"relu": [0.0], "abs": [0.0], "step": [0.0]}.items():
        for seed in range(3):
            (numbers,) = DOMAINS[op](np.random.default_rng(seed))
            assert {bool(n > kinks[0]) for n in numbers} == {True, False}


@pytest.mark.parametrize("op", STEPS_OPS.values(), ids=STEPS_OPS)
def test_a_derivative_over_the_steps_is_that_of_central_differences(op: StepsOp) -> None:
    random = np.random.default_rng(3)
    a = random.permutation(np.linspace(-2, 2, 12)).reshape(4, 3)  # no two alike, so that the largest is one
    counts = random.normal(size=op.forward(a).shape)
    found = op.backward(counts, op.forward(a), a)
    expected = np.zeros_like(a)
    for place in np.ndindex(a.shape):
        above, below = a.copy(), a.copy()
        above[place] += STEP
        below[place] -= STEP
        expected[place] = ((op.forward(above) - op.forward(below)) * counts).sum() / (2 * STEP)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
