"""The two interpreters agree on every op, one op at a time, so that no error is hidden by a later one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, ENGINES, bundled, equations, page, parameters, program_of, rows_of, series

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import LAYERNORM_EPSILON, OPS
from lstm_tui.engine.compiler.program import Instruction, Program
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, parse_cell
from lstm_tui.engine.runtime import kernels

ROUNDS_ONCE = {
    "copy", "neg", "add", "sub", "mul", "div", "relu", "abs", "sqrt", "step", "max", "min", "clip", "every", "hold",
}  # fmt: skip
SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-310, 3e38, -3e38, 88.7, -103.9, 0.3, -7.5)


def allowed(one: Instruction, operands: list[Array], matrix: Array | None, want: Array) -> Array:
    """Return how far an op may be off, by unit; inf where the result may be anything (EQUATIONS §13)."""
    dtype = want.dtype
    eps, smallest = np.finfo(dtype).eps, np.finfo(dtype).smallest_subnormal
    if one.op.name in ROUNDS_ONCE:
        return np.zeros(want.shape, dtype)
    if one.op.elementwise:  # a function of the C library may be off by two units in the last place, ours as well
        return np.asarray(8 * np.spacing(np.minimum(np.abs(np.nan_to_num(want)), np.finfo(dtype).max / 2)))
    wide = [np.broadcast_to(a, (max(len(b) for b in operands),)).astype(np.longdouble) for a in operands]
    n = len(wide[0])
    if one.op.name in ("layernorm", "softmax"):
        a = wide[0]
        if not np.isfinite(a).all():
            return np.zeros(want.shape, dtype)
        if one.op.name == "softmax":
            return np.asarray((8 + 4 * n) * (eps * np.abs(want) + smallest))
        width = np.sqrt(a.var() + LAYERNORM_EPSILON)
        if np.square(a).sum() > np.finfo(dtype).max:
            return np.full(want.shape, np.inf)
        return np.full(want.shape, 16 * n * eps * np.abs(a).max() / width * (1 + np.abs(want).max()) ** 2)
    terms = (
        [np.abs(matrix.astype(np.longdouble) * wide[0])]
        if matrix is not None
        else [np.abs(np.multiply.reduce(wide))[None]]
    )
    finite = np.where(np.isfinite(terms[0]), terms[0], 0).sum(axis=-1)
    room = 4 * n * (eps * finite + smallest)
    if one.op.name == "mean":
        room = room / n + smallest
    return np.where(finite > np.finfo(dtype).max / 2, np.inf, room)  # an overflow on the way need not agree


def assert_ops_agree(program: Program, flat: Array, rows: Array) -> None:
    """Compare every op of every step, each on the operands that the NumPy interpreter computed."""
    for step in range(len(rows) - 1):
        for number, one in enumerate(program.instructions):
            if one.hoisted:
                continue
            ours = rows.copy()
            place = slice(one.target.offset, one.target.offset + one.target.size)
            ours[step + 1, place] = 12345
            kernels.run_ops(program, flat, ours, step, number, number + 1)
            got, want = ours[step + 1, place], rows[step + 1, place]
            spaces = (rows[step + 1], rows[step], flat)
            operands = [spaces[o.space][o.offset : o.offset + o.size] for o in one.operands]
            matrix = program.view(flat, one.matrix.name) if one.matrix else None
            with np.errstate(all="ignore"):
                room = allowed(one, operands, matrix, want)
                same = (got == want) | (np.isnan(got) & np.isnan(want)) | (np.abs(got - want) <= room) | np.isinf(room)
                top = np.finfo(want.dtype).max  # at the edge of overflow one may round to inf
                if one.op.name not in ROUNDS_ONCE:
                    same |= (np.abs(got) > 0.999 * top) & (np.abs(want) > 0.999 * top) & (np.sign(got) == np.sign(want))
            assert same.all(), (one.text, operands, got, want, room)
            ours[step + 1, place] = want
            assert np.array_equal(ours, rows, equal_nan=True), f"{one.text} wrote outside its slot"


def forms() -> list[tuple[str, str]]:
    """Return an equation for each op, and one with a spread number for each that takes several operands."""
    found = []
    for op in OPS.values():
        pieces = [f"part(x, {n}, 3)" for n in range(op.arity)]
        if op.name in ("copy", "matvec", "hold"):
            continue
        if op.name in ("neg", "add", "sub", "mul", "div"):
            form = op.form.replace("·", "*")
            choices = [pieces, ["1.5", pieces[0]], [pieces[0], "-0.75"]] if op.arity == 2 else [pieces]
            found += [(op.name, form.format(*choice)) for choice in choices]
            continue
        choices = [pieces]
        if op.arity > 1:
            choices += [["0.25" if n == m else piece for n, piece in enumerate(pieces)] for m in range(op.arity)]
        found += [(op.name, f"{op.name}({', '.join(choice)})") for choice in choices]
    return [
        *found,
        ("every", "every(3)"),
        ("every", "every(b_p)"),
        ("copy", "0.5"),
        ("copy", "b_p"),
        ("copy", "sum(h)"),
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "form"), forms())
def test_every_op_agrees_on_every_kind_of_number(name: str, form: str, dtype: Any) -> None:
    hidden = len(SPECIAL) ** 2
    program = program_of(f"h = {form}", 3 * hidden, hidden)
    assert name in {one.op.name for one in program.instructions}
    with np.errstate(all="ignore"):
        special = np.array(SPECIAL).astype(dtype)
    x = np.random.default_rng(0).normal(size=(3, 3 * hidden)).astype(dtype)
    x[0] = np.concatenate(
        [np.repeat(special, len(special)), np.tile(special, len(special)), np.roll(np.tile(special, len(special)), 5)]
    )
    x[1, hidden:] *= 20
    flat = parameters(program, dtype)
    rows = rows_of(program, flat, {"x": x}, "numpy")
    assert_ops_agree(program, flat, rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e-40])
@pytest.mark.parametrize(
    "equation", ["U_h @ h", "layernorm(h)", "softmax(h)", "dot(h, W_h @ x)", "mean(h)", "sum(h * h)"]
)
def test_one_bad_number_spreads_alike(equation: str, bad: float, dtype: Any) -> None:
    program = program_of(f"h = {equation} + W_x @ x", 3, 19)
    flat = parameters(program, dtype)
    inputs = series(program, 3, dtype)
    inputs["x"][1, 1] = bad
    assert_ops_agree(program, flat, rows_of(program, flat, inputs, "numpy"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_held_value_agrees(dtype: Any) -> None:
    program = compile_cell(parse_cell(page("c = tanh(W_c @ x)\nh = c * 2"), "made"), 3, 6, held=["c"])
    flat = parameters(program, dtype)
    inputs = series(program, 4, dtype)
    inputs["c mode"] = np.tile(np.array([0, 1, 2], dtype), (4, 2))
    assert_ops_agree(program, flat, rows_of(program, flat, inputs, "numpy"))


@settings(max_examples=150, deadline=None)
@given(equations(), st.sampled_from(DTYPES), st.integers(1, 20), st.integers(0, 2**31))
def test_random_programs_agree(text: str, dtype: Any, hidden: int, seed: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), 3, hidden)
    except LanguageError:
        assume(False)
    flat = parameters(program, dtype, seed)
    assert_ops_agree(program, flat, rows_of(program, flat, series(program, 3, dtype, seed), "numpy"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", cell_names())
def test_whole_runs_of_every_cell_agree(name: str, dtype: Any) -> None:
    program = bundled(name, 13)
    flat = parameters(program, dtype, scale=0.3)
    inputs = series(program, 20, dtype)
    numpy, numba = (rows_of(program, flat, inputs, engine) for engine in ("numpy", "numba"))
    for value, slot in program.values.items():
        ours, theirs = (rows[1:, slot.offset : slot.offset + slot.size] for rows in (numba, numpy))
        np.testing.assert_allclose(
            ours,
            theirs,
            rtol=0,
            atol=(2e-5 if dtype == np.float32 else 1e-13) * max(1, np.abs(theirs).max()),
            err_msg=value,
        )


def test_products_of_a_part_and_matrices_used_twice_are_taken() -> None:
    program = program_of("a = W_a @ part(x, 1, 2) + U_h @ h + V_h @ h\nh = tanh(a + U_h @ h) + U_h @ a", 6, 3)
    flat = parameters(program, np.float64)
    inputs = series(program, 3, np.float64)
    numpy, numba = (rows_of(program, flat, inputs, engine) for engine in ("numpy", "numba"))
    np.testing.assert_allclose(numba[1:], numpy[1:], rtol=1e-13, atol=1e-13)
    slot = program.values["a"]
    expected = program.view(flat, "W_a") @ inputs["x"][0, 3:]
    np.testing.assert_allclose(numba[1, slot.offset : slot.offset + slot.size], expected, rtol=1e-13)


def test_read_only_parameters_run_and_scattered_rows_are_refused() -> None:
    program = bundled("lstm")
    flat = parameters(program, np.float32)
    inputs = series(program, 4, np.float32)
    rows = rows_of(program, flat, inputs, "numba")
    flat.flags.writeable = False
    assert np.array_equal(rows_of(program, flat, inputs, "numba")[1:], rows[1:])
    for engine in (kernels, ENGINES["numba"]):
        with pytest.raises(ValueError, match="contiguous"):
            engine.run(program, flat, np.asfortranarray(rows), 0, 4)


def test_other_threads_go_on_while_a_kernel_runs() -> None:
    dispatcher = pytest.importorskip("numba.core.dispatcher").Dispatcher
    kept = [one for one in vars(kernels).values() if isinstance(one, dispatcher)]
    assert kept
    assert all(one.targetoptions.get("nogil") for one in kept)


def test_without_a_folder_for_the_cache_it_compiles_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(kernels, "njit", njit)
    assert kernels._compiled({})(abs) is abs


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from made_programs import *
from lstm_tui.engine.language.cell import cell_names
for name in cell_names():
    program = bundled(name, 3)
    flat = parameters(program, np.float32)
    inputs = series(program, 3, np.float32)
    numba, numpy = (rows_of(program, flat, inputs, engine) for engine in ("numba", "numpy"))
    for slot in program.values.values():
        a, b = (rows[1:, slot.offset : slot.offset + slot.size] for rows in (numba, numpy))
        assert np.allclose(a, b, rtol=1e-4, atol=1e-4), name
    found = []
    for engine in ENGINES.values():
        adjoint, gradient = np.zeros_like(numpy), np.zeros_like(flat)
        adjoint[1:] = 1
        engine.backprop(program, flat, numpy, adjoint, gradient, 0, 3)
        found.append(adjoint)
    assert np.allclose(*found, rtol=1e-3, atol=1e-3, equal_nan=True), name
print("all the same")
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_uncompiled_and_with_bounds_checked(mode: str, tmp_path: Path) -> None:
    here = Path(__file__).parent
    environment = {**os.environ, mode: "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(here.parents[1])}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(here)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "all the same", ran.stderr[-3000:]
