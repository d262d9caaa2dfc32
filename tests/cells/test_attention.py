"""Attention readouts against plain NumPy: weights, context, verdict and gradients; and one that a stranger wrote."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import make_input, make_network
from test_gradients import STEP, TOLERANCE, differences

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.readout import load_readout
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import gradients, run, run_arrays
from lstm_tui.formats.traces.trace_file import read, write

STEPS, CLASSES = 5, 3
Score = Callable[[dict[str, Array], Array, Array], float]

STRANGER = '''
title = "Weighted average over the embedding and both layers"
source = "the layout of DeepMoji and textgenrnn: scores from one vector, weights over the tokens, a weighted mean"
reads = { e = "embedding", h0 = "layer0.h", h1 = "layer1.h" }
whole = """
v = concat(e, h0, h1)        # all: what is known of a token
s = dot(w_a, v)              # score: how much a token matters
a = softmax_steps(s)         # attention: its weight, over the tokens they sum to 1
z = sum_steps(a * v)         # mean: the tokens weighted
y = softmax(V_y @ z + b_y)   # verdict: one probability a class
"""
result = "y"
sizes = { y = "K" }
'''


def dot(p: dict[str, Array], q: Array, h: Array) -> float:
    return sum(float(a) * float(b) for a, b in zip(q, h, strict=True))


def general(p: dict[str, Array], q: Array, h: Array) -> float:
    return float(q @ p["A_s"] @ h)


def additive(p: dict[str, Array], q: Array, h: Array) -> float:
    return float(p["v_s"] @ np.tanh(np.hstack([p["A_q"], p["A_h"]]) @ np.concatenate([q, h])))


SCORES: dict[str, Score] = {"attention_dot": dot, "attention_general": general, "attention_additive": additive}


def make(readout: str, text: str | None = None, seed: int = 1) -> tuple[Network, Array]:
    more: dict[str, Any] = {"readout": readout, "outputs": CLASSES}
    if text is not None:
        more["readouts"] = {readout: text}
    network = make_network("rnn", 2, inputs=2, hidden=3, seed=seed, directions=("forward", "backward"), **more)
    return network, make_input(network, STEPS, seed)


def attend(series: Array, scores: list[float], p: dict[str, Array]) -> dict[str, Array]:
    """Return weights, context and verdict, added up token by token."""
    weights = [math.exp(score) / sum(math.exp(other) for other in scores) for score in scores]
    z = sum((w * row for w, row in zip(weights, series, strict=True)), np.zeros(series.shape[1]))
    said = np.exp(p["V_y"] @ z + p["b_y"])
    return {"a": np.array(weights)[:, None], "z": z, "y": said / said.sum()}


def parameters(network: Network) -> dict[str, Array]:
    return {key.removeprefix("readout/"): v for key, v in network.tensors().items() if key.startswith("readout/")}


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("name", sorted(SCORES))
def test_weights_context_and_verdict(name: str, interpreter: str) -> None:
    network, x = make(name)
    ran = run_arrays(network, x, interpreter)
    h, p = ran.merged[-1], parameters(network)
    expected = attend(h, [SCORES[name](p, h[-1], row) for row in h], p)
    assert ran.readout is not None
    for value, numbers in expected.items():
        found = ran.readout.values[value]
        assert found.shape == numbers.shape
        np.testing.assert_allclose(found, numbers, rtol=0, atol=1e-14)
    assert ran.readout.values["a"].sum() == pytest.approx(1, abs=1e-15)


def test_a_strangers_layout_reads_the_embedding_and_several_layers() -> None:
    network, x = make("stranger", STRANGER)
    ran = run_arrays(network, x, "numpy")
    series, p = np.hstack([x, *ran.merged]), parameters(network)
    assert series.shape == (STEPS, 2 + 3 + 3)
    expected = attend(series, [float(p["w_a"] @ row) for row in series], p)
    assert ran.readout is not None
    for value, numbers in expected.items():
        np.testing.assert_allclose(ran.readout.values[value], numbers, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", [*sorted(SCORES), "stranger"])
def test_gradients_agree_with_central_differences(name: str) -> None:
    network, x = make(name, STRANGER if name == "stranger" else None)
    weights = np.random.default_rng(2).normal(size=CLASSES)

    def loss() -> float:
        evaluated = run_arrays(network, x, "numpy").readout
        assert evaluated is not None
        return float(weights @ evaluated.values["y"])

    flats, d_x, _ = gradients(run_arrays(network, x, "numba"), weights)
    assert network.readout is not None
    programs = {one.name: one.program for one in network.passes} | {"readout": network.readout.program}
    found = {"x": d_x}
    for owner, program in programs.items():
        found |= {f"{owner}/{name}": program.view(flats[owner], name) for name in program.parameters}
    expected = {key: differences(view, loss) for key, view in network.tensors().items()} | {"x": differences(x, loss)}
    assert found.keys() == expected.keys()
    largest = max(float(np.abs(one).max()) for one in expected.values())
    assert largest > STEP
    for key, numbers in expected.items():
        assert np.abs(found[key] - numbers).max() < TOLERANCE * largest, key


@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".npz"])
def test_the_weights_are_exported_one_number_a_token(suffix: str, tmp_path: Path) -> None:
    network, x = make("attention_dot")
    trace = run(network, Sequence("numbers", tuple("abcde"), x=x), dtype="float32")
    assert trace.readout["a"].shape == (STEPS, 1)
    write(trace, tmp_path / f"t{suffix}")
    again = read(tmp_path / f"t{suffix}")
    np.testing.assert_array_equal(again.readout["a"], trace.readout["a"])


def test_one_token_gets_all_the_attention() -> None:
    network, x = make("attention_additive")
    ran = run_arrays(network, x[:1], "numpy")
    assert ran.readout is not None
    np.testing.assert_array_equal(ran.readout.values["a"], [[1.0]])
    np.testing.assert_array_equal(ran.readout.values["z"], ran.merged[-1][0])


@pytest.mark.parametrize("name", sorted(SCORES))
def test_every_equation_is_explained(name: str) -> None:
    for equation in load_readout(name).equations:
        assert equation.label
        assert equation.help


def test_a_result_without_a_size_is_told_how_to_get_one() -> None:
    text = 'title = "t"\nresult = "y"\nwhole = "y = softmax(V_y @ mean_steps(h) + b_y)"\n'
    more: dict[str, Any] = {"readout": "mine", "readouts": {"mine": text}, "classes": ["a", "b", "c"]}
    with pytest.raises(UserError, match=r'3 classes, but its readout says 4 numbers; write sizes = \{ y = "K" \}'):
        make_network("rnn", 1, inputs=2, hidden=4, seed=1, **more)
