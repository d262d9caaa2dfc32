"""ONNX files that multiply whole numbers: the weights are taken as the fractions they stand for, and it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui.formats.importers.onnx.graph import OnnxRunner
from lstm_tui.formats.importers.open import open_file

onnx = pytest.importorskip("onnx")
make, of = onnx.helper.make_node, onnx.numpy_helper.from_array
STEPS, INPUTS, UNITS, OUTPUTS, ROWS = 6, 3, 4, 2, 9
ROUNDING = 0.05  # of numbers about 1: 256 levels of what is multiplied, at every step


def whole(array: np.ndarray, by: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numbers as int8 with their scale and zero point, for each slice of the axes `by` or for all."""
    rest = tuple(axis for axis in range(array.ndim) if axis not in by)
    scale = np.abs(array).max(axis=rest, keepdims=True) / 100
    zero = np.full(scale.shape, 3, np.int8)
    return np.rint(array / scale + 3).astype(np.int8), scale.squeeze(rest).astype(np.float32), zero.squeeze(rest)


def fractions(given: tuple[np.ndarray, np.ndarray, np.ndarray], by: tuple[int, ...] = ()) -> np.ndarray:
    array, scale, zero = given
    shape = [size if axis in by else 1 for axis, size in enumerate(array.shape)]
    return np.asarray(
        (array.astype(np.float64) - zero.reshape(shape)) * scale.reshape(shape).astype(np.float64), np.float32
    )


def models(ways: int, seed: int, table: bool) -> tuple[bytes, bytes]:
    """Return a file that multiplies whole numbers, and one that multiplies the fractions they stand for."""
    random = np.random.default_rng(seed)
    w = whole(random.normal(0, 0.6, (ways, INPUTS, 4 * UNITS)), (0,))
    r = whole(random.normal(0, 0.6, (ways, UNITS, 4 * UNITS)), (0,))
    v = whole(random.normal(0, 0.6, (ways * UNITS, OUTPUTS)))
    e = whole(random.normal(0, 0.9, (ROWS, INPUTS)))
    b = of(random.normal(0, 0.3, (ways, 8 * UNITS)).astype(np.float32), "b")
    shape = of(np.array([0, 0, -1]), "shape")
    way = "bidirectional" if ways == 2 else "forward"
    layer = {"hidden_size": UNITS, "direction": way}
    flat = [make("Transpose", ["y"], ["t"], perm=[0, 2, 1, 3]), make("Reshape", ["t", "shape"], ["h"])]
    whole_tensors = [b, shape]
    for name, given in (("w", w), ("r", r), ("v", v), ("e", e)):
        whole_tensors += [of(np.ascontiguousarray(one), f"{name}{n}") for n, one in enumerate(given)]
    rows = [make("Gather", ["e0", "x"], ["g"]), make("Transpose", ["g"], ["gt"], perm=[1, 0, 2]),
            make("DequantizeLinear", ["gt", "e1", "e2"], ["z"])]  # fmt: skip
    read = ["z" if table else "x", "w0", "r0", "b", "", "", "", "", "w1", "w2", "r1", "r2"]
    first = [
        *(rows if table else []), make("DynamicQuantizeLSTM", read, ["y"], domain="com.microsoft", **layer), *flat,
        make("DynamicQuantizeLinear", ["h"], ["q", "s", "p"]), make("MatMulInteger", ["q", "v0", "p", "v2"], ["m"]),
        make("Cast", ["m"], ["mf"], to=1), make("Mul", ["s", "v1"], ["k"]), make("Mul", ["mf", "k"], ["out"]),
    ]  # fmt: skip
    plain = [b, shape, of(fractions(w, (0,)).transpose(0, 2, 1).copy(), "w"), of(fractions(v), "v")]
    plain += [of(fractions(r, (0,)).transpose(0, 2, 1).copy(), "r"), of(fractions(e), "e")]
    rows = [make("Gather", ["e", "x"], ["g"]), make("Transpose", ["g"], ["z"], perm=[1, 0, 2])]
    second = [*(rows if table else []), make("LSTM", ["z" if table else "x", "w", "r", "b"], ["y"], **layer), *flat,
              make("MatMul", ["h", "v"], ["out"])]  # fmt: skip
    x = onnx.helper.make_tensor_value_info("x", 7 if table else 1, [1, "T"] if table else ["T", 1, INPUTS])
    return model(first, x, whole_tensors), model(second, x, plain)


