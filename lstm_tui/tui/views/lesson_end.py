"""What stands behind the last stop of a lesson, and what is asked before one is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.lesson import Lesson
from lstm_tui.lesson.templates import TextPiece
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.views.tour_text import emphasised

_LOOKS = """
    {0} {{ align: center middle; background: $lt-ground 55%; }}
    {0} > VerticalScroll {{
        width: auto; max-width: 84; height: auto; max-height: 92%; border: round $lt-focus; background: $lt-ground;
        padding: 1 2; border-title-color: $lt-title; border-subtitle-color: $lt-soft; scrollbar-size-vertical: 1;
    }}
    {0}.-narrow > VerticalScroll {{ max-width: 100%; }}
    {0} Static {{ width: auto; max-width: 100%; color: $lt-ink; }}
"""
_BREAKS = [(0, "-narrow"), (84, "-wide")]
"""From how many columns on the box is as wide as it may be."""


class LeaveLesson(ModalScreen[bool]):
    """Asks whether a lesson is to be left; answers True where it is."""

    DEFAULT_CSS = _LOOKS.format("LeaveLesson")
    HORIZONTAL_BREAKPOINTS = _BREAKS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "answer(True)", show=False, priority=True),
        Binding("escape,n", "answer(False)", show=False, priority=True),
    ]

    def __init__(self, lesson: Lesson, stop: int) -> None:
        """Ask at a stop, from 0."""
        super().__init__()
        self._lesson, self._stop = lesson, stop

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with VerticalScroll() as box:
            box.border_title = Content(" leave the lesson? ")
            box.border_subtitle = Content(" enter leaves   esc stays ")
            here = f"“{visible(self._lesson.title)}” is at {self._stop + 1} of {len(self._lesson.stops)}."
            yield Static(Content(f"{here} When it is opened again, it goes on here."))

    def action_answer(self, leaves: bool) -> None:
        """Close with an answer."""
        self.dismiss(leaves)


class LessonEnd(ModalScreen[None]):
    """Tells what is to be kept of a lesson, and how many of its questions were answered right."""

    DEFAULT_CSS = _LOOKS.format("LessonEnd")
    HORIZONTAL_BREAKPOINTS = _BREAKS
    view_name = "lesson-end"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,escape,q", "leave", show=False, priority=True),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("P,shift+p", "app.picture", show=False),
    ]

    def __init__(self, lesson: Lesson, answers: Mapping[int, bool], glyphs: Glyphs) -> None:
        """Hold a lesson, and to each stop that was answered whether that was right."""
        super().__init__()
        self._lesson, self._answers, self._glyphs = lesson, answers, glyphs

    def compose(self) -> ComposeResult:
        """Lay out the summary."""
        asked = sum(stop.ask is not None for stop in self._lesson.stops)
        right = sum(self._answers.values())
        with VerticalScroll() as box:
            box.border_title = Content(f" {self._glyphs.say(visible(self._lesson.title))}: what to keep ")
            box.border_subtitle = Content(" enter goes on ")
            lines = [line for line in self._lesson.summary.split("\n") if line.strip()]
            paragraphs = [emphasised((TextPiece(line, live=False),), self._glyphs) for line in lines]
            if asked:
                paragraphs.append(Content(f"Foreseen: {right} of {asked} question{'s' * (asked != 1)}."))
            yield Static(Content("\n\n").join(paragraphs))

    def action_leave(self) -> None:
        """Go on: to the list of lessons, where it is open."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
