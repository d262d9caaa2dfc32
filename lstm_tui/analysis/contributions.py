"""What a value is made of: the terms of its sum, at every step or for each token, unless an edit made it.

A token's contribution is exact where the readout is linear up to its softmax. What is told of a sum asks first where
the value comes from: an edit that holds a value makes the sum of its equation another number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.compiler.ops import OPS, Code
from lstm_tui.engine.compiler.program import Instruction, Program, Slot, Space, held_inputs
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product, show
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.engine.runtime.overrides import READOUT, factors
from lstm_tui.engine.runtime.readout_series import Evaluated, evaluate, pull
from lstm_tui.engine.runtime.storage import Stored
from lstm_tui.engine.runtime.trace import PassTrace, Trace

SOFTMAX_STEPS = "softmax_steps"
"""The op that shares out attention over the tokens."""


Kind = Literal["equation", "set", "scaled", "initial", "not known"]
_CLOSE = 1e-3
"""How far, relative to what was summed, a sum of recorded values may be off before it is none of its equation."""


@dataclass(frozen=True)
class Origin:
    """Where one unit of a value at one step comes from.

    Attributes:
        kind: `equation`; `set` or `scaled` by an edit; `initial` before the first step; `not known` where a trace
            from a file holds another number than its equation gives, as an edit leaves it.
        number: What an edit sets it to, or multiplies it by; 1 without one.
    """

    kind: Kind
    number: float = 1.0

    @property
    def edited(self) -> bool:
        """Whether the value is not, or may not be, what its equation gives."""
        return self.kind in ("set", "scaled", "not known")


EQUATION = Origin("equation")


def origin_of(passed: PassTrace, value: str, t: int, unit: int) -> Origin:
    """Return where a unit of a value of a pass comes from at place `t` of the tape; see `told_apart` for file traces.

    Args:
        passed: The pass, with or without the network that ran.
        value: Name of a value of the cell.
        t: Place on the tape; before the first place (-1) stands the initial state.
        unit: Which unit, from 0.
    """
    if t < 0:
        return Origin("initial")
    mode, number = (passed.inputs.get(name) for name in held_inputs(value))
    if mode is None or number is None:
        return EQUATION
    return _origin(float(mode[t][min(unit, mode.shape[1] - 1)]), float(number[t][min(unit, number.shape[1] - 1)]))


def origin_in(trace: Trace, owner: str, value: str, t: int, unit: int) -> Origin:
    """Return where a number of a run comes from, also of an input `x` and of a series of the `readout`."""
    holds = [one for one in (trace.ran.holds if trace.ran else ()) if (one.pass_name, one.value) == (owner, value)]
    if not holds:
        return EQUATION
    size = max(one.units[1] for one in holds)
    if unit >= size:
        return EQUATION
    modes, numbers = factors(holds, len(trace.sequence), size, trace.dtype)
    return _origin(float(modes[t, unit]), float(numbers[t, unit]))


def told_apart(origin: Origin, number: float, computed: float | None, scale: float) -> Origin:
    """Return an origin of a value whose equation was computed again: another number is no sum of that equation.

    Args:
        origin: What the run says.
        number: The value as it was recorded.
        computed: What the equation comes to with the recorded values; None where that is not known.
        scale: The largest size among what was summed.
    """
    if origin.kind != "equation" or computed is None or _same(number, computed, scale):
        return origin
    return Origin("not known", number)


def _same(one: float, other: float, scale: float) -> bool:
    if np.isnan(one) or np.isnan(other) or np.isinf(one) or np.isinf(other):
        return bool(np.isnan(one) and np.isnan(other)) or one == other
    return abs(one - other) <= _CLOSE * max(scale, abs(one), abs(other))


def _origin(mode: float, number: float) -> Origin:
    return EQUATION if mode == 0 else Origin("set" if mode == 1 else "scaled", number)


@dataclass(frozen=True, eq=False)
class OutputParts:
    """The verdict before its softmax, split by token.

    Attributes:
        by_token: (T, K), summing with `rest` to the number before the softmax of each class.
        rest: What no token adds: the bias, (K,).
    """

    by_token: Array
    rest: Array

    def toward(self, k: int) -> tuple[Array, float]:
        """Return what each token adds to class `k` over the mean of the others, (T,), and what the rest does."""
        others = [n for n in range(self.by_token.shape[1]) if n != k] or [k]
        toward = self.by_token[:, k] - self.by_token[:, others].mean(axis=1)
        return toward, float(self.rest[k] - self.rest[others].mean())


@quiet()
def parts_of(trace: Trace, most_classes: int = 32) -> OutputParts | None:
    """Return what each token adds to each class before the softmax.

    The split is by h at each token, so what h holds of other tokens is counted where it stands. It is given
    only where it is exact: where the sum of the parts is the number before the softmax.
    """
    network = trace.network
    if network is None or network.readout is None or trace.result is None or len(trace.result) > most_classes:
        return None
    page, program = network.readout.page, network.readout.program
    if page.per_token or trace.windows is not None:  # of a run in windows no number for every token is held
        return None
    logits = _without_softmax(program, page.result)
    inputs = _inputs(trace, program)
    if inputs is None:
        return None
    exact = {name: series.astype(np.float64) for name, series in inputs.items()}
    evaluated = evaluate(logits, logits.cast(network.readout.flat, np.float64), exact)
    value = evaluated.read(logits.values[page.result])
    zero = evaluate(logits, evaluated.flat, {name: np.zeros_like(series) for name, series in exact.items()})
    rest = zero.read(logits.values[page.result])
    by_token = np.stack([_pulled(evaluated, page.result, k, len(value)) for k in range(len(value))], axis=1)
    if not np.allclose(by_token.sum(axis=0) + rest, value, rtol=1e-9, atol=1e-9):
        return None
    return OutputParts(by_token, rest)


def _pulled(evaluated: Evaluated, result: str, k: int, classes: int) -> Array:
    seed = np.zeros(classes)
    seed[k] = 1.0
    _, gradients = pull(evaluated, {result: seed})
    total = np.zeros(len(evaluated.rows))
    for name, slot in evaluated.program.inputs.items():
        total += (gradients[name] * evaluated.read(slot)).sum(axis=1)
    return total


def says_shares(trace: Trace, values: Array) -> bool:
    """Say whether outputs are parts of a whole: by their numbers, and where these tell nothing by the readout's form.

    Args:
        trace: The run.
        values: Outputs of it, (n,), or at several steps, (T, n).
    """
    found = is_distribution(values)
    if found is not None:
        return found
    if trace.network is None or trace.network.readout is None:
        return False
    page, program = trace.network.readout.page, trace.network.readout.program
    return _without_softmax(program, page.result) is not program


def _without_softmax(program: Program, result: str) -> Program:
    """Return the program with its last softmax left out, if it has one: its result is what stands inside it."""
    target = program.values[result]
    for number, one in enumerate(program.instructions):
        if one.target == target and one.op.code == Code.SOFTMAX:
            changed = one._replace(op=OPS["copy"])
            return replace(
                program, instructions=(*program.instructions[:number], changed, *program.instructions[number + 1 :])
            )
    return program


def _inputs(trace: Trace, program: Program) -> dict[str, Array] | None:
    """Return what the readout read, from the run itself."""
    if trace.ran is not None and any(hold.pass_name == READOUT for hold in trace.ran.holds):
        return None  # what is held is no sum of what was read
    ran = trace.readout_inputs
    return {name: ran[name] for name in program.inputs} if all(name in ran for name in program.inputs) else None


ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg", "max", "min"})
"""Ops that take numbers apart unit by unit; every other is one term of a sum."""


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of a value.

    Attributes:
        text: As the screen writes it, such as `W_f·x`.
        parameter: Whose weights it is made of, such as `W_f` or `b_f`; empty without one.
        series: (T, n) or (n,), with its sign, in reading order.
    """

    text: str
    parameter: str
    series: Array


