"""float32 `exp`, `tanh` and `sigmoid` of the compiled step and of the table, in units of the last place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from made_programs import program_of

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime import kernels
from lstm_tui.engine.runtime.fused import interpreter as fused

FINITE = 3_000_017


def every_kind_of_number() -> Array:
    """Return float32 numbers of every sign and exponent, spread evenly over their bits, denormals included."""
    bits = np.arange(0, 2**32, 2**32 // FINITE, dtype=np.uint64).astype(np.uint32)
    return bits.view(np.float32)


def computed(function: str, a: Array) -> Array:
    program = program_of(f"h = {function}(x)", len(a), len(a))
    rows = np.empty((2, program.width), np.float32)
    slot = program.inputs["x"]
    rows[1, slot.offset : slot.offset + slot.size] = a
    slot = program.values["h"]
    found = []
    for engine in (fused, kernels):
        engine.run(program, program.empty(np.float32), rows, 0, 1)
        found.append(rows[1, slot.offset : slot.offset + slot.size].copy())
    compiled, table = found
    assert np.array_equal(np.nan_to_num(compiled, nan=7).view(np.int32), np.nan_to_num(table, nan=7).view(np.int32))
    return compiled


def exact_sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, 1, small) / (1 + small))


@pytest.mark.parametrize(
    ("function", "exact", "most"),
    [("exp", np.exp, 1.1), ("tanh", np.tanh, 2.0), ("sigmoid", exact_sigmoid, 2.5)],
)
def test_error_in_units_of_the_last_place(function: str, exact: Callable[[Array], Array], most: float) -> None:
    a = every_kind_of_number()
    dense = np.linspace(-110, 110, 1_000_003, dtype=np.float32)
    near = np.linspace(-2, 2, 1_000_003, dtype=np.float32)
    for numbers in (a, dense, near):
        with np.errstate(all="ignore"):
            want = exact(numbers.astype(np.float64))
            rounded = want.astype(np.float32)
        got = computed(function, numbers)
        assert np.array_equal(np.isnan(got), np.isnan(rounded))
        edge = np.finfo(np.float32).max
        assert (np.isinf(got) == np.isinf(rounded))[~(np.abs(rounded) > 0.9999 * edge)].all()
        usual = np.isfinite(rounded) & np.isfinite(got)
        units = np.abs(got[usual] - want[usual]) / np.spacing(np.abs(rounded[usual])).astype(np.float64)
        worst = int(units.argmax())
        assert units[worst] <= most, (units[worst], numbers[usual][worst], got[usual][worst], want[usual][worst])


def test_special_numbers() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 200, -200, -103.5], np.float32)
    for function, exact in (("exp", np.exp), ("tanh", np.tanh), ("sigmoid", exact_sigmoid)):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(computed(function, special), exact(special), rtol=3e-7, err_msg=function)
    assert np.signbit(computed("tanh", np.array([-0.0], np.float32))[0])
    assert computed("exp", np.array([-103.5], np.float32))[0] == np.float32(1e-45)


def test_tanh_keeps_small_numbers() -> None:
    a = np.geomspace(1e-30, 0.1, 10_001).astype(np.float32)
    got = computed("tanh", a)
    assert (np.abs(got - np.tanh(a.astype(np.float64))) <= 1.5 * np.spacing(got)).all()


def test_float64_takes_the_library_s_functions() -> None:
    a = np.linspace(-30, 30, 1001)
    for function, exact in (("exp", np.exp), ("tanh", np.tanh), ("sigmoid", exact_sigmoid)):
        program = program_of(f"h = {function}(x)", len(a), len(a))
        rows = np.zeros((2, program.width))
        rows[1, : len(a)] = a
        fused.run(program, program.empty(np.float64), rows, 0, 1)
        slot = program.values["h"]
        np.testing.assert_allclose(rows[1, slot.offset : slot.offset + slot.size], exact(a), rtol=1e-15)
