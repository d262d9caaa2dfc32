"""The list of lessons."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.lesson import Lesson
from lstm_tui.lesson.library import Library
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.views.tour import Telling


class Lessons(ModalScreen[None]):
    """Offers the lessons of a library; the one after that which was told is chosen next."""

    DEFAULT_CSS = """
    Lessons { align: center middle; background: $lt-ground 55%; }
    Lessons > Vertical {
        width: 96%; max-width: 128; height: auto; max-height: 92%; border: round $lt-focus; background: $lt-ground;
        padding: 0 1; border-title-color: $lt-title; border-subtitle-color: $lt-soft;
    }
    Lessons OptionList, Lessons OptionList:focus {
        height: auto; max-height: 100%; border: none; padding: 0; background: $lt-ground;
        background-tint: $lt-ground 0%;
        scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Lessons OptionList > .option-list--option-highlighted,
    Lessons OptionList:focus > .option-list--option-highlighted {
        background: $lt-row; color: $lt-title; text-style: none;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)  # before the list, so that keys act in their order
        for keys, action in (
            ("escape,q,T,shift+t", "leave"), ("j,down", "walk(1)"), ("k,up", "walk(-1)"), ("enter,space", "choose"),
            ("P,shift+p", "app.picture"),
        )
    ]  # fmt: skip

    def __init__(self, library: Library, glyphs: Glyphs, few_colours: bool) -> None:
        """List the lessons of a library."""
        super().__init__()
        self._library, self._glyphs, self._few_colours = library, glyphs, few_colours
        self._lessons = library.lessons()

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical() as box:
            box.border_title = Content(" lessons: step by step through a network that was trained ")
            box.border_subtitle = Content(" enter begins   esc to the debugger ")
            yield OptionList(*(self._row(number, one) for number, one in enumerate(self._lessons, 1)))

    def on_mount(self) -> None:
        """Choose the first."""
        self._list.highlighted = 0
        self._list.focus()

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _row(self, number: int, lesson: Lesson) -> Content:
        title, about = (self._glyphs.say(visible(text)) for text in (lesson.title, lesson.about))
        return Content.assemble(
            (f"{number:>2}  ", "bold $lt-key"), (f"{title:<22}", "bold $lt-title"), (f" {about}", "$lt-soft")
        )

    def action_walk(self, step: int) -> None:
        """Go up or down."""
        if step > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def action_choose(self) -> None:
        """Begin the lesson."""
        if self._list.highlighted is not None:
            self._begin(self._list.highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Begin the lesson that was clicked."""
        event.stop()
        self._begin(event.option_index)

    def _begin(self, number: int) -> None:
        def done() -> None:
            self._list.highlighted = min(number + 1, len(self._lessons) - 1)

        lesson = self._lessons[number]
        begin(self.app, Telling(lesson, self._library.opener(lesson), self._glyphs, self._few_colours, done))

    def action_leave(self) -> None:
        """Leave the list."""
        self.dismiss(None)


def begin(app: App[Any], telling: Telling) -> None:
    """Begin a lesson, or say what is wrong with it."""
    try:
        app.push_screen(telling.screen(0))
    except UserError as error:
        app.notify(str(error), severity="error", markup=False, timeout=12)
