"""What a graph of nodes does with its numbers that is no op of a value: the node that does it is named, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_graph_origins import STEPS, WIDTH, Chain

from lstm_tui.formats.importers.onnx import graph as onnx_graph
from lstm_tui.formats.importers.program import bodies
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import ProgramGraph, ProgramNode, UnsupportedNode, random_of
from lstm_tui.formats.importers.program.trace import GraphTrace, InputLayout

pytest.importorskip("onnx")
Node = tuple[Any, ...]
"""Its kind, what it reads, by name or as numbers, and its attributes where it has any."""


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


FIRST, BEFORE = whole(1, 0, 0, 0, 0, 0), whole(0, 0, 1, 0, 0, 0)
"""A step in front of the others, and a unit in front of the others."""
NOTHING, SOMETHING = np.float32(0), np.float32(2)


def traced(nodes: list[Node]) -> tuple[str, GraphTrace]:
    chain = Chain()
    for kind, reads, *more in nodes:
        chain.add(kind, (), tuple(one if isinstance(one, str) else chain.constant(one) for one in reads), **dict(*more))
    return chain.name, GraphTrace(chain.graph(), {"x": InputLayout((STEPS, 1, WIDTH), 0, 2)}, STEPS)


BROKEN: dict[str, tuple[list[Node], str]] = {
    "an op that is not known": ([("Equal", ("x", ones(1)))], "v0 (Equal) is not known here"),
    "filled with a number": ([("Pad", ("x", BEFORE, SOMETHING))], "v0 (Pad) fills in other numbers than zeros"),
    "whole numbers": (
        [("Cast", ("x",), {"to": 7}), ("Add", ("v0", whole(1)))], "v1 (Add) computes with ids"),
    "a matrix of whole numbers": (
        [("MatMul", ("x", whole(1, 2, 3).reshape(3, 1)))], "v0 (MatMul) holds weights that are no fractions"),
    "a wide kernel": (
        [("Transpose", ("x",), {"perm": [1, 2, 0]}), ("Conv", ("v0", ones(2, 3, 3)))],
        "v1 (Conv) reads several steps at once"),
    "strides": (
        [("Transpose", ("x",), {"perm": [1, 2, 0]}), ("Conv", ("v0", ones(2, 3, 1)), {"strides": [2]})],
        "v1 (Conv) reads several steps at once"),
    "steps as units": (
        [("Transpose", ("x",), {"perm": [1, 2, 0]}), ("MatMul", ("v0", ones(4, 2)))],
        "its numbers stand in no order of steps and units"),
    "another width": ([("Add", ("x", ones(4, 1, 5)))], "v0 (Add): its operands fit no common shape"),
    "steps and units": (
        [("Transpose", ("x",), {"perm": [2, 1, 0]}), ("Add", ("x", "v0"))],
        "v1 (Add): its operands fit no common shape"),
    "a matrix of another width": (
        [("Gemm", ("v0", ones(5, 2)))], "v1 (Gemm): its matrix fits no input"),
    "a share of some steps": ([("Softmax", ("x",), {"axis": 1})], "v0 (Softmax) is taken over some of the steps"),
    "a share of a vector": (
        [("ReduceMax", ("x",), {"axes": [0], "keepdims": 0}), ("Softmax", ("v0",), {"axis": 0})],
        "v1 (Softmax) is taken over what is no row of steps"),
    "a norm of several axes": (
        [("LayerNormalization", ("x", ones(3)), {"axis": 0})], "v0 (LayerNormalization) is taken over several axes"),
    "zeros among steps": (
        [("Pad", ("x", FIRST, NOTHING)), ("ReduceMax", ("v0",), {"axes": [0]})],
        "v1 (ReduceMax) reads filled-in numbers"),
    "zeros among units": (
        [("Pad", ("x", BEFORE, NOTHING)), ("ReduceMax", ("v0",), {"axes": [2]})],
        "v1 (ReduceMax) reads filled-in numbers"),
    "over everything": ([("ReduceMax", ("x",), {"keepdims": 0})], "v0 (ReduceMax) is taken over steps and units at"),
    "no cell": ([("LSTM", ("x", ones(1, 8, 3), ones(8, 2)), {"hidden_size": 2})],
                "v0 (LSTM): its weights have no such shape"),
}  # fmt: skip
BROKEN["a matrix of another width"] = (
    [("Squeeze", ("x", whole(1))), *BROKEN["a matrix of another width"][0]], BROKEN["a matrix of another width"][1]
)  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_node_that_is_not_followed_is_named(name: str) -> None:
    nodes, said = BROKEN[name]
    last, trace = traced(nodes)
    assert last not in trace.ids
    assert trace.broken[last].startswith(said)


CELL = ("RNN", ("v0", ones(1, 2, 3), ones(1, 2, 2)), {"hidden_size": 2})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (("Squeeze", ("x", whole(1))), "it reads what has no steps"),
        (("ReduceMax", ("x",), {"axes": [0]}), "it reads one vector, and no series"),
        (("ConstantOfShape", (whole(4, 1, 3),)), "it reads what is the same for every input"),
        (("Pad", ("x", whole(0, 0, 0, 2, 0, 0), NOTHING)), "it reads zeros behind the last step of the layer below"),
        (("Reshape", ("x", whole(2, 2, 3))), "it reads the sequences of a batch as steps"),
        (("Equal", ("x", ones(1))), "v0 (Equal) is not known here"),
    ],
)
def test_a_layer_whose_series_is_not_followed_says_why(before: Node, said: str) -> None:
    _, trace = traced([before, CELL])
    (reading,) = trace.readings.values()
    assert reading.value is None
    assert reading.why == said


def test_one_step_and_the_rows_of_a_batch_tell_nothing() -> None:
    _, trace = traced([("Identity", ("x",)), CELL])
    one = GraphTrace(trace.graph, {"x": InputLayout((1, 1, WIDTH), 0, 2)}, 1)
    name = trace.graph.outputs[0]
    known = TracedGraph(trace.graph, trace, trace, frozenset(), False)
    assert known.said(name)[0].width == 2
    for other, said in (
        (replace(known, first=one, second=one), "gives one step of what was tried, which tells nothing"),
        (
            replace(known, other_sequences=[name]),
            "it takes one sequence of a batch, and the file does not say which axis",
        ),
    ):
        with pytest.raises(UnsupportedNode, match=said):
            other.said(name)
    trace.numbers[name] = trace.numbers[name] + 1
    with pytest.raises(UnsupportedNode, match="computes something else of it"):
        known.said(name)


def body(loop: bool, inputs: tuple[str, ...] = ("i", "c", "s"), **attributes: Any) -> bodies.Body:
    nodes = [ProgramNode("n", "Tanh", (inputs[-1],), ("t",))]
    return bodies.Body(loop, ("trips", "go", "h") if loop else ("h", "x"), inputs, ("c", "t"), nodes, {}, attributes)


def looped(one: bodies.Body, **given: Any) -> list[np.ndarray]:
    node = one.node("n", ["y"])
    graph = ProgramGraph([], {}, {}, [], "", [], run=lambda node, inputs: [np.tanh(inputs[node.input[0]])])
    runner = bodies._Runner(graph, graph.run, graph.run)
    return runner(node, {name: np.asarray(array) for name, array in given.items()})


def test_a_loop_whose_body_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsupportedNode, match=r"n \(Loop\) has no body that is read here"):
        bodies.body_of(ProgramNode("n", "Loop", ("a",), ("y",)))
    start = {"trips": 2, "go": True, "h": ones(2)}
    with pytest.raises(UnsupportedNode, match=r"n \(Loop\) gives its body 3 inputs, and it takes 2"):
        looped(body(True, ("i", "s")), **start)
    with pytest.raises(UnsupportedNode, match=r"n \(Scan\) has nothing to go over"):
        looped(body(False, ("s", "x"), num_scan_inputs=1), h=ones(2), x=np.float32(1))
    monkeypatch.setattr(bodies, "MOST_RUNS", 3)
    with pytest.raises(UnsupportedNode, match=r"n \(Loop\) runs more than 3 nodes"):
        looped(body(True), **start)


def test_an_input_that_is_too_large_is_not_made() -> None:
    assert random_of(1, (2, 3), np.random.default_rng(1)).shape == (2, 3)
    with pytest.raises(UnsupportedNode, match="an input is larger than what is tried here"):
        random_of(1, (1 << 20, 1 << 10), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("kind", "given", "attributes", "said"),
    [
        ("GlobalMaxPool", [ones(2, 3)], {}, "n (GlobalMaxPool) has nothing to pool"),
        ("DequantizeLinear", [whole(1, 2), None], {}, "n (DequantizeLinear) has no scale that is read here"),
        ("DequantizeLinear", [whole(1, 2), whole(1)], {}, "n (DequantizeLinear) has no scale that is read here"),
        ("DequantizeLinear", [whole(1, 2), ones(2, 2)], {}, "n (DequantizeLinear) has no scale that is read here"),
        ("DequantizeLinear", [whole(1, 2), ones(3)], {"axis": 0}, "n (DequantizeLinear): its scale fits none of its"),
        ("DequantizeLinear", [whole(1, 2), ones(2)], {"axis": 5}, "n (DequantizeLinear): its scale fits none of its"),
        ("DequantizeLinear", [ones(2), ones(1)], {}, "n (DequantizeLinear) reads float32 numbers, which are not read"),
        ("MatMul", [ones(2, 3), ones(2, 3)], {}, "n (MatMul) cannot take 2×3, 2×3: "),
        ("Odd", [ones(2)], {}, "n (Odd) is not run here"),
    ],
)
def test_a_node_of_onnx_that_cannot_be_run_is_named(
    kind: str, given: list[Any], attributes: Mapping[str, Any], said: str
) -> None:
    from onnx import helper

    names = ["" if one is None else f"i{n}" for n, one in enumerate(given)]
    node = helper.make_node(kind, names, ["y"], name="n", **attributes)
    runner = onnx_graph.OnnxRunner([helper.make_opsetid("", 18)])
    with pytest.raises(UnsupportedNode) as refused:
        runner(node, {name: one for name, one in zip(names, given, strict=True) if one is not None})
    assert str(refused.value).startswith(said)
