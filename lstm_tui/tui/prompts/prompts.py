"""What the screen asks: one line to type, and whether interrupted work is to be resumed.

A line stands at the bottom of the screen: explained as it is typed, completed, and kept when it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import cut
from lstm_tui.tui.canvas.palette import Glyphs

Hint = tuple[bool, str, str]
"""A line under the prompt: whether it is the chosen one, what can be typed, what it is for."""


class LinePrompt(ModalScreen[bool]):
    """Asks for a line and executes it; answers True when it was, False when the prompt was left.

    A subclass says what the line means (`tell`), what it may become (`complete`), what stands under it
    (`hints`) and what is reached with up and down (`walk`).
    """

    DEFAULT_CSS = """
    LinePrompt { align: center bottom; background: $lt-ground 0%; }
    LinePrompt > Vertical {
        width: 100%; height: auto; max-height: 100%; border: round $lt-focus; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft;
    }
    LinePrompt Static { color: $lt-soft; width: 100%; }
    LinePrompt Input { background: $lt-row; color: $lt-title; padding: 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "complete(1)", show=False, priority=True),
        Binding("shift+tab", "complete(-1)", show=False, priority=True),
        Binding("down", "walk(1)", show=False, priority=True),
        Binding("up", "walk(-1)", show=False, priority=True),
    ]
    KEYS: ClassVar[str] = "enter does it   tab completes   esc leaves"
    below = 0
    """Rows at the bottom of the screen that stay in sight."""

    def __init__(self, title: str, value: str, submit: Callable[[str], str], glyphs: Glyphs, error: str = "") -> None:
        """Ask for a line.

        Args:
            title: What stands in the frame.
            value: What is typed already.
            submit: Executes the line; returns what is wrong with it, or an empty text.
            glyphs: The signs to draw with.
            error: What was wrong with the line when it was tried before.
        """
        super().__init__()
        self._title, self._first, self._submit, self._glyphs, self._error = title, value, submit, glyphs, error
        self._round: tuple[tuple[str, ...], int] = ((), 0)
        self._filled = ""

    def compose(self) -> ComposeResult:
        """Lay out the line, what it does in words, what completes it, and the hints."""
        with Vertical() as box:
            if self.below:
                box.styles.margin = (0, 0, self.below, 0)
                box.styles.max_height = max(self.app.size.height - self.below, 1)
            box.border_title, box.border_subtitle = Content(self._title), Content(self.KEYS)
            line = Input(self._first, select_on_focus=False, compact=True)
            line.selection = Selection(*self.chosen)
            yield line
            yield Static(id="words")
            yield Static(id="endings")
            yield Static(id="hints")

    @property
    def chosen(self) -> tuple[int, int]:
        """The part of the first line that is to be typed over."""
        return len(self._first), len(self._first)

    @property
    def line(self) -> Input:
        """The line that is typed."""
        return self.query_one(Input)

    def on_mount(self) -> None:
        """Tell of the line as it is given."""
        self._tell()

    # --- what a subclass says ---

    def tell(self, text: str) -> tuple[str, bool]:
        """Return what a line does in words, or what is wrong with it, and whether it can be done."""
        return "", True

    def complete(self, text: str) -> Sequence[str]:
        """Return what a line, typed as far as the cursor, may become."""
        return ()

    def hints(self, text: str) -> list[Hint]:
        """Return the lines under the prompt."""
        return []

    def walk(self, step: int) -> None:
        """Go to the next form or the line before."""

    # --- typing ---

    def put(self, text: str, first: int | None = None, behind: int | None = None) -> None:
        """Write another line, with a part of it chosen to be typed over."""
        self.line.value = text
        end = len(text) if behind is None else behind
        self.line.selection = Selection(end if first is None else first, end)

    def on_input_changed(self) -> None:
        """Tell of the line again; what a terminal would obey, as it may be pasted, is made visible."""
        if visible(self.line.value) != self.line.value:
            self.line.value = visible(self.line.value)
            return
        if self.line.value != self._filled:
            self._round = ((), 0)
        self._error = ""
        self._tell()

    def _tell(self) -> None:
        text, width = self.line.value, max(self.app.size.width - 6, 10)
        words, fits = (self._error, False) if self._error else self.tell(text)
        mark = f"{self._glyphs.right} " if fits else f"{self._glyphs.no} "
        said = cut(self._glyphs.say(mark + visible(words)), 2 * width, self._glyphs) if words else " "
        self.query_one("#words", Static).update(Content.styled(said, "$lt-title" if fits else "$lt-alarm"))
        endings = self._endings(width)
        self.query_one("#endings", Static).update(Content.styled(endings, "$lt-soft"))
        self.query_one("#endings").display = bool(endings)
        hints = self.hints(text)[: max(self.app.size.height - 8, 1)]
        usage = min(max((cell_len(form) for _, form, _ in hints), default=0), width * 2 // 3)
        lines = [self._hint(hint, usage, width) for hint in hints]
        self.query_one("#hints", Static).update(Content("\n").join(lines))
        self.query_one("#hints").display = bool(lines)

    def _hint(self, hint: Hint, usage: int, width: int) -> Content:
        chosen, form, words = hint
        form = cut(visible(form), usage, self._glyphs)
        blank = " " * (usage - cell_len(form) + 3)
        words = cut(self._glyphs.say(visible(words)), width - usage - 5, self._glyphs)
        mark = self._glyphs.cursor if chosen else " "
        return Content.assemble(
            (f"{mark} ", "bold $lt-focus"), (form + blank, "bold $lt-title" if chosen else "$lt-ink"),
            (words, "$lt-ink" if chosen else "$lt-soft"),
        )  # fmt: skip

    def _typed(self) -> str:
        return self.line.value[: self.line.cursor_position]

    def _endings(self, width: int) -> str:
        """Return the words with which the line may go on, as many as fit."""
        typed = self._typed()
        found = self._round[0] or tuple(self.complete(typed))
        if not found or (len(found) == 1 and found[0].rstrip('" ') == typed.rstrip('" ')):
            return ""
        from lstm_tui.debugger.commands.dispatch import completed

        common = completed("", found)
        start = max(common.rfind(" "), common.rfind('"'), common.rfind(".")) + 1
        text = "tab:"
        for one in found:
            word = visible(one[start:]).rstrip('" [')
            if cell_len(text) + cell_len(word) + 4 > width:
                return f"{text}  {self._glyphs.more}"
            text += f"  {word}"
        return text

    def action_complete(self, step: int) -> None:
        """Complete the line as far as it is clear, then try one ending after the other; else walk on."""
        from lstm_tui.debugger.commands.dispatch import completed

        found, place = self._round
        typed = self._typed()
        if not found:
            found, place = tuple(self.complete(typed)), -1 if step > 0 else 0
            if not found:
                self.walk(step)
                return
            longer = completed(typed, found)
            if longer != typed:
                self._fill(typed, longer)
                return
        place = (place + step) % len(found)
        self._fill(typed, found[place])
        self._round = (found, place)

    def _fill(self, typed: str, text: str) -> None:
        behind = self.line.value[len(typed) :]
        if behind.startswith('"') and text.endswith('"'):
            text = text[:-1]
        self._filled = text + behind
        self.put(self._filled, None, len(text))

    def action_walk(self, step: int) -> None:
        """Go to the next form or the line before."""
        self.walk(step)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Execute the line as it was when Enter was pressed; what is wrong is said here and nothing is lost."""
        error = self._submit(event.value)
        if error:
            self._error = error
            self._tell()
        else:
            self.dismiss(True)

    def action_leave(self) -> None:
        """Leave without doing anything."""
        self.dismiss(False)


class Prompt(ModalScreen[str | None]):
    """Asks for a text; answers None when it is left."""

    DEFAULT_CSS = """
    Prompt { align: center bottom; background: $lt-ground 40%; }
    Prompt > Vertical { width: 100%; height: auto; border: round $lt-focus; background: $lt-ground; }
    Prompt Static { color: $lt-soft; padding: 0 1; }
    Prompt Input { background: $lt-row; color: $lt-title; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, question: str, value: str = "") -> None:
        """Ask `question`, with `value` already typed."""
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """Lay out the question above the line."""
        with Vertical():
            yield Static(Content(self._question))
            yield Input(self._value, select_on_focus=False, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Answer nothing."""
        self.dismiss(None)


class Recover(ModalScreen[str]):
    """Answers `take`, `forget` or `later`. To throw work away takes a key that no hand is on."""

    DEFAULT_CSS = """
    Recover { align: center middle; background: $lt-ground 55%; }
    Recover > Vertical {
        width: auto; max-width: 96%; height: auto; border: round $lt-focus; background: $lt-ground; padding: 1 2;
        border-title-color: $lt-title;
    }
    Recover Static { width: auto; max-width: 100%; color: $lt-ink; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer('take')", show=False),
        Binding("D,shift+d", "answer('forget')", show=False),
        Binding("escape", "answer('later')", show=False),
    ]

    def __init__(self, told: str) -> None:
        """Tell what was cut off."""
        super().__init__()
        self._told = told

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical() as box:
            box.border_title = Content(" interrupted work ")
            yield Static(Content(self._told))
            yield Static(Content(""))
            keys = (("enter", "resume"), ("esc", "later"), ("D", "delete"))
            parts = [part for key, word in keys for part in ((key, "bold $lt-key"), (f" {word}   ", "$lt-soft"))]
            yield Static(Content.assemble(*parts))

    def action_answer(self, answer: str) -> None:
        """Close with an answer."""
        self.dismiss(answer)
