"""Functions of PyTorch as nodes run by NumPy, each against PyTorch's own, on numbers of the input and on constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.feature_extractor import MACROS, activate
from lstm_tui.formats.importers.program.graph import ProgramNode
from lstm_tui.formats.importers.program.numpy_nodes import _KINDS
from lstm_tui.formats.importers.program.trace import _BY_NAME, _FUNCTIONS
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, TensorRef, tensors_in
from lstm_tui.formats.importers.torch.program_ops import _OPS, call

_DRAW = np.random.default_rng(4)
X = _DRAW.normal(size=(2, 5, 4)).astype(np.float32)
Y = _DRAW.normal(size=(2, 5, 4)).astype(np.float32)
POSITIVE = np.abs(X) + np.float32(0.5)
ROW = _DRAW.normal(size=4).astype(np.float32)
MATRIX = _DRAW.normal(size=(4, 3)).astype(np.float32)
IDS = np.array([[1, 0, 2, 2, 1], [0, 2, 1, 0, 0]])
MASK = X > 0
KERNEL = _DRAW.normal(size=(6, 5, 3)).astype(np.float32)
UNKNOWN = "not known"

Sample = tuple[Sequence[Any], Mapping[str, Any]]


def given(*args: Any, **kwargs: Any) -> Sample:
    return args, kwargs


def _alike(names: Sequence[str], samples: list[Sample]) -> dict[str, list[Sample]]:
    return dict.fromkeys(names, samples)


_TWO = [given(X, Y), given(X, 2.0), given(X, ROW)]
_ONE = [given(X)]
_ALONG = [given(X, [1]), given(X, [-1], True), given(X)]
SAMPLES: dict[str, list[Sample]] = {
    **_alike(("contiguous", "clone", "detach", "alias", "relu", "tanh", "sigmoid", "softsign", "silu", "exp",
                     "neg", "abs", "reciprocal", "selu", "hardswish", "hardsigmoid", "relu6", "square", "sin", "cos",
                     "floor", "erf", "mish", "sign"), _ONE),
    **_alike(("log_sigmoid", "log_sigmoid_forward"), _ONE),
    "prelu": [given(X, ROW[:1]), given(X[:, :4], ROW)],
    "_prelu_kernel": [given(X, ROW)],
    "rrelu": [given(X), given(X, 0.1, 0.3)],
    "celu": [given(X), given(X, 0.5)],
    **_alike(("softshrink", "hardshrink"), [given(X), given(X, 0.1)]),
    "threshold": [given(X, 0.1, 0.7), given(X, -0.2, 0.0)],
    "rms_norm": [given(X, [4]), given(X, [4], ROW), given(X, [4], ROW, 0.1)],
    "_fused_rms_norm": [given(X, [4], ROW, 0.1)],
    "einsum": [given("bth,ho->bto", [X, MATRIX])],
    **_alike(("log", "sqrt", "rsqrt"), [given(POSITIVE)]),
    **_alike(("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide"), _TWO),
    **_alike(("maximum", "minimum"), [given(X, Y)]),
    **_alike(("eq", "ne", "lt", "gt", "le", "ge"), [given(IDS, 1), given(X, Y)]),
    **_alike(("remainder", "floor_divide"), [given(IDS, 2), given(-IDS, 2)]),
    **_alike(("logical_and", "logical_or"), [given(MASK, Y > 0)]),
    "logical_not": [given(MASK)],
    "bitwise_not": [given(MASK), given(IDS)],
    **_alike(("mean", "sum"), _ALONG),
    **_alike(("max", "min"), [given(X), given(X, Y), given(X, 1), given(X, 2, True)]),
    **_alike(("amax", "amin"), [given(X, [1]), given(X, [0, 2], True)]),
    **_alike(("softmax", "log_softmax"), [given(X, 1), given(X, -1)]),
    **_alike(("_softmax", "_log_softmax"), [given(X, 1, False)]),
    **_alike(("matmul",), [given(X, MATRIX), given(ROW, MATRIX)]),
    **_alike(("dropout", "feature_dropout", "alpha_dropout"), [given(X, 0.4, False)]),
    **_alike(("std", "var"), [given(X, [1]), given(X, [1], correction=0), given(X, [1], True, True), given(X)]),
    **_alike(("clamp", "clip"), [given(X, -0.5, 0.3), given(X, None, 0.3), given(X, min=0.1)]),
    **_alike(("ones_like", "zeros_like"), _ONE),
    **_alike(("new_zeros", "new_ones"), [given(X, [2, 3])]),
    **_alike(("cat", "concat", "concatenate"), [given([X, Y], 1), given([X, Y], -1)]),
    **_alike(("ones", "zeros"), [given([2, 3])]),
    **_alike(("transpose", "swapaxes"), [given(X, 0, 2), given(X, -1, 1)]),
    **_alike(("view", "reshape", "_unsafe_view"), [given(X, [2, -1])]),
    **_alike(("chunk", "unsafe_chunk"), [given(X, 2, 2), given(X, 3, 1), given(X, 4, 1)]),
    **_alike(("split", "unsafe_split"), [given(X, 2, 1), given(X, 3, 2)]),
    **_alike(("mm",), [given(X[0], MATRIX)]),
    "rsub": [given(X, Y), given(X, 1.0, 3), given(X, Y, alpha=2)],
    "addcmul": [given(X, Y, X), given(X, Y, X, value=0.5)],
    "pow": [given(X, 2), given(POSITIVE, 0.5)],
    "bmm": [given(X, np.swapaxes(Y, 1, 2).copy())],
    "mv": [given(X[0], ROW)],
    "linear": [given(X, MATRIX.T.copy()), given(X, MATRIX.T.copy(), MATRIX[0])],
    "addmm": [given(MATRIX[0], X[0], MATRIX), given(MATRIX[0], X[0], MATRIX, beta=0.5, alpha=2),
              given(MATRIX[0], X[0], MATRIX, beta=2)],
    "embedding": [given(X[0], IDS), given(X[0], IDS, 0)],
    "select": [given(X, 1, -2)],
    "slice": [given(X, 1, 1, 4, 2), given(X, 1, -2, 9223372036854775807), given(X, 2, None, -1)],
    "narrow": [given(X, 1, 1, 2), given(X, 1, -2, 2)],
    "flip": [given(X, [1]), given(X, [0, 2])],
    "t": [given(MATRIX), given(ROW)],
    "permute": [given(X, [2, 0, 1])],
    "numpy_T": [given(MATRIX)],
    "view_as": [given(X, X.reshape(5, 8))],
    "flatten": [given(X), given(X, 1), given(X, 0, 1)],
    "unflatten": [given(X, 2, [2, 2])],
    "squeeze": [given(X[:, :1]), given(X[:, :1], 1), given(X, 1)],
    "unsqueeze": [given(X, 1), given(X, -1)],
    "expand": [given(X[:, :1], [2, 3, 4]), given(ROW, [2, -1])],
    "expand_as": [given(X[:, :1], X)],
    "repeat": [given(ROW, [2, 3]), given(X, [1, 2, 1])],
    "hstack": [given([X, Y]), given([ROW, ROW])],
    "stack": [given([X, Y], 1), given([X, Y], -1)],
    "split_with_sizes": [given(X, [1, 4], 1)],
    "tensor_split": [given(X, 2), given(X, 3, 1), given(X, 3, 2), given(X, [1, 3], 1)],
    "unbind": [given(X, 1)],
    "index_select": [given(X, 1, np.array([3, 0, 0]))],
    "index": [given(X, [None, np.array([3, 0])]), given(X, [np.array([1, 0]), np.array([3, -1])])],
    "layer_norm": [given(X, [4]), given(X, [4], ROW), given(X, [4], ROW, ROW, 1e-3), given(X, [5, 4])],
    "native_layer_norm": [given(X, [4], ROW, ROW, 1e-3)],
    "group_norm": [given(X.transpose(0, 2, 1).copy(), 2), given(X.transpose(0, 2, 1).copy(), 2, ROW, ROW, 1e-3)],
    "instance_norm": [
        given(X, None, None, None, None, True, 0.1, 1e-4, False),
        given(X, KERNEL[0, :, 0], KERNEL[1, :, 0], None, None, True, 0.1, 1e-4, False),
        given(X, None, None, KERNEL[0, :, 0], np.abs(KERNEL[1, :, 0]), False, 0.1, 1e-4, False),
    ],
    "batch_norm": [given(X, KERNEL[0, :, 0], KERNEL[1, :, 0], KERNEL[2, :, 0], np.abs(KERNEL[3, :, 0]), False, 0.1,
                         1e-3, False)],
    "_native_batch_norm_legit_no_training": [
        given(X, KERNEL[0, :, 0], KERNEL[1, :, 0], KERNEL[2, :, 0], np.abs(KERNEL[3, :, 0]), 0.1, 1e-3)],
    "conv1d": [
        given(X, KERNEL[:, :, :1].copy()), given(X, KERNEL, KERNEL[:, 0, 0], [1], [1]),
        given(X, KERNEL, None, [2], [2]), given(X, KERNEL[:, :, :2].copy(), None, [1], [1], [2]),
        given(X[:, :4], KERNEL[:4, :2].copy(), None, [1], [1], [1], 2), given(X, KERNEL, None, [1], "same"),
    ],
    "_convolution": [given(X, KERNEL, None, [1], [1], [1], False, [0], 1, False, False, False, False)],
    "convolution": [given(X, KERNEL, None, [2], [1], [1], False, [0], 1)],
    "max_pool1d": [given(X, [2]), given(X, [3], [1], [1])],
    "avg_pool1d": [given(X, [2]), given(X, [3], [1], [1])],
    "adaptive_avg_pool1d": [given(X, [1])],
    "adaptive_max_pool1d": [given(X, [1])],
    "softplus": [given(X), given(X, 1, 0.5)],
    "hardtanh": [given(X), given(X, -0.3, 0.4)],
    "clamp_min": [given(X, 0.1)],
    "clamp_max": [given(X, 0.1)],
    "leaky_relu": [given(X), given(X, 0.3)],
    "elu": [given(X), given(X, 0.3), given(X, 1.0, 2.0)],
    "gelu": [given(X), given(X, approximate="tanh")],
    "glu": [given(X), given(X[:, :4], 1)],
    "_weight_norm": [given(MATRIX, MATRIX[:, :1].copy(), 0)],
    "_weight_norm_interface": [given(MATRIX, MATRIX[:, :1].copy(), 0)],
    "full": [given([2, 3], 0.5)],
    "full_like": [given(X, 0.5)],
    "new_full": [given(X, [2], 0.5)],
    "arange": [given(5), given(1, 6, 2), given(0, 1, 0.25), given(5, 1, -1)],
    "scalar_tensor": [given(2.5)],
    "where": [given(MASK, X, Y)],
    "masked_fill": [given(X, MASK, -2.0)],
    **_alike(("bitwise_and", "bitwise_or", "__and__", "__or__"), [given(MASK, Y > 0)]),
    **_alike(("sort", "argsort"), [given(X, 1), given(X, -1, True), given(X[:1, :1, :1], 0)]),
    "gather": [given(X, 1, IDS[:, :, None]), given(X, 2, IDS[:, :, None])],
    "scatter": [given(X, 1, np.broadcast_to(np.array([4, 2, 0, 1, 3])[:, None], X.shape).copy(), Y)],
    "_pack_padded_sequence": [given(X, np.array([5, 5]), True), given(X, np.array([2, 2, 2, 2, 2]), False)],
    "_pad_packed_sequence": [given(X.reshape(10, 4), np.full(5, 2), first, 0.0, 5) for first in (True, False)],
    "one_hot": [given(IDS, 3)],
    "cumsum": [given(X, 1)],
    "argmax": [given(X, 1), given(X)],
    "logsumexp": [given(X, [1]), given(X, [1, 2], True)],
    "norm": [given(X, 2, [1]), given(X, 1, [1]), given(X)],
    "linalg_vector_norm": [given(X, 2, [2], True), given(X, 3, [2])],
    "type_as": [given(IDS, X)],
}  # fmt: skip
ELSEWHERE = {
    "lift_fresh_copy": "a constant as it is", "lift_fresh": "a constant as it is",
    "cpu": "a device", "cuda": "a device",
    "to": "kinds of numbers, in every program of the campaigns", "_to_copy": "as `to`", "float": "as `to`",
    "as_tensor": "a plain number",
    "long": "as `to`", "int": "as `to`", "double": "as `to`", "tensor": "a plain number", "empty": "not filled",
    "empty_like": "not filled", "new_empty": "not filled",
}  # fmt: skip
"""Functions that PyTorch does not have by these names, or whose numbers mean nothing."""


def _node(kind: str, **attributes: Any) -> ProgramNode:
    return ProgramNode("node", kind, ("x",), ("y",), attributes)


WRITTEN = [
    *(_node(kind) for kind in {**_FUNCTIONS, **_BY_NAME} if kind not in ("Clip", "Pow")),
    _node("Gelu", approximate="tanh"), _node("LeakyRelu", alpha=0.3), _node("Elu", alpha=0.3), _node("Celu", alpha=0.3),
    _node("Shrink", lambd=0.1, bias=0.1), _node("ThresholdedRelu", alpha=0.1, value=0.7),
    _node("HardSigmoid", alpha=0.3, beta=0.4), _node("Selu", alpha=1.0, gamma=2.0),
]  # fmt: skip
"""Every function that a readout writes as an equation, and some with numbers of their own."""


@pytest.mark.parametrize("node", WRITTEN, ids=lambda node: f"{node.op_type}{node.attributes or ''}")
def test_what_is_written_of_a_function_is_what_runs_it(node: ProgramNode) -> None:
    x = np.concatenate([np.linspace(-30, 30, 241), X.reshape(-1), [0.0]]).astype(np.float32)
    x = x[x > 0] if node.op_type in ("Log", "Sqrt", "Reciprocal") else x
    text = _FUNCTIONS.get(node.op_type) or _BY_NAME[node.op_type](node, None)  # type: ignore[arg-type]
    wanted = _selu(node, x) if node.op_type == "Selu" else _KINDS[node.op_type](node, [x.astype(np.float64)])
    np.testing.assert_allclose(activate(x, text), wanted, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", MACROS)
def test_what_is_written_of_an_activation_is_what_it_computes_on_arrays(name: str) -> None:
    wide = np.array([[0, 1, 2], [300, 0, -300], [1e-3, -200, 50], [-1, -0.5, 0.5]], np.float32)
    x = np.concatenate([wide, X.reshape(-1)[:39].reshape(-1, 3)])
    x = np.minimum(x, 80) if name in ("exponential",) else x
    np.testing.assert_allclose(activate(x, f"{name}={MACROS[name]}"), activate(x, name), rtol=2e-6, atol=2e-6)


def _selu(node: ProgramNode, x: Array) -> Array:
    alpha, gamma = node.attributes.get("alpha", 1.6732632423543772), node.attributes.get("gamma", 1.0507009873554805)
    return np.asarray(gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


def test_every_function_has_a_sample() -> None:
    assert set(SAMPLES) | set(ELSEWHERE) == set(_OPS)
    assert not set(SAMPLES) & set(ELSEWHERE)


@pytest.mark.parametrize("live", [True, False], ids=["input", "constant"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_function_gives_what_pytorch_gives(name: str, live: bool) -> None:
    torch = pytest.importorskip("torch")
    for number, (args, kwargs) in enumerate(SAMPLES[name]):
        theirs = _torch(torch, name)(*_each(args, torch.from_numpy), **kwargs)
        builder = ProgramBuilder(Budget())

        def ref(array: Any, builder: ProgramBuilder = builder) -> TensorRef:
            builder._count += 1
            builder.inputs[f"x{builder._count}"] = (1, array.shape)
            return TensorRef(f"x{builder._count}", array, True) if live else builder.constant(array)

        mine = call(builder, name, _each(args, ref), dict(kwargs))
        compare(mine, theirs, f"{name}, sample {number}")


def compare(mine: Any, theirs: Any, where: str) -> None:
    """Check what is known; a tensor of which nothing is known is no answer, and never a wrong one."""
    if isinstance(theirs, list | tuple):
        for one, other in zip(mine if isinstance(mine, list | tuple) else [mine], theirs, strict=False):
            compare(one, other, where)
        return
    if mine is None or mine.array is None:
        return
    assert mine.array.shape == tuple(theirs.shape), where
    np.testing.assert_allclose(mine.array, theirs.numpy(), atol=1e-5, rtol=1e-5, err_msg=where)


def test_most_functions_are_known() -> None:
    """Of the samples all but a handful give numbers: the comparison above has something to compare."""
    lost = []
    for name, samples in SAMPLES.items():
        for args, kwargs in samples:
            builder = ProgramBuilder(Budget())
            made = call(builder, name, _each(args, builder.constant), dict(kwargs))
            first = tensors_in(made)[0]
            lost += [name] if first.array is None else []
    assert sorted(lost) == ["argmax", "elu", "linalg_vector_norm", "norm", "softplus"]


def _each(args: Sequence[Any], make: Callable[[Any], Any]) -> list[Any]:
    return [
        make(one) if isinstance(one, np.ndarray)
        else [make(each) if isinstance(each, np.ndarray) else each for each in one] if isinstance(one, list) else one
        for one in args
    ]  # fmt: skip


def _torch(torch: Any, name: str) -> Callable[..., Any]:
    """Return PyTorch's own function of a name: of ATen, or of the package."""
    packet = getattr(torch.ops.aten, name, None)
    if packet is not None:
        return packet  # type: ignore[no-any-return]
    owner = torch if hasattr(torch, name) else torch.nn.functional
    return getattr(owner, name)  # type: ignore[no-any-return]
