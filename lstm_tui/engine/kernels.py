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

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lstm_tui.engine.ops import Code
from lstm_tui.engine.program import Space

Array = NDArray[np.floating[Any]]
Table = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# A product and the sum it goes into may be fused, since every unit takes the same way through a loop; nothing
# may be assumed about NaN or infinity, which a debugger must show.
_EXACT = {"error_model": "numpy", "nogil": True, "fastmath": {"contract"}}
_ANY_ORDER = {"error_model": "numpy", "nogil": True, "fastmath": {"contract", "reassoc"}}


def _compiled(options: dict[str, Any], cache: bool = True) -> Callable[[Function], Function]:
    """Return the decorator that compiles a function, kept on disk where a folder can be written."""

    def decorate(function: Function) -> Function:
        try:
            compiled: Function = njit(cache=cache, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            compiled = njit(**options)(function)
        return compiled

    return decorate


# Plain integers, because the compiler knows nothing of enumerations' names.
_COPY, _NEG, _ADD, _SUB, _MUL, _DIV = (
    int(code) for code in (Code.COPY, Code.NEG, Code.ADD, Code.SUB, Code.MUL, Code.DIV)
)
_SIGMOID, _TANH, _RELU, _EXP, _LOG = (
    int(code) for code in (Code.SIGMOID, Code.TANH, Code.RELU, Code.EXP, Code.LOG)
)
_SOFTPLUS, _ABS, _SQRT, _STEP = (int(code) for code in (Code.SOFTPLUS, Code.ABS, Code.SQRT, Code.STEP))
_MAX, _MIN, _CLIP, _LAYERNORM = (int(code) for code in (Code.MAX, Code.MIN, Code.CLIP, Code.LAYERNORM))
_SOFTMAX, _DOT, _SUM, _MEAN = (int(code) for code in (Code.SOFTMAX, Code.DOT, Code.SUM, Code.MEAN))
_EVERY, _MATVEC = int(Code.EVERY), int(Code.MATVEC)
_CURRENT, _PREVIOUS = int(Space.CURRENT), int(Space.PREVIOUS)

# --- exp, tanh, sigmoid ---------------------------------------------------------------------------------

_f = np.float32
_LOWEST, _HIGHEST = _f(-104.0), _f(89.0)  # exp of these is 0 and inf
_LOG2E, _ROUND = _f(1.4426950408889634), _f(12582912.0)  # adding 1.5 * 2^23 rounds to a whole number
_ROUND_BITS = 0x4B400000
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
