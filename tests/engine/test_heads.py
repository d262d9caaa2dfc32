"""Values that are matrices a head: every op over heads by its plain definition, its gradient, and the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, ENGINES, page, parameters, rows_of, series
from test_fused import assert_compiled_as_the_table
from test_op_gradients import assert_near, differences, gradients, random_states
from test_same_bits import assert_same_bits

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import HEAD_OPS, OPS, Shape
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.language.cell import Cell, parse_cell
from lstm_tui.engine.language.expression import as_written
from lstm_tui.engine.runtime import storage
from lstm_tui.engine.runtime.storage import run_pass

MATRIX = 'heads = "A"\nsizes = { S = ["V", "K"], v = "A*V", k = "A*K", y = "A*V", d = "A", e = "V" }\n'
FIRST = "v = W_v @ x + b_v\nk = W_k @ x\nd = sigmoid(W_d @ x)\ne = tanh(W_e @ x)\n"
OPERATIONS = {
    "outer": ("outer(v, k)", "S @ k"),
    "read": ("0.9 * S + outer(v - S @ k, k)", "S @ (k * k)"),
    "weighted": ("0.9 * S + outer(v, k - v @ S)", "v * by_head(sum_heads(v @ S))"),
    "by_head": ("by_head(d) * S + outer(v, k)", "by_head(d) * v"),
    "by_row": ("by_row(tanh(v)) * S + outer(v, k)", "S @ k"),
    "by_column": ("S * by_column(sigmoid(k)) + by_row(v)", "S @ k"),
    "each_head": ("0.5 * S + outer(each_head(e), k)", "S @ k + each_head(e)"),
    "sum_heads": ("by_head(sum_heads(v)) + 0.5 * S", "v * by_head(sum_heads(v * v))"),
    "mean_heads": ("by_head(mean_heads(k)) * S + by_row(v)", "v - by_head(mean_heads(v))"),
}
"""For every op over heads an update of S and a value y of which it is a part."""
SHAPES = [(1, 1, 1), (1, 3, 2), (2, 3, 5), (3, 4, 4), (2, 8, 9), (4, 16, 16), (1, 33, 17)]


def cell_of(update: str, read: str, first: str = FIRST) -> Cell:
    """Return a cell whose state S is updated so."""
    text = page(f"{first}S = {update}\ny = {read}\nh = W_h @ y", ("h", "S"), MATRIX)
    return parse_cell(text, "made")


def program_of(op: str, shape: tuple[int, int, int], held: tuple[str, ...] = ()) -> Program:
    """Compile the cell that tries an op, with so many heads, rows and columns."""
    heads, rows, columns = shape
    return compile_cell(cell_of(*OPERATIONS[op]), 3, 4, {"A": heads, "V": rows, "K": columns}, held=held)


def test_every_op_over_heads_is_tried_and_has_a_number_of_its_own() -> None:
    assert OPERATIONS.keys() == HEAD_OPS.keys()
    codes = [op.code for op in (*OPS.values(), *HEAD_OPS.values())]
    assert len(set(codes)) == len(codes)


def by_definition(op: str, shape: Shape, *operands: Array) -> Array:
    """Return what an op over heads is, number by number."""
    heads, rows, columns = shape
    a, b = operands[0], operands[-1]
    if op == "outer":
        return np.array([
            a[h * rows + i] * b[h * columns + j] for h in range(heads) for i in range(rows) for j in range(columns)
        ])  # fmt: skip
    if op == "read":
        return np.array([
            sum(a[(h * rows + i) * columns + j] * b[h * columns + j] for j in range(columns))
            for h in range(heads) for i in range(rows)
        ])  # fmt: skip
    if op == "weighted":
        return np.array([
            sum(b[h * rows + i] * a[(h * rows + i) * columns + j] for i in range(rows))
            for h in range(heads) for j in range(columns)
        ])  # fmt: skip
    if op in ("sum_heads", "mean_heads"):
        sums = [sum(a[h * rows * columns + n] for n in range(rows * columns)) for h in range(heads)]
        return np.array(sums) / (1 if op == "sum_heads" else rows * columns)

    def chosen(h: int, i: int, j: int) -> int:
        return {"by_head": h, "by_row": h * rows + i, "by_column": h * columns + j}.get(op, i * columns + j)

    return np.array([a[chosen(h, i, j)] for h in range(heads) for i in range(rows) for j in range(columns)])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("op", HEAD_OPS)
def test_every_op_is_its_definition(op: str, engine: str) -> None:
    for shape in SHAPES:
        program = program_of(op, shape)
        flat, inputs = parameters(program, np.float64), series(program, 3, np.float64)
        rows = rows_of(program, flat, inputs, engine)
        tried = [one for one in program.instructions if one.op.name == op]
        assert tried
        for one in tried:
            spaces = (rows[1:], rows[:-1])
            operands = [spaces[o.space][:, o.offset : o.offset + o.size] for o in one.operands if o.space < 2]
            assert len(operands) == len(one.operands)
            found = rows[1:, one.target.offset : one.target.offset + one.target.size]
            assert one.shape is not None
            for step, row in enumerate(found):
                expected = by_definition(op, one.shape, *(each[step] for each in operands))
                np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("op", HEAD_OPS)
def test_every_op_passes_back_what_central_differences_say(op: str, engine: str) -> None:
    for shape in ((1, 3, 2), (2, 3, 2)):
        program = program_of(op, shape)
        flat = parameters(program, np.float64, seed=4, scale=0.5)
        inputs, initial = series(program, 2, np.float64), random_states(program, flat)
        found = gradients(program, flat, inputs, initial, engine)
        assert_near(found, differences(program, flat, inputs, initial), 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", HEAD_OPS)
def test_the_compiled_step_has_the_bits_of_the_table(op: str, dtype: Any) -> None:
    for shape in SHAPES[:5]:
        assert_compiled_as_the_table(program_of(op, shape, ("S", "y")), dtype)


@pytest.mark.long
@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(HEAD_OPS)), st.sampled_from(sorted(HEAD_OPS)), st.sampled_from(SHAPES),
    st.sampled_from(DTYPES), st.integers(0, 2**31),
)  # fmt: skip
def test_the_interpreters_agree_forwards_and_back(
    update: str, read: str, shape: tuple[int, int, int], dtype: Any, seed: int
) -> None:
    heads, rows, columns = shape
    cell = cell_of(OPERATIONS[update][0], OPERATIONS[read][1])
    program = compile_cell(cell, 3, 4, {"A": heads, "V": rows, "K": columns})
    flat, inputs = parameters(program, dtype, seed, 0.4), series(program, 1, dtype, seed)
    ran = run_pass(program, flat, inputs, random_states(program, flat), "numpy")
    again = run_pass(program, flat, inputs, random_states(program, flat), "numba")
    adjoints = []
    for engine in ENGINES.values():
        assert ran.rows is not None
        adjoint, gradient = np.ones_like(ran.rows), np.zeros_like(flat)
        engine.backprop(program, flat, ran.rows, adjoint, gradient, 0, 1)
        adjoints.append(np.concatenate([adjoint.ravel(), gradient]))
    near = 1e4 * np.finfo(dtype).eps
    largest = max(1.0, float(np.abs(adjoints[0]).max()))
    np.testing.assert_allclose(adjoints[1], adjoints[0], rtol=0, atol=near * largest)
    for name, numbers in ran.values.items():
        size = max(1.0, float(np.abs(numbers).max()))
        np.testing.assert_allclose(again.values[name], numbers, rtol=0, atol=near * size, err_msg=name)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_pass_of_which_the_values_alone_are_kept_has_the_same_bits(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_of("read", (2, 4, 3))
    flat, inputs = parameters(program, np.float32, scale=0.3), series(program, 150, np.float32)
    start = program.initial_states(flat)
    whole = run_pass(program, flat, inputs, start, engine)
    monkeypatch.setattr(storage, "KEEP_ROWS_BYTES", 0)
    less = run_pass(program, flat, inputs, start, engine)
    assert whole.kept is not None
    assert less.kept is None
    for name, numbers in less.values.items():
        assert_same_bits(numbers, whole.values[name], name)
    assert_same_bits(less.window(70, 90)[1:], whole.window(70, 90)[1:], "a window")


def test_an_equation_reads_back_as_it_was_written() -> None:
    cell = cell_of("by_head(d) * S - outer(S @ (k * k), k) * 2", "S @ k + S @ (k + k) * v")
    assert as_written(cell.equation("S").expression) == "by_head(d) * S - outer(S @ (k * k), k) * 2.0"
    assert as_written(cell.equation("y").expression) == "S @ k + S @ (k + k) * v"


MISTAKES = {
    "outer away from a matrix": ("0.5 * S", "sum(outer(v, k)) * v", "rows and columns"),
    "a vector left of @": ("0.5 * S", "v @ k", "is a vector"),
    "a vector of another size": ("0.5 * S", "S @ v", "do not fit together"),
    "a number a head of too many": ("by_head(v) * S", "v", "do not fit together"),
    "a matrix where a vector is": ("0.5 * S", "S", "numbers"),
    "no equal heads": ("0.5 * S", "by_head(sum_heads(e)) * v", "do not split"),
    "weights of another size": ("0.5 * S", "k @ S", "do not fit together"),
    "two matrices": ("0.5 * S", "S @ S", "do not fit together"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(what: str) -> None:
    update, read, said = MISTAKES[what]
    with pytest.raises(LanguageError, match=said):
        compile_cell(cell_of(update, read), 3, 4, {"A": 2, "V": 3, "K": 5})


BAD_PAGES = {
    'heads = "A*"': "heads",
    "heads = 0": "heads",
    "heads = [2]": "heads",
    'sizes = { S = ["H"] }': "rows and columns",
    'sizes = { S = ["H", "H", "H"] }': "rows and columns",
    'sizes = { S = ["H", 0] }': "rows and columns",
    'sizes = { S = [["H"], "H"] }': "rows and columns",
    'sizes = { Q = ["H", "H"] }': "names no value",
    'sizes = { S = ["H", "H"] }\ndefaults = { A = 2 }': "no letter",
    'sizes = { S = ["H", "B"] }\ndefaults = { B = 0 }': "whole number",
    'sizes = { S = ["H", "B"] }\ndefaults = { B = 10000000000 }': "whole number",
    'sizes = { S = ["H", "B"] }\ndefaults = { H = 3 }': "no letter",
}


@pytest.mark.parametrize("more", BAD_PAGES)
def test_a_page_that_cannot_be_is_refused_in_one_line(more: str) -> None:
    with pytest.raises(LanguageError, match=BAD_PAGES[more]):
        parse_cell(page("S = 0.5 * S\nh = W_h @ x", ("h", "S"), more), "made")


def test_a_memory_too_large_is_refused_before_it_is_made() -> None:
    text = page("S = 0.5 * S\nh = W_h @ x", ("h", "S"), 'heads = "A"\nsizes = { S = ["B", "B"] }')
    cell = parse_cell(text, "made")
    with pytest.raises(UserError, match="is the most"):
        compile_cell(cell, 3, 4, {"A": 10**6, "B": 10**6})
    with pytest.raises(UserError, match="is the most for a matrix"):
        compile_cell(cell, 3, 4, {"A": 1, "B": 2049})
    assert compile_cell(cell, 3, 4, {"A": 1, "B": 2048}).values["S"].size == 2**22
    with pytest.raises(UserError, match="give --size"):
        compile_cell(cell, 3, 4, {"A": 2})
    divided = parse_cell(text.replace('["B", "B"]', '["H/A", "H"]'), "made")
    with pytest.raises(UserError, match="5 equal parts"):
        compile_cell(divided, 3, 4, {"A": 5})
