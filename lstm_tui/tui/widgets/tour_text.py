"""The text of a stop of a lesson: its sentences, what to try, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lstm_tui.debugger.lessons.asking import Piece
from lstm_tui.debugger.lessons.lesson import LOOKS, Lesson, Stop
from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.glyphs import Glyphs

KEYS = (("enter", "next"), ("backspace", "back"), ("y", "show me"), ("?", "keys"), ("esc", "leave"))


class TourText(VerticalScroll, can_focus=False):
    """The sentences of a stop, what to try, and what came of it."""

    DEFAULT_CSS = """
    TourText {
        height: auto; max-height: 12; border: round $lt-key; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft; scrollbar-size-vertical: 1;
    }
    TourText Static { width: 100%; color: $lt-ink; }
    TourText #trying { height: auto; }
    TourText #trying > #mark { width: 3; }
    TourText #trying > #try { width: 1fr; }
    .-narrow TourText { max-height: 10; padding: 0; }
    TourText.-ascii { border: ascii $lt-key; }
    """

    def __init__(self, lesson: Lesson, stop: Stop, glyphs: Glyphs) -> None:
        """Make the frame of a stop; nothing is told yet."""
        trying = Horizontal(Static(id="mark"), Static(id="try"), id="trying")
        super().__init__(Static(id="told"), trying, id="tour", classes="" if glyphs.smooth else "-ascii")
        self._glyphs = glyphs
        self.border_title = Content.assemble(
            (f" {glyphs.say(visible(lesson.title))}", "bold $lt-title"),
            (f"  {stop.number + 1} of {len(lesson.stops)}   ", "$lt-soft"),
            (f"{glyphs.cursor} look at {LOOKS.index(stop.look)} {stop.look} ", "$lt-key"),
        )
        self.border_subtitle = Content.assemble(
            *(
                part
                for key, word in KEYS
                if stop.task is not None or key != "y"
                for part in ((f" {key} ", "bold $lt-key"), f"{word} ")
            )
        )

    def tell(self, said: tuple[Piece, ...], task: tuple[Piece, ...], noticed: bool, then: tuple[Piece, ...]) -> None:
        """Write the sentences, what to try if anything, and once it was noticed what came of it."""
        glyphs = self._glyphs
        parts = [_content(task, glyphs)]
        if noticed:
            parts.append(_content(then, glyphs) if then else Content("Seen."))
        mark, colour = (glyphs.yes, "$lt-show") if noticed else (glyphs.cursor, "$lt-key")
        self.query_one("#told", Static).update(_content(said, glyphs))
        self.query_one("#mark", Static).update(Content.styled(mark, f"bold {colour}"))
        self.query_one("#try", Static).update(Content("\n").join(parts))
        self.query_one("#trying").display = bool(task)
        if noticed:
            self.scroll_end(animate=False)


def _content(pieces: tuple[Piece, ...], glyphs: Glyphs) -> Content:
    """Return sentences with what came from the run in colour, *words* of the tape and `what is typed` set apart."""
    return Content.assemble(*_emphasised(pieces, glyphs))


def _emphasised(pieces: tuple[Piece, ...], glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    strong = code = False
    for piece in pieces:
        text = "\n".join(glyphs.say(visible(line)) for line in piece.text.split("\n"))
        if piece.live:
            yield text, "bold $lt-key" if not strong else "bold italic $lt-key"
            continue
        for part in re.split(r"([*`])", text):
            if part == "`":
                code = not code
            elif part == "*" and not code:
                strong = not strong
            elif part:
                yield part, "$lt-accent" if code else "bold $lt-title" if strong else "$lt-ink"
