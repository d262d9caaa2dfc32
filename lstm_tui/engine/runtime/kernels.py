"""The Numba interpreter: the same table as `reference`, compiled once for every cell there is.

Two functions switch on the number of an op, so nothing is compiled for a cell. What decides the bits of a
run is the order of additions, and that is fixed: each number of a product is added up in the order of its
matrix row, whatever is packed beside it, and sums run from unit 0 up. Only backward products, whose bits
nobody steps through, may be added in another order.

float32 has its own `exp`, `tanh` and `sigmoid` without branches, which run on whole vectors; float64 takes
those of the C library. Everything stands in this one file, because the cache on disk watches nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numba import config as numba_config
from numba import njit, types
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from lstm_tui.engine import setbacks
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import LAYERNORM_EPSILON, Code
from lstm_tui.engine.compiler.program import Program, Space
from lstm_tui.engine.runtime.fuse import packed
from lstm_tui.engine.runtime.kernel_cache import WHAT, GuardedCache

config: Any = numba_config  # neither of the two is typed
arrays: Any = arrayobj
Function = TypeVar("Function", bound=Callable[..., Any])

# A product and the sum it goes into may be fused, since every unit takes the same way through a loop; nothing
# may be assumed about NaN or infinity, which a debugger must show.
_EXACT: Any = {"error_model": "numpy", "nogil": True, "fastmath": {"contract"}}
_ANY_ORDER: Any = {"error_model": "numpy", "nogil": True, "fastmath": {"contract", "reassoc"}}


def _compiled(options: Any, cache: bool = True) -> Callable[[Function], Function]:
    """Return the decorator that compiles a function, kept on disk where a folder can be written."""

    def decorate(function: Function) -> Function:
        try:
            compiled: Any = njit(cache=cache and not config.BOUNDSCHECK, **options)(function)
            if hasattr(compiled, "_cache") and hasattr(compiled._cache, "_cache_file"):
                compiled._cache = GuardedCache(compiled._cache)
        except (RuntimeError, OSError) as error:  # neither the package's folder nor the user's can be written
            setbacks.note(WHAT, setbacks.cause(error).partition(":")[0])
            compiled = njit(**options)(function)
        made: Function = compiled
        return made

    return decorate


# Plain integers, because the compiler knows nothing of enumerations' names.
_COPY, _NEG, _ADD, _SUB, _MUL, _DIV = (
    int(code) for code in (Code.COPY, Code.NEG, Code.ADD, Code.SUB, Code.MUL, Code.DIV)
)
_SIGMOID, _TANH, _RELU, _EXP, _LOG = (int(code) for code in (Code.SIGMOID, Code.TANH, Code.RELU, Code.EXP, Code.LOG))
_SOFTPLUS, _ABS, _SQRT, _STEP = (int(code) for code in (Code.SOFTPLUS, Code.ABS, Code.SQRT, Code.STEP))
_MAX, _MIN, _CLIP, _LAYERNORM = (int(code) for code in (Code.MAX, Code.MIN, Code.CLIP, Code.LAYERNORM))
_SOFTMAX, _DOT, _SUM, _MEAN = (int(code) for code in (Code.SOFTMAX, Code.DOT, Code.SUM, Code.MEAN))
_EVERY, _MATVEC, _HOLD = int(Code.EVERY), int(Code.MATVEC), int(Code.HOLD)
_OUTER, _READ, _BY_HEAD, _BY_ROW = (int(code) for code in (Code.OUTER, Code.READ, Code.BY_HEAD, Code.BY_ROW))
_BY_COLUMN, _EACH_HEAD, _SUM_HEADS, _MEAN_HEADS = (
    int(code) for code in (Code.BY_COLUMN, Code.EACH_HEAD, Code.SUM_HEADS, Code.MEAN_HEADS)
)
_WEIGHTED = int(Code.WEIGHTED)
_CURRENT, _PREVIOUS, _PARAMETER = int(Space.CURRENT), int(Space.PREVIOUS), int(Space.PARAMETER)

# --- exp, tanh, sigmoid ---------------------------------------------------------------------------------

_f = np.float32
_LOWEST, _HIGHEST = _f(-104.0), _f(89.0)  # exp of these is 0 and inf
_LOG2E, _ROUND = _f(1.4426950408889634), _f(12582912.0)  # adding 1.5 * 2^23 rounds to a whole number
_ROUND_BITS, _SIGN_BIT = 0x4B400000, -(2**31)
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)
_E2, _E3, _E4 = _f(5.0000001201e-1), _f(1.6666665459e-1), _f(4.1665795894e-2)
_E5, _E6, _E7 = _f(8.3334519073e-3), _f(1.3981999507e-3), _f(1.9875691500e-4)
_T3, _T5, _T7 = _f(-3.33332819422e-1), _f(1.33314422036e-1), _f(-5.37397155531e-2)
_T9, _T11 = _f(2.06390887954e-2), _f(-5.70498872745e-3)
_SMALL, _ZERO, _ONE, _TWO = _f(0.625), _f(0.0), _f(1.0), _f(2.0)


def _exp32(a: Any) -> Any:
    """Return e^a to 2e-7: 2^k times a polynomial, with k taken from the bits of a rounded sum."""
    x = a
    x = _LOWEST if x < _LOWEST else x  # NaN passes both
    x = _HIGHEST if x > _HIGHEST else x
    shifted = np.float32(x * _LOG2E + _ROUND)
    k = shifted - _ROUND
    whole = shifted.view(np.int32) - np.int32(_ROUND_BITS)
    r = x - k * _LN2_HIGH
    r = r - k * _LN2_LOW
    p = _E7 * r + _E6
    p = p * r + _E5
    p = p * r + _E4
    p = p * r + _E3
    p = p * r + _E2
    p = p * (r * r) + r
    p = p + _ONE
    half = whole >> np.int32(1)  # in two steps, so that denormals are rounded once
    rest = whole - half
    first = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    second = np.int32((rest + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * first * second


def _tanh32(a: Any) -> Any:
    """Return tanh to 3e-7: an odd polynomial near 0, where 1 - 2 / (e^2a + 1) would lose everything."""
    x = abs(a)
    square = x * x
    p = _T11 * square + _T9
    p = p * square + _T7
    p = p * square + _T5
    p = p * square + _T3
    small = x * (p * square) + x
    large = _ONE - _TWO / (_exponential(_TWO * x) + _ONE)
    y = np.float32(small if x < _SMALL else large)
    given = np.float32(a)
    signed = np.int32(y.view(np.int32) | (given.view(np.int32) & np.int32(_SIGN_BIT)))  # -0 stays -0
    return signed.view(np.float32)


def _exp64(a: Any) -> Any:
    return np.exp(a)


def _tanh64(a: Any) -> Any:
    return np.tanh(a)


def _exponential(a: Any) -> Any:
    """Return e^a, by the type of a; this body serves when nothing is compiled."""
    return _exp32(a) if isinstance(a, np.float32) else np.exp(a)


def _tangent(a: Any) -> Any:
    """Return tanh(a), by the type of a."""
    return _tanh32(a) if isinstance(a, np.float32) else np.tanh(a)


@overload(_exponential, jit_options=_EXACT)
def _choose_exponential(a: Any) -> Callable[[Any], Any]:
    return _exp32 if a == types.float32 else _exp64


@overload(_tangent, jit_options=_EXACT)
def _choose_tangent(a: Any) -> Callable[[Any], Any]:
    return _tanh32 if a == types.float32 else _tanh64


# --- parts of both directions ---------------------------------------------------------------------------


# An ordinary slice counts references, by atomic additions that cost ten times the arithmetic of a small op. So
# slices are made by hand, as arrays that own nothing; with bounds checked, or nothing compiled, they are ordinary.


def _checked_slice(array: Array, offset: int, size: int) -> Array:
    return array[offset : offset + size]


def _checked_operand(
    space: int, offset: int, size: int, rows: Array, current: int, previous: int, flat: Array
) -> Array:
    if space == _PARAMETER:
        return flat[offset : offset + size]
    start = offset + (current if space == _CURRENT else previous)
    return rows[start : start + size]


def _unowned(target: Any, builder: Any, kind: Any, array: Any, data: Any, size: Any) -> Any:
    """Generate the array of `size` numbers at `data`; `array` says how large a number is."""
    piece = arrays.make_array(kind)(target, builder)
    step = array.itemsize
    arrays.populate_array(piece, data=data, shape=[size], strides=[step], itemsize=step, meminfo=None)
    return piece._getvalue()


@intrinsic
def _fast_slice(context: Any, array: Any, offset: Any, size: Any) -> Any:
    """Return array[offset : offset + size]."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = arrays.make_array(signature.args[0])(target, builder, arguments[0])
        data = builder.gep(source.data, [arguments[1]])
        return _unowned(target, builder, signature.return_type, source, data, arguments[2])

    return array(array, types.intp, types.intp), generate


