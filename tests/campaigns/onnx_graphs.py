"""Random small networks as ONNX graphs, run by onnxruntime: layers, layouts, exporters' habits, mistakes, heads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

from .verdicts import Case

STEPS = 6
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_ACTIVATIONS = ("Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign", "Elu", "ScaledTanh", "Affine", "LeakyRelu")


@dataclass
class _Graph:
    """A graph while it grows."""

    draw: random.Random
    numbers: np.random.Generator
    opset: int
    nodes: list[Any] = field(default_factory=list)
    tensors: list[Any] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    recurrent: list[tuple[str, str, int]] = field(default_factory=list)
    count: int = 0

    def constant(self, array: Any, kind: Any = np.float32) -> str:
        from onnx import numpy_helper

        self.count += 1
        name = f"c{self.count}"
        self.tensors.append(numpy_helper.from_array(np.asarray(array, kind), name))
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self.numbers.normal(0, 0.6, shape))

    def add(self, kind: str, *reads: str, outputs: int = 1, **said: Any) -> str:
        from onnx import helper

        self.count += 1
        made = [f"{kind.lower()}{self.count}"] + [f"{kind.lower()}{self.count}_{n}" for n in range(1, outputs)]
        self.nodes.append(helper.make_node(kind, list(reads), made, name=f"n{self.count}", **said))
        return made[0]

    def axes(self, kind: str, read: str, *axes: int, **said: Any) -> str:
        """Add a Squeeze, an Unsqueeze or a sum in the form its version of operators wants."""
        since = 13 if kind in ("Squeeze", "Unsqueeze", "ReduceSum") else 18
        if self.opset >= since:
            return self.add(kind, read, self.constant(list(axes), np.int64), **said)
        return self.add(kind, read, axes=list(axes), **said)


def case(draw: random.Random) -> Case:
    """Return a random network."""
    import onnxruntime
    from onnx import TensorProto, helper

    opset = draw.choice((11, 13, 14, 17, 18))
    graph = _Graph(draw, np.random.default_rng(draw.randrange(1 << 30)), opset)
    inputs = draw.randint(2, 4)
    layout = draw.choice(("time first", "time first", "batch first", "batch read as time", "flat", "ids"))
    fixed = draw.random() < 0.4
    graph.told += [layout, f"opset {opset}", "fixed" if fixed else "free"]
    read, shape, x, fed = _input(graph, layout, inputs, fixed)
    width = inputs
    if layout != "ids" and draw.random() < 0.3:
        read, width = _before(graph, read, width)
    swapped = layout == "batch read as time"
    for layer in range(draw.choice((1, 1, 2, 2, 3))):
        read, width = _layer(graph, read, width, layer, swapped)
        if draw.random() < 0.25:
            read = _between(graph, read, width)
        if draw.random() < 0.12:
            graph.told.append("transposed")
            read = graph.add("Transpose", read, perm=[1, 0, 2])
            swapped = not swapped
    names = [_head(graph, read, width, swapped) for _ in range(draw.choice((1, 1, 1, 2)))]
    kind = TensorProto.INT64 if layout == "ids" else TensorProto.FLOAT
    given = helper.make_tensor_value_info("x", kind, shape)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in dict.fromkeys(names)]
    body = helper.make_graph(graph.nodes, "g", [given], made, graph.tensors)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    seen = helper.make_graph(
        graph.nodes, "g", [given],
        [*made, *(helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for _, one, _ in graph.recurrent
                  if one not in names)], graph.tensors,
    )  # fmt: skip
    whole = helper.make_model(seen, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)

    def run(what: bytes | str) -> dict[str, Array]:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(what, options, providers=["CPUExecutionProvider"])
        made = dict(zip([one.name for one in session.get_outputs()], session.run(None, {"x": fed}), strict=True))
        for name in names:
            end = made[name]
            if name[-2:] in ("_1", "_2") and end.ndim == 3 and end.shape[1] == STEPS:  # of a sequence for every token
                made[name] = np.moveaxis(end, 0, 1).reshape(STEPS, -1)
        return made

    results = run(whole.SerializeToString())

    def write(folder: Path) -> Path:
        path = folder / "m.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    states = {name: tape for name, one, ways in graph.recurrent if (tape := _on_tape(results[one])) is not None}
    told = f"{', '.join(graph.told)}: {' '.join(node.op_type for node in graph.nodes)}"
    outputs = {name: results[name] for name in names}
    return Case("onnx", write, {"x": x}, outputs, states, told=told, run=lambda path: run(str(path)))


def _on_tape(y: Array) -> Array | None:
    """Return what a node shows, (T, n), whichever of its axes is the tape."""
    if y.shape[0] == STEPS and y.shape[2] == 1:
        return np.asarray(y[:, :, 0].reshape(STEPS, -1))
    if y.shape[2] == STEPS and y.shape[0] == 1:
        return np.asarray(np.moveaxis(y[0], 1, 0).reshape(STEPS, -1))
    return None


def _input(graph: _Graph, layout: str, inputs: int, fixed: bool) -> tuple[str, list[Any], Array, Array]:
    steps: Any = STEPS if fixed else graph.draw.choice(("t", "seq", "n0"))
    one: Any = 1 if fixed or graph.draw.random() < 0.5 else "batch"
    x = graph.numbers.normal(size=(STEPS, inputs)).astype(np.float32)
    if layout == "ids":
        ids = graph.numbers.integers(0, 9, STEPS)
        first = graph.draw.random() < 0.5
        read = graph.add("Gather", graph.weights(9, inputs), "x")
        if not first:
            read = graph.add("Transpose", read, perm=[1, 0, 2])
        return read, [steps, one] if first else [one, steps], ids, ids[:, None] if first else ids[None]
    if layout == "time first":
        return "x", [steps, one, inputs], x, x[:, None]
    if layout == "batch first":
        return graph.add("Transpose", "x", perm=[1, 0, 2]), [one, steps, inputs], x, x[None]
    if layout == "flat":
        return graph.axes("Unsqueeze", "x", 1), [steps, inputs], x, x
    first_axis: Any = 1 if fixed else graph.draw.choice((1, "batch"))
    second: Any = STEPS if fixed or (first_axis == 1 and graph.draw.random() < 0.5) else "seq"
    return "x", [first_axis, second, inputs], x, x[None]


def _before(graph: _Graph, read: str, width: int) -> tuple[str, int]:
    kind = graph.draw.choice(("Sub", "Div", "dense", "relu"))
    graph.told.append(f"{kind} before")
    if kind == "dense":
        return graph.add("Add", graph.add("MatMul", read, graph.weights(width, 4)), graph.weights(4)), 4
    if kind == "relu":
        return graph.add("Relu", read), width
    return graph.add(kind, read, graph.constant(graph.numbers.uniform(0.5, 2, width))), width


def _layer(graph: _Graph, read: str, width: int, layer: int, swapped: bool) -> tuple[str, int]:
    draw, kind = graph.draw, graph.draw.choice(("LSTM", "GRU", "RNN"))
    hidden, count = draw.randint(2, 4), _GATES[kind]
    direction = draw.choice(("forward", "forward", "reverse", "bidirectional"))
    ways = 2 if direction == "bidirectional" else 1
    said: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    reads = [read, graph.weights(ways, count * hidden, width), graph.weights(ways, count * hidden, hidden), "", "", ""]
    if draw.random() < 0.8:
        reads[3] = graph.weights(ways, 2 * count * hidden)
    if draw.random() < 0.15:
        rows = STEPS if swapped else 1
        length = draw.randint(2, STEPS) if not swapped else 1
        reads[4] = graph.constant([length] * rows, np.int32)
        graph.told.append(f"length {length}")
    if draw.random() < 0.2:
        start = graph.numbers.normal(size=(ways, 1, hidden)) * (draw.random() < 0.6)
        reads[5] = graph.constant(np.repeat(start, STEPS if swapped else 1, axis=1))
        graph.told.append("initial")
    if kind == "LSTM" and draw.random() < 0.2:
        reads += ["", graph.weights(ways, 3 * hidden)]
        graph.told.append("peepholes")
    if kind == "GRU":
        said["linear_before_reset"] = draw.randint(0, 1)
    if kind == "LSTM" and draw.random() < 0.1:
        said["input_forget"] = 1
    if draw.random() < 0.2:
        said["clip"] = draw.choice((0.5, 1.0, 3.0))
    slots = {"LSTM": 3, "GRU": 2, "RNN": 1}[kind]
    if draw.random() < 0.25:
        names = [draw.choice(_ACTIVATIONS) for _ in range(slots)]
        every = (
            names * ways
            if draw.random() < 0.5
            else [*names, *(draw.choice(_ACTIVATIONS) for _ in names)][: slots * ways]
        )
        defaults = {"HardSigmoid": (0.2, 0.5), "Elu": (1.0, None), "ScaledTanh": (1.0, 1.0), "Affine": (0.7, 0.1),
                    "LeakyRelu": (0.05, None)}  # fmt: skip
        alphas = [defaults[one][0] for one in every if one in defaults]
        betas = [defaults[one][1] for one in every if one in defaults and defaults[one][1] is not None]
        said |= {"activations": every}
        said |= {"activation_alpha": alphas} if alphas else {}
        said |= {"activation_beta": betas} if betas else {}
        graph.told.append(f"activations {every}")
    while reads and not reads[-1]:
        reads.pop()
    outputs = 3 if kind == "LSTM" else 2
    y = graph.add(kind, *reads, outputs=outputs, **said)
    graph.recurrent.append((f"n{graph.count}", y, ways))
    graph.told.append(f"{kind} {direction} {hidden}")
    if ways == 1 and draw.random() < 0.6:
        return graph.axes("Squeeze", y, 1), hidden
    turned = graph.add("Transpose", y, perm=[0, 2, 1, 3])
    return graph.add("Reshape", turned, graph.constant([0, 0, ways * hidden], np.int64)), ways * hidden


def _between(graph: _Graph, read: str, width: int) -> str:
    kind = graph.draw.choice(("Relu", "norm", "scale", "flip", "residual", "softmax"))
    graph.told.append(f"{kind} between")
    if kind == "Relu":
        return graph.add("Relu", read)
    if kind == "residual":
        return graph.add("Add", read, graph.add("Tanh", read))
    if kind == "softmax":
        return graph.add("Softmax", read, axis=graph.draw.choice((0, 1, 2)) if graph.opset >= 13 else 2)
    if kind == "flip":
        whole = (graph.constant([-1], np.int64), graph.constant([-(1 << 40)], np.int64))
        return graph.add("Slice", read, *whole, graph.constant([0], np.int64), graph.constant([-1], np.int64))
    if kind == "scale":
        return graph.add("Mul", read, graph.weights(width))
    centre = graph.add("Sub", read, graph.axes("ReduceMean", read, -1))
    spread = graph.add(
        "Sqrt", graph.add("Add", graph.axes("ReduceMean", graph.add("Mul", centre, centre), -1), graph.constant(1e-5))
    )
    return graph.add("Div", centre, spread)


def _head(graph: _Graph, read: str, width: int, swapped: bool) -> str:
    draw = graph.draw
    time = 1 if swapped else 0
    name, _, ways = graph.recurrent[-1]
    kind = draw.choice((
        "series", "each", "last", "first", "mean", "max", "sum", "h", "c", "flatten", "wrong axis", "attention",
        "two pools", "all h", "per step", "softmax over", "states", "half", "back only", "add ways",
    ))  # fmt: skip
    graph.told.append(f"head {kind}")
    lstm = graph.nodes[[node.name for node in graph.nodes].index(name)]
    hidden = next(one.i for one in lstm.attribute if one.name == "hidden_size")

    def dense(value: str, size: int) -> str:
        made = graph.add("MatMul", value, graph.weights(size, 3))
        made = graph.add("Add", made, graph.weights(3)) if draw.random() < 0.7 else made
        return graph.add("Softmax", made, axis=-1) if graph.opset >= 13 and draw.random() < 0.3 else made

    if kind == "series":
        return read if not read.startswith("x") else dense(read, width)
    if kind in ("last", "first"):
        index = graph.constant(-1 if kind == "last" else 0, np.int64)
        return dense(graph.add("Gather", read, index, axis=time), width)
    if kind in ("mean", "max", "sum"):
        reduce = {"mean": "ReduceMean", "max": "ReduceMax", "sum": "ReduceSum"}[kind]
        first = dense(read, width) if draw.random() < 0.3 else read
        made = graph.axes(reduce, first, time, keepdims=draw.randint(0, 1))
        return made if first != read else dense(made, width)
    if kind == "wrong axis":
        return dense(graph.axes("ReduceMean", read, 1 - time, keepdims=0), width)
    if kind in ("h", "c", "states", "half", "back only", "add ways"):
        ends = lstm.output[1:]
        end = ends[-1] if kind == "c" else ends[0]
        if kind == "states":
            return str(end)
        if kind == "add ways":
            return dense(graph.axes("ReduceSum", end, 0, keepdims=0), hidden)
        if kind == "back only":
            return dense(graph.add("Gather", end, graph.constant(ways - 1, np.int64), axis=0), hidden)
        turned = graph.add("Transpose", end, perm=[1, 0, 2])
        whole = graph.add("Reshape", turned, graph.constant([0, ways * hidden], np.int64))
        if kind == "half":
            end_of = [graph.constant([one], np.int64) for one in (1, ways * hidden, 1)]
            return dense(graph.add("Slice", whole, *end_of), ways * hidden - 1)
        return dense(whole, ways * hidden)
    if kind == "flatten":
        flat = graph.add("Reshape", read, graph.constant([1, STEPS * width], np.int64))
        return dense(flat, STEPS * width)
    if kind == "attention":
        score = graph.add("Softmax", graph.add("MatMul", read, graph.weights(width, 1)), axis=time)
        return dense(graph.axes("ReduceSum", graph.add("Mul", read, score), time, keepdims=0), width)
    if kind == "two pools":
        one = graph.axes("ReduceMean", read, time, keepdims=0)
        other = graph.axes("ReduceMax", read, time, keepdims=0)
        return dense(graph.add("Concat", one, other, axis=-1), 2 * width)
    if kind == "all h":
        same = [one for one in graph.nodes if one.op_type in _GATES]
        ends = [
            graph.add("Reshape", one.output[1], graph.constant([1 if not swapped else STEPS, -1], np.int64))
            for one in same
        ]
        if swapped or len(ends) == 1:
            return str(ends[-1])
        return graph.add("Concat", *ends, axis=1)
    if kind == "per step":
        shape = [1, 1, 1]
        shape[time] = STEPS
        return dense(graph.add("Mul", read, graph.weights(*shape)), width)
    if kind == "softmax over":
        return graph.add("Softmax", read, axis=time)
    return dense(read, width)
