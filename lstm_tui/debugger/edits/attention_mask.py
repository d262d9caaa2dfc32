"""Steps that attention passes over: their scores become -inf, so that the others share the whole weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lstm_tui.analysis.distribution import is_distribution
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Call, Name, walk
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import ValueEdit
    from lstm_tui.engine.whole_number import Span

_SOFTMAX = "softmax_steps"


def mask(network: Network, steps: Span) -> ValueEdit:
    """Return the edit that hides steps from the attention of a readout.

    Raises:
        UserError: If the readout has no attention, or its scores have no equation of their own.
    """
    from lstm_tui.debugger.edits.language import ValueEdit

    readout = network.readout
    for equation in () if readout is None else readout.page.equations:
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.function == _SOFTMAX:
                score = node.arguments[0]
                assert readout is not None
                if isinstance(score, Name) and score.name in readout.page.series:
                    return ValueEdit("set", READOUT, score.name, (None, None), steps, float("-inf"))
                raise UserError(f"the scores inside {_SOFTMAX} need an equation of their own to be masked")
    raise UserError("this readout has no attention: there is nothing to mask")


def attention_of(network: Network | None) -> str | None:
    """Return the value that holds the weights of the attention, one number a token; None without attention."""
    readout = None if network is None else network.readout
    for equation in () if readout is None else readout.page.equations:
        node = equation.expression
        if isinstance(node, Call) and node.function == _SOFTMAX:
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
