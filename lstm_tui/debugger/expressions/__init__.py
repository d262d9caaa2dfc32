"""Questions in one line over a run: text to nodes, nodes to numbers at every step at once.

The language is checked; nothing is evaluated by Python.
"""

from __future__ import annotations

from lstm_tui.debugger.expressions.evaluator import condition, evaluate, require_condition
from lstm_tui.debugger.expressions.parser import Expression, ExpressionError, parse
from lstm_tui.debugger.expressions.scope import Scope
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.debugger.expressions.unit_numbers import resolved

__all__ = [
    "Expression", "ExpressionError", "Scope", "Series", "condition", "evaluate", "parse", "require_condition",
    "resolved",
]  # fmt: skip
