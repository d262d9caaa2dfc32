"""Where each number of a tensor comes from, through random chains of nodes that only move numbers.

The oracle asks the numbers: onnx computes the chain on numbers of which no two are alike, so that a number that comes
out names the place it was put in at, a zero is a zero, and anything else a constant of the file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.formats.importers.onnx.file import Outside, read_graph
from lstm_tui.formats.importers.program.graph import ProgramGraph
from lstm_tui.formats.importers.program.trace import GraphTrace, InputLayout

onnx = pytest.importorskip("onnx")
STEPS, WIDTH = 4, 3
ZEROS, ONES = 0.0, 1.0


class Chain:
    """Nodes one behind another, over a tensor whose shape is known."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shape: tuple[int, ...] = (STEPS, 1, WIDTH)
        self.name = "x"

    def constant(self, array: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def add(self, kind: str, shape: tuple[int, ...], reads: tuple[str, ...] = (), **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(kind, reads or (self.name,), [name], **attributes))
        self.name, self.shape = name, shape

    def graph(self) -> ProgramGraph:
        values = onnx.helper.make_tensor_value_info
        tensors = [onnx.numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        x, out = values("x", 1, ["T", 1, WIDTH]), values(self.name, 1, None)
        made = onnx.helper.make_graph(self.nodes, "g", [x], [out], tensors)
        model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
        return read_graph(model.SerializeToString(), "the chain", lambda *_: "then_branch", Outside("", ""))


def transposed(chain: Chain, draw: Any) -> None:
    order = draw(st.permutations(range(len(chain.shape))))
    chain.add("Transpose", tuple(chain.shape[axis] for axis in order), perm=list(order))


def reshaped(chain: Chain, draw: Any) -> None:
    order = draw(st.permutations(chain.shape))
    chain.add("Reshape", tuple(order), (chain.name, chain.constant(np.array(order, np.int64))))


def sliced(chain: Chain, draw: Any) -> None:
    axis = draw(st.integers(0, len(chain.shape) - 1))
    step = draw(st.sampled_from([1, 2, -1]))
    first = draw(st.integers(0, chain.shape[axis] - 1))
    last = chain.shape[axis] if step > 0 else -(10**9)
    taken = len(range(chain.shape[axis])[first : last if step > 0 else None : step])
    parts = tuple(chain.constant(np.array([one], np.int64)) for one in (first, last, axis, step))
    chain.add("Slice", (*chain.shape[:axis], taken, *chain.shape[axis + 1 :]), (chain.name, *parts))


def gathered(chain: Chain, draw: Any) -> None:
    axis = draw(st.integers(0, len(chain.shape) - 1))
    which = draw(st.lists(st.integers(0, chain.shape[axis] - 1), min_size=1, max_size=5))
    shape = (*chain.shape[:axis], len(which), *chain.shape[axis + 1 :])
    chain.add("Gather", shape, (chain.name, chain.constant(np.array(which, np.int64))), axis=axis)


def put_beside(chain: Chain, draw: Any) -> None:
    axis = draw(st.integers(0, len(chain.shape) - 1))
    number = draw(st.sampled_from([ZEROS, ONES]))
    more = (*chain.shape[:axis], draw(st.integers(1, 2)), *chain.shape[axis + 1 :])
    pair = [chain.name, chain.constant(np.full(more, number, np.float32))]
    shape = (*more[:axis], chain.shape[axis] + more[axis], *more[axis + 1 :])
    chain.add("Concat", shape, tuple(draw(st.permutations(pair))), axis=axis)


def put_beside_itself(chain: Chain, draw: Any) -> None:
    axis = draw(st.integers(0, len(chain.shape) - 1))
    shape = (*chain.shape[:axis], 2 * chain.shape[axis], *chain.shape[axis + 1 :])
    chain.add("Concat", shape, (chain.name, chain.name), axis=axis)


def padded(chain: Chain, draw: Any) -> None:
    count = len(chain.shape)
    around = draw(st.lists(st.integers(0, 1), min_size=2 * count, max_size=2 * count))
    shape = tuple(size + around[n] + around[count + n] for n, size in enumerate(chain.shape))
    chain.add("Pad", shape, (chain.name, chain.constant(np.array(around, np.int64))))


def repeated(chain: Chain, draw: Any) -> None:
    times = draw(st.lists(st.integers(1, 2), min_size=len(chain.shape), max_size=len(chain.shape)))
    shape = tuple(size * n for size, n in zip(chain.shape, times, strict=True))
    chain.add("Tile", shape, (chain.name, chain.constant(np.array(times, np.int64))))


def kept(chain: Chain, draw: Any) -> None:
    chain.add("Identity", chain.shape)


MOVES = (transposed, reshaped, sliced, gathered, put_beside, put_beside_itself, padded, repeated, kept)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_number_comes_from_where_its_origin_says(data: st.DataObject) -> None:
    chain = Chain()
    for move in data.draw(st.lists(st.sampled_from(MOVES), min_size=1, max_size=4)):
        if np.prod(chain.shape) < 200:
            move(chain, data.draw)
    trace = GraphTrace(chain.graph(), {"x": InputLayout((STEPS, 1, WIDTH), 0, 2)}, STEPS)
    put_in = trace.numbers["x"].reshape(-1).tolist()  # the steps in their order, the units of each in theirs
    assert len(set(put_in)) == STEPS * WIDTH
    places = {number: n + 1 for n, number in enumerate(put_in)} | {ZEROS: 0}
    wanted = [places.get(number, -1) for number in trace.number(chain.name).reshape(-1).tolist()]
    assert trace.ids[chain.name].shape == chain.shape
    assert trace.ids[chain.name].reshape(-1).tolist() == wanted


@pytest.mark.parametrize("number", [ZEROS, ONES])
def test_steps_of_zeros_are_none_and_steps_of_another_number_are_not_followed(number: float) -> None:
    chain = Chain()
    more = chain.constant(np.full((2, 1, WIDTH), number, np.float32))
    chain.add("Concat", (STEPS + 2, 1, WIDTH), (chain.name, more), axis=0)
    chain.add("Tanh", chain.shape)
    trace = GraphTrace(chain.graph(), {"x": InputLayout((STEPS, 1, WIDTH), 0, 2)}, STEPS)
    if number == ZEROS:
        value, where = trace.said(chain.name)
        assert value.width == WIDTH
        assert where.reshape(-1).tolist() == [*range(STEPS), -1, -1]
    else:
        assert "numbers are filled in" in trace.broken[chain.name]