@intrinsic
def _fast_operand(
    context: Any, space: Any, offset: Any, size: Any, rows: Any, current: Any, previous: Any, flat: Any
) -> Any:
    """Return where an operand lies, without a branch."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        space, offset, size, rows, current, previous, flat = arguments
        line = arrays.make_array(signature.args[3])(target, builder, rows)
        parameters = arrays.make_array(signature.args[6])(target, builder, flat)
        is_current = builder.icmp_signed("==", space, space.type(_CURRENT))
        is_parameter = builder.icmp_signed("==", space, space.type(_PARAMETER))
        start = builder.add(builder.select(is_current, current, previous), offset)
        here = builder.gep(line.data, [start])
        data = builder.select(is_parameter, builder.gep(parameters.data, [offset]), here)
        return _unowned(target, builder, signature.return_type, line, data, size)

    whole = types.intp
    return rows(whole, whole, whole, rows, whole, whole, flat), generate


_slice: Any
_operand: Any
if config.DISABLE_JIT:
    _slice, _operand = _checked_slice, _checked_operand
elif config.BOUNDSCHECK:
    _slice, _operand = njit(**_EXACT)(_checked_slice), njit(**_EXACT)(_checked_operand)
else:
    _slice, _operand = _fast_slice, _fast_operand


@_compiled(_EXACT, cache=False)
def _spread(number: Any, size: int, room: Array, at: int) -> Array:
    """Return one number as a vector, so that every op has one way through and not four."""
    wide: Array = _slice(room, at * (room.shape[0] // 6), size)
    for u in range(size):
        wide[u] = number
    return wide


@_compiled(_EXACT, cache=False)
def _product(w: Array, stride: int, v: Array, y: Array) -> None:
    """Set y to the sum over k of v[k] times the k-th line of w, eight lines at a time.

    Each y[r] takes its terms one by one from the left, so the number of rows beside it changes nothing.
    """
    rows = y.shape[0]
    inner = v.shape[0]
    for r in range(rows):
        y[r] = 0
    k = 0
    while k + 8 <= inner:
        at = k * stride
        w0, w1 = _slice(w, at, rows), _slice(w, at + stride, rows)
        w2, w3 = _slice(w, at + 2 * stride, rows), _slice(w, at + 3 * stride, rows)
        w4, w5 = _slice(w, at + 4 * stride, rows), _slice(w, at + 5 * stride, rows)
        w6, w7 = _slice(w, at + 6 * stride, rows), _slice(w, at + 7 * stride, rows)
        v0, v1, v2, v3, v4, v5, v6, v7 = (
            v[k],
            v[k + 1],
            v[k + 2],
            v[k + 3],
            v[k + 4],
            v[k + 5],
            v[k + 6],
            v[k + 7],
        )
        for r in range(rows):
            s = y[r] + w0[r] * v0
            s = s + w1[r] * v1
            s = s + w2[r] * v2
            s = s + w3[r] * v3
            s = s + w4[r] * v4
            s = s + w5[r] * v5
            s = s + w6[r] * v6
            y[r] = s + w7[r] * v7
        k += 8
    while k < inner:
        line = _slice(w, k * stride, rows)
        number = v[k]
        for r in range(rows):
            y[r] = y[r] + line[r] * number
        k += 1


@_compiled(_ANY_ORDER, cache=False)
def _pull_product(w: Array, stride: int, d: Array, sink: Array) -> None:
    """Add to sink[k] the k-th line of w times d."""
    rows = d.shape[0]
    inner = sink.shape[0]
    zero = d.dtype.type(0)
    k = 0
    while k + 4 <= inner:
        at = k * stride
        w0, w1 = _slice(w, at, rows), _slice(w, at + stride, rows)
        w2, w3 = _slice(w, at + 2 * stride, rows), _slice(w, at + 3 * stride, rows)
        s0, s1, s2, s3 = zero, zero, zero, zero
        for r in range(rows):
            s0 += w0[r] * d[r]
            s1 += w1[r] * d[r]
            s2 += w2[r] * d[r]
            s3 += w3[r] * d[r]
        sink[k] += s0
        sink[k + 1] += s1
        sink[k + 2] += s2
        sink[k + 3] += s3
        k += 4
    while k < inner:
        line = _slice(w, k * stride, rows)
        s = zero
        for r in range(rows):
            s += line[r] * d[r]
        sink[k] += s
        k += 1


@_compiled(_EXACT, cache=False)
def _moments(a: Array, epsilon: Any) -> tuple[Any, Any]:
    """Return the mean of a and what its units are divided by in `layernorm`."""
    zero = a.dtype.type(0)
    count = a.dtype.type(a.shape[0])
    mean = zero
    for u in range(a.shape[0]):
        mean += a[u]
    mean = mean / count
    variance = zero
    for u in range(a.shape[0]):
        centred = a[u] - mean
        variance += centred * centred
    return mean, np.sqrt(variance / count + epsilon)


@_compiled(_EXACT, cache=False)
def _over_heads(code: int, heads: int, rows: int, columns: int, a: Array, b: Array, y: Array) -> None:
    """Take an op over heads; see `ops.HEAD_OPS`. Sums run from the first column on."""
    zero = y.dtype.type(0)
    if code in (_OUTER, _READ, _BY_COLUMN):
        for line in range(heads * rows):
            first, start = (line // rows) * columns, line * columns
            if code == _OUTER:
                for j in range(columns):
                    y[start + j] = a[line] * b[first + j]
            elif code == _READ:
                s = zero
                for j in range(columns):
                    s += a[start + j] * b[first + j]
                y[line] = s
            else:
                for j in range(columns):
                    y[start + j] = a[first + j]
    elif code == _WEIGHTED:
        for head in range(heads):
            first = head * columns
            for j in range(columns):
                y[first + j] = zero
            for line in range(head * rows, (head + 1) * rows):
                start = line * columns
                for j in range(columns):
                    y[first + j] += a[start + j] * b[line]
    elif code in (_BY_HEAD, _BY_ROW):
        width = rows * columns if code == _BY_HEAD else columns
        for line in range(heads if code == _BY_HEAD else heads * rows):
            for j in range(width):
                y[line * width + j] = a[line]
    else:
        width = rows * columns
        for head in range(heads):
            if code == _EACH_HEAD:
                for j in range(width):
                    y[head * width + j] = a[j]
            else:
                s = zero
                for j in range(width):
                    s += a[head * width + j]
                y[head] = s if code == _SUM_HEADS else s / y.dtype.type(width)


@_compiled(_EXACT, cache=False)
def _pull_over_heads(
    code: int, heads: int, rows: int, columns: int, d: Array, a: Array, b: Array, da: Array, db: Array
) -> None:
    """Add to the gradient by the operands of an op over heads."""
    zero = d.dtype.type(0)
    if code in (_OUTER, _READ, _BY_COLUMN):
        for line in range(heads * rows):
            first, start = (line // rows) * columns, line * columns
            if code == _OUTER:
                s = zero
                for j in range(columns):
                    s += d[start + j] * b[first + j]
                    db[first + j] += d[start + j] * a[line]
                da[line] += s
            elif code == _READ:
                for j in range(columns):
                    da[start + j] += d[line] * b[first + j]
                    db[first + j] += d[line] * a[start + j]
            else:
                for j in range(columns):
                    da[first + j] += d[start + j]
    elif code == _WEIGHTED:
        for line in range(heads * rows):
            first, start = (line // rows) * columns, line * columns
            s = zero
            for j in range(columns):
                da[start + j] += d[first + j] * b[line]
                s += d[first + j] * a[start + j]
            db[line] += s
    elif code in (_BY_HEAD, _BY_ROW):
        width = rows * columns if code == _BY_HEAD else columns
        for line in range(heads if code == _BY_HEAD else heads * rows):
            s = zero
            for j in range(width):
                s += d[line * width + j]
            da[line] += s
    else:
        width = rows * columns
        for head in range(heads):
            for j in range(width):
                if code == _EACH_HEAD:
                    da[j] += d[head * width + j]
                else:
                    da[head * width + j] += d[head] if code == _SUM_HEADS else d[head] / d.dtype.type(width)


# --- forward --------------------------------------------------------------------------------------------


@_compiled(_EXACT)
def _forward(
    table: Array, flat: Array, rows: Array, room: Array, width: int, start: int, stop: int, clock: int
) -> None:
    number = rows.dtype.type
    zero, one = number(0), number(1)
    epsilon = number(LAYERNORM_EPSILON)
    for step in range(start, stop):
        current, previous = (step + 1) * width, step * width
        for n in range(table.shape[0]):
            code, size = table[n, 0], table[n, 2]
            y = _slice(rows, current + table[n, 1], size)
            a = _operand(table[n, 3], table[n, 4], table[n, 5], rows, current, previous, flat)
            if code == _MATVEC:
                stride, inner = table[n, 13], table[n, 14]
                _product(_slice(flat, table[n, 12], (inner - 1) * stride + size), stride, a, y)
                continue
            b, c = a, a
            if code >= _OUTER:
                if table[n, 8] > 0:
                    b = _operand(table[n, 6], table[n, 7], table[n, 8], rows, current, previous, flat)
                _over_heads(code, table[n, 12], table[n, 13], table[n, 14], a, b, y)
                continue
            wide = max(table[n, 5], table[n, 8]) if _DOT <= code <= _MEAN else size
            if table[n, 8] > 0:
                b = _operand(table[n, 6], table[n, 7], table[n, 8], rows, current, previous, flat)
                if table[n, 8] < wide:
                    b = _spread(b[0], wide, room, 1)
            if table[n, 11] > 0:
                c = _operand(table[n, 9], table[n, 10], table[n, 11], rows, current, previous, flat)
                if table[n, 11] < wide:
                    c = _spread(c[0], wide, room, 2)
            if table[n, 5] < wide:
                a = _spread(a[0], wide, room, 0)
            if code == _ADD:
                for u in range(wide):
                    y[u] = a[u] + b[u]
            elif code == _MUL:
                for u in range(wide):
                    y[u] = a[u] * b[u]
            elif code == _SIGMOID:
                for u in range(wide):
                    z = _exponential(-a[u] if a[u] >= zero else a[u])
                    y[u] = (one if a[u] >= zero else z) / (one + z)
            elif code == _TANH:
                for u in range(wide):
                    y[u] = _tangent(a[u])
            elif code == _SUB:
                for u in range(wide):
                    y[u] = a[u] - b[u]
            elif code == _COPY:
                for u in range(wide):
                    y[u] = a[u]
            elif code == _NEG:
                for u in range(wide):
                    y[u] = -a[u]
            elif code == _DIV:
                for u in range(wide):
                    y[u] = a[u] / b[u]
            elif code == _RELU:
                for u in range(wide):
                    y[u] = zero if a[u] < zero else a[u]
            elif code == _EXP:
                for u in range(wide):
                    y[u] = _exponential(a[u])
            elif code == _LOG:
                for u in range(wide):
                    y[u] = np.log(a[u])
            elif code == _SOFTPLUS:
                for u in range(wide):
                    z = np.log1p(_exponential(-a[u] if a[u] >= zero else a[u]))
                    y[u] = z + (zero if a[u] < zero else a[u])
            elif code == _ABS:
                for u in range(wide):
                    y[u] = abs(a[u])
            elif code == _SQRT:
                for u in range(wide):
                    y[u] = np.sqrt(a[u])
            elif code == _STEP:
                for u in range(wide):
                    y[u] = one if a[u] > zero else (zero if a[u] <= zero else a[u])
            elif code == _MAX:
                for u in range(wide):
                    y[u] = b[u] if (a[u] < b[u] or b[u] != b[u]) and a[u] == a[u] else a[u]
            elif code == _MIN:
                for u in range(wide):
                    y[u] = b[u] if (a[u] > b[u] or b[u] != b[u]) and a[u] == a[u] else a[u]
            elif code == _CLIP:
                for u in range(wide):
                    s = b[u] if (a[u] < b[u] or b[u] != b[u]) and a[u] == a[u] else a[u]
                    y[u] = c[u] if (s > c[u] or c[u] != c[u]) and s == s else s
            elif code == _HOLD:
                for u in range(wide):
                    y[u] = a[u] if b[u] == zero else (c[u] if b[u] == one else a[u] * c[u])
            elif code == _LAYERNORM:
                mean, scale = _moments(a, epsilon)
                for u in range(wide):
                    y[u] = (a[u] - mean) / scale
            elif code == _SOFTMAX:
                top = a[0]
                for u in range(wide):
                    top = a[u] if a[u] > top or a[u] != a[u] else top
                s = zero
                for u in range(wide):
                    y[u] = _exponential(a[u] - top)
                    s += y[u]
                for u in range(wide):
                    y[u] = y[u] / s
            elif code == _DOT:
                s = zero
                for u in range(wide):
                    s += a[u] * b[u]
                y[0] = s
            elif code in (_SUM, _MEAN):
                s = zero
                for u in range(wide):
                    s += a[u]
                y[0] = s if code == _SUM else s / number(wide)
            elif code == _EVERY:
                taken = number(step + clock)
                if table[n, 8] > 0:
                    for u in range(size):
                        y[u] = one if np.fmod(taken - b[u], a[u]) == zero else zero
                else:
                    for u in range(size):
                        y[u] = one if np.fmod(taken, a[u]) == zero else zero


# --- backward -------------------------------------------------------------------------------------------


@_compiled(_EXACT)
def _backward(
    table: Array,
    flat: Array,
    rows: Array,
    adjoint: Array,
    gradient: Array,
    room: Array,
    width: int,
    start: int,
    stop: int,
) -> None:
    number = rows.dtype.type
    zero, one, two = number(0), number(1), number(2)
    epsilon = number(LAYERNORM_EPSILON)
    for step in range(stop - 1, start - 1, -1):
        current, previous = (step + 1) * width, step * width
        for n in range(table.shape[0] - 1, -1, -1):
            code, size = table[n, 0], table[n, 2]
            if code in (_STEP, _EVERY):
                continue
            y = _slice(rows, current + table[n, 1], size)
            d = _slice(adjoint, current + table[n, 1], size)
            a = _operand(table[n, 3], table[n, 4], table[n, 5], rows, current, previous, flat)
            da = _operand(table[n, 3], table[n, 4], table[n, 5], adjoint, current, previous, gradient)
            if code == _MATVEC:
                stride, inner = table[n, 13], table[n, 14]
                _pull_product(_slice(flat, table[n, 12], (inner - 1) * stride + size), stride, d, da)
                continue
            # A spread operand gets its gradient by unit in `room`, added up at the end.
            b, c, db, dc = a, a, da, da
            if code >= _OUTER:
                if table[n, 8] > 0:
                    b = _operand(table[n, 6], table[n, 7], table[n, 8], rows, current, previous, flat)
                    db = _operand(table[n, 6], table[n, 7], table[n, 8], adjoint, current, previous, gradient)
                _pull_over_heads(code, table[n, 12], table[n, 13], table[n, 14], d, a, b, da, db)
                continue
            wide = max(table[n, 5], table[n, 8]) if _DOT <= code <= _MEAN else size
            if table[n, 8] > 0:
                b = _operand(table[n, 6], table[n, 7], table[n, 8], rows, current, previous, flat)
                db = _operand(table[n, 6], table[n, 7], table[n, 8], adjoint, current, previous, gradient)
                if table[n, 8] < wide:
                    b = _spread(b[0], wide, room, 1)
                    db = _spread(zero, wide, room, 4)
            if table[n, 11] > 0:
                c = _operand(table[n, 9], table[n, 10], table[n, 11], rows, current, previous, flat)
                dc = _operand(table[n, 9], table[n, 10], table[n, 11], adjoint, current, previous, gradient)
                if table[n, 11] < wide:
                    c = _spread(c[0], wide, room, 2)
                    dc = _spread(zero, wide, room, 5)
            if table[n, 5] < wide:
                a = _spread(a[0], wide, room, 0)
                da = _spread(zero, wide, room, 3)
            if code == _ADD:
                for u in range(wide):
                    da[u] += d[u]
                for u in range(wide):
                    db[u] += d[u]
            elif code == _MUL:
                for u in range(wide):
                    da[u] += d[u] * b[u]
                for u in range(wide):
                    db[u] += d[u] * a[u]
            elif code == _SIGMOID:
                for u in range(wide):
                    da[u] += d[u] * y[u] * (one - y[u])
            elif code == _TANH:
                for u in range(wide):
                    da[u] += d[u] * (one - y[u] * y[u])
            elif code == _SUB:
                for u in range(wide):
                    da[u] += d[u]
                for u in range(wide):
                    db[u] -= d[u]
            elif code == _COPY:
                for u in range(wide):
                    da[u] += d[u]
            elif code == _NEG:
                for u in range(wide):
                    da[u] -= d[u]
            elif code == _DIV:
                for u in range(wide):
                    da[u] += d[u] / b[u]
                for u in range(wide):
                    db[u] -= d[u] * y[u] / b[u]
            elif code == _RELU:
                for u in range(wide):
                    da[u] += d[u] * (one if a[u] > zero else zero)
            elif code == _EXP:
                for u in range(wide):
                    da[u] += d[u] * y[u]
            elif code == _LOG:
                for u in range(wide):
                    da[u] += d[u] / a[u]
            elif code == _SOFTPLUS:
                for u in range(wide):
                    z = _exponential(-a[u] if a[u] >= zero else a[u])
                    da[u] += d[u] * ((one if a[u] >= zero else z) / (one + z))
            elif code == _ABS:
                for u in range(wide):
                    sign = one if a[u] > zero else (-one if a[u] < zero else a[u])
                    da[u] += d[u] * sign
            elif code == _SQRT:
                for u in range(wide):
                    da[u] += d[u] / (two * y[u])
            elif code == _MAX:
                for u in range(wide):
                    da[u] += d[u] * (one if a[u] >= b[u] else zero)
                for u in range(wide):
                    db[u] += d[u] * (one if a[u] < b[u] else zero)
            elif code == _MIN:
                for u in range(wide):
                    da[u] += d[u] * (one if a[u] <= b[u] else zero)
                for u in range(wide):
                    db[u] += d[u] * (one if a[u] > b[u] else zero)
            elif code == _CLIP:
                for u in range(wide):
                    da[u] += d[u] * (one if a[u] > b[u] and a[u] < c[u] else zero)
                for u in range(wide):
                    db[u] += d[u] * (one if a[u] < b[u] and b[u] < c[u] else zero)
                for u in range(wide):
                    dc[u] += d[u] * (one if a[u] > c[u] or b[u] > c[u] else zero)
            elif code == _HOLD:
                for u in range(wide):
                    da[u] += d[u] if b[u] == zero else (zero if b[u] == one else d[u] * c[u])
                    dc[u] += d[u] if b[u] == one else zero
            elif code == _LAYERNORM:
                _, scale = _moments(a, epsilon)
                mean, along = zero, zero
                for u in range(wide):
                    mean += d[u]
                    along += d[u] * y[u]
                mean, along = mean / number(wide), along / number(wide)
                for u in range(wide):
                    da[u] += (d[u] - mean - y[u] * along) / scale
            elif code == _SOFTMAX:
                along = zero
                for u in range(wide):
                    along += d[u] * y[u]
                for u in range(wide):
                    da[u] += y[u] * (d[u] - along)
            elif code == _DOT:
                for u in range(wide):
                    da[u] += d[0] * b[u]
                for u in range(wide):
                    db[u] += d[0] * a[u]
            elif code in (_SUM, _MEAN):
                part = d[0] if code == _SUM else d[0] / number(wide)
                for u in range(wide):
                    da[u] += part
            for place in range(3):
                if 0 < table[n, 5 + 3 * place] < wide:
                    sink = _operand(
                        table[n, 3 + 3 * place], table[n, 4 + 3 * place], 1, adjoint, current, previous, gradient
                    )
                    s = zero
                    for u in range(wide):
                        s += room[(3 + place) * (room.shape[0] // 6) + u]
                    sink[0] += s


# --- what the engine calls ------------------------------------------------------------------------------

_tables: WeakKeyDictionary[Program, tuple[Array, Array, int]] = WeakKeyDictionary()


def _table(program: Program) -> tuple[Array, Array, int]:
    """Return the table op by op, the one that is run, and the size of the largest operand."""
    found = _tables.get(program)
    if found is None:
        whole = program.table()
        largest = int(whole[:, [2, 5, 8, 11]].max(initial=1))
        found = _tables[program] = whole, packed(program.packed_table()), largest
    return found


def _line(array: Array) -> Array:
    """Return all numbers of a contiguous array in one line, sharing memory."""
    if not array.flags.c_contiguous:
        raise ValueError("the rows of a run must be one contiguous array")
    return array.reshape(-1)


def run(program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
    """Take the steps `start` to `stop`, as `interpreters.Interpreter` says. The rows are one contiguous array."""
    _, joined, largest = _table(program)
    _take(joined, largest, flat, rows, start, stop, clock)


def run_ops(program: Program, flat: Array, rows: Array, step: int, first: int, last: int, clock: int = 0) -> None:
    """Take the ops `first` to `last` (not included) of the table in one step; hoisted ones are done."""
    whole, _, largest = _table(program)
    some = whole[first:last]
    _take(some[some[:, 16] == 0], largest, flat, rows, step, step + 1, clock)


def _take(table: Array, largest: int, flat: Array, rows: Array, start: int, stop: int, clock: int) -> None:
    room = np.empty(6 * largest, rows.dtype)
    _call(_forward, table, _writable(flat), _line(rows), room, rows.shape[1], start, stop, clock)


def backprop(
    program: Program, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int
) -> None:
    """Take the steps `stop - 1` down to `start` back, as `interpreters.Interpreter` says."""
    _, joined, largest = _table(program)
    room = np.empty(6 * largest, rows.dtype)
    lines = _line(_writable(rows)), _line(adjoint), gradient
    _call(_backward, joined, _writable(flat), *lines, room, rows.shape[1], start, stop)


def _writable(array: Array) -> Array:
    """Return the array or, if it is read-only, a copy: another type would be recompiled."""
    return array if array.flags.writeable and array.flags.c_contiguous else np.array(array, order="C")


def _call(kernel: Callable[..., None], *arguments: Any) -> None:
    if not config.DISABLE_JIT:
        kernel(*arguments)
        return
    with np.errstate(all="ignore"):  # uncompiled, NumPy's numbers warn of every overflow
        kernel(*arguments)


def kept_in() -> str | None:
    """Return the folder in which compiled kernels are kept from one start to the next; None without one."""
    cache = getattr(_forward, "_cache", None)
    return getattr(cache, "cache_path", None)
