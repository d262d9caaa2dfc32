"""What a function of a PyTorch program does that is not followed here is said, and gives no numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from test_torch_programs import called

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.program.graph import ProgramNode, UnsupportedNode
from lstm_tui.formats.importers.program.numpy_nodes import run_node
from lstm_tui.formats.importers.torch import program_builder, program_ops
from lstm_tui.formats.importers.torch.call_arguments import wholes_of
from lstm_tui.formats.importers.torch.cells_written_out import write_out
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, ProgramStopped, TensorRef
from lstm_tui.formats.importers.torch.program_ops import call

X = np.random.default_rng(7).normal(size=(2, 5, 4)).astype(np.float32)
ROW = np.arange(1, 5, dtype=np.float32)
IDS = np.array([[0, 1, 2, 0]])
LIVE = ("an input", X)
"""Stands for what an input decides."""


V = X.transpose(0, 2, 1)
"""Channels first, as what is convolved."""
W, U, H = (np.ones(sizes, np.float32) for sizes in ((8, 4), (8, 2), (1, 2)))
"""The weights of an LSTM of two units, and a state of it."""
REFUSED: dict[str, tuple[str, tuple[Any, ...], Mapping[str, Any], str]] = {
    "a place that is not there": ("select", (X, 0, 7), {}, "it takes number 7 of 2"),
    "a place before the first": ("select", (X, 0, -3), {}, "it takes number -3 of 2"),
    "slopes at random": ("rrelu", (X, 0.1, 0.3, True), {}, "it takes slopes at random, as in training"),
    "dropout": ("dropout", (X, 0.5, True), {}, "it drops numbers at random, as in training"),
    "a batch's own mean": (
        "batch_norm", (X.transpose(0, 2, 1), ROW, ROW, ROW, ROW, True, 0.1, 1e-5, True), {}, "as in training"),
    "pooled to two": ("adaptive_avg_pool1d", (X, 2), {}, "it pools to several numbers"),
    "filled with nothing": ("full", ([2, 3], None), {}, "it is filled with nothing"),
    "filled by an input": ("full_like", (X, LIVE), {}, "what it is filled with depends on the numbers"),
    "filled with several": ("full_like", (X, ROW), {}, "what it is filled with depends on the numbers"),
    "weights by an input": ("_weight_norm", (LIVE, X[:, :1, :1]), {}, "its weights depend on an input"),
    "lengths by an input": ("_weight_norm", (X, LIVE), {}, "its weights depend on an input"),
    "bounds of tensors": ("clamp", (X, ROW), {}, "its bounds are tensors"),
    "named bounds of tensors": ("clamp", (X,), {"max": ROW}, "its bounds are tensors"),
    "an exponent of tensors": ("pow", (X, ROW), {}, "its exponent is a tensor"),
    "a number to a tensor": ("pow", (2.0, X), {}, "pow takes a tensor as x, and is given 2.0"),
    "a spread of one": ("var", (X[:, :1], [1]), {}, "it is spread over too few numbers"),
    "bits": ("bitwise_and", (IDS, IDS), {}, "it combines bits of numbers"),
    "sorted by an input": ("sort", (LIVE, 1), {}, "in which order they stand depends on the numbers"),
    "put where an input says": ("scatter", (X, 1, LIVE, X), {}, "where it puts numbers depends on them"),
    "a rounded quotient": ("div", (X, ROW), {"rounding_mode": "floor"}, "a quotient of its numbers is rounded"),
    "looked up by fractions": ("embedding", (ROW[:, None], X), {}, "it looks up what is no id"),
    "repeated too often": ("repeat", (X, [1 << 20, 1 << 10, 1]), {}, "it would make more numbers than are made here"),
    "more than there is room for": ("zeros", ([1 << 20, 1 << 20],), {}, "it would make more numbers than are made"),
    "fewer than none": ("zeros", ([-1, 2],), {}, "it would make more numbers than are made here"),
    "a long range": ("arange", (1 << 40,), {}, "it would make more numbers than are made here"),
    "a range without steps": ("arange", (0, 5, 0), {}, "it would make more numbers than are made here"),
    "a norm of several axes": ("rms_norm", (X, [5, 4]), {}, "it normalises over several axes"),
    "a transposed convolution": (
        "_convolution", (V, np.ones((3, 4, 2), np.float32), None, [1], [0], [1], True, [0], 1), {},
        "it is a convolution of other axes"),
    "the largest of a part": ("max_pool1d", (V, [2], [2], [0], [1], True), {}, "it pools over steps that are not all"),
    "the mean of a part": ("avg_pool1d", (V, [2], [1], [1], False, False), {}, "it pools over steps that are not all"),
    "the mean of a rest": ("avg_pool1d", (V, [2], [1], [0], True), {}, "it pools over steps that are not all there"),
    "lengths of no weight": ("_weight_norm", (X, np.ones((7, 1, 1), np.float32)), {}, "its lengths fit no weight"),
    "a length of cubes": ("norm", (X, 3), {}, "it is no Euclidean length"),
    "nothing given": ("softmax", (), {}, "softmax is not given what it takes (missing a required argument: 'x')"),
    "three tensors of a layer": (
        "lstm", (X, [H[None], H[None]], [W, U, ROW], True, 1, 0.0, False, False, True), {},
        "it has 3 tensors for 1 layer(s) of 1 direction(s)"),
    "rows of another width": (
        "lstm", (X[:, :, :3], [H[None], H[None]], [W, U], False, 1, 0.0, False, False, True), {},
        "recurrent (LSTM) reads 4 numbers a step, and gets 5×2×3"),
    "a step of another width": (
        "lstm_cell", (X[:1, 0, :3], [H, H], W, U), {}, "it reads 3 numbers, which its weights do not"),
    "a step without states": ("lstm_cell", (X[:1, 0], [H], W, U), {}, "it begins with 1 states"),
}  # fmt: skip


def referred(one: Any, builder: ProgramBuilder) -> Any:
    if one is LIVE:
        builder.inputs["x"] = (1, X.shape)
        return TensorRef("x", X, True)
    if isinstance(one, list):
        return [referred(each, builder) for each in one]
    return builder.constant(one) if isinstance(one, np.ndarray) else one


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_that_is_not_followed_gives_no_numbers_and_says_why(name: str) -> None:
    function, args, named, said = REFUSED[name]
    builder = ProgramBuilder(Budget())
    given = [referred(one, builder) for one in args]
    made = call(builder, function, given, {key: referred(one, builder) for key, one in named.items()})
    first = made[0] if isinstance(made, tuple | list) else made
    assert first.array is None
    assert said in builder.nodes[-1].attributes["why"]


def test_what_changes_a_number_in_place_ends_the_program() -> None:
    with pytest.raises(ProgramStopped, match="add_ changes something in place"):
        call(ProgramBuilder(Budget()), "add_", [2.0, 3.0], {})


def test_ids_that_are_none_and_sizes_that_do_not_fit_are_refused_before_anything_is_run() -> None:
    path = next(one for one in called("convolved") if open_file(one).network.front is not None)
    front = open_file(path).network.front
    assert front is not None
    (name,) = front.inputs
    assert len(front.run({name: np.array([[0], [1], [1]])}))
    for wrong in ([[0], [1], [-1]], [[0], [1], [0.5]]):
        with pytest.raises(UserError, match=f"{name} holds whole numbers from 0 on"):
            front.run({name: np.array(wrong)})
    with pytest.raises(UserError, match=name):
        front.run({name: np.zeros((3, 2, 2))})


@pytest.mark.parametrize("code", [3, 4, 6, 7])
def test_a_kind_of_numbers_is_taken_by_its_place_and_by_its_name(code: int) -> None:
    for function in ("zeros", "ones"):
        made = [
            call(ProgramBuilder(Budget()), function, [[2, 3], *args], named)
            for args, named in (((code,), {}), ((), {"dtype": code}), ((None,), {"dtype": code}))
        ]
        assert {str(one.known().dtype) for one in made} == {{3: "int32", 4: "int64", 6: "float32", 7: "float64"}[code]}


@pytest.mark.parametrize(
    ("function", "args", "said"),
    [
        ("lstm_cell", (X[:1, 0], [H, H], W, U, ROW), "it has 3 tensors"),
        ("lstm", (X[0], ROW, [H, H], [W, U], False, 1, 0.0, False, False), "it reads packed sequences, which a step"),
        ("lstm", (X[:1, :1], [H, H], [W, U, W], False, 2, 0.0, False, False, True), "it has 3 tensors for 2 layer(s)"),
        ("lstm", (X[:1, :1], [H, H], [W, U, W], True, 1, 0.0, False, False, True), "it has 3 tensors for 1 layer(s)"),
        ("lstm", (X[:1, :1], [H, H], [W, U], False, 1, 0.0, False, True, True), "it also reads from the end, which a"),
        ("lstm", (X, [H, H], [W, U], False, 1, 0.0, False, False, True), "it reads 2×5×4 with the steps along axis 1"),
        ("lstm", (X[:1, :1], [H, H], [W] * 8, True, 2, 0.5, True, False, True), "it drops numbers between its layers"),
    ],
)
def test_one_step_that_is_not_written_out_says_why(function: str, args: tuple[Any, ...], said: str) -> None:
    builder = ProgramBuilder(Budget())
    made = write_out(builder, function, [referred(one, builder) for one in args], {})
    assert [one.array for one in made] == [None] * len(made)
    assert f"{function} is not followed: {said}" in builder.nodes[-1].attributes["why"]


@pytest.mark.parametrize("sizes", [None, 1.5, "a", [1.5], [None], ROW, [ROW], {2: 3}])
def test_sizes_that_are_no_whole_numbers_are_refused(sizes: Any) -> None:
    builder = ProgramBuilder(Budget())
    assert wholes_of(3) == (3,)
    assert wholes_of([2, referred(IDS[0, 1], builder), referred(np.array(4), builder)]) == (2, 1, 4)
    with pytest.raises(UnsupportedNode, match="its sizes are no whole numbers"):
        wholes_of(referred(sizes, builder))


def test_a_tensor_that_shares_its_numbers_is_not_changed_in_place() -> None:
    one, other = TensorRef("a", X), TensorRef("b", X + 1)
    one.become(other)
    assert one.array is other.array
    for shared, plain in ((TensorRef("c", X, shared=True), other), (one, TensorRef("c", X, shared=True))):
        with pytest.raises(ProgramStopped, match="it changes a part of a tensor in place"):
            shared.become(plain)


@pytest.mark.parametrize("value", [None, "a", [1.0]])
def test_what_is_no_tensor_is_not_taken_for_one(value: Any) -> None:
    builder = ProgramBuilder(Budget())
    assert [program_ops._tensor(builder, one).known().dtype.kind for one in (True, 2, 0.5)] == ["i", "i", "f"]
    with pytest.raises(UnsupportedNode, match="it reads what is no tensor"):
        program_ops._tensor(builder, value)


def test_a_program_of_too_many_calls_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_builder, "MOST_NODES", 3)
    builder = ProgramBuilder(Budget())
    x = referred(LIVE, builder)
    for _ in range(3):
        call(builder, "tanh", [x], {})
    with pytest.raises(ProgramStopped, match="it makes more than 3 calls"):
        call(builder, "tanh", [x], {})


@pytest.mark.parametrize(
    ("kind", "given", "attributes", "why"),
    [
        ("Conv", (V, np.ones((3, 5, 2))), {}, "its kernel fits no input"),
        ("Conv", (V, np.ones((3, 2, 2))), {"group": 2}, "its kernel fits no input"),
        ("Conv", (V[0], np.ones((3, 4, 2))), {}, "its kernel fits no input"),
        ("MaxPool", (V,), {"width": 6, "pad": (0, 0)}, "it is shorter than its kernel, or makes too much"),
        ("AveragePool", (V,), {"width": 3, "pad": (0, 0), "dilation": 3}, "it is shorter than its kernel, or makes"),
        ("OneHot", (IDS,), {"count": 2}, "it has no such class"),
        ("OneHot", (IDS - 1,), {"count": 2}, "it has no such class"),
    ],
)
def test_a_node_that_cannot_take_what_it_is_given_names_its_sizes(
    kind: str, given: tuple[np.ndarray, ...], attributes: Mapping[str, Any], why: str
) -> None:
    names = [str(n) for n in range(len(given))]
    node = ProgramNode("n", kind, tuple(names), ("y",), dict(attributes))
    with pytest.raises(UnsupportedNode) as refused:
        run_node(node, dict(zip(names, given, strict=True)))
    shapes = ", ".join("×".join(map(str, one.shape)) for one in given)
    assert str(refused.value) == f"n ({kind}) cannot take {shapes}"
    assert why in str(refused.value.__cause__)
