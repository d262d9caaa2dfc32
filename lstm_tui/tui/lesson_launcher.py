"""What the app knows of lessons: where they are, with which it begins, and how newcomers are told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.app import App

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.tui.canvas.palette import Glyphs

if TYPE_CHECKING:
    from lstm_tui.formats.io.preferences import Preferences
    from lstm_tui.lesson.lesson import Lesson
    from lstm_tui.lesson.library import Library


@dataclass(frozen=True, eq=False)
class Teaching:
    """The lessons at hand.

    Attributes:
        library: Opens all of them, when they are asked for.
        lesson: One to begin with.
        at_once: Whether the list is opened with the screen.
        greeting: What is said once the screen is up; may be empty.
        present: Whether the lesson is presented to a class.
    """

    library: Callable[[], Library]
    lesson: Lesson | None = None
    at_once: bool = False
    greeting: str = ""
    present: bool = False

    def open_network(self, name: str) -> Network:
        """Open a bundled network by its name.

        Raises:
            UserError: There is none.
        """
        return self.library().bundled(name)

    def greet(self, app: App[Any], glyphs: Glyphs, few_colours: bool, settings: Preferences | None) -> None:
        """Do what was asked for once the screen is up; settings keep how far lessons were read."""
        if self.lesson is not None:
            from lstm_tui.lesson.progress import LessonProgress
            from lstm_tui.tui.views.lessons import begin
            from lstm_tui.tui.views.tour import Sitting, Telling

            opener, sitting = self.library().opener(self.lesson), Sitting(presenting=self.present)
            telling = Telling(
                self.lesson, opener, glyphs, few_colours, progress=LessonProgress(settings), sitting=sitting
            )
            begin(app, telling)
        elif self.at_once:
            self.offer(app, glyphs, few_colours, settings)
        elif self.greeting:
            app.notify(self.greeting, markup=False, timeout=6)

    def offer(self, app: App[Any], glyphs: Glyphs, few_colours: bool, settings: Preferences | None) -> None:
        """Open the list of lessons; who is greeted by its key is greeted no more, over its keys."""
        from lstm_tui.lesson.progress import LessonProgress
        from lstm_tui.tui.views.lessons import Lessons

        if self.greeting:
            app.clear_notifications()
        app.push_screen(Lessons(self.library(), glyphs, few_colours, LessonProgress(settings)))
