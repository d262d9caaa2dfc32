"""What all panes share: a frame, a view that is bound from the screen, and drawing only the lines that changed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual import events
from textual.containers import Horizontal
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.engine.runtime.windowed_series import computed_rows_only
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, framed
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Palette
from lstm_tui.tui.view import EMPTY, View

NOT_COMPUTED = "not computed yet"
"""What is said of a value of a run in windows before it is known."""


class Pane(Widget, can_focus=True):
    """A framed part of the screen that draws lines itself.

    A subclass says how to draw (`draw`) and what the cursor keys do (`move`). It never asks the app or a
    sibling: what it knows is `view` and `palette`, what it wants it says by `Chosen` and `Stepped`.
    """

    NUMBER: ClassVar[int] = 0
    WORD: ClassVar[str] = ""

    virtual_size = reactive(Size(0, 0), repaint=False)  # as in `Beside`
    view: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE, repaint=False)

    class Chosen(Message):
        """The user chose something: a unit, a value, a token to look at."""

        def __init__(self, target: ClickTarget, go: bool = False) -> None:
            """`go` says that the run should go to the token."""
            super().__init__()
            self.target = target
            self.go = go

    class Stepped(Message):
        """The user asked for so many tokens forward on the tape."""

        def __init__(self, tokens: int) -> None:
            """Negative is back."""
            super().__init__()
            self.tokens = tokens

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        """Make an empty pane."""
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []
        self._drawn: Drawing | None = None
        self._stale = True
        self._size_drawn = Size(0, 0)

    @property
    def framed(self) -> bool:
        """Whether there is room for a frame."""
        return self.size.height > 2

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the inside of the pane."""
        raise NotImplementedError

    def needs(self, view: View) -> str | None:
        """Return the pass whose values at the position are drawn; while they are not computed, just that is said."""
        return None

    def move(self, right: int, down: int) -> None:
        """Move the cursor inside the pane."""

    def watch_view(self) -> None:
        """Draw again, and have only those lines repainted that are not as they were."""
        self._renew()

    def watch_palette(self) -> None:
        """Draw everything again in other colours."""
        self._stale = True
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show in the frame where the focus is."""
        super().watch_has_focus(has_focus)
        self._renew()

    def put_off(self) -> None:
        """Do not draw the next view before Textual asks for it: it comes with another size."""
        self._stale = True

    def _renew(self) -> None:
        if self._stale or self._size_drawn != self.size or not self.is_attached or not self.display:
            self._stale = True
            self.refresh()
            return
        old = self._strips
        self._paint()
        if len(old) != len(self._strips):
            self.refresh()
            return
        width, start = self.size.width, None
        regions: list[Region] = []
        for y in range(len(old) + 1):
            changed = y < len(old) and old[y] != self._strips[y]
            if changed and start is None:
                start = y
            elif not changed and start is not None:
                regions.append(Region(0, start, width, y - start))
                start = None
        if regions:
            self.refresh(*regions)

    def _paint(self) -> None:
        self._stale, self._size_drawn = False, self.size
        view, palette, (width, height) = self.view, self.palette, self.size
        if view.is_empty or width < 8 or height < (3 if self.framed else 1):
            self._strips, self._drawn = [Strip.blank(width, palette.style())] * height, None
            return
        edge = 1 if self.framed else 0
        with np.errstate(all="ignore"), computed_rows_only():  # infinite or NaN is shown as such, without a warning
            self._drawn = self._drawing(view, palette, width - 2 * edge, height - 2 * edge)
        if self.framed:
            self._strips = framed(self._drawn, self.has_focus)
        else:
            blank = Strip.blank(width, palette.style())
            self._strips = [line.strip() for line in self._drawn.lines]
            self._strips += [blank] * (height - len(self._strips))

    def _drawing(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the inside of the pane, or say that what it draws is not computed yet."""
        name = self.needs(view)
        if name is None or view.trace.is_ready(name, view.t):
            return self.draw(view, palette, width, height)
        drawing = Drawing(width, height, palette, f"{self.NUMBER} {self.WORD}")
        drawing.line()
        words = f" {NOT_COMPUTED}: {name} comes to this token later"
        drawing.line().put(words if len(words) <= width else f" {NOT_COMPUTED}"[:width], palette.style("soft"))
        return drawing

    def render_line(self, y: int) -> Strip:
        """Return one line for Textual."""
        if self._stale or self._size_drawn != self.size:
            self._paint()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.palette.style())

    def on_click(self, event: events.Click) -> None:
        """Choose what lies under the mouse."""
        if self._drawn is None:
            return
        edge = 1 if self.framed else 0
        target = self._drawn.at(event.x - edge, event.y - edge)
        if target is not None:
            self.clicked(target)

    def clicked(self, target: ClickTarget) -> None:
        """Say what was clicked; a pane in which a click goes there overrides this."""
        self.post_message(self.Chosen(target))

    def labels(self) -> str:
        """Return title, note and all that is drawn, as plain text."""
        text = self.text()
        drawn = self._drawn
        return text if drawn is None else f"{drawn.title} {drawn.note} {text}"

    def text(self) -> str:
        """Return what is drawn as plain text, for tests."""
        if self._stale:
            self._paint()
        return "\n".join(strip.text.rstrip() for strip in self._strips)


class Beside(Horizontal):
    """Panes that stand side by side.

    Nothing in it scrolls, so what it got another size for is laid out by then: Textual would lay out and draw the whole
    screen once more.
    """

    virtual_size = reactive(Size(0, 0), repaint=False)
