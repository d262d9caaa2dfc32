"""Small ONNX networks of every kind, with what onnxruntime says of them: run as a program to freeze some again.

`python tests/formats/make_onnx_files.py` writes `files/onnx_*` and needs onnx and onnxruntime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent / "files"
STEPS, INPUTS, UNITS, CLASSES = 7, 3, 4, 2
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
CASES: dict[str, dict[str, Any]] = {
    "lstm": {"op": "LSTM"},
    "lstm_reverse": {"op": "LSTM", "direction": "reverse"},
    "lstm_both": {"op": "LSTM", "direction": "bidirectional"},
    "lstm_peepholes": {"op": "LSTM", "holes": True, "direction": "bidirectional"},
    "lstm_coupled": {"op": "LSTM", "input_forget": 1},
    "lstm_coupled_peepholes": {"op": "LSTM", "input_forget": 1, "holes": True},
    "lstm_clipped": {"op": "LSTM", "clip": 0.4},
    "lstm_clipped_peepholes": {"op": "LSTM", "clip": 0.5, "holes": True},
    "lstm_started": {"op": "LSTM", "started": True, "direction": "bidirectional"},
    "lstm_activations": {
        "op": "LSTM",
        "activations": ["HardSigmoid", "Relu", "Softsign"],
        "activation_alpha": [0.3],
        "activation_beta": [0.4],
    },
    "lstm_leaky": {"op": "LSTM", "activations": ["Sigmoid", "LeakyRelu", "Tanh"], "activation_alpha": [0.07]},
    "lstm_no_bias": {"op": "LSTM", "biased": False},
    "gru": {"op": "GRU"},
    "gru_reset_after": {"op": "GRU", "linear_before_reset": 1},
    "gru_both": {"op": "GRU", "linear_before_reset": 1, "direction": "bidirectional"},
    "gru_started": {"op": "GRU", "started": True},
    "gru_clipped": {"op": "GRU", "clip": 0.4},
    "rnn": {"op": "RNN"},
    "rnn_relu": {"op": "RNN", "activations": ["Relu"]},
    "rnn_affine": {"op": "RNN", "activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]},
}
FROZEN = ("lstm_both", "lstm_peepholes", "lstm_coupled", "lstm_activations", "gru", "gru_both", "rnn_affine")


def tensor(name: str, array: np.ndarray) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def recurrent(
    kind: dict[str, Any], random: np.random.Generator, x: str, inputs: int, name: str = "rec"
) -> tuple[Any, list[Any], int]:
    """Return a recurrent node with random weights, its tensors, and how many numbers a step it gives."""
    given = dict(kind)
    op = given.pop("op")
    holes, started, biased = (
        given.pop(key, value) for key, value in (("holes", False), ("started", False), ("biased", True))
    )
    ways = 2 if given.get("direction") == "bidirectional" else 1
    rows = GATES[op] * UNITS
    shapes = {"W": (ways, rows, inputs), "R": (ways, rows, UNITS), "B": (ways, 2 * rows), "": (0,)}
    shapes |= {"h0": (ways, 1, UNITS), "c0": (ways, 1, UNITS), "P": (ways, 3 * UNITS)}
    names = ["W", "R", "B" if biased else "", ""]
    names += ["h0" if started else ""]
    names += (["c0" if started else "", "P" if holes else ""]) if op == "LSTM" else []
    tensors = [tensor(f"{name}_{one}", random.normal(0, 0.7, shapes[one]).astype(np.float32)) for one in names if one]
    node = helper.make_node(
        op, [x, *(f"{name}_{one}" if one else "" for one in names)], [f"{name}_Y", f"{name}_Y_h"],
        name=name, hidden_size=UNITS, **given,
    )  # fmt: skip
    return node, tensors, ways * UNITS


def model(nodes: list[Any], tensors: list[Any], x: tuple[Any, ...], outputs: dict[str, Any], kind: int = 1) -> Any:
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, x)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()], tensors,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests")


def single(name: str, seed: int) -> Any:
    """Return one recurrent node."""
    node, tensors, _ = recurrent(CASES[name], np.random.default_rng(seed), "x", INPUTS)
    return model([node], tensors, ("t", 1, INPUTS), {"rec_Y": None})


def tagger(seed: int, over: str = "each") -> Any:
    """Return ids, a table, two layers both ways, a head: at each step, of the mean, or of the last step.

    `fixed` is at each step, and for one number of steps alone, as PyTorch exports where nobody says otherwise.
    """
    random = np.random.default_rng(seed)
    nodes = [helper.make_node("Gather", ["table", "x"], ["e"])]
    tensors = [tensor("table", random.normal(size=(9, INPUTS)).astype(np.float32))]
    width, below = INPUTS, "e"
    kind = {"op": "LSTM", "direction": "bidirectional" if over != "last" else "forward"}
    for n in range(2):
        node, more, wide = recurrent(kind, random, below, width, f"r{n}")
        tensors += [*more, tensor(f"shape{n}", np.array([STEPS, 1, wide] if over == "fixed" else [0, 0, -1]))]
        nodes += [
            node,
            helper.make_node("Transpose", [f"r{n}_Y"], [f"t{n}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"t{n}", f"shape{n}"], [f"s{n}"]),
        ]
        width, below = wide, f"s{n}"
    if over == "mean":
        nodes.append(helper.make_node("ReduceMean", [below], ["p"], axes=[0], keepdims=0))
        below = "p"
    if over == "states":  # of both directions, as PyTorch's h_n[-2], h_n[-1]
        for n in range(2):
            tensors.append(tensor(f"way{n}", np.array([n - 2])))
            nodes.append(helper.make_node("Gather", ["h", f"way{n}"], [f"h{n}"], axis=0))
        nodes.insert(-2, helper.make_node("Concat", ["r0_Y_h", "r1_Y_h"], ["h"], axis=0))
        nodes.append(helper.make_node("Concat", ["h0", "h1"], ["p"], axis=-1))
        below = "p"
    if over == "last":
        tensors.append(tensor("minus", np.array(-1)))
        nodes.append(helper.make_node("Gather", [below, "minus"], ["p"], axis=0))
        below = "p"
    for n, size in enumerate((5, CLASSES)):
        tensors.append(tensor(f"M{n}", random.normal(size=(width, size)).astype(np.float32)))
        tensors.append(tensor(f"v{n}", random.normal(size=size).astype(np.float32)))
        nodes += [
            helper.make_node("MatMul", [below, f"M{n}"], [f"m{n}"]),
            helper.make_node("Add", [f"m{n}", f"v{n}"], [f"a{n}"]),
        ]
        below, width = f"a{n}", size
        if n == 0:
            nodes.append(helper.make_node("Relu", [below], ["act"]))
            below = "act"
    nodes.append(helper.make_node("Softmax", [below], ["y"], axis=-1))
    return model(nodes, tensors, (STEPS if over == "fixed" else "t", 1), {"y": None}, TensorProto.INT64)


def undecided(seed: int) -> Any:
    """Return a node that leaves out the numbers of its activation: the standard has defaults, onnxruntime takes 0."""
    node, tensors, _ = recurrent({"op": "RNN", "activations": ["Affine"]}, np.random.default_rng(seed), "x", INPUTS)
    return model([node], tensors, ("t", 1, INPUTS), {"rec_Y": None})


def inside_if(seed: int) -> Any:
    """Return a GRU in a body of an `If` that the number of axes decides."""
    random = np.random.default_rng(seed)
    node, tensors, _ = recurrent(CASES["gru_reset_after"], random, "x", INPUTS)
    other = helper.make_node("Constant", [], ["none"], value=tensor("none", np.zeros((1, 1, 1, UNITS), np.float32)))
    yes = helper.make_graph([node], "yes", [], [helper.make_tensor_value_info("rec_Y", 1, None)])
    no = helper.make_graph([other], "no", [], [helper.make_tensor_value_info("none", 1, None)])
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Size", ["shape"], ["axes"]),
        helper.make_node("Equal", ["axes", "three"], ["is_three"]),
        helper.make_node("If", ["is_three"], ["y"], name="choice", then_branch=yes, else_branch=no),
    ]
    return model(nodes, [*tensors, tensor("three", np.array(3))], ("t", 1, INPUTS), {"y": None})


def convolved(seed: int) -> Any:
    """Return a convolution over the steps that takes every second, below an LSTM."""
    random = np.random.default_rng(seed)
    node, tensors, _ = recurrent(CASES["lstm"], random, "e", INPUTS)
    tensors.append(tensor("kernel", random.normal(size=(INPUTS, INPUTS, 3)).astype(np.float32)))
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps_last"], perm=[1, 2, 0]),
        helper.make_node("Conv", ["steps_last", "kernel"], ["conv"], pads=[1, 1], strides=[2]),
        helper.make_node("Relu", ["conv"], ["act"]),
        helper.make_node("Transpose", ["act"], ["e"], perm=[2, 0, 1]),
        node,
    ]
    return model(nodes, tensors, ("t", 1, INPUTS), {"rec_Y": None})


def numbers(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(STEPS, INPUTS)).astype(np.float32)


def ids(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 9, STEPS)


def says(made: Any, x: np.ndarray) -> np.ndarray:
    """Return what onnxruntime computes for one sequence, without the batch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = x[:, None] if x.dtype == np.int64 else x[:, None, :]
    (y,) = session.run(None, {"x": batch})
    if y.ndim == 4:  # (T, ways, B, H)
        return np.asarray(y[:, :, 0].reshape(len(y), -1))
    return np.asarray(y[:, 0] if y.ndim == 3 else y[0])


