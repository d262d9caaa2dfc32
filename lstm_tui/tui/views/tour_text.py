"""The text of a stop under the panes: what is said, what is asked before it is seen, what to try, what came."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.lesson import CHOICES, LOOKS, Lesson, LessonStep
from lstm_tui.lesson.templates import TextPiece
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.view_keys import keymap_of

_KEYS = (("enter", "next"), ("backspace", "back"), ("y", "show me"), ("?", "keys"), ("esc", "leave"))
_ASKING = (("enter", "skip"), ("backspace", "back"), ("y", "the answer"), ("?", "keys"), ("esc", "leave"))
_GAP = "   "

Pieces = tuple[TextPiece, ...]


@dataclass(frozen=True)
class GivenAnswer:
    """A question that was answered.

    Attributes:
        choice: The answer, from 0.
        right: Which is right.
        shown: Whether it was shown on a key, and nobody answered.
        why: Why the choice is right or wrong.
        then: What is seen.
    """

    choice: int
    right: int
    shown: bool
    why: Pieces
    then: Pieces

    @property
    def words(self) -> str:
        """Whether it is right, and which is."""
        if self.shown:
            return f"It is {CHOICES[self.right]}."
        if self.choice == self.right:
            return f"{CHOICES[self.choice]} is right."
        return f"Not {CHOICES[self.choice]}, but {CHOICES[self.right]}."


class TourText(VerticalScroll, can_focus=False):
    """The sentences of a stop. Its height is the same at every stop, so that nothing above it moves."""

    DEFAULT_CSS = """
    TourText {
        height: 9; max-height: 45%; border: round $lt-key; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft; scrollbar-size-vertical: 1;
    }
    TourText Static { width: 100%; color: $lt-ink; }
    TourText Horizontal { height: auto; }
    TourText .mark { width: 3; }
    TourText .beside { width: 1fr; }
    TourText.-ascii { border: ascii $lt-key; }
    """

    def __init__(self, lesson: Lesson, stop: LessonStep, glyphs: Glyphs) -> None:
        """Make the frame of a stop; nothing is told yet."""
        asking = Horizontal(Static(id="asked", classes="mark"), Static(id="ask", classes="beside"), id="asking")
        trying = Horizontal(Static(id="mark", classes="mark"), Static(id="try", classes="beside"), id="trying")
        asking.display = False
        super().__init__(Static(id="told"), asking, trying, id="tour", classes="" if glyphs.smooth else "-ascii")
        self._glyphs, self._has_task = glyphs, stop.task is not None
        self._lesson, self._stop = lesson, stop
        self.say_of_which_step("")

    def say_of_which_step(self, step: str) -> None:
        """Write the title, and in it of which step the sentences are, where the cursor stands at another one.

        Args:
            step: That step, in words; empty while the cursor stands there.
        """
        glyphs, stop = self._glyphs, self._stop
        self.border_title = Content.assemble(
            (f" {glyphs.say(visible(self._lesson.title))}", "bold $lt-title"),
            (f"  {stop.number + 1} of {len(self._lesson.stops)}   ", "$lt-soft"),
            (f"{glyphs.cursor} look at {LOOKS.index(stop.look)} {stop.look} ", "$lt-key"),
            (f"  said at {glyphs.say(step)} " if step else "", "bold $lt-title"),
        )

    def tell(self, said: Pieces, task: Pieces, noticed: bool, then: Pieces, asking: bool) -> None:
        """Write the sentences, what to try unless a question waits, and once it was noticed what came of it."""
        glyphs = self._glyphs
        parts = [emphasised(task, glyphs)]
        if noticed:
            parts.append(emphasised(then, glyphs) if then else Content("Seen."))
        mark, colour = (glyphs.yes, "$lt-show") if noticed else (glyphs.cursor, "$lt-key")
        self.query_one("#told", Static).update(emphasised(said, glyphs))
        self.query_one("#mark", Static).update(Content.styled(mark, f"bold {colour}"))
        self.query_one("#try", Static).update(Content("\n").join(parts))
        self.query_one("#trying").display = bool(task) and not asking
        self.border_subtitle = Content.assemble(
            *(
                part
                for key, word in (_ASKING if asking else _KEYS)
                if self._has_task or asking or key != "y"
                for part in ((f" {keymap_of('tour').shown(key)} ", "bold $lt-key"), f"{word} ")
            )
        )
        if noticed:
            self.scroll_end(animate=False)

    def ask(self, question: Pieces, choices: tuple[Pieces, ...], answered: GivenAnswer | None) -> None:
        """Write a question with what may be answered, each behind its key; once it is answered, what comes of it."""
        glyphs = self._glyphs
        lines = [emphasised(question, glyphs)]
        if answered is None:
            offered = [
                Content.assemble((f"{key} ", "bold $lt-key"), emphasised(choice, glyphs))
                for key, choice in zip(CHOICES, choices, strict=False)
            ]
            lines.append(Content(_GAP).join(offered))
            mark, colour = "?", "$lt-key"
        else:
            right = answered.choice == answered.right
            says = [Content.styled(answered.words, "bold $lt-title")]
            says += [emphasised(one, glyphs) for one in (answered.why, answered.then) if one]
            lines = [Content(" ").join(says)]
            mark, colour = (glyphs.yes, "$lt-show") if right else (glyphs.no, "$lt-alarm")
        self.query_one("#asked", Static).update(Content.styled(mark, f"bold {colour}"))
        self.query_one("#ask", Static).update(Content("\n").join(lines))
        self.query_one("#asking").display = True
        if answered is not None:
            self.scroll_end(animate=False)

    @property
    def is_whole(self) -> bool:
        """Whether all of the text is in sight."""
        return self.max_scroll_y == 0


def emphasised(pieces: Pieces, glyphs: Glyphs) -> Content:
    """Return sentences with what came from the run in colour, *words* of the tape and `what is typed` set apart."""
    return Content.assemble(*_styled_parts(pieces, glyphs))


def _styled_parts(pieces: Pieces, glyphs: Glyphs) -> Iterator[tuple[str, str]]:
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
