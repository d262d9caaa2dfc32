"""A question with one line to type, over the main screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static


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
