"""What each token adds to the verdict, where a readout is linear up to its softmax."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.holds import READOUT
from lstm_tui.engine.ops import OPS, Code
from lstm_tui.engine.program import Program
from lstm_tui.engine.series import Evaluated, evaluate, pull
from lstm_tui.engine.trace import Trace

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Parts:
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


def parts_of(trace: Trace, most_classes: int = 32) -> Parts | None:
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
    return Parts(by_token, rest)


def _pulled(evaluated: Evaluated, result: str, k: int, classes: int) -> Array:
    seed = np.zeros(classes)
    seed[k] = 1.0
    _, gradients = pull(evaluated, {result: seed})
    total = np.zeros(len(evaluated.rows))
    for name, slot in evaluated.program.inputs.items():
        total += (gradients[name] * evaluated.read(slot)).sum(axis=1)
    return total


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
