"""How far each lesson was read, kept among what a user has chosen: a lesson that was left goes on where it was left."""

from __future__ import annotations

import re

from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.io.preferences import Preferences
from lstm_tui.lesson.lesson import Lesson

_READ = "_read"


class LessonProgress:
    """Remembers stops by the name of the lesson."""

    def __init__(self, settings: Preferences | None = None) -> None:
        """Keep it in settings; without any, for this sitting alone."""
        self._settings = settings or Preferences()

    def stop(self, lesson: Lesson) -> int:
        """Return the stop at which a lesson was left, from 0; the first of one that is new."""
        kept = whole_number(self._settings.text(_name(lesson)), 1, len(lesson.stops))
        return 0 if kept is None else kept - 1

    def is_finished(self, lesson: Lesson) -> bool:
        """Say whether a lesson was read to its end, be it long ago."""
        return self._settings.is_on(_name(lesson) + _READ)

    def reached(self, lesson: Lesson, stop: int) -> None:
        """Remember the stop, from 0, at which a lesson stands."""
        if stop != self.stop(lesson):
            self._settings.keep(_name(lesson), str(stop + 1))

    def finished(self, lesson: Lesson) -> None:
        """Remember that a lesson was read to its end; the next time it begins with its first stop."""
        self.reached(lesson, 0)
        self._settings.turn(_name(lesson) + _READ, True)


def _name(lesson: Lesson) -> str:
    return "lesson_" + re.sub(r"\W", "_", lesson.name, flags=re.ASCII)
