"""What a pane has drawn: its lines, and what lies under each place for the mouse."""

from __future__ import annotations

from dataclasses import dataclass, field

from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette


@dataclass(frozen=True)
class Target:
    """What can be chosen: any of a pass, a token, a unit and a value."""

    pass_name: str | None = None
    t: int | None = None
    unit: int | None = None
    value: str | None = None


@dataclass
class Drawing:
    """Lines of one width, and the targets under (line, first column, column behind the last)."""

    width: int
    height: int
    palette: Palette
    title: str = ""
    note: str = ""
    lines: list[Line] = field(default_factory=list)
    hits: list[tuple[int, int, int, Target]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether no further line fits."""
        return len(self.lines) >= self.height

    @property
    def room(self) -> int:
        """How many lines are left."""
        return max(self.height - len(self.lines), 0)

    def line(self, ground: str = "ground") -> Line:
        """Begin a new line; beyond the height it is written and thrown away."""
        line = Line(self.width, self.palette.style("ink", ground))
        if not self.full:
            self.lines.append(line)
        return line

    def hit(self, first: int, behind: int, target: Target) -> None:
        """Say what lies under some columns of the newest line."""
        self.hits.append((len(self.lines) - 1, first, behind, target))

    def at(self, x: int, y: int) -> Target | None:
        """Return what lies at a place; what was said last wins."""
        for line, first, behind, target in reversed(self.hits):
            if line == y and first <= x < behind:
                return target
        return None

    def text(self) -> str:
        """Return the lines without styles, for tests and plain mode."""
        return "\n".join(line.plain.rstrip() for line in self.lines)
