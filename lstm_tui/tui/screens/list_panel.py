"""A list over the lower half of the screen: walked by keys, with a line below it for what went wrong."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static


class ListPanel(ModalScreen[None]):
    """What a list of edits and one of stops have in common."""

    DEFAULT_CSS = """
    ListPanel { align: center bottom; background: $lt-ground 0%; }
    ListPanel > Vertical {
        width: 100%; height: auto; max-height: 60%; border: round $lt-focus; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft;
    }
    ListPanel OptionList, ListPanel OptionList:focus {
        height: auto; max-height: 100%; border: none; padding: 0; background: $lt-ground;
        background-tint: $lt-ground 0%;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ListPanel OptionList > .option-list--option-highlighted,
    ListPanel OptionList:focus > .option-list--option-highlighted {
        background: $lt-row; color: $lt-title; text-style: none;
    }
    ListPanel Static { color: $lt-alarm; width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("j", "walk(1)", show=False),
        Binding("k", "walk(-1)", show=False),
        Binding("P,shift+p", "app.picture", show=False),
    ]
    KEYS: ClassVar[str] = "esc closes"
    """What its keys do, on the lower edge."""

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical() as box:
            box.border_subtitle = Content(self.KEYS)
            yield OptionList()
            yield Static(id="said")

    def on_mount(self) -> None:
        """Fill the list."""
        self.renew()
        self._say("")

    @abstractmethod
    def renew(self) -> None:
        """List everything as it is now."""

    def _say(self, words: str) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(words))
        said.display = bool(words)

    def action_walk(self, step: int) -> None:
        """Choose the next one, or the one before."""
        found = self.query_one(OptionList)
        if step > 0:
            found.action_cursor_down()
        else:
            found.action_cursor_up()

    def action_leave(self) -> None:
        """Close the list."""
        self.dismiss(None)
