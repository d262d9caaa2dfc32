"""Programs to try the interpreters on: every bundled cell, and random pages of equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.language.cell import load_cell, parse_cell
from lstm_tui.engine.runtime import reference
from lstm_tui.engine.runtime.fused import interpreter as fused
from lstm_tui.engine.runtime.storage import prepare

DTYPES = (np.float32, np.float64)
ENGINES = {"numpy": reference, "numba": fused}


def page(equations: str, state: tuple[str, ...] = ("h",), more: str = "") -> str:
    """Return the file of a cell with these equations."""
    states = ", ".join(f'"{name}"' for name in state)
    head = f'name = "made"\ntitle = "made by a test"\nsource = "test"\nstate = [{states}]\n{more}\n'
    return f"{head}equations = '''\n{equations}\n'''\n"


def program_of(equations: str, inputs: int = 3, hidden: int = 4, **options: Any) -> Program:
    """Compile equations, state h."""
    return compile_cell(parse_cell(page(equations), "made"), inputs, hidden, **options)


def bundled(name: str, hidden: int = 5, inputs: int = 3) -> Program:
    """Compile a bundled cell, with P = 3 and an input as wide as it needs."""
    cell = load_cell(name)
    strict = "x" in cell.sizes
    return compile_cell(cell, hidden if strict else inputs, hidden, sizes={"P": 3})


def parameters(program: Program, dtype: Any, seed: int = 0, scale: float = 0.7) -> Array:
    """Return random flat parameters; entries that a mask takes away are 0."""
    rng = np.random.default_rng(seed)
    flat = program.empty(dtype)
    for name, parameter in program.parameters.items():
        view = program.view(flat, name)
        view[...] = rng.normal(size=view.shape) * scale
        if parameter.mask is not None:
            view[~parameter.mask] = 0
    return flat


def series(program: Program, steps: int, dtype: Any, seed: int = 1) -> dict[str, Array]:
    """Return random inputs, (T, n) each."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(steps, slot.size)).astype(dtype) for name, slot in program.inputs.items()}


def rows_of(program: Program, flat: Array, inputs: Mapping[str, Array], engine: str) -> Array:
    """Run all steps at once and return every slot, (T + 1, width)."""
    steps = len(inputs["x"])
    rows = prepare(program, flat, inputs, program.initial_states(flat), 0, steps)
    ENGINES[engine].run(program, flat, rows, 0, steps)
    return rows


@st.composite
def equations(draw: st.DrawFn) -> str:
    """Draw a page of two to five equations with states h and c, every op possible in any place."""
    count = draw(st.integers(2, 5))
    names = [f"v{n}" for n in range(count - 2)]
    order = draw(st.permutations([*names, "h", "c"]))
    lines = []
    for n, name in enumerate(order):
        known = [*order[:n], "h", "c"]
        lines.append(f"{name} = {_expression(draw, known, draw(st.integers(1, 3)))}")
    return "\n".join(lines)


_UNARY = sorted(op.name for op in OPS.values() if op.arity == 1 and op.name not in ("copy", "neg", "every", "matvec"))
_BINARY = ("max", "min", "dot")
_SIGNS = ("+", "-", "*", "/")


def _expression(draw: st.DrawFn, known: list[str], depth: int) -> str:
    if depth == 0:
        return draw(
            st.sampled_from(known)
            | st.sampled_from(["prev(h)", "prev(c)", "b_0", "b_1", "0.5", "2", "-1.5", "W_0 @ x", "W_1 @ x"])
        )

    def inner() -> str:
        return _expression(draw, known, depth - 1)

    kind = draw(
        st.sampled_from(
            ["sign", "sign", "unary", "unary", "binary", "product", "product", "clip", "part", "neg", "every"]
        )
    )
    if kind == "sign":
        return f"({inner()} {draw(st.sampled_from(_SIGNS))} {inner()})"
    if kind == "unary":
        return f"{draw(st.sampled_from(_UNARY))}({inner()})"
    if kind == "binary":
        return f"{draw(st.sampled_from(_BINARY))}({inner()}, {inner()})"
    if kind == "product":
        return f"{draw(st.sampled_from(['U_0', 'U_1', 'U_2']))} @ ({draw(st.sampled_from(known))} * {inner()})"
    if kind == "clip":
        return f"clip({inner()}, -0.5, {inner()})"
    if kind == "part":
        first, second = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        return f"part(concat({first}, {second}), {draw(st.integers(0, 1))}, 2)"
    return f"-({inner()})" if kind == "neg" else "every(2)"
