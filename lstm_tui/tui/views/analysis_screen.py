"""What screens of a whole run share: a picture, a thread that adds to it, and a line of keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import Drawing, Line
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.key_queue import Awaited
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import EMPTY, View

Changes = dict[str, Any]
Work = Callable[[Callable[[], bool]], Iterator[Changes]]
"""Computes in a thread and yields what has become known; it is handed what says whether it is to stop."""
Left = TypeVar("Left")


class Picture(Protocol):
    """All that one such screen shows; never changed."""

    @property
    def view(self) -> View:
        """Where the run stands."""

    def but(self, **changes: Any) -> Any:
        """Return it with some things changed."""

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw it."""


class Nothing:
    """The picture of a screen that was not handed any yet."""

    view = EMPTY
    working = False

    def but(self, **changes: Any) -> Any:
        """Return it: there is nothing to change."""
        return self

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw nothing."""
        return Drawing(width, height, palette, "")


class StudyPane(Pane):
    """The one pane of such a screen."""

    picture: reactive[Picture] = reactive(Nothing(), repaint=False)

    def watch_picture(self) -> None:
        """Draw what is known now."""
        self.view = self.picture.view
        self._renew()

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the picture."""
        return self.picture.draw(width, height, palette)


class KeyLine(Widget):
    """The keys of the screen in one line."""

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def __init__(self, palette: Palette, keys: tuple[tuple[str, str], ...]) -> None:
        """Hold keys and what they do."""
        super().__init__()
        self._palette, self._keys = palette, keys

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        palette = self._palette
        line = Line(self.size.width, palette.style("ink", "band")).put(" ")
        for key, word in self._keys:
            line.put(palette.glyphs.say(key), palette.style("key", "band", bold=True))
            line.put(f" {word}  ", palette.style("soft", "band"))
        return line.strip()


class Study(Screen[Left]):
    """Shows one picture; what is computed for another question stops by itself."""

    DEFAULT_CSS = "Study { background: $lt-ground; } Study StudyPane { height: 1fr; }"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    STOPS: ClassVar[tuple[str, ...]] = Awaited.stops
    """Keys that end what is computed, or leave."""

    picture: reactive[Any] = reactive(None, repaint=False)

    class Answered(Message):
        """Something more is known of the question with this number."""

        def __init__(self, question: int, changes: Changes) -> None:
            """Hold what has changed."""
            super().__init__()
            self.question, self.changes = question, changes

    def __init__(self, picture: Picture, palette: Palette) -> None:
        """Show a picture of which nothing is computed yet."""
        super().__init__()
        self.set_reactive(Study.picture, picture)
        self._palette = palette
        self._question = 0
        self._asked_at = 0.0

    def keys_await(self) -> Awaited | None:
        """Return the answer that keys wait for; None where they do not need it."""
        return Awaited(self._asked_at, stops=self.STOPS) if self.is_key_answer_missing() else None

    def is_key_answer_missing(self) -> bool:
        """Say whether what is still computed is what the cursor walks on."""
        return bool(self.picture.working)

    def compose(self) -> ComposeResult:
        """Lay out the picture above the keys."""
        pane = StudyPane("study").data_bind(picture=Study.picture)
        pane.palette = self._palette
        yield pane
        yield KeyLine(self._palette, self.KEYS)

    def on_unmount(self) -> None:
        """Have the thread stop."""
        self.stop_asking()

    def stop_asking(self) -> None:
        """Have the thread stop; what it says meanwhile is passed over."""
        self._question += 1

    def ask(self, work: Work) -> None:
        """Begin to compute; what is computed for the question before stops by itself."""
        self._question += 1
        self._asked_at = time.monotonic()
        number = self._question
        in_background(lambda: self._work(number, work))

    def _work(self, number: int, work: Work) -> None:
        try:
            with np.errstate(all="ignore"):  # a thread has a state of its own; what is not finite is shown as such
                for changes in work(lambda: number != self._question):
                    if number != self._question:
                        return
                    self.post_message(self.Answered(number, changes))
        except (UserError, MemoryError) as error:
            problem = visible(str(error)) or "there is not enough memory for this"
            self.post_message(self.Answered(number, {"problem": problem, "working": False}))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if message.question == self._question:
            self.picture = self.picture.but(**message.changes)

    def action_leave(self) -> None:
        """Close the screen."""
        self.dismiss(None)
