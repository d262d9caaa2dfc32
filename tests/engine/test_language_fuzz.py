"""Whatever a stranger's file holds, it is read or refused in one line; nothing else comes out, and nothing runs."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shown import is_one_safe_line

from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.roles import ranges_of, roles_of
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.language.cell import cell_names, load_cell, parse_cell
from lstm_tui.engine.language.equations import parse_expression
from lstm_tui.engine.language.expression import (
    Call,
    Expression,
    Name,
    Number,
    Place,
    Previous,
    Product,
    as_written,
    walk,
)
from lstm_tui.engine.language.readout import load_readout, parse_readout, readout_names
from lstm_tui.engine.language.vocabulary import Vocabulary

CELLS = [load_cell(name).text for name in cell_names()]
CALLED = sorted(op.name for op in OPS.values() if op.arity == 1 and op.name not in ("copy", "neg", "matvec"))
"""Functions of one argument."""
READOUTS = [load_readout(name).text for name in readout_names()]
PIECES = ["'''", '"""', '"', "'", "#", "[", "]", "{", "}", "=", ".", ",", "\n", "\r\n", "\\", "\t", "(", ")", "@", "*",
          "**", "-", "1e999", "0x1", "nan", "inf", "x", "h", "prev(", "W_h @", "sigmoid(", "a", "state", "sizes = {",
          "lambda", "𝐡", "\u202e", "\x00", "\x1b", "\ud800", "é", "_", "__import__('os')"]  # fmt: skip


def read(text: str) -> None:
    """Parse and compile a cell; anything but a UserError is a bug."""
    error = mistake_in(text)
    if error is not None:
        assert is_one_safe_line(str(error))
    if isinstance(error, LanguageError):
        lines = text.replace("\r\n", "\n").split("\n")
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 2


def mistake_in(text: str) -> UserError | None:
    try:
        cell = parse_cell(text, source="fuzz.toml")
        roles_of(cell)
        ranges_of(cell)
        for size in (3, 4):
            compile_cell(cell, size, 4, dict.fromkeys("ABCDEFGKLMNOPQRSTUVWXYZ", 2))
    except UserError as error:
        return error
    return None


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))) + text[stop:]
    return text


FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("a=" + "[" * 60_000)
@example('"""' + '\\"""' * 10_000)
@example("'''" * 20_001)
@example('name = "' + "\\" * 30_000)
def test_random_text_is_refused_in_one_line(text: str) -> None:
    read(text)


@FEW
@given(mutated(CELLS))
def test_damaged_cells_are_read_or_refused_in_one_line(text: str) -> None:
    read(text)


@FEW
@given(mutated(READOUTS))
def test_damaged_readouts_are_read_or_refused_in_one_line(text: str) -> None:
    with contextlib.suppress(UserError):
        parse_readout(text, "fuzz", source="fuzz.toml")


@FEW
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_random_equations_are_read_or_refused_in_one_line(right: str) -> None:
    read(f"name='a'\ntitle='b'\nsource='c'\nstate=['h']\nequations='''\nh = {right}\n'''\n")


HERE = Place(1, 1)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: Number(v, HERE))
leaves: st.SearchStrategy[Expression] = st.one_of(
    numbers,
    st.sampled_from(["x", "h", "b_h", "p"]).map(lambda name: Name(name, HERE)),
    st.just(Previous("h", HERE)),
)


def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def call(names: list[str], arity: int) -> st.SearchStrategy[Expression]:
        arguments = st.tuples(*[inner] * arity)
        return st.builds(lambda name, some: Call(name, some, HERE), st.sampled_from(names), arguments)

    return st.one_of(
        call(CALLED, 1),
        inner.filter(lambda node: not isinstance(node, Number)).map(lambda node: Call("neg", (node,), HERE)),
        call(["add", "sub", "mul", "div", "max", "dot", "concat"], 2),
        call(["clip", "concat"], 3),
        st.builds(lambda name, node: Product(name, node, HERE), st.sampled_from(["W_h", "U_h"]), inner),
        st.builds(
            lambda v, k: Call("part", (v, Number(float(k), HERE), Number(4.0, HERE)), HERE), inner, st.integers(0, 3)
        ),
    )


@FEW
@given(st.recursive(leaves, grow, max_leaves=12))
def test_what_is_written_reads_back_the_same(expression: Expression) -> None:
    words = Vocabulary("made", states=("h",), given=frozenset({"x", "p"}))
    again = parse_expression(as_written(expression), words)
    assert as_written(again) == as_written(expression)
    assert same(again, expression)


def same(one: Expression, other: Expression) -> bool:
    """Say whether two expressions are alike but for their places."""
    left, right = list(walk(one)), list(walk(other))
    return [alike(a) for a in left] == [alike(b) for b in right]


def alike(node: Expression) -> tuple[object, ...]:
    if isinstance(node, Number):
        return ("number", repr(node.value))
    if isinstance(node, Call):
        return ("call", node.function, len(node.arguments))
    return (type(node).__name__, node.matrix if isinstance(node, Product) else node.name)


def test_every_bundled_equation_reads_back_the_same() -> None:
    for name in cell_names():
        cell = load_cell(name)
        for number, equation in enumerate(cell.equations):
            words = Vocabulary(
                name,
                states=cell.state,
                given=frozenset({"x", *cell.below, *cell.fixed, *cell.counted}),
                defined=list(cell.values[:number]),
                matrices=frozenset(cell.shapes),
            )
            assert same(parse_expression(as_written(equation.expression), words), equation.expression)
