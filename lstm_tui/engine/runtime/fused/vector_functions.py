"""What each op of one unit computes, in LLVM's assembly: the same operations in the same order as `kernels`.

float32 has its own exp, tanh and sigmoid, without branches; float64 takes those of the C library.
"""

from __future__ import annotations

from collections.abc import Callable

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.assembly import Lanes, Value

_LOWEST, _HIGHEST = -104.0, 89.0  # exp of these is 0 and inf
_LOG2E, _ROUND, _ROUND_BITS = 1.4426950408889634, 12582912.0, 0x4B400000  # adding 1.5 * 2^23 rounds to a whole number
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
_SMALL, _SIGN_BIT = 0.625, -(2**31)
_TANH_IS_1 = 20.0
"""From here on 1 - 2 / (e^2a + 1) is 1 to the last bit, and 2^k is a number of its own: no power above is computed."""


def exponential(u: Lanes, a: Value) -> Value:
    """Return e^a."""
    if u.assembly.bits == 64:
        return u.library("exp", a)
    x = _at_most(u, _at_least(u, a, _LOWEST), _HIGHEST)
    return _any_power(u, *_reduced(u, x, x, _LOG2E))


def _at_least(u: Lanes, a: Value, low: float) -> Value:
    return u.select(u.compare("olt", a, u.constant(low)), u.constant(low), a)  # NaN stays NaN


def _at_most(u: Lanes, a: Value, high: float) -> Value:
    return u.select(u.compare("ogt", a, u.constant(high)), u.constant(high), a)


def _reduced(u: Lanes, x: Value, a: Value, by: float) -> tuple[Value, Value]:
    """Return p and k + 1.5 * 2^23, such that e^a is p 2^k; a log2(e) is x times `by`."""
    shifted = u.mul_add(x, u.constant(by), u.constant(_ROUND))
    k = u.neg(u.sub(shifted, u.constant(_ROUND)))
    r = u.mul_add(k, u.constant(_LN2_HIGH), a)
    r = u.mul_add(k, u.constant(_LN2_LOW), r)
    p = u.constant(_EXP[0])
    for factor in _EXP[1:]:
        p = u.mul_add(p, r, u.constant(factor))
    p = u.mul_add(p, u.mul(r, r), r)
    return u.add(p, u.constant(1.0)), shifted


def _any_power(u: Lanes, p: Value, shifted: Value) -> Value:
    """Return p 2^k, for the k of every number, rounded once."""
    if u.scales:
        return u.scaled(p, u.sub(shifted, u.constant(_ROUND)))
    whole = _whole(u, shifted)
    half = u.integers("ashr", whole, u.integer(1))  # in two steps, so that denormals are rounded once
    rest = u.integers("sub", whole, half)
    return u.mul(u.mul(p, _power_of_two(u, half)), _power_of_two(u, rest))


def _whole(u: Lanes, shifted: Value) -> Value:
    return u.integers("sub", u.as_integer(shifted), u.integer(_ROUND_BITS))


def _power_of_two(u: Lanes, whole: Value) -> Value:
    return u.as_number(u.integers("shl", u.integers("add", whole, u.integer(127)), u.integer(23)))


def _small_exponential(u: Lanes, a: Value) -> Value:
    """Return e^-|a|."""
    x = u.neg(u.fabs(a))
    if u.assembly.bits == 64:
        return u.library("exp", x)
    x = _at_least(u, x, _LOWEST)
    return _any_power(u, *_reduced(u, x, x, _LOG2E))


def sigmoid(u: Lanes, a: Value) -> Value:
    """Return 1 / (1 + e^-a) without overflow."""
    z, one = _small_exponential(u, a), u.constant(1.0)
    return u.div(u.select(u.compare("oge", a, u.constant(0.0)), one, z), u.add(one, z))


def tanh(u: Lanes, a: Value) -> Value:
    """Return tanh(a): an odd polynomial near 0, where 1 - 2 / (e^2a + 1) would lose everything."""
    if u.assembly.bits == 64:
        return u.library("tanh", a)
    x = u.fabs(a)
    square = u.mul(x, x)
    p = u.constant(_TANH[0])
    for factor in _TANH[1:]:
        p = u.mul_add(p, square, u.constant(factor))
    small = u.mul_add(x, u.mul(p, square), x)
    one, two = u.constant(1.0), u.constant(2.0)
    least = _at_most(u, x, _TANH_IS_1)
    p, shifted = _reduced(u, least, u.mul(two, least), 2 * _LOG2E)
    power = (
        u.scaled(p, u.sub(shifted, u.constant(_ROUND))) if u.scales else u.mul(p, _power_of_two(u, _whole(u, shifted)))
    )
    large = u.sub(one, u.div(two, u.add(power, one)))
    y = u.select(u.compare("olt", x, u.constant(_SMALL)), small, large)
    sign = u.integers("and", u.as_integer(a), u.integer(_SIGN_BIT))  # -0 stays -0
    return u.as_number(u.integers("or", u.as_integer(y), sign))


def _relu(u: Lanes, a: Value) -> Value:
    zero = u.constant(0.0)
    return u.select(u.compare("olt", a, zero), zero, a)


def _softplus(u: Lanes, a: Value) -> Value:
    return u.add(u.library("log1p", _small_exponential(u, a)), _relu(u, a))


def _step(u: Lanes, a: Value) -> Value:
    zero = u.constant(0.0)
    below = u.select(u.compare("ole", a, zero), zero, a)
    return u.select(u.compare("ogt", a, zero), u.constant(1.0), below)


def _outer(u: Lanes, how: str, a: Value, b: Value) -> Value:
    """Return the larger or smaller of two; NaN where one of them is."""
    beyond = u.either(u.compare(how, a, b), u.compare("uno", b, b))
    return u.select(u.both(beyond, u.compare("ord", a, a)), b, a)


def _hold(u: Lanes, a: Value, mode: Value, number: Value) -> Value:
    held = u.select(u.compare("oeq", mode, u.constant(1.0)), number, u.mul(a, number))
    return u.select(u.compare("oeq", mode, u.constant(0.0)), a, held)


ELEMENTWISE: dict[Code, Callable[..., Value]] = {
    Code.COPY: lambda u, a: a,
    Code.NEG: Lanes.neg,
    Code.ADD: Lanes.add,
    Code.SUB: Lanes.sub,
    Code.MUL: Lanes.mul,
    Code.DIV: Lanes.div,
    Code.SIGMOID: sigmoid,
    Code.TANH: tanh,
    Code.RELU: _relu,
    Code.EXP: exponential,
    Code.LOG: lambda u, a: u.library("log", a),
    Code.SOFTPLUS: _softplus,
    Code.ABS: Lanes.fabs,
    Code.SQRT: Lanes.sqrt,
    Code.STEP: _step,
    Code.MAX: lambda u, a, b: _outer(u, "olt", a, b),
    Code.MIN: lambda u, a, b: _outer(u, "ogt", a, b),
    Code.CLIP: lambda u, a, low, high: _outer(u, "ogt", _outer(u, "olt", a, low), high),
    Code.HOLD: _hold,
}
"""Units and operands to the result, of every op that needs only its own unit; `every` also needs the clock."""
