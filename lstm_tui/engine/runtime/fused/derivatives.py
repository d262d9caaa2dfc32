"""What each op of one unit passes back, in LLVM's assembly: the formulas of the op table and of `kernels`.

Nobody steps through these numbers, so sums may be taken in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.vector_functions import sigmoid

Passed = Sequence[Value | None]


def _where(u: Lanes, truth: Value, d: Value) -> Value:
    """Return d where it is true, and d times 0 elsewhere: an infinite or unknown d stays to be seen."""
    return u.mul(d, u.select(truth, u.constant(1.0), u.constant(0.0)))


def _div(u: Lanes, d: Value, y: Value, a: Value, b: Value) -> Passed:
    return u.div(d, b), u.neg(u.div(u.mul(d, y), b))


def _sigmoid(u: Lanes, d: Value, y: Value, a: Value) -> Passed:
    return (u.mul(u.mul(d, y), u.sub(u.constant(1.0), y)),)


def _tanh(u: Lanes, d: Value, y: Value, a: Value) -> Passed:
    return (u.mul(d, u.sub(u.constant(1.0), u.mul(y, y))),)


def _abs(u: Lanes, d: Value, y: Value, a: Value) -> Passed:
    zero = u.constant(0.0)
    below = u.select(u.compare("olt", a, zero), u.constant(-1.0), a)
    return (u.mul(d, u.select(u.compare("ogt", a, zero), u.constant(1.0), below)),)


def _clip(u: Lanes, d: Value, y: Value, a: Value, low: Value, high: Value) -> Passed:
    inside = u.both(u.compare("ogt", a, low), u.compare("olt", a, high))
    below = u.both(u.compare("olt", a, low), u.compare("olt", low, high))
    above = u.either(u.compare("ogt", a, high), u.compare("ogt", low, high))
    return _where(u, inside, d), _where(u, below, d), _where(u, above, d)


def _hold(u: Lanes, d: Value, y: Value, a: Value, mode: Value, number: Value) -> Passed:
    is_set = u.compare("oeq", mode, u.constant(1.0))
    held = u.select(is_set, u.constant(0.0), u.mul(d, number))
    return u.select(u.compare("oeq", mode, u.constant(0.0)), d, held), None, _where(u, is_set, d)


DERIVATIVES: dict[Code, Callable[..., Passed]] = {
    Code.COPY: lambda u, d, y, a: (d,),
    Code.NEG: lambda u, d, y, a: (u.neg(d),),
    Code.ADD: lambda u, d, y, a, b: (d, d),
    Code.SUB: lambda u, d, y, a, b: (d, u.neg(d)),
    Code.MUL: lambda u, d, y, a, b: (u.mul(d, b), u.mul(d, a)),
    Code.DIV: _div,
    Code.SIGMOID: _sigmoid,
    Code.TANH: _tanh,
    Code.RELU: lambda u, d, y, a: (_where(u, u.compare("ogt", a, u.constant(0.0)), d),),
    Code.EXP: lambda u, d, y, a: (u.mul(d, y),),
    Code.LOG: lambda u, d, y, a: (u.div(d, a),),
    Code.SOFTPLUS: lambda u, d, y, a: (u.mul(d, sigmoid(u, a)),),
    Code.ABS: _abs,
    Code.SQRT: lambda u, d, y, a: (u.div(d, u.mul(u.constant(2.0), y)),),
    Code.STEP: lambda u, d, y, a: (None,),
    Code.MAX: lambda u, d, y, a, b: (_where(u, u.compare("oge", a, b), d), _where(u, u.compare("olt", a, b), d)),
    Code.MIN: lambda u, d, y, a, b: (_where(u, u.compare("ole", a, b), d), _where(u, u.compare("ogt", a, b), d)),
    Code.CLIP: _clip,
    Code.EVERY: lambda u, d, y, *operands: (None,) * len(operands),
    Code.HOLD: _hold,
}
"""Units, gradient of the result, result and operands to the gradient of each operand; None where there is none."""


class Uses(NamedTuple):
    """What the derivative of an op reads.

    Attributes:
        result: Whether it reads the result of the op.
        operands: Which operands it reads.
        passes: To which operands it passes anything back.
    """

    result: bool
    operands: tuple[bool, ...]
    passes: tuple[bool, ...]


@cache
def uses_of(code: Code, arity: int) -> Uses:
    """Return what the derivative of an op of one unit reads, as it is written in `DERIVATIVES`."""
    names = ["%d", "%y", *(f"%operand{n}" for n in range(arity))]
    function = Procedure(Assembly("float", True), "looked_at", "")
    passed = DERIVATIVES[code](Lanes(function, 1), *names)
    function.end()
    words = set(re.split(r"[\s,()]+", function.assembly.text())) | {piece for piece in passed if piece is not None}
    read = [name in words for name in names]
    return Uses(read[1], tuple(read[2:]), tuple(piece is not None for piece in passed))
