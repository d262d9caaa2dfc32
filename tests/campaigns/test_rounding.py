"""What the judge of the campaigns calls rounding hides no mistake: small faults are planted, and each is seen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

import lstm_tui
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

from .rounding import CLOSE, DECIDES, apart
from .verdicts import RIGHT, UNTOLD, WRONG, Case, compared

FILES = Path(__file__).parents[1] / "formats" / "files"
STEPS, INPUTS, UNITS = 60, 3, 4
Tensors = Mapping[str, np.ndarray]
GAINS = {"settled": ("tanh", 0.5), "chaotic": ("tanh", 5.0), "diverging": ("relu", 1.6)}
"""Networks by how a small difference grows in them: not at all, to the size of the states, without end."""


def drawn(gain: float) -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(4)
    shapes = {"weight_ih_l0": (UNITS, INPUTS), "weight_hh_l0": (UNITS, UNITS), "bias_ih_l0": (UNITS,),
              "bias_hh_l0": (UNITS,)}  # fmt: skip
    return {f"rnn.{name}": numbers.normal(0, gain, shape).astype(np.float32) for name, shape in shapes.items()}


def rnn(tensors: Tensors, x: np.ndarray, activation: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the states of a plain layer, (T, H), by the equation of its documentation, in 64 bits."""
    w, u, b, c = (one.astype(np.float64) for one in tensors.values())
    h, shown = np.zeros(UNITS), []
    for row in x:
        h = activation(w @ row + b + u @ h + c)
        shown.append(h)
    return np.array(shown)


def verdict(tensors: Tensors, x: np.ndarray, states: np.ndarray, folder: Path, settings: Mapping[str, str]) -> str:
    """Return what the judge says of a file of weights, of which `states` is what its framework shows."""
    path = folder / "bag.npz"
    np.savez(path, **tensors)  # type: ignore[arg-type]
    opened = open_file(path, ImportOptions(settings))
    case = Case("planted", lambda _: path, {"x": x}, {}, {"rnn": states})
    return compared(case, opened, folder, path)[0]


@pytest.mark.parametrize("growth", GAINS)
@pytest.mark.parametrize("planted", [None, *drawn(1.0)])
def test_a_thousandth_more_of_one_weight_is_seen_however_differences_grow(
    growth: str, planted: str | None, tmp_path: Path
) -> None:
    activation, gain = GAINS[growth]
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
    tensors, x = drawn(gain), np.random.default_rng(1).normal(0, 0.3, (STEPS, INPUTS)).astype(np.float32)
    meant = {name: one * 1.001 if name == planted else one for name, one in tensors.items()}
    states = rnn(meant, x, functions[activation])
    told = verdict(tensors, x, states, tmp_path, {"layer0.activation": activation})
    assert told == (RIGHT if planted is None else WRONG)


@pytest.mark.parametrize("epsilon", ["0.001", "1e-06"])
def test_another_epsilon_of_a_norm_is_seen(epsilon: str, tmp_path: Path) -> None:
    tensors, x = drawn(1.0), np.random.default_rng(1).normal(0, 0.2, (STEPS, INPUTS)).astype(np.float32)
    scale, shift = np.ones(INPUTS, np.float32), np.zeros(INPUTS, np.float32)
    centre = (x - x.mean(1, keepdims=True)).astype(np.float64)
    states = rnn(tensors, centre / np.sqrt((centre**2).mean(1, keepdims=True) + 1e-5), np.tanh)
    whole = {"ln_in.weight": scale, "ln_in.bias": shift, **tensors}
    assert verdict(whole, x, states, tmp_path, {}) == RIGHT
    assert verdict(whole, x, states, tmp_path, {"input_layers.epsilon_ln_in": epsilon}) == WRONG


def test_the_hard_sigmoids_of_two_generations_of_keras_are_told_apart(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = Path(shutil.copy(FILES / "keras_gru_reset_before.weights.h5", tmp_path))  # without its description
    x = np.random.default_rng(1).normal(0, 1, (STEPS, 3)).astype(np.float32)

    def opened(generation: int) -> Imported:
        return open_file(path, ImportOptions({"layer0.gate_activation": f"hard_sigmoid_keras{generation}"}))

    for meant, read in ((2, 2), (2, 3), (3, 3), (3, 2)):
        states = lstm_tui.trace(x, opened(meant).network)["layer0.forward"]["h"]
        case = Case("planted", lambda _: path, {"x": x}, {}, {"gru": states})
        assert compared(case, opened(read), tmp_path, path)[0] == (RIGHT if meant == read else WRONG)


def test_where_rounding_is_as_large_as_the_numbers_nothing_is_told() -> None:
    wanted = np.array([[0.5, 0.2], [0.1, 0.9]])
    far = [np.array([[0.5, 0.2], [-0.3, 0.1]])]
    assert apart(wanted, wanted, lambda: far) == 0.0  # what is the same needs no excuse
    off = wanted + np.array([[0, 0], [0.4, 0]])
    assert apart(off, wanted, lambda: [off + one - wanted for one in far]) == 0.0  # the first step is told, and right
    assert apart(off[1:], wanted[1:], lambda: [one[1:] for one in far]) is None
    early = wanted + np.array([[2 * CLOSE, 0], [0.4, 0]])
    assert apart(early, wanted, lambda: [early + one - wanted for one in far]) == pytest.approx(2 * CLOSE)


def test_what_is_nearer_than_some_roundings_is_the_same_and_what_is_farther_is_not() -> None:
    wanted = np.full((3, 2), 1.0)
    moved = 2 * CLOSE / 16
    for times, told in ((15, 0.0), (33, 33 * moved)):
        mine = wanted + times * moved
        again = [mine + moved]
        assert apart(mine, wanted, again.copy) == pytest.approx(told)
    mine = wanted + DECIDES
    assert apart(mine, wanted, lambda: [mine + DECIDES]) is None
    assert UNTOLD not in (RIGHT, WRONG)