def squash_of(passed: PassTrace, value: str) -> str | None:
    """Return the function of one argument that makes a value out of a sum, such as `sigmoid`; None without one."""
    expression = passed.cell.equation(value).expression
    if isinstance(expression, Call) and expression.function in OPS and expression.function not in ARITHMETIC:
        op = OPS[expression.function]
        return op.name if op.elementwise and op.arity == 1 else None
    return None


def sum_slot(passed: PassTrace, value: str) -> Slot | None:
    """Return where the sum inside a value's squash lies in a row; its own place without a squash, None without rows."""
    program = passed.program
    if program is None:
        return None
    made: dict[Slot, Instruction] = {one.target: one for one in program.instructions}
    one = made.get(program.values[value])
    if one is not None and one.op.code == Code.HOLD:
        inner = one.operands[0]
        one = made.get(Slot(inner.offset, inner.size))
    if one is None or one.matrix is not None or squash_of(passed, value) is None:
        return program.values[value]
    inner = one.operands[0]
    return Slot(inner.offset, inner.size) if inner.space == Space.CURRENT else program.values[value]


def terms_of(passed: PassTrace, value: str) -> tuple[Term, ...]:
    """Return the summands of a value that the run kept; none when it was read from a file or is very long."""
    stored = passed.stored
    if stored is None or stored.rows is None or passed.program is None or passed.parameters is None:
        return ()
    equation = next((one for one in passed.program.equations if one.name == value), None)
    if equation is None:
        return ()
    number = passed.cell.values.index(value)
    node = equation.expression
    if squash_of(passed, value) is not None and isinstance(node, Call):
        node = node.arguments[0]
    prefix = f"{value} = "
    slots = {one.text.removeprefix(prefix): one.target for one in passed.program.instructions if one.equation == number}
    found = []
    for summand, sign in _summands(node, 1):
        text = show(summand)
        if isinstance(summand, Number):
            series = np.full(passed.program.values[value].size, summand.value, stored.flat.dtype)
        elif isinstance(summand, Name | Previous):
            series = _read_by_name(passed, stored, summand, number)
        elif text in slots:
            slot = slots[text]
            series = stored.rows[1:, slot.offset : slot.offset + slot.size]
        else:
            continue
        found.append(Term(text, _parameter(summand, passed), sign * series))
    return tuple(found)


