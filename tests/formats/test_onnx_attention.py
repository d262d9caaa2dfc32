"""Attention above recurrent layers: scores, a softmax over the steps and a weighted sum, against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui.formats.importers.open import open_file

onnx = pytest.importorskip("onnx")
make = onnx.helper.make_node
STEPS, INPUTS, UNITS, OUTPUTS = 7, 3, 4, 2
Nodes = list[Any]


def constants(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"w": (2, 4 * UNITS, INPUTS), "r": (2, 4 * UNITS, UNITS)}
    shapes |= {"score": (2 * UNITS, 1), "a_q": (2 * UNITS, 5), "a_h": (2 * UNITS, 5), "v": (5, 1), "bias": (1,)}
    shapes |= {"both": (4 * UNITS, 5), "general": (2 * UNITS, 2 * UNITS), "head": (2 * UNITS, OUTPUTS)}
    shapes |= {"wide": (4 * UNITS, OUTPUTS)}
    return {name: random.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes.items()}


AXES = {"zero": [0], "one": [1], "two": [2], "last": [-1]}
# `h` is (1, T, 2H), batch first; each ends with the scores `e`, (1, T, 1), or with what they weight, `z`
SCORES: dict[str, Nodes] = {
    "learned": [make("MatMul", ["h", "score"], ["e"])],
    "learned, tanh": [make("MatMul", ["h", "score"], ["p"]), make("Add", ["p", "bias"], ["q"]),
                      make("Tanh", ["q"], ["e"])],
    "dot with the last": [make("Gather", ["h", "end"], ["g"], axis=1), make("Unsqueeze", ["g", "two"], ["g2"]),
                          make("MatMul", ["h", "g2"], ["e"])],
    "general with the last": [
        make("Gather", ["h", "end"], ["g"], axis=1), make("MatMul", ["g", "general"], ["k"]),
        make("Unsqueeze", ["k", "one"], ["k1"]), make("Mul", ["h", "k1"], ["m"]),
        make("ReduceSum", ["m", "two"], ["e"], keepdims=1),
    ],
    "additive": [
        make("Gather", ["h", "end"], ["g"], axis=1), make("MatMul", ["g", "a_q"], ["k"]),
        make("Unsqueeze", ["k", "one"], ["k1"]), make("MatMul", ["h", "a_h"], ["l"]), make("Add", ["k1", "l"], ["s"]),
        make("Tanh", ["s"], ["t"]), make("MatMul", ["t", "v"], ["e"]),
    ],
    "of the two end to end": [
        make("Gather", ["h", "end"], ["g"], axis=1), make("Unsqueeze", ["g", "one"], ["g1"]),
        make("Shape", ["h"], ["sh"]), make("Expand", ["g1", "sh"], ["rep"]),
        make("Concat", ["h", "rep"], ["hr"], axis=2), make("MatMul", ["hr", "both"], ["l"]),
        make("Tanh", ["l"], ["t"]), make("MatMul", ["t", "v"], ["e"]),
    ],
}  # fmt: skip
SUMS: dict[str, Nodes] = {
    "multiplied and summed": [make("Mul", ["a", "h"], ["m2"]), make("ReduceSum", ["m2", "one"], ["z"], keepdims=0)],
    "a product of matrices": [make("Transpose", ["a"], ["at"], perm=[0, 2, 1]), make("MatMul", ["at", "h"], ["z1"]),
                              make("Squeeze", ["z1", "one"], ["z"])],
}  # fmt: skip


def attention(scores: Nodes, sums: Nodes, seed: int, more: Callable[[], Nodes] = list) -> bytes:
    """Return an ONNX file of a layer of two directions, attention over it and a dense layer."""
    given = constants(seed)
    of = onnx.numpy_helper.from_array
    tensors = [of(array, name) for name, array in given.items()]
    tensors += [of(np.array(axes), name) for name, axes in AXES.items()] + [of(np.array(-1), "end")]
    tensors.append(of(np.array([0, 0, -1]), "shape"))
    nodes = [
        make("LSTM", ["x", "w", "r"], ["y"], name="layer", hidden_size=UNITS, direction="bidirectional"),
        make("Transpose", ["y"], ["yt"], perm=[2, 0, 1, 3]), make("Reshape", ["yt", "shape"], ["h"]),
        *scores, make("Softmax", ["e"], ["a"], axis=1), *sums, *(more() or [make("MatMul", ["z", "head"], ["out"])]),
    ]  # fmt: skip
    used = {name for node in nodes for name in node.input}
    x = onnx.helper.make_tensor_value_info("x", 1, ["T", 1, INPUTS])
    out = onnx.helper.make_tensor_value_info("out", 1, None)
    graph = onnx.helper.make_graph(nodes, "g", [x], [out], [one for one in tensors if one.name in used])
    opsets = [onnx.helper.make_opsetid("", 17)]
    return bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def compared(data: bytes, tmp_path: Path) -> list[str]:
    """Open a file, compare its answer with the runtime's on two lengths, and return what is warned of."""
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    network = open_file(path).network
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for steps in (STEPS, 1, 4):
        x = np.random.default_rng(steps).normal(size=(steps, INPUTS)).astype(np.float32)
        (wanted,) = session.run(None, {"x": x[:, None]})
        np.testing.assert_allclose(present(lstm_tui.trace(x, network).result), wanted.reshape(-1), atol=1e-5)
    return list(network.remarks)


@pytest.mark.parametrize("sums", SUMS)
@pytest.mark.parametrize("scores", SCORES)
def test_attention_is_a_readout(scores: str, sums: str, tmp_path: Path) -> None:
    assert not compared(attention(SCORES[scores], SUMS[sums], seed=len(scores)), tmp_path)


def test_what_is_attended_to_goes_on_with_the_query(tmp_path: Path) -> None:
    more = [make("Concat", ["z", "g"], ["zg"], axis=1), make("Tanh", ["zg"], ["zt"]),
            make("MatMul", ["zt", "wide"], ["out"])]  # fmt: skip
    data = attention(SCORES["additive"], SUMS["multiplied and summed"], 3, lambda: more)
    assert not compared(data, tmp_path)


def test_weights_of_all_tokens_as_the_answer_are_cut_with_a_reason(tmp_path: Path) -> None:
    data = attention(SCORES["learned"], SUMS["multiplied and summed"], 3, lambda: [make("Identity", ["a"], ["out"])])
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    network = open_file(path).network
    assert network.readout is None
    assert any("out is cut: it gives a number for each token that needs all of them" in one for one in network.remarks)


def test_every_token_attending_to_every_other_is_cut(tmp_path: Path) -> None:
    scores = [make("Transpose", ["h"], ["ht"], perm=[0, 2, 1]), make("MatMul", ["h", "ht"], ["e"])]
    sums = [make("MatMul", ["a", "h"], ["zz"]), make("ReduceMean", ["zz"], ["z"], axes=[1], keepdims=0)]
    path = tmp_path / "net.onnx"
    path.write_bytes(attention(scores, sums, 3))
    network = open_file(path).network
    assert network.readout is None
    assert any("multiplies what is computed by what is computed" in one for one in network.remarks)
