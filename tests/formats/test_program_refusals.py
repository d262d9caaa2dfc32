"""What a function of a PyTorch program does that is not followed here is said, and gives no numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from test_torch_programs import called

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, ProgramStopped, TensorRef
from lstm_tui.formats.importers.torch.program_ops import call

X = np.random.default_rng(7).normal(size=(2, 5, 4)).astype(np.float32)
ROW = np.arange(1, 5, dtype=np.float32)
IDS = np.array([[0, 1, 2, 0]])
LIVE = ("an input", X)
"""Stands for what an input decides."""


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
}  # fmt: skip


def referred(one: Any, builder: ProgramBuilder) -> Any:
    if one is LIVE:
        builder.inputs["x"] = (1, X.shape)
        return TensorRef("x", X, True)
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