def _read_by_name(passed: PassTrace, stored: Stored, node: Name | Previous, number: int) -> Array:
    """Return what a name means in an equation: a parameter, a fixed vector, an input, a value now or a step before."""
    assert passed.program is not None
    assert passed.parameters is not None
    name = node.name
    if name in passed.program.parameters:
        return passed.program.view(passed.parameters, name)
    fixed = passed.fixed_vector(name)
    if fixed is not None:
        return fixed.astype(stored.flat.dtype)
    if name in stored.inputs:
        return stored.inputs[name]
    if name in passed.cell.below:  # of the lowest layer, where an expression stands for it
        made = next(one.target for one in passed.program.instructions_of(-1) if one.text.startswith(f"{name} = "))
        assert stored.rows is not None
        return stored.rows[1:, made.offset : made.offset + made.size]
    if isinstance(node, Previous) or passed.cell.is_previous(name, number):
        return passed.entering(name)
    return stored.values[name]


def _parameter(node: Expression, passed: PassTrace) -> str:
    """Return the first parameter of a summand: the matrix of a product, a bias, a peephole."""
    assert passed.program is not None
    if isinstance(node, Product):
        return node.matrix
    if isinstance(node, Name):
        return node.name if node.name in passed.program.parameters else ""
    if isinstance(node, Call):
        return next((name for one in node.arguments if (name := _parameter(one, passed))), "")
    return ""


def _summands(node: Expression, sign: int) -> Iterator[tuple[Expression, int]]:
    if isinstance(node, Call) and node.function in ("add", "sub"):
        left, right = node.arguments
        yield from _summands(left, sign)
        yield from _summands(right, -sign if node.function == "sub" else sign)
    else:
        yield node, sign


def attention_of(network: Network | None) -> str | None:
    """Return the value that holds the weights of the attention, one number a token; None without attention."""
    readout = None if network is None else network.readout
    for equation in () if readout is None else readout.page.equations:
        node = equation.expression
        if isinstance(node, Call) and node.function == SOFTMAX_STEPS:
            assert readout is not None
            if readout.program.values[equation.name].size == 1:
                return equation.name
    return None


def attention_in(trace: Trace) -> str | None:
    """Return the value that holds the weights of the attention of a run; in a file without its network, by its form."""
    if trace.network is not None:
        name = attention_of(trace.network)
        return name if name in trace.readout else None
    for name, series in trace.readout.items():
        one_a_token = series.ndim == 2 and series.shape[1] == 1 and len(series) == len(trace.sequence)
        if one_a_token and is_distribution(series[:, 0]):
            return name
    return None
