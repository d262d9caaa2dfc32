"""The compiled step computes the bits of the table interpreter: every op, every cell, odd sizes, holds and hosts."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, ENGINES, bundled, equations, page, parameters, program_of, rows_of, series
from present import present
from registries import sampled
from test_every_op_gradient import FORMS
from test_same_bits import assert_same_bits

import lstm_tui
from lstm_tui.engine import setbacks
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import SpareMemory, Workspace
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import OPS, Code
from lstm_tui.engine.compiler.program import Program, Space, held_inputs
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, parse_cell
from lstm_tui.engine.runtime import kernels, storage
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.engine.runtime.fused import compiled_steps, host, interpreter, named_step
from lstm_tui.engine.runtime.fused.backward_step import WHOLE_BACK
from lstm_tui.engine.runtime.fused.compiled_steps import Step, StepBack
from lstm_tui.engine.runtime.fused.derivatives import DERIVATIVES
from lstm_tui.engine.runtime.fused.forward_step import WHOLE, write_step
from lstm_tui.engine.runtime.fused.named_step import NamedStep
from lstm_tui.engine.runtime.fused.products import PANEL, lanes_for, pack, packed_rows, panels_of
from lstm_tui.engine.runtime.fused.schedule import page_of, schedule
from lstm_tui.engine.runtime.fused.vector_functions import ELEMENTWISE
from lstm_tui.engine.runtime.storage import backprop_pass, prepare, run_pass

STEPS = 9
SIZES = (1, 3, 7, 8, 16, 33, 64, 130)


@pytest.fixture(autouse=True)
def compiled_here() -> None:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")


def both(program: Program, dtype: Any, seed: int = 0, steps: int = STEPS) -> tuple[Array, Array]:
    """Return every slot by the compiled step and by the table, from the same inputs and products."""
    flat, inputs = parameters(program, dtype, seed), series(program, steps, dtype, seed)
    for name in inputs:
        if name.endswith(" mode"):
            inputs[name][:] = np.random.default_rng(seed).integers(0, 3, inputs[name].shape)
    rows = []
    for engine in (interpreter, kernels):
        made = prepare(program, flat, inputs, program.initial_states(flat), 0, steps, "numba")
        engine.run(program, flat, made, 0, steps, 3)
        rows.append(made[1:])
    return rows[0], rows[1]


def assert_compiled_as_the_table(program: Program, dtype: Any, seed: int = 0) -> None:
    assert interpreter.compiled(program, np.dtype(dtype), Step) is not None
    assert_same_bits(*both(program, dtype, seed), "compiled and table")


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_every_op_is_lowered(op: Any) -> None:
    assert (op.code in ELEMENTWISE or op.code == Code.EVERY) == op.elementwise
    assert (op.code in WHOLE or op.code == Code.MATVEC) == (not op.elementwise)


DOUBLE_IS_SLOW = [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
"""Each cell is compiled again for the second, and sizes, ops and random pages are tried in both by other tests."""


@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("name", cell_names())
def test_every_cell(name: str, dtype: Any) -> None:
    for hidden in (1, 7, 16, 33):
        assert_compiled_as_the_table(bundled(name, hidden, 5), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", SIZES)
def test_every_size(hidden: int, dtype: Any) -> None:
    for name in ("lstm", "layernorm_lstm"):
        assert_compiled_as_the_table(bundled(name, hidden, hidden + 1), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [8, 33, 67, 149])
def test_a_run_too_short_for_its_matrices_to_be_packed(hidden: int, dtype: Any) -> None:
    """They are read where they lie, also where the last vector repeats rows before it."""
    program = bundled("lstm", hidden, hidden + 1)
    for steps in (1, 2, 3):
        assert_same_bits(*both(program, dtype, steps=steps), f"{steps} steps")


@settings(max_examples=40, deadline=None)
@given(equations(), st.sampled_from(DTYPES), st.integers(1, 40), st.integers(0, 2**31))
def test_random_pages_with_everything_held(text: str, dtype: Any, hidden: int, seed: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden, held=["h", "c"])
    except LanguageError:
        assume(False)
    assert held_inputs("h")[0] in program.inputs
    assert_compiled_as_the_table(program, dtype, seed)


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.arity > 1 and op.name != "hold"])
def test_one_number_beside_a_vector_in_every_place(name: str) -> None:
    """Forwards and back, by the compiled step, by the table and by NumPy."""
    lines = []
    for n, operands in enumerate(product(("x", "mean(x)"), repeat=OPS[name].arity)):
        form = FORMS.get(name) or f"{name}({', '.join(f'{{{k}}}' for k in range(len(operands)))})"
        lines.append(f"v{n} = {form.format(*operands)}")
    whole = " + ".join(line.partition(" ")[0] for line in lines)
    program = program_of("\n".join([*lines, f"h = x + {whole}"]), 5, 5)
    assert_compiled_as_the_table(program, np.float64)
    assert_passed_back_alike(program, np.float64)
    flat, inputs = parameters(program, np.float64), series(program, STEPS, np.float64)
    one, other = (rows_of(program, flat, inputs, engine) for engine in ENGINES)
    np.testing.assert_allclose(one[1:], other[1:], rtol=1e-12)


@pytest.mark.parametrize("op", [op.name for op in OPS.values() if op.arity == 1 and op.name not in ("hold", "matvec")])
@pytest.mark.parametrize("dtype", DTYPES)
def test_special_numbers(op: str, dtype: Any) -> None:
    form = {"copy": "concat(x, x)", "neg": "-x", "every": "every(x)"}.get(op, f"{op}(x)")
    special = [0.0, -0.0, 1, -1, math.inf, -math.inf, math.nan, 1e-40, -1e-40, 3e38, -3e38, 88.7, -103.9, 0.3, -7.5, 2]
    program = program_of(f"v = {form}\nh = v", len(special), len(special) * (2 if op == "copy" else 1))
    flat = parameters(program, dtype)
    inputs = {"x": np.array([special, special[::-1], np.abs(special)]).astype(dtype)}
    rows = []
    for engine in (interpreter, kernels):
        made = prepare(program, flat, inputs, program.initial_states(flat), 0, 3, "numba")
        engine.run(program, flat, made, 0, 3)
        rows.append(made[1:])
    assert_same_bits(rows[0], rows[1], op)


@pytest.mark.parametrize("vector", [16, 32, 64])
def test_the_width_of_a_vector_changes_no_bit(vector: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = host.host()
    if vector > here.vector_bytes:
        pytest.skip("this processor has narrower vectors")
    for dtype in DTYPES:
        block, x = np.random.default_rng(1).normal(size=(2, 37, 37)).astype(dtype)
        want = interpreter.product(x, block)
        with monkeypatch.context() as narrow:
            narrow.setattr(compiled_steps, "host", lambda: host.Host(here.name, here.features, vector, here.fused))
            assert_same_bits(interpreter.product(x, block), want, "product")
            for name, hidden in (("lstm", 33), ("layernorm_lstm", 16), ("gru", 5)):
                assert_compiled_as_the_table(bundled(name, hidden, 5), dtype)
                assert_same_values(bundled(name, hidden, 5), dtype)


# --- named values alone ---


def assert_same_values(program: Program, dtype: Any, seed: int = 0, count: int = STEPS) -> None:
    flat, inputs = parameters(program, dtype, seed), series(program, count, dtype, seed)
    inputs.pop(list(inputs)[-1]) if len(inputs) > 1 else None  # what is not given is 0
    state = program.initial_states(flat)
    assert interpreter.compiled(program, np.dtype(dtype), NamedStep) is not None
    seen: list[tuple[int, int]] = []
    values = interpreter.named_values(program, flat, inputs, state, lambda *done: seen.append(done))
    assert values is not None
    assert seen[-1] == (count, count)
    rows = prepare(program, flat, inputs, state, 0, count, "numba")
    interpreter.run(program, flat, rows, 0, count, program.clock)
    for name, slot in program.values.items():
        assert_same_bits(values[name], rows[1:, slot.offset : slot.offset + slot.size], name)


@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("name", sampled(cell_names(), 2))
def test_every_cell_keeps_its_values_alone(name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_step, "_GIVEN_BYTES", 0)
    monkeypatch.setattr(named_step, "_GIVEN_STEPS", 48)
    for hidden, count in ((1, 1), (7, 100), (33, 49)):
        assert_same_values(bundled(name, hidden, 5), dtype, count=count)


@settings(max_examples=60, deadline=None)
@given(equations(), st.sampled_from(DTYPES), st.integers(1, 40), st.integers(0, 2**31), st.booleans())
def test_random_pages_keep_their_values_alone(text: str, dtype: Any, hidden: int, seed: int, held: bool) -> None:
    try:
        cell = parse_cell(page(text, ("h", "c")), "made")
        program = compile_cell(cell, 3, hidden, held=["h", "c"] if held else [])
    except LanguageError:
        assume(False)
    assert_same_values(program, dtype, seed)


def test_a_short_run_keeps_its_rows_and_a_long_one_computes_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    program = bundled("lstm_peephole", 7, 5)
    flat, inputs = parameters(program, np.float32), series(program, 60, np.float32)
    short = run_pass(program, flat, inputs, program.initial_states(flat), "numba")
    monkeypatch.setattr(storage, "NAMED_BYTES", 0)
    asked = run_pass(program, flat, inputs, program.initial_states(flat), "numba", keep_rows=True)
    long = run_pass(program, flat, inputs, program.initial_states(flat), "numba")
    assert long.kept is None
    assert asked.kept is not None
    want = present(short.kept)
    assert_same_bits(long.window(20, 31)[1:], want[21:32], "window")
    outside = {"h": np.ones((60, 7), np.float32)}
    found, wanted = backprop_pass(long, outside), backprop_pass(short, outside)
    assert_same_bits(found[0], wanted[0], "gradient by parameters")
    assert_same_bits(found[1]["x"], wanted[1]["x"], "gradient by the input")
    assert_same_bits(found[2][1:], wanted[2][1:], "gradient by slots")
    assert_same_bits(present(long.rows)[1:], want[1:], "rows")
    assert_same_bits(asked.kept[1:], want[1:], "kept")


def test_values_that_are_products_are_kept_too() -> None:
    for text in ("a = W_a @ x\nb = W_b @ x\nh = a + b", "a = U_a @ h\nb = U_b @ h\nh = tanh(part(concat(a, b), 1, 2))"):
        for hidden in (1, 5, 16):
            assert_same_values(program_of(text, 3, hidden), np.float32)


# --- backwards ---


def assert_passed_back_alike(program: Program, dtype: Any, seed: int = 0, is_wild: bool = False) -> None:
    """Compare what goes back with the table, to what sums in another order may be off."""
    flat, inputs = parameters(program, dtype, seed, 0.4), series(program, STEPS, dtype, seed)
    rows = prepare(program, flat, inputs, program.initial_states(flat), 0, STEPS, "numba")
    interpreter.run(program, flat, rows, 0, STEPS)
    rows[0] = 0.25  # nobody's state is infinite
    outside = np.random.default_rng(seed).normal(size=rows.shape).astype(dtype)
    found = []
    assert interpreter.compiled(program, np.dtype(dtype), StepBack) is not None
    for engine in (interpreter, kernels):
        adjoint, gradient = outside.copy(), np.zeros_like(flat)
        engine.backprop(program, flat, rows, adjoint, gradient, 2, STEPS)
        found.append(np.concatenate([adjoint.ravel(), gradient]))
    if is_wild:
        assume(bool(np.isfinite(found[1]).all() and np.abs(found[1]).max() < 1e6))
    room = 1e4 * np.finfo(dtype).eps * max(1.0, float(np.abs(found[1]).max()))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=room)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_every_op_is_lowered_backwards(op: Any) -> None:
    assert (op.code in DERIVATIVES) == op.elementwise
    assert (op.code in WHOLE_BACK or op.code == Code.MATVEC) == (not op.elementwise)


@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("name", cell_names())
def test_every_cell_backwards(name: str, dtype: Any) -> None:
    for hidden in (1, 7, 33):
        assert_passed_back_alike(bundled(name, hidden, 5), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", SIZES)
def test_every_size_backwards(hidden: int, dtype: Any) -> None:
    for name in ("lstm", "layernorm_lstm"):
        assert_passed_back_alike(bundled(name, hidden, hidden + 1), dtype)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(equations(), st.integers(1, 40), st.integers(0, 2**31))
def test_random_pages_backwards(text: str, hidden: int, seed: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden)
    except LanguageError:
        assume(False)
    assert_passed_back_alike(program, np.float64, seed, is_wild=True)


def test_what_goes_back_elsewhere_is_refused() -> None:
    program = bundled("lstm", 4)
    flat, inputs = parameters(program, np.float32), series(program, 3, np.float32)
    rows = prepare(program, flat, inputs, program.initial_states(flat), 0, 3)
    for adjoint, gradient in (
        (np.zeros_like(rows)[:-1], np.zeros_like(flat)),
        (np.zeros_like(rows), np.zeros_like(flat)[:-1]),
        (np.zeros_like(rows, dtype=np.float64), np.zeros_like(flat, dtype=np.float64)),
        (np.asfortranarray(np.zeros_like(rows)), np.zeros_like(flat)),
        (np.zeros_like(rows), np.zeros(2 * len(flat), np.float32)[::2]),
    ):
        with pytest.raises(ValueError, match=r"contiguous|another program|laid out"):
            interpreter.backprop(program, flat, rows, adjoint, gradient, 0, 3)


# --- the schedule ---


def alone(program: Program) -> Iterator[tuple[int, Any]]:
    for n, together in enumerate(schedule(page_of(program).takes)):
        for take in together.takes:
            yield n, take


@settings(max_examples=60, deadline=None)
@given(equations(), st.integers(1, 9))
def test_everything_is_taken_once_and_after_what_it_reads(text: str, hidden: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden)
    except LanguageError:
        assume(False)
    found = list(alone(program))
    assert sorted(take for _, take in found) == sorted(page_of(program).takes)
    written: dict[int, int] = {}  # number of a slot to the place at which it is written
    order: dict[int, Any] = {}
    for place, (_, take) in enumerate(found):
        for slot in range(take.offset, take.offset + take.size):
            assert slot not in written, "nothing is written twice"
            written[slot] = place
            order[slot] = take
    for place, (loop, take) in enumerate(found):
        for read in take.reads:
            if read.space != Space.CURRENT:
                continue
            for slot in range(read.offset, read.offset + read.size):
                assert written.get(slot, -1) < place
                other = order.get(slot)
                if other is not None and found[written[slot]][0] == loop:
                    assert (other.offset, other.size) == (read.offset, read.size), "in one loop only unit by unit"


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
def test_panels_hold_every_row(width: int) -> None:
    for rows in range(width, 40 * width):
        found: list[int] = []
        for panels in panels_of(rows, width):
            assert 1 <= len(panels.starts) <= PANEL
            wide = len(panels.starts) * width
            for number in range(panels.many):
                assert panels.packed + number * wide == len(found)
                for start in panels.starts:
                    found += range(start + number * wide, start + number * wide + width)
        assert set(found) == set(range(rows))
        assert len(found) == packed_rows(rows, width)
        block = np.arange(3 * rows, dtype=np.float32).reshape(3, rows)
        out = np.full(3 * len(found), -1, np.float32)
        pack(block, width, out)
        assert set(out) == set(block.ravel())


def test_lanes_are_a_power_of_two_and_no_more_than_there_are() -> None:
    for size in range(1, 200):
        lanes = lanes_for(size, 16)
        assert lanes & (lanes - 1) == 0
        assert lanes <= min(size, 16) < 2 * lanes or lanes == 16


# --- products ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_many_rows_are_added_up_in_the_order_of_the_row(dtype: Any) -> None:
    random = np.random.default_rng(0)
    for count, inner, rows in ((1, 1, 1), (7, 3, 5), (13, 5, 64), (6, 9, 33), (5, 4, 65), (8, 7, 130), (2, 0, 3)):
        x, block = random.normal(size=(count, inner)).astype(dtype), random.normal(size=(inner, rows)).astype(dtype)
        room = np.full((count, rows + 9), 7, dtype)
        interpreter.product(x, block, out=room[:, 3 : 3 + rows])
        want = np.zeros((count, rows))
        for k in range(inner):  # longdouble holds a product of float32 and its sum nearly enough to round once
            exact = x[:, k, None].astype(np.longdouble) * block[k].astype(np.longdouble) + want
            want = exact.astype(dtype).astype(np.float64)
        got = room[:, 3 : 3 + rows]
        if host.host().fused and dtype == np.float32:
            assert_same_bits(got, want.astype(dtype), "in order")
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
        assert (room[:, :3] == 7).all()
        assert (room[:, 3 + rows :] == 7).all()
        for start in range(count):
            assert_same_bits(interpreter.product(x, block, start, count), got[start:], "part")
        turned = np.asfortranarray(x), np.asfortranarray(block)
        assert_same_bits(interpreter.product(*turned), got, "another layout")


def test_a_hoisted_product_has_the_bits_of_one_that_is_not() -> None:
    """`1 · x` is computed in the step, so that its product is taken there."""
    for inputs, hidden in ((3, 5), (70, 33), (129, 64)):
        text = "a = W_a @ x\nb = W_b @ (1 * x)\nh = a + b"
        program = program_of(text, inputs, hidden)
        flat = parameters(program, np.float32)
        program.view(flat, "W_b")[...] = program.view(flat, "W_a")
        given_ = series(program, 70, np.float32)
        rows = prepare(program, flat, given_, program.initial_states(flat), 0, 70, "numba")
        interpreter.run(program, flat, rows, 0, 70)
        a, b = (rows[1:, s.offset : s.offset + s.size] for s in (program.values["a"], program.values["b"]))
        assert_same_bits(a, b, "hoisted")


# --- what cannot be compiled, and who asks ---


def test_a_page_that_is_too_large_is_interpreted_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "MOST_WORK", 3)
    said: list[str] = []
    program = bundled("lstm", 4)
    with setbacks.told_by(said.append):
        compiled, table = both(program, np.float32)
    assert_same_bits(compiled, table, "interpreted")
    assert len(said) == 1
    assert "operations a token, 1 of them over all units, are too many to be compiled" in said[0]


def test_where_nothing_is_to_be_compiled_only_what_is_compiled_is_had() -> None:
    program, float32 = program_of("h = tanh(x) * 0.618", 3, 3), np.dtype(np.float32)
    with nothing_compiled(), pytest.raises(StillToCompile):
        interpreter.compiled(program, float32, Step)
    made = present(interpreter.compiled(program, float32, Step))
    with nothing_compiled():
        assert interpreter.compiled(program, float32, Step) is made


def test_where_llvm_fails_the_table_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Any:
        raise RuntimeError("no such target")

    monkeypatch.setattr(compiled_steps, "write_step", fails)
    compiled_steps.NEWEST.clear()
    said: list[str] = []
    with setbacks.told_by(said.append):
        assert_same_bits(*both(bundled("lstm", 4), np.float32), "interpreted")
    assert said == ["the compiled step cannot be used (no such target): going on without it"]


def test_an_unresolved_function_is_an_error_and_no_end_of_the_process() -> None:
    with pytest.raises(LookupError, match="no such_function"):
        host.Compiled("declare float @such_function(float)", ["such_function"])


def test_rows_and_parameters_of_another_program_are_refused() -> None:
    program, other = bundled("lstm", 4), bundled("gru", 5)
    flat, inputs = parameters(program, np.float32), series(program, 3, np.float32)
    rows = prepare(program, flat, inputs, program.initial_states(flat), 0, 3)
    for of, weights in ((other, flat), (program, flat.astype(np.float64)), (program, flat[:-1])):
        with pytest.raises(ValueError, match=r"another program|cannot be run with parameters of"):
            interpreter.run(of, weights, rows, 0, 3)


def test_programs_are_compiled_once_and_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    write = write_step

    def counted(*arguments: Any) -> None:
        made.append(1)
        write(*arguments)

    monkeypatch.setattr(compiled_steps, "write_step", counted)
    compiled_steps.NEWEST.clear()
    monkeypatch.setattr(compiled_steps, "_KEPT", 2)
    for hidden in (3, 3, 4, 3, 5, 3):
        interpreter.compiled(bundled("rnn", hidden), np.dtype(np.float32), Step)
    assert len(made) == 3
    assert len(compiled_steps.NEWEST) == 2


def test_memory_that_is_used_again_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of all sizes one after another, one inside another and at once have the bits that each has alone."""
    monkeypatch.setattr(storage, "NAMED_BYTES", 0)
    cases = []
    for hidden in (40, 7, 24, 64):
        program = bundled("lstm", hidden, 5)
        flat, inputs = parameters(program, np.float32, hidden), series(program, 300, np.float32, hidden)
        cases.append((program, flat, inputs, program.initial_states(flat)))

    def values(number: int, told: Any = None) -> Array:
        ran = run_pass(*cases[number], "numba", told)
        return np.concatenate([ran.values[name] for name in sorted(ran.values)], axis=1)

    monkeypatch.setattr(named_step, "SPARE", SpareMemory(0, 0))
    alone = [values(n) for n in range(len(cases))]
    spare = SpareMemory(2, 2**30)
    monkeypatch.setattr(named_step, "SPARE", spare)
    for number in (0, 1, 0, 3, 2, 3, 1):
        assert_same_bits(values(number), alone[number], "one after another")
    inner: list[Array] = []
    assert_same_bits(values(0, lambda *_: inner.append(values(3))), alone[0], "around another")
    assert inner
    for found in inner:
        assert_same_bits(found, alone[3], "inside another")
    made: dict[int, Array] = {}
    threads = [threading.Thread(target=lambda n=n: made.update({n: values(n)})) for n in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        assert_same_bits(made[number], expected, "at once")


def test_spare_memory_is_lent_to_one_and_kept_up_to_a_size() -> None:
    spare = SpareMemory(1, 2**20)
    one, other = spare.take(), spare.take()
    assert one is not other
    first = one.take((1000,), np.float32)
    spare.give_back(one)
    spare.give_back(other)
    again = spare.take()
    assert again is one
    assert again.take((1000,), np.float32).ctypes.data != first.ctypes.data, "it is laid out when it is known how much"
    spare.give_back(again)
    place = spare.take().take((1000,), np.float32).ctypes.data
    spare.give_back(again)
    assert spare.take().take((1000,), np.float32).ctypes.data == place
    large = Workspace()
    large.take((2**20,), np.float32)
    spare.give_back(large)
    assert spare.take() is not large


def test_threads_compile_and_run_at_once() -> None:
    want = {hidden: both(bundled("lstm", hidden), np.float32)[1] for hidden in (3, 5)}
    same: list[bool] = []

    def work(hidden: int) -> None:
        found = [both(bundled("lstm", hidden), np.float32)[0] for _ in range(3)]
        same.extend(np.array_equal(one, want[hidden], equal_nan=True) for one in found)

    threads = [threading.Thread(target=work, args=(hidden,)) for hidden in want for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert same == [True] * 12


def test_numba_is_not_imported_where_its_compiler_is_enough() -> None:
    script = (
        "import sys, lstm_tui\nt = lstm_tui.trace('film', interpreter='numba')\n"
        "print(t.interpreter, 'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(lstm_tui.__file__).parent.parent
    )
    assert done.stdout == "numba False\n", done.stderr
