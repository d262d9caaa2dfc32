"""What a value is a sum of: the terms of a readout per token, and those of a pre-activation at every step.

A token's contribution is exact where the readout is linear up to its softmax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lstm_tui.analysis.distribution import is_distribution
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.compiler.ops import OPS, Code
from lstm_tui.engine.compiler.program import Instruction, Program, Slot, Space
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product, show
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.readout_series import Evaluated, evaluate, pull
from lstm_tui.engine.runtime.storage import Stored
from lstm_tui.engine.runtime.trace import PassTrace, Trace


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
    if page.per_token:
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
    """Return what a name means in an equation: a parameter, an input, a value of this step or the one before."""
    assert passed.program is not None
    assert passed.parameters is not None
    name = node.name
    if name in passed.program.parameters:
        return passed.program.view(passed.parameters, name)
    if name in stored.inputs:
        return stored.inputs[name]
    if isinstance(node, Previous) or passed.cell.is_previous(name, number):
        return np.vstack([stored.initial[name], stored.values[name][:-1]])
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
