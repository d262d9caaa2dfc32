"""The list of lessons."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.lesson import Lesson
from lstm_tui.lesson.library import Library, number_of
from lstm_tui.lesson.progress import LessonProgress
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
    view_name = "lessons"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)  # before the list, so that keys act in their order
        for keys, action in (
            ("escape,q,T,shift+t", "leave"), ("j,down", "walk(1)"), ("k,up", "walk(-1)"), ("enter,space", "choose"),
            ("P,shift+p", "app.picture"),
        )
    ]  # fmt: skip

    def __init__(self, library: Library, glyphs: Glyphs, few_colours: bool, progress: LessonProgress) -> None:
        """List the lessons of a library."""
        super().__init__()
        self._progress = progress
        self._library, self._glyphs, self._few_colours = library, glyphs, few_colours
        self._lessons = library.lessons()

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical() as box:
            box.border_title = Content(" lessons: step by step through a network that was trained ")
            box.border_subtitle = Content(" enter begins   esc to the debugger ")
            yield OptionList(*(self._row(one) for one in self._lessons))

    def on_mount(self) -> None:
        """Choose the first that was not read to its end."""
        unread = (n for n, one in enumerate(self._lessons) if not self._progress.is_finished(one))
        self._list.highlighted = next(unread, 0)
        self._list.focus()

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _row(self, lesson: Lesson) -> Content:
        glyphs, number = self._glyphs, number_of(Path(lesson.source))
        title, about = (glyphs.say(visible(text)) for text in (lesson.title, lesson.about))
        stop = self._progress.stop(lesson)
        far = f"{stop + 1} of {len(lesson.stops)}" if stop else ""
        return Content.assemble(
            (f"{glyphs.yes if self._progress.is_finished(lesson) else ' ':<2}", "bold $lt-show"),
            (f"{'' if number is None else number:>2}  ", "bold $lt-key"), (f"{title:<22}", "bold $lt-title"),
            (f"{far:<8}", "$lt-key"), (about, "$lt-soft"),
        )  # fmt: skip

    def on_screen_resume(self) -> None:
        """Show how far each lesson was read by now."""
        for number, lesson in enumerate(self._lessons):
            self._list.replace_option_prompt_at_index(number, self._row(lesson))

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
        opener = self._library.opener(lesson)
        begin(self.app, Telling(lesson, opener, self._glyphs, self._few_colours, done, self._progress))

    def action_leave(self) -> None:
        """Leave the list."""
        self.dismiss(None)


class OpeningLesson(ModalScreen[None]):
    """Says that a lesson is opened, while its network is loaded and read; then the lesson stands in its place."""

    DEFAULT_CSS = """
    OpeningLesson { align: center middle; background: $lt-ground 55%; }
    OpeningLesson > Static { width: auto; padding: 0 2; background: $lt-row; color: $lt-title; }
    """
    view_name = "opening"

    def __init__(self, telling: Telling) -> None:
        """Hold the lesson."""
        super().__init__()
        self._telling = telling

    def compose(self) -> ComposeResult:
        """Say what is opened."""
        glyphs = self._telling.glyphs
        yield Static(Content(f"opening {glyphs.say(visible(self._telling.lesson.title))} {glyphs.more}"))

    def on_mount(self) -> None:
        """Begin once that is drawn; the next key waits for it."""
        self.call_after_refresh(self.call_after_refresh, self._begin)

    def _begin(self) -> None:
        try:
            screen = self._telling.screen(self._telling.first())
        except UserError as error:
            self.app.pop_screen()
            self.app.notify(str(error), severity="error", markup=False, timeout=12)
        else:
            self.app.switch_screen(screen)


def begin(app: App[Any], telling: Telling) -> None:
    """Begin a lesson, or say what is wrong with it."""
    app.push_screen(OpeningLesson(telling))
