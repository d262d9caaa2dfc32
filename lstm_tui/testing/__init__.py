"""Assertions about networks, for tests: what is remembered, what holds at every step, whether two runs are the same.

`pytest` shows a failure with the step, the numbers and a picture in text; other test runners work alike.
"""

from __future__ import annotations

from lstm_tui.testing.assertions import assert_holds, assert_remembers, assert_same_run

__all__ = ["assert_holds", "assert_remembers", "assert_same_run"]
