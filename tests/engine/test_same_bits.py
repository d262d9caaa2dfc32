"""What is stepped is what runs: however a step is reached, it has the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, ENGINES, bundled, equations, page, parameters, rows_of, series
from registries import DOUBLE_IS_SLOW

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, parse_cell
from lstm_tui.engine.runtime import kernels, reference, storage
from lstm_tui.engine.runtime.blocked_product import BLOCK, blocked_product

STEPS = 150  # more than two blocks of hoisted products


def assert_same_bits(got: Array, want: Array, how: str) -> None:
    """Compare numbers as bits; one NaN is as good as another."""
    number = np.int32 if want.dtype == np.float32 else np.int64
    same = (np.ascontiguousarray(got).view(number) == np.ascontiguousarray(want).view(number)) | (
        np.isnan(got) & np.isnan(want)
    )
    assert same.all(), f"{how}: other bits at {np.argwhere(~same)[:5].tolist()}"


def step_by_op(program: Program, flat: Array, rows: Array, step: int, engine: str) -> None:
    """Take one step an op at a time, with ordinary parameters and no packing."""
    for number, one in enumerate(program.instructions):
        if one.hoisted:
            continue
        if engine == "numba":
            kernels.run_ops(program, flat, rows, step, number, number + 1)
        else:
            with np.errstate(all="ignore"):
                reference.execute(program, one, flat, rows, step)


def assert_all_ways_agree(program: Program, flat: Array, inputs: dict[str, Array], engine: str) -> None:
    """Compare a run in bulk with op by op, resumed, in pieces and in windows."""
    steps = len(inputs["x"])
    take = ENGINES[engine].run
    bulk = rows_of(program, flat, inputs, engine)
    initial = program.initial_states(flat)

    rows = storage.prepare(program, flat, inputs, initial, 0, steps)
    for step in range(min(steps, 12)):
        step_by_op(program, flat, rows, step, engine)
    assert_same_bits(rows[1:13], bulk[1:13], "op by op")
    take(program, flat, rows, min(steps, 12), steps)
    assert_same_bits(rows[1:], bulk[1:], "resumed")

    rows = storage.prepare(program, flat, inputs, initial, 0, steps)
    for step in range(steps):
        take(program, flat, rows, step, step + 1)
    assert_same_bits(rows[1:], bulk[1:], "step by step")

    for start, stop in ((0, 1), (1, 9), (63, 66), (64, 128), (100, steps)):
        if start >= stop or stop > steps:
            continue
        state = {
            name: bulk[start, slot.offset : slot.offset + slot.size]
            for name, slot in program.values.items()
            if name in initial
        }
        rows = storage.prepare(program, flat, inputs, state if start else initial, start, stop)
        take(program, flat, rows, 0, stop - start, clock=start)
        assert_same_bits(rows[1:], bulk[start + 1 : stop + 1], f"window {start}-{stop}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("name", cell_names())
def test_every_cell_has_the_same_bits_however_a_step_is_reached(name: str, dtype: Any, engine: str) -> None:
    program = bundled(name, 7, 5)
    assert_all_ways_agree(program, parameters(program, dtype), series(program, STEPS, dtype), engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [1, 2, 3, 4, 8, 9, 15, 16, 17, 31, 33, 37, 64, 65, 100, 129])
def test_packing_and_odd_sizes_change_no_bit(hidden: int, dtype: Any, engine: str) -> None:
    program = bundled("lstm", hidden, hidden + 1)
    assert_all_ways_agree(program, parameters(program, dtype), series(program, 70, dtype), engine)


@settings(max_examples=60, deadline=None)
@given(
    equations(), st.sampled_from(DTYPES), st.sampled_from(sorted(ENGINES)), st.integers(1, 40), st.integers(0, 2**31)
)
def test_random_programs_have_the_same_bits(text: str, dtype: Any, engine: str, hidden: int, seed: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden)
    except LanguageError:
        assume(False)
    inputs = series(program, 70, dtype, seed)
    inputs["x"][30, 1] = np.nan
    assert_all_ways_agree(program, parameters(program, dtype, seed), inputs, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_run_kept_whole_and_one_kept_in_windows_agree(
    dtype: Any, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = bundled("clockwork", 6)
    flat, inputs = parameters(program, dtype), series(program, 300, dtype)
    whole = storage.run_pass(program, flat, inputs, program.initial_states(flat), engine)
    monkeypatch.setattr(storage, "KEEP_ROWS_BYTES", 0)
    monkeypatch.setattr(storage, "WINDOW", 128)
    pieces = storage.run_pass(program, flat, inputs, program.initial_states(flat), engine)
    assert whole.rows is not None
    assert pieces.rows is None
    for name in program.values:
        assert_same_bits(pieces.values[name], whole.values[name], name)
    assert_same_bits(pieces.window(130, 150)[1:], whole.rows[131:151], "window")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_written_in_place_has_the_bits_of_one_that_is_copied(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    for inner, width in ((1, 1), (1, 7), (3, 1), (5, 28), (31, 33), (64, 256), (129, 20)):
        series_, block = rng.normal(size=(130, inner)).astype(dtype), rng.normal(size=(inner, width)).astype(dtype)
        room = np.empty((130, 3 * width + 5), dtype)
        blocked_product(series_, block, out=room[:, 2 : 2 + width])
        assert_same_bits(room[:, 2 : 2 + width], blocked_product(series_, block), "in place")
        assert_same_bits(room[70:75, 2 : 2 + width], blocked_product(series_, block, 70, 75), "part")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_of_any_part_has_the_bits_of_the_whole(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    series_, block = rng.normal(size=(2 * BLOCK + 3, 5)).astype(dtype), rng.normal(size=(5, 7)).astype(dtype)
    whole = blocked_product(series_, block)
    places = sorted({*range(0, len(series_) + 1, 9), *(n * BLOCK + by for n in range(3) for by in (-1, 0, 1, 2))})
    for start in places[1:]:
        for stop in (one for one in places if start <= one <= len(series_)):
            for end in {stop, max(2 * BLOCK - start, start), max(BLOCK - start, start)}:
                assert_same_bits(blocked_product(series_, block, start, end), whole[start:end], f"{start}:{end}")
