"""A comparison proves nothing of a weight that it does not depend on, and a reading fits only where it could fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.verification import verify

UNITS, WIDTH = 4, 3
GATES = ("i", "f", "g", "o")


def _weights(seed: int = 3) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    shapes = {"lstm.weight_ih_l0": (16, WIDTH), "lstm.weight_hh_l0": (16, UNITS), "lstm.bias_ih_l0": (16,),
              "lstm.bias_hh_l0": (16,), "fc.weight": (2, UNITS), "fc.bias": (2,)}  # fmt: skip
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def _states(tensors: dict[str, Array], x: Array) -> Array:
    """Return h of every step, by the equations of Gers et al. and nothing else."""
    w, u = tensors["lstm.weight_ih_l0"], tensors["lstm.weight_hh_l0"]
    b = tensors["lstm.bias_ih_l0"] + tensors["lstm.bias_hh_l0"]
    h, c, made = np.zeros(UNITS), np.zeros(UNITS), []
    for row in x:
        i, f, g, o = np.split(w @ row + u @ h + b, 4)
        i, f, o = (1 / (1 + np.exp(-one)) for one in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        made.append(h)
    return np.stack(made)


def _verified(folder: Path, tensors: dict[str, Array], x: Array, **settings: str) -> Verification:
    h = _states(tensors, x)
    savez(folder / "w.npz", tensors)
    answer = h @ tensors["fc.weight"].T + tensors["fc.bias"]
    savez(folder / "ref.npz", {"input": x, "layer0.forward/h": h, "output": answer})
    return verify(folder / "w.npz", ImportOptions(settings), folder / "ref.npz")[1]


def _moved(tensors: dict[str, Array], x: Array, letter: str, gate: str) -> bool:
    """Say by changing a weight whether the states or the answer change: by hand, each gate of a matrix alone."""
    name = {"W": "lstm.weight_ih_l0", "U": "lstm.weight_hh_l0", "b": "lstm.bias_ih_l0"}[letter]
    other = {**tensors, name: tensors[name].copy()}
    rows = slice(GATES.index(gate) * UNITS, (GATES.index(gate) + 1) * UNITS)
    other[name][rows] += np.random.default_rng(9).normal(size=other[name][rows].shape)
    before, after = _states(tensors, x), _states(other, x)
    return bool(np.abs(before - after).max() > 1e-4)


@pytest.mark.parametrize("steps", [1, 2, 6])
@pytest.mark.parametrize("zeros", [False, True])
def test_exactly_the_weights_that_change_nothing_are_not_proven(steps: int, zeros: bool, tmp_path: Path) -> None:
    tensors = _weights()
    x = np.random.default_rng(1).normal(size=(steps, WIDTH)).astype(np.float32) * (not zeros)
    verdict = _verified(tmp_path, tensors, x)
    assert verdict.first is None
    expected = {f"{letter}_{gate}" for letter in "WUb" for gate in GATES if not _moved(tensors, x, letter, gate)}
    said = {
        one for line in verdict.unproven for one in line.partition("numbers in ")[2].partition(", tried")[0].split(", ")
    }
    assert said - {""} == expected


@pytest.mark.parametrize("steps", [1, 6])
def test_weights_that_change_too_little_are_not_said_to_change_nothing(steps: int, tmp_path: Path) -> None:
    tensors = _weights()
    tensors["fc.weight"] *= 1e-6
    x = np.random.default_rng(1).normal(size=(steps, WIDTH)).astype(np.float32)
    savez(tmp_path / "w.npz", tensors)
    answer = _states(tensors, x) @ tensors["fc.weight"].T + tensors["fc.bias"]
    savez(tmp_path / "ref.npz", {"input": x, "output": answer})
    unproven = verify(tmp_path / "w.npz", ImportOptions({"readout.over": "each"}), tmp_path / "ref.npz")[1].unproven
    (little,) = [
        one for one in unproven if one.startswith("layer0") and "at most, below the tolerance of 0.0001" in one
    ]
    nothing = "".join(one for one in unproven if "change nothing" in one)
    for letter in "WUb":
        for gate in GATES:
            name = f"{letter}_{gate}"
            assert (name in little) == _moved(tensors, x, letter, gate)
            assert (name in nothing) == (name not in little)


@pytest.mark.parametrize("dead", [True, False])
def test_a_reading_under_which_no_weight_matters_is_not_said_to_fit(dead: bool, tmp_path: Path) -> None:
    """Units of a ReLU that are all dead show zeros, and so would any others."""
    random = np.random.default_rng(2)
    w, u = random.normal(size=(UNITS, WIDTH)), random.normal(size=(UNITS, UNITS)) / 4
    b = np.full(UNITS, -50.0 if dead else 0.5)
    x, h = random.normal(size=(6, WIDTH)).astype(np.float32), np.zeros(UNITS)
    made = []
    for row in x:
        h = np.maximum(w @ row + u @ h + b, 0)
        made.append(h)
    tensors = {"rnn.weight_ih_l0": w, "rnn.weight_hh_l0": u, "rnn.bias_ih_l0": b, "rnn.bias_hh_l0": 0 * b}
    savez(tmp_path / "w.npz", {name: one.astype(np.float32) for name, one in tensors.items()})
    savez(tmp_path / "ref.npz", {"input": x, "layer0.forward/h": np.stack(made)})
    verdict = verify(tmp_path / "w.npz", ImportOptions(), tmp_path / "ref.npz")[1]
    assert verdict.first is not None
    assert ({"layer0.activation": "relu"} in verdict.fitting) == (not dead)
    assert any("that proves nothing" in one for one in verdict.reasons) == dead
