"""What is done before steps in one call of machine code: the numbers that NumPy puts there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, bundled, equations, page, parameters, series
from registries import sampled
from test_same_bits import assert_same_bits

from lstm_tui.engine.buffers import Workspace, aligned_at
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, parse_cell
from lstm_tui.engine.runtime.fused import interpreter
from lstm_tui.engine.runtime.fused.before_steps import BeforeSteps
from lstm_tui.engine.runtime.fused.compiled_steps import Matrices, address_of, block_of, vector_of
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.schedule import page_of, schedule
from lstm_tui.engine.runtime.fused.work_parts import CALL, parts_in_order


@pytest.fixture(autouse=True)
def compiled_here() -> None:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")


def assert_given(program: Program, dtype: Any, spans: tuple[tuple[int, int], ...], absent: int = 0) -> None:
    """Compare a room with the packed matrices, and the products and inputs of the steps, as other code has them."""
    flat, whole = parameters(program, dtype), series(program, spans[-1][1], dtype)
    inputs = {name: numbers for n, (name, numbers) in enumerate(whole.items()) if n >= absent}
    made = schedule(page_of(program).takes)
    layout = NamedLayout(page_of(program), made)
    before = BeforeSteps(layout, made, program.width, np.dtype(dtype))
    most = max(stop - base for base, stop in spans)
    room, place = aligned_at((before.numbers(most),), dtype)
    room[:] = np.nan
    places = {name: (address_of(numbers), numbers.strides[0]) for name, numbers in inputs.items()}
    packs: bool | None = True
    for base, stop in spans:
        before.give(room, place, address_of(flat), packs, places, base, stop)
        packs = None
        rows = room[before.given :][: (stop - base) * layout.given.width].reshape(stop - base, layout.given.width)
        for one, at in layout.hoisted:
            want = np.zeros((stop - base, one.target.size), dtype)
            if one.name in inputs and one.inner:
                x = inputs[one.name][base:stop, one.first : one.first + one.inner]
                want = interpreter.product(x, block_of(flat, one.block, one.inner, one.target.size))
            assert_same_bits(rows[:, at : at + one.target.size], want, one.name)
        for name, (at, size) in layout.inputs.items():
            want = inputs[name][base:stop] if name in inputs else np.zeros((stop - base, size), dtype)
            assert_same_bits(rows[:, at : at + size], want, name)
    packed = Matrices(made, vector_of(np.dtype(dtype))).packed(flat, 100, lambda shape, kind: np.zeros(shape, kind))
    assert before.is_packed == (packed is not None)
    if packed is not None:
        assert_same_bits(room[before.packed : before.packed + len(packed)], packed, "matrices")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [1, 5, 16, 24, 33, 67, 149])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_matrices_products_and_inputs(name: str, hidden: int, dtype: Any) -> None:
    for size in (1, 7, hidden):
        for absent in (0, 1):
            assert_given(bundled(name, hidden, size), dtype, ((0, 1), (1, 6), (6, 13)), absent)


@pytest.mark.parametrize("name", sampled(cell_names(), 2))
def test_every_cell(name: str) -> None:
    for hidden in (7, 16):
        assert_given(bundled(name, hidden, 5), np.float32, ((0, 9), (9, 11)))


@settings(max_examples=40, deadline=None)
@given(equations(), st.sampled_from(DTYPES), st.integers(1, 40), st.integers(1, 5), st.integers(1, 14))
def test_random_pages(text: str, dtype: Any, hidden: int, size: int, steps: int) -> None:
    try:
        program = compile_cell(parse_cell(page(text, ("h", "c")), "made"), size, hidden, held=["h"])
        NamedLayout(page_of(program), schedule(page_of(program).takes))
    except (LanguageError, ValueError):
        return
    assert_given(program, dtype, ((0, steps),))


@pytest.mark.parametrize("words", [1, 3, 15, 16, 17, 64, 100])
@pytest.mark.parametrize("far", [0, 1, 2])
def test_lines_are_copied_and_nothing_beside_them(words: int, far: int) -> None:
    lines, machine = 5, parts_in_order()
    numbers = np.arange(2 * lines * words, dtype=np.int32) + 1
    out = np.zeros((lines, words + 3), np.int32)
    part = [machine.packs, address_of(out), 4 * (words + 3), address_of(numbers), 4 * words * far, 0, lines, words, 0]
    machine.take(address_of(np.array(part * 2, np.int64)), 2)
    assert len(part) == CALL
    for n, line in enumerate(out):
        assert np.array_equal(line[:words], numbers[n * far * words :][:words])
        assert not line[words:].any()


def test_an_array_of_a_workspace_comes_with_its_address() -> None:
    space = Workspace()
    for _ in range(3):
        space.begin()
        for shape in ((3,), (2, 5), (1000,)):
            found, address = space.take_at(shape, np.float32)
            assert (address_of(found), found.shape, address % 64) == (address, shape, 0)
