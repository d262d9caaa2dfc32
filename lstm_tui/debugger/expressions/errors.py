"""A mistake in an expression, shown under the expression at its place."""

from __future__ import annotations

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_SHOWN = 72  # characters of an expression that are repeated around a mistake


class ExpressionError(UserError):
    """What is wrong in an expression, and where.

    Attributes:
        said: What is wrong and what to do.
        text: The expression.
        start: Place of the first wrong character, from 0.
    """

    def __init__(self, said: str, text: str, start: int, near: str | None = None) -> None:
        """Compose the one line; `near` is the nearest right name."""
        hint = f"; did you mean {near}?" if near else ""
        self.said = visible(f"{said}{hint}")
        self.text = text
        self.start = min(max(start, 0), len(text))
        super().__init__(f"column {self.start + 1}: {said}{hint}")

    @property
    def under(self) -> tuple[str, str]:
        """The expression, and the mistake under it at its column."""
        from rich.cells import cell_len

        first = max(0, min(self.start - _SHOWN // 2, len(self.text) - _SHOWN))
        before = visible(self.text[first : self.start])
        shown = before + visible(self.text[self.start : first + _SHOWN])
        return f"  {shown}", f"  {' ' * cell_len(before)}^ {self.said}"