def save_in_two(made: Any, path: Path) -> None:
    """Save a model whose tensors lie in a file beside it."""
    beside = {"all_tensors_to_one_file": True, "location": f"{path.name}.data", "size_threshold": 0}
    onnx.save(made, path, save_as_external_data=True, **beside)


def freeze() -> None:
    """Write files and what onnxruntime says of them."""
    expected: dict[str, Any] = {"x": numbers(1), "ids": ids(1)}
    for name in FROZEN:
        made = single(name, 1)
        onnx.save(made, FOLDER / f"onnx_{name}.onnx")
        expected[name] = says(made, expected["x"])
    for over in ("each", "mean", "last"):
        made = tagger(1, over)
        onnx.save(made, FOLDER / f"onnx_tagger_{over}.onnx")
        expected[f"tagger_{over}"] = says(made, expected["ids"])
    made = tagger(1, "fixed")
    expected["tagger_fixed"] = says(made, expected["ids"])
    save_in_two(made, FOLDER / "onnx_tagger_fixed.onnx")
    made = inside_if(1)
    onnx.save(made, FOLDER / "onnx_inside_if.onnx")
    expected["inside_if"] = says(made, expected["x"])
    made = convolved(1)
    onnx.save(made, FOLDER / "onnx_convolved.onnx")
    expected["convolved"] = says(made, expected["x"])
    made = undecided(1)
    onnx.save(made, FOLDER / "undecided_numbers.onnx")
    expected["undecided_numbers"] = says(made, expected["x"])
    np.savez_compressed(FOLDER / "onnx_expected.npz", **expected)


if __name__ == "__main__":
    freeze()
