"""Offers to resume interrupted work."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


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