def model(nodes: list[Any], x: Any, tensors: list[Any]) -> bytes:
    out = onnx.helper.make_tensor_value_info("out", 1, None)
    used = {name for node in nodes for name in node.input}
    graph = onnx.helper.make_graph(nodes, "g", [x], [out], [one for one in tensors if one.name in used])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    return bytes(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("ways", [1, 2])
def test_whole_numbers_are_the_fractions_they_stand_for(ways: int, table: bool, tmp_path: Path) -> None:
    paths = [tmp_path / "whole.onnx", tmp_path / "fractions.onnx"]
    for path, data in zip(paths, models(ways, seed=ways, table=table), strict=True):
        path.write_bytes(data)
    random = np.random.default_rng(5)
    x = random.integers(0, ROWS, STEPS) if table else random.normal(size=(STEPS, INPUTS)).astype(np.float32)
    networks = [open_file(path).network for path in paths]
    mine, wanted = (present(lstm_tui.trace(x, one).output) for one in networks)
    np.testing.assert_allclose(mine, wanted, atol=1e-5)
    assert not networks[1].remarks
    (said,) = networks[0].remarks
    assert "whole numbers with a scale" in said
    assert "differ by that rounding" in said
    runtime = pytest.importorskip("onnxruntime")
    given = x[None] if table else x[:, None]
    session = runtime.InferenceSession(paths[0].read_bytes(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": given})
    np.testing.assert_allclose(mine, theirs[:, 0], atol=ROUNDING)


def test_a_convolution_of_whole_numbers_below_is_run(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    k, w, r = random.normal(0, 0.6, (INPUTS, 5, 3)), random.normal(0, 0.6, (1, 4 * UNITS, INPUTS)), random.normal(
        0, 0.6, (1, 4 * UNITS, UNITS))  # fmt: skip
    q, scale, zero = whole(k)
    tensors = [of(q, "k"), of(scale, "k1"), of(zero, "k2"), of(w.astype(np.float32), "w")]
    tensors += [of(r.astype(np.float32), "r"), of(random.normal(0, 1, 3).astype(np.float32), "c")]
    tensors += [of(np.array([1, -1, 1]), "shape")]
    nodes = [
        make("DynamicQuantizeLinear", ["x"], ["q", "s", "p"]),
        make("ConvInteger", ["q", "k", "p", "k2"], ["m"], kernel_shape=[3], pads=[1, 1]),
        make("Mul", ["s", "k1"], ["f"]), make("Div", ["c", "f"], ["d"]), make("Floor", ["d"], ["fl"]),
        make("Cast", ["fl"], ["ci"], to=6), make("Reshape", ["ci", "shape"], ["cr"]), make("Add", ["m", "cr"], ["a"]),
        make("Cast", ["a"], ["af"], to=1), make("Mul", ["af", "f"], ["y"]),
        make("Transpose", ["y"], ["z"], perm=[2, 0, 1]), make("LSTM", ["z", "w", "r"], ["out"], hidden_size=UNITS),
    ]  # fmt: skip
    path = tmp_path / "conv.onnx"
    path.write_bytes(model(nodes, onnx.helper.make_tensor_value_info("x", 1, [1, 5, "T"]), tensors))
    network = open_file(path).network
    x = random.normal(size=(5, STEPS)).astype(np.float32)
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": x[None]})
    mine = lstm_tui.trace(x, network)["layer0.forward"]["h"]
    np.testing.assert_allclose(mine, theirs[:, 0, 0], atol=ROUNDING)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_one_node_of_whole_numbers_is_its_definition(kind: str, axis: int | None) -> None:
    """y = (x − zero) · scale, and back the nearest whole number that there is, to the even one where two are."""
    random = np.random.default_rng(3)
    x = random.integers(0, 100, (4, 4)).astype(kind)
    shape = () if axis is None else (4,)
    scale, zero = random.uniform(0.1, 2, shape).astype(np.float32), random.integers(0, 9, shape).astype(kind)
    more = {} if axis is None else {"axis": axis}
    run = OnnxRunner([onnx.helper.make_opsetid("", 17)])

    def of(array: np.ndarray, row: int, column: int) -> float:
        return float(array if axis is None else array[row if axis == 0 else column])

    there = onnx.helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], **more)
    (y,) = run(there, {"x": x, "s": scale, "z": zero})
    back = onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], **more)
    far = (random.normal(0, 200, (4, 4))).astype(np.float32)
    (made,) = run(back, {"x": far, "s": scale, "z": zero})
    limits = np.iinfo(kind)
    for row in range(4):
        for column in range(4):
            s, z = of(scale, row, column), of(zero, row, column)
            assert y[row, column] == np.float32((float(x[row, column]) - z) * s)
            whole = round(float(np.float32(far[row, column]) / np.float32(s))) + z
            assert made[row, column] == min(max(whole, limits.min), limits.max)
    assert made.dtype == kind
