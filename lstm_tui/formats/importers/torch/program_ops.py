"""What the functions of PyTorch do, as nodes of a graph: each with its own name and parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch.call_arguments import axis_of, check, new_axis_of, wholes_of
from lstm_tui.formats.importers.torch.cells_written_out import WRITTEN_OUT, write_out
from lstm_tui.formats.importers.torch.program_builder import ProgramBuilder, ProgramStopped, TensorRef, tensors_in
from lstm_tui.formats.importers.torch.recurrent_calls import RECURRENT_CALLS, packed_sizes, recurrent_call
from lstm_tui.formats.importers.torch.reparametrised import InParts
from lstm_tui.formats.importers.torch.stepped_cells import STEPPED_CALLS, step_of_cell

_MOST_MADE = 20_000_000
_DTYPES = {0: "u1", 1: "i1", 2: "i2", 3: "i4", 4: "i8", 5: "f2", 6: "f4", 7: "f8", 11: "?", 15: "f4"}
"""PyTorch's own numbers of its kinds of numbers; bfloat16 is read as float32."""


def call(b: ProgramBuilder, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what a function of PyTorch gives; a tensor that nothing is known of where it is not understood.

    Args:
        b: The graph that grows.
        name: Of the function, such as `layer_norm`.
        args: What it is given, in order.
        kwargs: What it is given by name.

    Raises:
        ProgramStopped: It changes what is not followed, or too much was done.
    """
    b.budget.spend()
    b.function = name
    inplace = name.endswith("_") and not name.startswith("__")
    op = _OPS.get(name.rstrip("_") if inplace else name)
    if b.one_step and name in WRITTEN_OUT:
        return write_out(b, name, args, kwargs)
    if name in RECURRENT_CALLS:
        return recurrent_call(b, name, args, kwargs)
    if name in STEPPED_CALLS:
        return step_of_cell(b, name, args)
    if name == "_pack_padded_sequence" and len(args) > 1 and all(isinstance(one, TensorRef) for one in args[:2]):
        b.packed.append((args[0], args[1]))  # whether or not it is known what stands in them
    if op is None:
        made: Any = b.unknown(name, [*args, *kwargs.values()])
    else:
        try:
            check(name, op, args, kwargs)
            made = op(b, *args, **kwargs)
        except (UnsupportedNode, ValueError, IndexError, TypeError, AttributeError, OverflowError, KeyError) as error:
            why = str(error) if isinstance(error, UnsupportedNode) else ""
            made = b.unknown(name, [*args, *kwargs.values()], why)
    if inplace:
        if not args or not isinstance(args[0], TensorRef) or not isinstance(made, TensorRef):
            raise ProgramStopped(f"{name} changes something in place")
        if made is not args[0]:
            args[0].become(made)
        return args[0]
    return made


def dtype_of(number: Any) -> np.dtype[Any] | None:
    """Return a kind of numbers by PyTorch's own number of it, or None where it is none."""
    return np.dtype(_DTYPES[number]) if isinstance(number, int) and number in _DTYPES else None


def _tensor(b: ProgramBuilder, value: Any) -> TensorRef:
    """Return a value as a tensor: a number is one of no axes."""
    if isinstance(value, TensorRef):
        return value
    if isinstance(value, bool | int | float):
        return b.constant(np.asarray(value, np.float32 if isinstance(value, float) else np.int64))
    raise UnsupportedNode("it reads what is no tensor")


def _same(b: ProgramBuilder, x: Any, *_: Any, **__: Any) -> Any:
    return x


def _cast(b: ProgramBuilder, x: TensorRef, dtype: Any) -> TensorRef:
    wanted = dtype_of(dtype)
    if x.array is None or wanted is None or wanted.kind == x.array.dtype.kind:
        return x
    return b.emit("Cast", [x], to=wanted.str)


def _to(b: ProgramBuilder, x: TensorRef, *args: Any, **kwargs: Any) -> TensorRef:
    said = [one for one in (*args, kwargs.get("dtype")) if isinstance(one, TensorRef | int) and one is not True]
    for one in said:
        if isinstance(one, TensorRef):
            return x if one.array is None or x.array is None or one.array.dtype.kind == x.array.dtype.kind else b.emit(
                "Cast", [x], to=one.array.dtype.str)  # fmt: skip
        if not isinstance(one, bool):
            return _cast(b, x, one)
    return x


def _pointwise(kind: str, **fixed: Any) -> Callable[..., TensorRef]:
    return lambda b, x, *_, **__: b.emit(kind, [_tensor(b, x)], **fixed)


def _two(kind: str) -> Callable[..., TensorRef]:
    def run(b: ProgramBuilder, one: Any, other: Any, alpha: float = 1, rounding_mode: str | None = None) -> TensorRef:
        if rounding_mode:
            raise UnsupportedNode("a quotient of its numbers is rounded")
        first, second = _matched(b, one, other)
        if alpha != 1:
            second = b.emit("Mul", [second, _matched(b, second, float(alpha))[1]])
        return b.emit(kind, [first, second])

    return run


def _matched(b: ProgramBuilder, x: Any, y: Any) -> tuple[TensorRef, TensorRef]:
    """Return two operands; a plain number takes the kind of numbers of the other."""

    def like(value: Any, other: Any) -> TensorRef:
        if isinstance(value, TensorRef) or not isinstance(other, TensorRef) or other.array is None:
            return _tensor(b, value)
        kind = other.array.dtype if other.array.dtype.kind == "f" else np.asarray(value).dtype
        return b.constant(np.asarray(value, kind))

    first, second = like(x, y), like(y, x)
    return _promoted(b, first, second), _promoted(b, second, first)


def _promoted(b: ProgramBuilder, one: TensorRef, other: TensorRef) -> TensorRef:
    """Return an operand; whole numbers of the file beside fractions are fractions."""
    if one.live or one.array is None or other.array is None or one.array.dtype.kind not in "iu":
        return one
    return b.constant(one.array.astype(other.array.dtype)) if other.array.dtype.kind == "f" else one


def _rsub(b: ProgramBuilder, one: Any, other: Any, alpha: float = 1) -> TensorRef:
    return _two("Sub")(b, other, one, alpha)


def _reduced(kind: str) -> Callable[..., Any]:
    def run(b: ProgramBuilder, x: TensorRef, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> TensorRef:
        axes = None if dim is None or dim == [] else tuple(axis_of(x, one) for one in wholes_of(dim))
        return b.emit(kind, [x], axes=axes, keepdims=int(bool(keepdim)))

    return run


def _extreme(kind: str) -> Callable[..., Any]:
    """Return max or min: of all, of two tensors, or along an axis with the places."""

    def run(b: ProgramBuilder, x: TensorRef, other: Any = None, keepdim: bool = False, dim: Any = None) -> Any:
        if isinstance(other, TensorRef):
            return _two("Max" if kind == "ReduceMax" else "Min")(b, x, other)
        dim = other if dim is None else dim
        if dim is None:
            return b.emit(kind, [x], axes=None, keepdims=0)
        made = b.emit(kind, [x], axes=(axis_of(x, dim),), keepdims=int(bool(keepdim)))
        return made, b.unknown("its place", [x], "the place of the largest is not followed")

    return run


def _extreme_of_axes(kind: str) -> Callable[..., Any]:
    def run(b: ProgramBuilder, x: TensorRef, dim: Any = (), keepdim: bool = False) -> TensorRef:
        axes = tuple(axis_of(x, one) for one in wholes_of(dim)) or None
        return b.emit(kind, [x], axes=axes, keepdims=int(bool(keepdim)))

    return run


def _linear(b: ProgramBuilder, x: TensorRef, w: TensorRef, bias: TensorRef | None = None) -> TensorRef:
    return b.emit("Gemm", [x, w] if bias is None else [x, w, bias], transB=1)


def _addmm(b: ProgramBuilder, bias: TensorRef, x: TensorRef, w: TensorRef, beta: Any = 1, alpha: Any = 1) -> TensorRef:
    return b.emit("Gemm", [x, w, bias], alpha=float(alpha), beta=float(beta))


def _matmul(b: ProgramBuilder, x: TensorRef, w: TensorRef) -> TensorRef:
    return b.emit("MatMul", [x, w])


def _embedding(b: ProgramBuilder, table: TensorRef, ids: TensorRef, *_: Any, **__: Any) -> TensorRef:
    if ids.array is not None and ids.array.dtype.kind not in "iu":
        raise UnsupportedNode("it looks up what is no id")
    return b.emit("Gather", [table, ids], axis=0)


def _select(b: ProgramBuilder, x: TensorRef, dim: int, index: Any) -> TensorRef:
    axis, (place,) = axis_of(x, dim), wholes_of(index)
    size = x.known().shape[axis]
    if not -size <= place < size:
        raise UnsupportedNode(f"it takes number {place} of {size}")
    return b.emit("Slice", [x], shared=True, index=(slice(None),) * axis + (place,))


def _slice(
    b: ProgramBuilder, x: TensorRef, dim: int = 0, start: Any = None, end: Any = None, step: Any = 1
) -> TensorRef:
    axis = axis_of(x, dim)
    size = x.known().shape[axis]
    first = 0 if start is None else wholes_of(start)[0]
    last = size if end is None else wholes_of(end)[0]
    first, last = (min(max(one + size if one < 0 else one, 0), size) for one in (first, last))
    return b.emit("Slice", [x], shared=True, index=(slice(None),) * axis + (slice(first, last, wholes_of(step)[0]),))


def _narrow(b: ProgramBuilder, x: TensorRef, dim: int, start: Any, length: Any) -> TensorRef:
    first, count = wholes_of(start)[0], wholes_of(length)[0]
    first += x.known().shape[axis_of(x, dim)] if first < 0 else 0
    return _slice(b, x, dim, first, first + count)


def _flip(b: ProgramBuilder, x: TensorRef, dims: Any) -> TensorRef:
    axes = {axis_of(x, one) for one in wholes_of(dims)}
    index = tuple(slice(None, None, -1 if n in axes else None) for n in range(x.known().ndim))
    return b.emit("Slice", [x], index=index)


def _transpose(b: ProgramBuilder, x: TensorRef, dim0: int, dim1: int) -> TensorRef:
    perm = list(range(x.known().ndim))
    first, second = axis_of(x, dim0), axis_of(x, dim1)
    if perm:
        perm[first], perm[second] = second, first
    return b.emit("Transpose", [x], shared=True, perm=tuple(perm))


def _t(b: ProgramBuilder, x: TensorRef) -> TensorRef:
    return b.emit("Transpose", [x], shared=True, perm=tuple(reversed(range(x.known().ndim))))


def _permute(b: ProgramBuilder, x: TensorRef, dims: Any) -> TensorRef:
    return b.emit("Transpose", [x], shared=True, perm=tuple(axis_of(x, one) for one in wholes_of(dims)))


def _reshape(b: ProgramBuilder, x: TensorRef, shape: Any, *_: Any) -> TensorRef:
    return b.emit("Reshape", [x], shared=True, shape=wholes_of(shape))


def _flatten(b: ProgramBuilder, x: TensorRef, start_dim: int = 0, end_dim: int = -1) -> TensorRef:
    sizes = x.known().shape
    first, last = axis_of(x, start_dim), axis_of(x, end_dim)
    return _reshape(b, x, (*sizes[:first], math.prod(sizes[first : last + 1]), *sizes[last + 1 :]))


def _unflatten(b: ProgramBuilder, x: TensorRef, dim: int, sizes: Any) -> TensorRef:
    shape, axis = x.known().shape, axis_of(x, dim)
    return _reshape(b, x, (*shape[:axis], *wholes_of(sizes), *shape[axis + 1 :]))


def _squeeze(b: ProgramBuilder, x: TensorRef, dim: Any = None) -> TensorRef:
    sizes = x.known().shape
    axes = range(len(sizes)) if dim is None else [axis_of(x, one) for one in wholes_of(dim)]
    return _reshape(b, x, tuple(size for n, size in enumerate(sizes) if n not in axes or size != 1))


def _unsqueeze(b: ProgramBuilder, x: TensorRef, dim: int) -> TensorRef:
    sizes = list(x.known().shape)
    sizes.insert(new_axis_of(x, dim), 1)
    return _reshape(b, x, tuple(sizes))


def _expand(b: ProgramBuilder, x: TensorRef, size: Any, implicit: bool = False) -> TensorRef:
    wanted, own = list(wholes_of(size)), x.known().shape
    own = (*[1] * (len(wanted) - len(own)), *own)
    shape = tuple(has if want == -1 else want for want, has in zip(wanted, own, strict=True))
    return b.emit("Expand", [x], shared=True, shape=shape)


def _expand_as(b: ProgramBuilder, x: TensorRef, other: TensorRef) -> TensorRef:
    return b.emit("Expand", [x], shared=True, shape=other.known().shape)


def _repeat(b: ProgramBuilder, x: TensorRef, repeats: Any) -> TensorRef:
    times = wholes_of(repeats)
    own = (*[1] * (len(times) - x.known().ndim), *x.known().shape)
    if min(times, default=0) < 0 or math.prod(times) * x.known().size > _MOST_MADE:
        raise UnsupportedNode("it would make more numbers than are made here")
    made = _reshape(b, x, own)
    for axis, count in enumerate(times):
        if count != 1:
            made = b.emit("Concat", [made] * max(count, 1), axis=axis)
    return made


def _cat(b: ProgramBuilder, tensors: Any, dim: int = 0) -> TensorRef:
    parts = [one for one in tensors if one.array is None or one.array.shape != (0,)]
    lost = next((one for one in parts if one.array is None), None)
    if lost is not None:
        raise UnsupportedNode(lost.why)
    return b.emit("Concat", parts, axis=axis_of(parts[0], dim))


def _stack(b: ProgramBuilder, tensors: Any, dim: int = 0) -> TensorRef:
    axis = new_axis_of(tensors[0], dim)
    return _cat(b, [_unsqueeze(b, one, axis) for one in tensors], axis)


def _chunk(b: ProgramBuilder, x: TensorRef, chunks: int, dim: int = 0) -> list[TensorRef]:
    size = -(-x.known().shape[axis_of(x, dim)] // chunks)
    return _split(b, x, size, dim)


def _unsafe_chunk(b: ProgramBuilder, x: TensorRef, chunks: int, dim: int = 0) -> list[TensorRef]:
    """Return parts that may be changed in place, since who makes them so reads the whole no more."""
    parts = _chunk(b, x, chunks, dim)
    for one in parts:
        one.shared = False
    return parts


def _split(b: ProgramBuilder, x: TensorRef, size: Any, dim: int = 0) -> list[TensorRef]:
    whole = x.known().shape[axis_of(x, dim)]
    sizes = wholes_of(size) if isinstance(size, list | tuple) else ()
    if not sizes:
        each = max(wholes_of(size)[0], 1)
        sizes = tuple(min(each, whole - start) for start in range(0, whole, each))
    b.budget.spend(len(sizes))
    starts = np.cumsum([0, *sizes]).tolist()
    return [_slice(b, x, dim, start, start + count) for start, count in zip(starts, sizes, strict=False)]


def _tensor_split(b: ProgramBuilder, x: TensorRef, parts: Any, dim: int = 0) -> list[TensorRef]:
    """Return so many parts, the first of which are longer by one, or parts between places."""
    whole = x.known().shape[axis_of(x, dim)]
    if isinstance(parts, int):
        sizes = [whole // max(parts, 1) + (n < whole % max(parts, 1)) for n in range(parts)]
        ends = np.cumsum(sizes).tolist()
    else:
        ends = [*wholes_of(parts), whole]
    b.budget.spend(len(ends))
    return [_slice(b, x, dim, start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _unbind(b: ProgramBuilder, x: TensorRef, dim: int = 0) -> list[TensorRef]:
    count = x.known().shape[axis_of(x, dim)]
    b.budget.spend(count)
    return [_select(b, x, dim, n) for n in range(count)]


def _index_select(b: ProgramBuilder, x: TensorRef, dim: int, index: TensorRef) -> TensorRef:
    if index.live:
        raise UnsupportedNode("where it takes numbers from depends on them")
    return b.emit("Gather", [x, index], axis=axis_of(x, dim))


def _index(b: ProgramBuilder, x: TensorRef, indices: Any) -> TensorRef:
    """Return `x[a, b]` of whole numbers that no input decides, or one of them alone."""
    if any(one is not None and (one.live or one.known().dtype.kind not in "iu") for one in indices):
        raise UnsupportedNode("where it takes numbers from depends on them")
    index = tuple(slice(None) if one is None else one.known().astype(np.int64) for one in indices)
    return b.emit("Slice", [x], index=index)


def _layer_norm(
    b: ProgramBuilder, x: TensorRef, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> TensorRef:
    reads = [x]
    if weight is not None or bias is not None:
        sizes = wholes_of(shape)
        reads.append(weight if weight is not None else b.constant(np.ones(sizes, np.float32)))
        reads += [] if bias is None else [bias]
    return b.emit("LayerNormalization", reads, axis=-len(wholes_of(shape)), epsilon=float(eps))


def _rms_norm(b: ProgramBuilder, x: TensorRef, shape: Any, weight: Any = None, eps: Any = None) -> TensorRef:
    if len(wholes_of(shape)) != 1:
        raise UnsupportedNode("it normalises over several axes")
    squares = _reduced("ReduceMean")(b, b.emit("Mul", [x, x]), [-1], True)
    least = float(np.finfo(np.float32).eps) if eps is None else float(eps)
    made = b.emit("Div", [x, b.emit("Sqrt", [_two("Add")(b, squares, least)])])
    return made if weight is None else b.emit("Mul", [made, weight])


def _prelu(b: ProgramBuilder, x: TensorRef, slopes: TensorRef) -> TensorRef:
    """Return what it makes of numbers whose units stand along the second axis, or along the only one."""
    behind = max(x.known().ndim - 2, 0)
    return b.emit("PRelu", [x, _reshape(b, slopes, (*slopes.known().shape, *(1,) * behind))])


def _rrelu(
    b: ProgramBuilder, x: TensorRef, low: Any = 1 / 8, high: Any = 1 / 3, training: bool = False, *_: Any
) -> Any:
    if training:
        raise UnsupportedNode("it takes slopes at random, as in training")
    return b.emit("LeakyRelu", [x], alpha=(float(low) + float(high)) / 2)


def _einsum(b: ProgramBuilder, equation: str, tensors: Sequence[TensorRef], *_: Any, **__: Any) -> TensorRef:
    return b.emit("Einsum", list(tensors), equation=equation)


def _batch_norm(
    b: ProgramBuilder, x: TensorRef, weight: Any, bias: Any, mean: Any, variance: Any, training: bool = False,
    momentum: Any = 0.1, eps: float = 1e-5, *_: Any,
) -> TensorRef:  # fmt: skip
    if training or mean is None or variance is None:
        raise UnsupportedNode("it normalises by what it is given, as in training")
    ones = np.ones_like(mean.known())
    reads = [x, b.constant(ones) if weight is None else weight, b.constant(ones * 0) if bias is None else bias]
    return b.emit("BatchNormalization", [*reads, mean, variance], epsilon=float(eps))


def _dropout(b: ProgramBuilder, x: TensorRef, p: float = 0.5, train: bool = True, *_: Any) -> TensorRef:
    if train and p:
        raise UnsupportedNode("it drops numbers at random, as in training")
    return x


def _softmax(kind: str) -> Callable[..., TensorRef]:
    return lambda b, x, dim, *_, **__: b.emit(kind, [x], axis=axis_of(x, dim))


def _conv1d(
    b: ProgramBuilder, x: TensorRef, w: TensorRef, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: Any = 1,
) -> TensorRef:  # fmt: skip
    sizes, kernel = x.known().shape, w.known().shape
    step, spread, count = _first(stride), _first(dilation), _first(groups)
    if len(sizes) != 3 or len(kernel) != 3:
        raise UnsupportedNode("it is no convolution over steps of several sequences")
    reads = [x, w] if bias is None else [x, w, bias]
    if kernel[2] == 1 and (step, _first(padding), count) == (1, 0, 1):
        return b.emit("Conv", reads)
    total = (kernel[2] - 1) * spread if padding == "same" else 0
    pad = (total // 2, total - total // 2) if isinstance(padding, str) else (_first(padding),) * 2
    said: dict[str, Any] = {
        "stride": step,
        "strides": [step],
        "pad": pad,
        "pads": list(pad),
        "dilation": spread,
        "group": count,
    }
    return b.emit("Conv", reads, "", False, **said)


def _first(value: Any) -> int:
    return wholes_of(value)[0] if not isinstance(value, str) else 0


def _convolution(
    b: ProgramBuilder, x: TensorRef, w: TensorRef, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: Any, output_padding: Any, groups: Any, *_: Any,
) -> TensorRef:  # fmt: skip
    if transposed or w.known().ndim != 3:
        raise UnsupportedNode("it is a convolution of other axes")
    return _conv1d(b, x, w, bias, stride, padding, dilation, groups)


def _max_pool(
    b: ProgramBuilder, x: TensorRef, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
    ceil_mode: Any = False,
) -> TensorRef:  # fmt: skip
    if ceil_mode:
        raise UnsupportedNode("it pools over steps that are not all there")
    return _pooled(b, "MaxPool", x, kernel, stride, padding, _first(dilation))


def _avg_pool(
    b: ProgramBuilder, x: TensorRef, kernel: Any, stride: Any = (), padding: Any = 0, ceil_mode: Any = False,
    count_include_pad: Any = True,
) -> TensorRef:  # fmt: skip
    if ceil_mode or (_first(padding) and not count_include_pad):
        raise UnsupportedNode("it pools over steps that are not all there")
    return _pooled(b, "AveragePool", x, kernel, stride, padding, 1)


def _pooled(
    b: ProgramBuilder, kind: str, x: TensorRef, kernel: Any, stride: Any, padding: Any, dilation: int
) -> TensorRef:
    width = _first(kernel)
    step = width if stride in ((), [], None) else _first(stride)
    return b.emit(kind, [x], width=width, stride=step, pad=(_first(padding),) * 2, dilation=dilation)


def _group_norm(
    b: ProgramBuilder, x: TensorRef, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any
) -> TensorRef:
    return _normalised(b, x, int(groups), weight, bias, eps)


def _instance_norm(
    b: ProgramBuilder, x: TensorRef, weight: Any = None, bias: Any = None, mean: Any = None, variance: Any = None,
    by_input: bool = True, momentum: Any = 0.1, eps: float = 1e-5, *_: Any,
) -> TensorRef:  # fmt: skip
    if not by_input:
        return _batch_norm(b, x, weight, bias, mean, variance, False, momentum, eps)
    return _normalised(b, x, x.known().shape[1], weight, bias, eps)


def _normalised(b: ProgramBuilder, x: TensorRef, groups: int, weight: Any, bias: Any, eps: float) -> TensorRef:
    ones = np.ones(x.known().shape[1], np.float32)
    reads = [x, b.constant(ones) if weight is None else weight, b.constant(ones * 0) if bias is None else bias]
    return b.emit("GroupNormalization", reads, groups=groups, epsilon=float(eps))


def _adaptive(kind: str) -> Callable[..., Any]:
    """Return a pooling to one number an axis; others are not followed."""

    def run(b: ProgramBuilder, x: TensorRef, size: Any) -> TensorRef:
        if set(wholes_of(size)) != {1}:
            raise UnsupportedNode("it pools to several numbers")
        axes = tuple(range(x.known().ndim - len(wholes_of(size)), x.known().ndim))
        return b.emit(kind, [x], axes=axes, keepdims=1)

    return run


def _filled(value: float | None) -> Callable[..., TensorRef]:
    def run(b: ProgramBuilder, size: Any, fill: Any = None, dtype: Any = None, **_: Any) -> TensorRef:
        if value is not None:
            dtype = fill if dtype is None and isinstance(fill, int) else dtype
        return _made(b, wholes_of(size), _number_of(value, fill), dtype_of(dtype))

    return run


def _number_of(value: float | None, fill: Any) -> Any:
    """Return what a tensor is filled with: a function's own number, or the one that it is given."""
    if value is not None:
        return value
    if isinstance(fill, TensorRef):
        if fill.live or fill.known().size != 1:
            raise UnsupportedNode("what it is filled with depends on the numbers")
        return fill.known().item()
    if fill is None:
        raise UnsupportedNode("it is filled with nothing")
    return fill


def _made(b: ProgramBuilder, sizes: Sequence[int], number: Any, dtype: np.dtype[Any] | None) -> TensorRef:
    if math.prod(max(one, 0) for one in sizes) > _MOST_MADE or min(sizes, default=0) < 0:
        raise UnsupportedNode("it would make more numbers than are made here")
    if dtype is None:
        dtype = np.dtype("?" if isinstance(number, bool) else "i8" if isinstance(number, int) else "f4")
        dtype = np.dtype("f4") if number in (0.0, 1.0) and not isinstance(number, bool) else dtype
    made = np.full(sizes, number, dtype)
    b.budget.spend(1, made.size)
    return b.constant(made)


def _filled_like(value: float | None) -> Callable[..., TensorRef]:
    def run(b: ProgramBuilder, x: TensorRef, fill: Any = None, dtype: Any = None, **_: Any) -> TensorRef:
        wanted = dtype_of(dtype) or x.known().dtype
        return _made(b, x.known().shape, _number_of(value, fill), wanted)

    return run


def _new_filled(value: float | None) -> Callable[..., TensorRef]:
    def run(b: ProgramBuilder, x: TensorRef, size: Any, fill: Any = None, dtype: Any = None, **_: Any) -> TensorRef:
        wanted = dtype_of(dtype) or x.known().dtype
        return _made(b, wholes_of(size), _number_of(value, fill), wanted)

    return run


def _arange(b: ProgramBuilder, *args: Any, dtype: Any = None, **_: Any) -> TensorRef:
    ends = args[: len(args) - 4] if len(args) > 4 else args  # TorchScript: dtype, layout, device, pinned behind them
    if len(args) > 4 and dtype is None:
        dtype = args[-4]
    numbers = [one.known().item() if isinstance(one, TensorRef) and not one.live else one for one in ends]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers) or not numbers:
        raise UnsupportedNode("where it ends depends on the numbers")
    first, last, step = (0, numbers[0], 1) if len(numbers) == 1 else (*numbers, 1)[:3]
    if step == 0 or not 0 <= math.ceil((last - first) / step) <= _MOST_MADE:
        raise UnsupportedNode("it would make more numbers than are made here")
    whole = all(isinstance(one, int) for one in (first, last, step))
    made = np.asarray(first + np.arange(math.ceil((last - first) / step)) * step)
    return b.constant(made.astype(dtype_of(dtype) or (np.int64 if whole else np.float32)))


def _tensor_of(b: ProgramBuilder, listed: Any, dtype: Any = None, *_: Any, **__: Any) -> TensorRef:
    if isinstance(listed, TensorRef):
        return listed
    array = np.asarray(listed)
    if array.dtype.kind not in "fiub":
        raise UnsupportedNode("it holds no numbers")
    return b.constant(array.astype(dtype_of(dtype) or (np.float32 if array.dtype.kind == "f" else array.dtype)))


def _folded(how: Callable[..., Any]) -> Callable[..., TensorRef]:
    """Return a function that is computed where no input decides it."""

    def run(b: ProgramBuilder, *args: Any, **_: Any) -> TensorRef:
        if any(one.live or one.array is None for one in tensors_in(list(args))):
            raise UnsupportedNode("")
        given: list[Any] = [one.known() if isinstance(one, TensorRef) else one for one in args]
        sizes = [one.shape for one in given if isinstance(one, np.ndarray)]
        if math.prod(np.broadcast_shapes(*sizes) if sizes else ()) > _MOST_MADE:
            raise UnsupportedNode("it would make more numbers than are made here")
        with np.errstate(all="ignore"):
            made: Array = np.asarray(how(*given))
        b.budget.spend(1, made.size)
        return b.constant(made)

    return run


def _norm_of(b: ProgramBuilder, v: TensorRef, g: TensorRef, dim: int = 0) -> TensorRef:
    """Return weights that are kept as length and direction."""
    if v.live or g.live:
        raise UnsupportedNode("its weights depend on an input")
    whole = InParts("weight_norm", "", ()).joined([g.known(), v.known()])
    if whole is None:
        raise UnsupportedNode("its lengths fit no weight")
    made = b.constant(whole)
    made.path = v.path.replace("original1", "").replace("_v", "").replace("parametrizations.", "").rstrip(".")
    return made


def _clamp(b: ProgramBuilder, x: TensorRef, least: Any = None, most: Any = None, **named: Any) -> TensorRef:
    bounds = [named.get("min", least), named.get("max", most)]
    if any(isinstance(one, TensorRef) for one in bounds):
        raise UnsupportedNode("its bounds are tensors")
    least, most = (None if one is None else float(one) for one in bounds)
    return b.emit("Clip", [x], min=least, max=most)


def _power(b: ProgramBuilder, x: TensorRef, exponent: Any) -> TensorRef:
    if isinstance(exponent, TensorRef) or isinstance(x, int | float):
        raise UnsupportedNode("its exponent is a tensor")
    return b.emit("Pow", [x, b.constant(np.asarray(exponent, np.float32))])


def _addcmul(b: ProgramBuilder, x: TensorRef, one: TensorRef, other: TensorRef, value: float = 1) -> TensorRef:
    return _two("Add")(b, x, _two("Mul")(b, one, other), value)


def _glu(b: ProgramBuilder, x: TensorRef, dim: int = -1) -> TensorRef:
    one, other = _chunk(b, x, 2, dim)
    return b.emit("Mul", [one, b.emit("Sigmoid", [other])])


def _log_sum_exp(b: ProgramBuilder, x: TensorRef, dim: Any, keepdim: bool = False) -> TensorRef:
    """Return log Σ exp, with the largest taken out of the sum as PyTorch does."""
    most = _reduced("ReduceMax")(b, x, dim, True)
    powers = b.emit("Exp", [b.emit("Sub", [x, most])])
    made = b.emit("Add", [b.emit("Log", [_reduced("ReduceSum")(b, powers, dim, True)]), most])
    return made if keepdim else _squeeze(b, made, dim)


def _spread(root: bool) -> Callable[..., TensorRef]:
    """Return the standard deviation or the variance along axes."""

    def run(b: ProgramBuilder, x: TensorRef, dim: Any = None, *more: Any, **named: Any) -> TensorRef:
        if isinstance(dim, bool):  # whether to divide by one less, of all numbers
            dim, more = None, (dim, *more)
        less = 1 if named.get("unbiased", True) else 0
        if more and isinstance(more[0], bool):
            less, more = int(more[0]), more[1:]
        correction = named.get("correction")
        less = less if correction is None else wholes_of(correction)[0]
        keepdim = bool(more[0]) if more else bool(named.get("keepdim", False))
        axes = (
            tuple(axis_of(x, one) for one in wholes_of(dim))
            if dim not in (None, [], ())
            else tuple(range(x.known().ndim))
        )
        count = math.prod(x.known().shape[one] for one in axes)
        if count <= less:
            raise UnsupportedNode("it is spread over too few numbers")
        centre = b.emit("Sub", [x, b.emit("ReduceMean", [x], axes=axes, keepdims=1)])
        total = b.emit("ReduceSum", [b.emit("Mul", [centre, centre])], axes=axes, keepdims=int(keepdim))
        made = b.emit("Div", [total, b.constant(np.asarray(count - less, x.known().dtype))])
        return b.emit("Sqrt", [made]) if root else made

    return run


def _length(b: ProgramBuilder, x: TensorRef, order: Any = 2, dim: Any = None, keepdim: bool = False) -> TensorRef:
    """Return the Euclidean length along axes; others are not followed."""
    if order not in (None, 2, "fro"):
        raise UnsupportedNode("it is no Euclidean length")
    return b.emit("Sqrt", [_reduced("ReduceSum")(b, b.emit("Mul", [x, x]), dim, keepdim)])


def _where(b: ProgramBuilder, mask: TensorRef, one: Any, other: Any) -> TensorRef:
    """Return numbers of the one where a mask is true, and of the other elsewhere; the mask may be all of one kind."""
    first, second = _matched(b, one, other)
    kinds = set() if mask.live else set(mask.known().astype(bool).reshape(-1).tolist())
    if len(kinds) == 1:
        taken = first if True in kinds else second
        shape = np.broadcast_shapes(mask.known().shape, first.known().shape, second.known().shape)
        return taken if taken.known().shape == shape else b.emit("Expand", [taken], shared=True, shape=shape)
    return b.emit("Where", [mask, first, second])


def _compared(kind: str) -> Callable[..., TensorRef]:
    """Return a comparison; of ids with the number that marks padding it is known where no step is padding."""

    def run(b: ProgramBuilder, one: Any, other: Any) -> TensorRef:
        ids = isinstance(one, TensorRef) and one.name in b.inputs and one.known().dtype.kind in "iu"
        if ids and isinstance(other, int) and not isinstance(other, bool):
            number = other - (kind == "GreaterOrEqual")
            if kind in ("Equal", "NotEqual") or number == 0:
                b.padding.setdefault(one.name, set()).add(number)
                if b.unpadded:
                    return b.constant(np.full(one.known().shape, kind != "Equal"))
        return _two(kind)(b, one, other)

    return run


def _of_truths(kind: str) -> Callable[..., TensorRef]:
    """Return what combines masks; bits of numbers are not followed."""

    def run(b: ProgramBuilder, x: TensorRef, mask: TensorRef) -> TensorRef:
        if {x.known().dtype.kind, mask.known().dtype.kind} != {"b"}:
            raise UnsupportedNode("it combines bits of numbers")
        return b.emit(kind, [x, mask])

    return run


def _pack(b: ProgramBuilder, x: TensorRef, lengths: Any, batch_first: bool = False) -> tuple[TensorRef, TensorRef]:
    """Return sequences of one length behind each other, a step of all of them and then the next."""
    if batch_first:
        x = b.emit("Transpose", [x], shared=True, perm=(1, 0, 2))
    steps, batch, width = x.known().shape
    if lengths.live or set(lengths.known().reshape(-1).tolist()) != {steps}:
        raise UnsupportedNode("it packs sequences whose lengths are not known")
    return _reshape(b, x, (steps * batch, width)), b.constant(np.full(steps, batch))


def _unpack(
    b: ProgramBuilder, x: TensorRef, batch_sizes: TensorRef, batch_first: bool = False, value: Any = 0.0,
    total_length: int | None = None,
) -> tuple[TensorRef, TensorRef]:  # fmt: skip
    steps, batch = packed_sizes(batch_sizes)
    if total_length not in (None, -1, 0, steps):
        raise UnsupportedNode("it pads behind the last step")
    made = _reshape(b, x, (steps, batch, x.known().shape[-1]))
    if batch_first:
        made = b.emit("Transpose", [made], shared=True, perm=(1, 0, 2))
    return made, b.constant(np.full(batch, steps))


def _sort(b: ProgramBuilder, x: TensorRef, dim: int = -1, descending: bool = False) -> tuple[TensorRef, TensorRef]:
    """Return numbers in order and where they stood; what an input decides is in order where there is one of it."""
    axis = axis_of(x, dim)
    if x.known().size == 1:
        return x, b.constant(np.zeros(x.known().shape, np.int64))
    if x.live:
        raise UnsupportedNode("in which order they stand depends on the numbers")
    places = np.argsort(-x.known() if descending else x.known(), axis=axis, kind="stable")
    return b.constant(np.take_along_axis(x.known(), places, axis)), b.constant(places)


def _scatter(b: ProgramBuilder, x: TensorRef, dim: int, ids: TensorRef, source: TensorRef) -> TensorRef:
    if x.live or ids.live or source.live:
        raise UnsupportedNode("where it puts numbers depends on them")
    made = x.known().copy()
    np.put_along_axis(made, ids.known().astype(np.int64), source.known(), axis_of(x, dim))
    return b.constant(made)


def _gather(b: ProgramBuilder, x: TensorRef, dim: int, ids: TensorRef, *_: Any, **__: Any) -> TensorRef:
    if ids.live:
        raise UnsupportedNode("where it takes numbers from depends on them")
    return b.emit("GatherElements", [x, ids], axis=axis_of(x, dim))


def _zero_with_bounds(b: ProgramBuilder, x: TensorRef, least: Any = -1.0, most: Any = 1.0) -> TensorRef:
    return _clamp(b, x, least, most)


_OPS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(
        ("contiguous", "clone", "detach", "alias", "lift_fresh_copy", "lift_fresh", "cpu", "cuda"), _same),
    "to": _to,
    "_to_copy": lambda b, x, dtype=None, **_: _cast(b, x, dtype),
    "type_as": lambda b, x, other: _to(b, x, other),
    "float": lambda b, x: _cast(b, x, 6),
    "long": lambda b, x: _cast(b, x, 4),
    "int": lambda b, x: _cast(b, x, 3),
    "double": lambda b, x: _cast(b, x, 7),
    **{name: _two(kind) for name, kind in (
        ("add", "Add"), ("sub", "Sub"), ("subtract", "Sub"), ("mul", "Mul"), ("multiply", "Mul"), ("div", "Div"),
        ("divide", "Div"), ("true_divide", "Div"), ("maximum", "Max"), ("minimum", "Min"),
    )},
    "rsub": _rsub,
    "addcmul": _addcmul,
    "pow": _power,
    "square": lambda b, x: _power(b, x, 2),
    "mean": _reduced("ReduceMean"),
    "sum": _reduced("ReduceSum"),
    "max": _extreme("ReduceMax"),
    "min": _extreme("ReduceMin"),
    "amax": _extreme_of_axes("ReduceMax"),
    "amin": _extreme_of_axes("ReduceMin"),
    "adaptive_avg_pool1d": _adaptive("ReduceMean"),
    "adaptive_max_pool1d": lambda b, x, size: (_adaptive("ReduceMax")(b, x, size), None),
    "linear": _linear,
    "addmm": _addmm,
    "matmul": _matmul,
    "mm": _matmul,
    "bmm": _matmul,
    "mv": _matmul,
    "embedding": _embedding,
    "select": _select,
    "slice": _slice,
    "narrow": _narrow,
    "flip": _flip,
    "transpose": _transpose,
    "swapaxes": _transpose,
    "t": _t,
    "permute": _permute,
    "numpy_T": _t,
    "view": _reshape,
    "reshape": _reshape,
    "_unsafe_view": _reshape,
    "view_as": lambda b, x, other: _reshape(b, x, other.known().shape),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "expand_as": _expand_as,
    "repeat": _repeat,
    "cat": _cat,
    "concat": _cat,
    "concatenate": _cat,
    "hstack": lambda b, tensors: _cat(b, tensors, 1 if tensors[0].known().ndim > 1 else 0),
    "stack": _stack,
    "chunk": _chunk,
    "unsafe_chunk": _unsafe_chunk,
    "unsafe_split": _split,
    "split": _split,
    "split_with_sizes": _split,
    "tensor_split": _tensor_split,
    "unbind": _unbind,
    "index_select": _index_select,
    "index": _index,
    "layer_norm": _layer_norm,
    "native_layer_norm": lambda b, *args: (_layer_norm(b, *args), None, None),
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": lambda b, x, weight, bias, mean, variance, momentum, eps: (
        _batch_norm(b, x, weight, bias, mean, variance, False, momentum, eps), None, None),
    "dropout": _dropout,
    "feature_dropout": _dropout,
    "alpha_dropout": _dropout,
    "softmax": _softmax("Softmax"),
    "_softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "_log_softmax": _softmax("LogSoftmax"),
    "conv1d": _conv1d,
    "_convolution": _convolution,
    "convolution": _convolution,
    "max_pool1d": _max_pool,
    "avg_pool1d": _avg_pool,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "relu": _pointwise("Relu"),
    "tanh": _pointwise("Tanh"),
    "sigmoid": _pointwise("Sigmoid"),
    "softplus": lambda b, x, beta=1, threshold=20: b.emit("Softplus", [x]) if (
        beta == 1 and threshold >= 20) else b.unknown("softplus", [x]),
    "softsign": _pointwise("Softsign"),
    "silu": _pointwise("Silu"),
    "exp": _pointwise("Exp"),
    "log": _pointwise("Log"),
    "sqrt": _pointwise("Sqrt"),
    "abs": _pointwise("Abs"),
    "neg": _pointwise("Neg"),
    "reciprocal": _pointwise("Reciprocal"),
    "selu": _pointwise("Selu"),
    "hardswish": _pointwise("HardSwish"),
    "hardsigmoid": _pointwise("HardSigmoid", alpha=1 / 6, beta=0.5),
    "relu6": _pointwise("Clip", min=0.0, max=6.0),
    "hardtanh": _zero_with_bounds,
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": lambda b, x, least: _clamp(b, x, least),
    "clamp_max": lambda b, x, most: _clamp(b, x, None, most),
    "leaky_relu": lambda b, x, slope=0.01: b.emit("LeakyRelu", [x], alpha=float(slope)),
    "elu": lambda b, x, alpha=1, scale=1, input_scale=1: b.emit("Elu", [x], alpha=float(alpha))
    if scale == input_scale == 1 else b.unknown("elu", [x]),
    "gelu": lambda b, x, approximate="none": b.emit("Gelu", [x], approximate=approximate),
    "erf": _pointwise("Erf"),
    "mish": _pointwise("Mish"),
    "sign": _pointwise("Sign"),
    "log_sigmoid": _pointwise("LogSigmoid"),
    "log_sigmoid_forward": lambda b, x: (b.emit("LogSigmoid", [x]), None),
    "prelu": _prelu,
    "_prelu_kernel": lambda b, x, slopes: b.emit("PRelu", [x, slopes]),
    "rrelu": _rrelu,
    "celu": lambda b, x, alpha=1.0: b.emit("Celu", [x], alpha=float(alpha)),
    "softshrink": lambda b, x, lambd=0.5: b.emit("Shrink", [x], lambd=float(lambd), bias=float(lambd)),
    "hardshrink": lambda b, x, lambd=0.5: b.emit("Shrink", [x], lambd=float(lambd), bias=0.0),
    "threshold": lambda b, x, border, filler: b.emit("ThresholdedRelu", [x], alpha=float(border), value=float(filler)),
    "rms_norm": _rms_norm,
    "_fused_rms_norm": lambda b, x, shape, weight, eps: (_rms_norm(b, x, shape, weight, eps), None),
    "einsum": _einsum,
    "glu": _glu,
    "_weight_norm": _norm_of,
    "_weight_norm_interface": lambda b, v, g, dim=0: (_norm_of(b, v, g, dim), None),
    "zeros": _filled(0.0),
    "ones": _filled(1.0),
    "full": _filled(None),
    "empty": _filled(0.0),
    "zeros_like": _filled_like(0.0),
    "ones_like": _filled_like(1.0),
    "full_like": _filled_like(None),
    "empty_like": _filled_like(0.0),
    "new_zeros": _new_filled(0.0),
    "new_ones": _new_filled(1.0),
    "new_full": _new_filled(None),
    "new_empty": _new_filled(0.0),
    "arange": _arange,
    "tensor": _tensor_of,
    "as_tensor": _tensor_of,
    "scalar_tensor": _tensor_of,
    **{name: _two(kind) for name, kind in (
        ("lt", "Less"), ("le", "LessOrEqual"), ("logical_and", "And"), ("logical_or", "Or"), ("remainder", "Mod"),
        ("floor_divide", "FloorDiv"),
    )},
    **{name: _of_truths(kind) for name, kind in (
        ("bitwise_and", "And"), ("bitwise_or", "Or"), ("__and__", "And"), ("__or__", "Or"),
    )},
    **{name: _compared(kind) for name, kind in (
        ("eq", "Equal"), ("ne", "NotEqual"), ("gt", "Greater"), ("ge", "GreaterOrEqual"),
    )},
    "logical_not": _pointwise("Not"),
    "bitwise_not": lambda b, x: b.emit("Not", [x]) if x.known().dtype.kind == "b" else _folded(np.invert)(b, x),
    "where": _where,
    "masked_fill": lambda b, x, mask, value: _where(b, mask, value, x),
    "_pack_padded_sequence": _pack,
    "_pad_packed_sequence": _unpack,
    "sort": _sort,
    "argsort": lambda b, x, dim=-1, descending=False: _sort(b, x, dim, descending)[1],
    "scatter": _scatter,
    "gather": _gather,
    "one_hot": lambda b, x, count=-1: b.emit("OneHot", [x], count=wholes_of(count)[0]),
    "cumsum": lambda b, x, dim, dtype=None: b.emit("CumSum", [x], axis=axis_of(x, dim)),
    "argmax": lambda b, x, dim=None, keepdim=False: b.emit("ArgMax", [x], axis=axis_of(x, dim)) if (
        dim is not None and not keepdim) else b.unknown("argmax", [x]),
    "sin": _pointwise("Sin"),
    "cos": _pointwise("Cos"),
    "floor": _pointwise("Floor"),
    "rsqrt": lambda b, x: b.emit("Reciprocal", [b.emit("Sqrt", [x])]),
    "logsumexp": _log_sum_exp,
    "std": _spread(True),
    "var": _spread(False),
    "norm": _length,
    "linalg_vector_norm": lambda b, x, order=2, dim=None, keepdim=False, **_: _length(b, x, order, dim, keepdim),
}  # fmt: skip
