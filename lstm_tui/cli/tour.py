"""`lstm-tui tour`: lessons on the screen, listed, or checked."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.text_safety import visible
from lstm_tui.models import FIRST_MODEL, sample_of
from lstm_tui.models.bundled import open_model

if TYPE_CHECKING:
    from lstm_tui.lesson.lesson import Lesson, LessonStep, LessonText
    from lstm_tui.lesson.library import Library


def command(options: Namespace) -> int:
    """Open a lesson, or the list of all; what is wrong in a lesson is said before there is a screen."""
    lessons = library()
    if options.list:
        return _list(lessons)
    lesson = None if options.lesson is None else lessons.find(options.lesson)
    if options.check:
        return _check(lessons, lessons.lessons() if lesson is None else (lesson,))
    if lesson is not None:
        lessons.checked(lesson)
    from lstm_tui.cli.screen import show
    from lstm_tui.debugger.source import Source
    from lstm_tui.formats.inputs.inputs import read_input
    from lstm_tui.formats.inputs.samples import find_input
    from lstm_tui.tui.lesson_launcher import Teaching

    source = Source.of_input(open_model(FIRST_MODEL), read_input(find_input(sample_of(FIRST_MODEL))))
    return show(source, options, Teaching(lambda: lessons, lesson, at_once=True, present=options.present), past=False)


def library() -> Library:
    """Return the lessons, with the networks they may run: bundled ones, and a lesson's own."""
    from lstm_tui.formats.importers.native import load
    from lstm_tui.lesson.library import Library

    return Library(open_model, load)


def greeting() -> str:
    """Return what to tell whoever starts the program for the first time; a file remembers that it was told."""
    from lstm_tui.formats.io.command_history import state_folder

    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "greeted").touch(exist_ok=False)
    except OSError:  # told before, or nothing can be remembered here: then say nothing, rather than every time
        return ""
    return "new here? T opens the tour: short lessons on trained networks. ? shows all keys."


def _list(lessons: Library) -> int:
    from lstm_tui.lesson.library import example, number_of

    for lesson in lessons.lessons():
        print(f"{number_of(Path(lesson.source)):>2}  {lesson.name:<22}  {visible(lesson.about)}")
    print("\n`lstm-tui tour NAME` opens one. To write your own, copy and try the example:")
    print(f"  cp {visible(str(example()))} mine.toml\n  lstm-tui tour mine.toml --check")
    return 0


def _check(lessons: Library, told: tuple[Lesson, ...]) -> int:
    """Try every claim of some lessons, and draw every stop; print what is false or not in sight, with its line."""
    from lstm_tui.lesson.library import check
    from lstm_tui.tui.lesson_check import MOST_DRAWN, SIZES, out_of_sight

    false = claims = stops = unseen = 0

    def say(stop: LessonStep, text: LessonText, why: str) -> None:
        line, column = stop.page.place_of_value(*text.where)
        print(f"{lesson.source}:{line}:{column}: {visible(why)}", file=sys.stderr)

    for lesson in told:
        for stop in lesson.stops:
            stops, claims = stops + 1, claims + len(stop.claims) + (0 if stop.task is None else len(stop.task.claims))
            for claim, why in check(stop, lessons.opener(lesson)):
                say(stop, claim, why)
                false += 1
        for stop, text, why in out_of_sight(lesson, lessons.opener(lesson)):
            say(stop, text, why)
            unseen += 1
    print(f"{len(told)} lesson{'s' * (len(told) != 1)}, {stops} stops, {claims} claims, {false} do not hold")
    sizes = ", ".join(f"{columns}×{rows}" for columns, rows in SIZES)
    left = sum(max(len(lesson.stops) - MOST_DRAWN, 0) for lesson in told)
    print(f"drawn at {sizes}: {unseen} not in sight" + (f", {left} stops not drawn" if left else ""))
    return 1 if false or unseen else 0
