"""What the screen of the units' health shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lstm_tui.analysis.health import Finding, PassHealth
from lstm_tui.tui.render.drawing import Drawing
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View


@dataclass(frozen=True, eq=False)
class Healthy:
    """What is known so far.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        passes: The health of every pass by name; empty until it is known.
        cursor: Which finding the cursor is on.
        working: Whether it is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    pass_name: str
    passes: Mapping[str, PassHealth]
    cursor: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> Healthy:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong in the pass that is looked at."""
        return self.passes[self.pass_name].findings if self.passes else ()

    @property
    def chosen(self) -> Finding | None:
        """The finding under the cursor."""
        return self.findings[min(self.cursor, len(self.findings) - 1)] if self.findings else None

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the gates as scatters, and what was found."""
        from lstm_tui.tui.render.health import draw_health

        return draw_health(self, width, height, palette)
