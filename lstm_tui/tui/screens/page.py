"""A page of text over the main screen: the help, and the explanation of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class Page(ModalScreen[bool]):
    """Shows lines until a key closes it; answers whether to go where they say."""

    DEFAULT_CSS = """
    Page { align: center middle; background: $lt-ground 55%; }
    Page > VerticalScroll {
        width: auto; max-width: 96%; height: auto; max-height: 92%;
        border: round $lt-focus; border-title-color: $lt-title; border-subtitle-color: $lt-soft;
        background: $lt-ground; padding: 1 2; scrollbar-size-vertical: 1;
    }
    Page Static { width: auto; max-width: 100%; color: $lt-ink; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,p,question_mark", "leave", show=False),
        Binding("enter", "go", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("colon", "command", show=False, priority=True),
        Binding("P,shift+p", "app.picture", show=False),
        Binding("T,shift+t", "tour", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Content], goes: bool = False) -> None:
        """Show `lines` under `title`; with `goes`, they tell of a place to which Enter goes."""
        super().__init__()
        self._title, self._lines, self._goes = title, lines, goes

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        with VerticalScroll() as page:
            page.border_title = Content(self._title)
            hints = (
                ["enter goes there"] * self._goes + ["esc closes"] + [": types the next line"] * self._is_typed_over()
            )
            page.border_subtitle = Content("   ".join(hints))
            yield Static(Content("\n").join(self._lines))

    def action_leave(self) -> None:
        """Close the page."""
        self.dismiss(False)

    def action_go(self) -> None:
        """Close the page, and go where it tells of."""
        self.dismiss(self._goes)

    async def action_tour(self) -> None:
        """Close the page and offer the lessons."""
        self.dismiss(False)
        await self.run_action("app.tour")

    def _is_typed_over(self) -> bool:
        """Say whether there is a command line under the page."""
        below = next((one for one in reversed(self.app.screen_stack) if one is not self), None)
        return hasattr(below, "action_command")  # while it is laid out this page may not be on the stack yet

    async def action_command(self) -> None:
        """Close the page and type the next line: an answer is not in its way."""
        if self._is_typed_over():
            self.dismiss(False)
            await self.app.screen.run_action("command")

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
