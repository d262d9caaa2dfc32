"""A program that takes the batch for the time is named from its answers alone, and nothing else is called that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bags import Random, dense, of_torch
from present import present
from saved_arrays import savez

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.batch_as_time import read_along_the_batch
from lstm_tui.formats.verify.recorded_run import Recording
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.verification import verify

STEPS, ALONG = 5, "took the batch for the time"


def verified(
    folder: Path, answers: Callable[[Array, dict[str, Array]], Array], count: int, ids: bool, last: bool,
    kind: str = "lstm",
) -> Verification:  # fmt: skip
    """Return what `verify` says of answers (B, T, O), which are all that is recorded, or their last step alone."""
    random = Random(3)
    tensors = random.torch("rnn", kind, 3, 4) | random.linear("fc", 4, 2)
    tensors = ({"emb.weight": random(9, 3)} if ids else {}) | tensors
    x = np.array([random.ids(9)[:STEPS] for _ in range(count)]) if ids else random(count, STEPS, 3)
    entered = tensors["emb.weight"][x] if ids else x
    recorded: dict[str, Array] = {}
    for n, (given, answer) in enumerate(zip(x, answers(entered, tensors), strict=True)):
        before = f"batch/{n}/" if n else ""
        recorded |= {
            f"{before}input": given,
            f"{before}{'result' if last else 'output'}": answer[-1] if last else answer,
        }
    savez(folder / "bag.npz", tensors)
    savez(folder / "ref.npz", recorded)
    settings = {"readout.over": "last"} if last else {}
    return verify(folder / "bag.npz", ImportOptions(settings), folder / "ref.npz")[1]


def along(x: Array, tensors: dict[str, Array]) -> Array:
    """Return what a program says that steps along the first axis, which is the batch."""
    return np.stack([dense(tensors, "fc", of_torch(tensors, "rnn", x[:, t])) for t in range(STEPS)], axis=1)


def softmax(x: Array, tensors: dict[str, Array]) -> Array:
    made = np.exp(along(x, tensors))
    return np.asarray(made / made.sum(axis=-1, keepdims=True))


def other_gates(x: Array, tensors: dict[str, Array]) -> Array:
    """Return what a program says that reads time as time, and its gates in another order."""
    return np.stack([dense(tensors, "fc", of_torch(tensors, "rnn", one, order="ofgi")) for one in x])


def noise(x: Array, tensors: dict[str, Array]) -> Array:
    return np.random.default_rng(0).normal(size=(*x.shape[:2], 2)).astype(np.float32)


SIZES = [(1, False, "lstm"), (3, False, "lstm"), (1, True, "gru"), (2, True, "lstm")]


@pytest.mark.parametrize("last", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("count", "ids", "kind"), SIZES)
def test_it_is_named(count: int, ids: bool, kind: str, last: bool, tmp_path: Path) -> None:
    verdict = verified(tmp_path, along, count, ids, last, kind)
    assert verdict.first is not None
    (told,) = [one for one in verdict.reasons if ALONG in one]
    assert ("every token begins with an empty memory" in told) == (count == 1)
    both = last and count == 1  # the last step of a run from the end is that of an empty memory, too
    assert [dict(one) for one in verdict.fitting] == ([{"layer0.directions": "backward"}] if both else [])


@pytest.mark.slow
def test_it_is_named_beside_another_mistake(tmp_path: Path) -> None:
    verdict = verified(tmp_path, softmax, 2, False, False)
    (told,) = [one for one in verdict.reasons if ALONG in one]
    assert "with --set readout.activation=softmax" in told


@pytest.mark.slow
@pytest.mark.parametrize("answers", [other_gates, noise])
def test_what_it_does_not_explain_is_not_called_that(
    answers: Callable[[Array, dict[str, Array]], Array], tmp_path: Path
) -> None:
    verdict = verified(tmp_path, answers, 2, False, False)
    assert verdict.first is not None
    assert not any(ALONG in one for one in verdict.reasons)


def test_what_is_read_along_the_batch_twice_is_as_it_was() -> None:
    numbers = np.random.default_rng(1)
    shapes = {"input": (4, 3), "output": (4, 2), "result": (2,)}
    rows = [{name: numbers.normal(size=shape) for name, shape in shapes.items()} for _ in range(3)]
    turned = present(read_along_the_batch(Recording("r", rows), "each"))
    assert [one["input"].shape for one in turned.sequences] == [(3, 3)] * 4
    again = present(read_along_the_batch(turned, "each"))
    for one, other in zip(rows, again.sequences, strict=True):
        assert other.keys() == {"input", "output"}
        np.testing.assert_array_equal(one["input"], other["input"])
        np.testing.assert_array_equal(one["output"], other["output"])
    uneven = [rows[0], {name: one[:2] for name, one in rows[1].items()}]
    assert read_along_the_batch(Recording("r", uneven), "each") is None
    assert read_along_the_batch(Recording("r", [{**rows[0], "initial/layer0.forward/h": np.ones(4)}]), "each") is None
    assert read_along_the_batch(Recording("r", [{"input": rows[0]["input"], "result": np.ones(2)}]), "mean") is None


def test_how_much_is_read_along_the_batch_is_bounded() -> None:
    one = {"input": np.zeros((3, 2)), "result": np.zeros(2)}
    turned = present(read_along_the_batch(Recording("r", [one] * 1_000), "last"))
    assert len(turned.sequences) == max(len(given["input"]) for given in turned.sequences) == 64


def test_an_input_that_is_one_number_is_read_along_nothing() -> None:
    assert read_along_the_batch(Recording("r", [{"input": np.array(3), "output": np.zeros((2, 2))}]), "last") is None
