"""A session in a cell of a notebook: buttons and keys do what they do on the screen; lessons have the same words."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from shown import is_one_safe_line

import lstm_tui
from lstm_tui.debugger.commands.dispatch import VERBS, answer
from lstm_tui.formats.importers.native import load
from lstm_tui.lesson.bound_step import Standing
from lstm_tui.lesson.library import Library
from lstm_tui.models.bundled import open_model
from lstm_tui.notebooks.session_cell import ANSWER, BACK, ON, VERB_OF_ACTION, LessonCell, SessionCell
from lstm_tui.tui.commands import COMMANDS

TEXT = "The movie was not bad"
LESSONS = Library(open_model, load)


def cell() -> SessionCell:
    return SessionCell(lstm_tui.session(TEXT, "sentiment"))


def words(html: str) -> str:
    tree = ElementTree.fromstring(html)
    for style in tree.findall("style"):
        tree.remove(style)
    return " ".join(" ".join(tree.itertext()).split())


def test_every_button_is_a_command_of_the_screen_and_a_verb() -> None:
    assert VERB_OF_ACTION.keys() <= {one.action for one in COMMANDS}
    assert [one.key for one in cell().buttons] == [one.key for one in COMMANDS if one.action in VERB_OF_ACTION]
    for verb in VERB_OF_ACTION.values():
        assert VERBS.named(verb.split()[0])


@pytest.mark.parametrize("key", [one.key for one in COMMANDS if one.action in VERB_OF_ACTION])
def test_a_key_does_what_its_verb_does(key: str) -> None:
    one, plain = cell(), lstm_tui.session(TEXT, "sentiment")
    verb = next(VERB_OF_ACTION[command.action] for command in COMMANDS if command.key == key)
    for line in ("set f[3] @ 1 = 0", "goto 2"):
        one.type(line)
        plain.execute(line)
    one.press(key)
    try:
        told = plain.execute(verb)
    except lstm_tui.UserError as error:
        told = str(error)
    assert "\n".join(one.reply) == told
    assert (one.session.frame.position, one.session.history) == (plain.frame.position, plain.history)
    assert words(one.html()).startswith(" ".join(told.split()))


def test_what_is_wrong_is_said_and_what_is_no_key_does_nothing() -> None:
    one = cell()
    before = one.html()
    for key in ("x", "", "nn", "\x1b", "Enter"):
        one.press(key)
    assert one.html() == before
    for line in ("break nonsense(", "<script>alert(1)</script>", "\x1b[2J", "quit"):
        one.type(line)
        assert all(is_one_safe_line(reply) for reply in one.reply)
        ElementTree.fromstring(one.html())
    one.type("help")
    assert "lines more" in words(one.html())


def test_a_lesson_is_told_in_its_own_words_stop_by_stop() -> None:
    lesson = LESSONS.find("forget")
    one = LessonCell(lesson, LESSONS.opener(lesson))
    for number, stop in enumerate(lesson.stops):
        standing = Standing(stop, LESSONS.opener(lesson))
        told = "".join(piece.text for piece in standing.say())
        shown = words(one.html())
        assert f"{lesson.title}, stop {number + 1} of {len(lesson.stops)}" in shown
        plain = str.maketrans("", "", "*`“” ")
        assert "".join(told.split()).translate(plain) in shown.translate(plain)
        assert one.session.frame.position == standing.session.frame.position
        one.press(ON)
    assert one.number == len(lesson.stops) - 1
    for _ in lesson.stops:
        one.press(BACK)
    assert one.number == 0


def test_a_question_of_a_lesson_is_answered_by_a_button_and_then_shown() -> None:
    lesson = LESSONS.find("forget")
    one = LessonCell(lesson, LESSONS.opener(lesson))
    assert "Next comes “Ram”, a new subject." in words(one.html())
    assert [button.label for button in one.buttons[2:5]] == ["a", "b", "c"]
    one.press(f"{ANSWER}a")
    assert one.session.frame.t == 4
    shown = words(one.html())
    assert "Not a, but b." in shown
    assert "Their mean is 0.55" in shown
    assert not any(button.key.startswith(ANSWER) for button in one.buttons)
    one.press(ON)
    one.press(BACK)
    one.press(f"{ANSWER}b")
    assert "b is right." in words(one.html())


def test_a_key_of_the_debugger_does_in_a_lesson_what_it_does_outside() -> None:
    lesson = LESSONS.find("forget")
    one = LessonCell(lesson, LESSONS.opener(lesson))
    plain = Standing(lesson.stops[0], LESSONS.opener(lesson)).session
    for key in "nNs":
        before = one.session.frame.position
        one.press(key)
        answer(plain, next(VERB_OF_ACTION[command.action] for command in COMMANDS if command.key == key))
        assert one.session.frame.position == plain.frame.position != before


def test_a_lesson_notices_what_it_says_to_try() -> None:
    for lesson in LESSONS.lessons():
        opener = LESSONS.opener(lesson)
        for number, stop in enumerate(lesson.stops):
            if stop.task is not None and stop.task.lines and stop.task.then is not None and not stop.task.opens:
                one = LessonCell(lesson, opener)
                one._stand(number)
                for doing in Standing(stop, opener).doings():
                    doing(one.session)
                one.type("where")
                then = "".join(piece.text for piece in Standing(stop, opener).then(one.session))
                assert then.split()[0].strip("*`") in words(one.html())
                return
    raise AssertionError("no lesson has something to type")


def test_what_a_widget_is_opened_on_is_said_in_one_line() -> None:
    for arguments in ({}, {"source": TEXT, "lesson": "forget"}):
        with pytest.raises(lstm_tui.UserError, match="give one"):
            lstm_tui.widget(**arguments)
    if importlib.util.find_spec("anywidget") is None:
        with pytest.raises(lstm_tui.UserError, match=r"pip install 'lstm-tui\[notebook\]'"):
            lstm_tui.widget(TEXT)
    else:
        for options, said in (({"lesson": "forgte"}, "forget"), ({"source": TEXT, "lin": 1}, "did you mean line")):
            with pytest.raises(lstm_tui.UserError, match=said):
                lstm_tui.widget(**options)


def test_the_script_of_the_page_can_be_read() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    script = Path(lstm_tui.__file__).parent / "notebooks" / "widget.js"
    code = f"import({script.as_uri()!r}).then(m => process.exit(typeof m.default.render === 'function' ? 0 : 1))"
    assert subprocess.run([node, "--no-warnings", "--input-type=module", "-e", code], timeout=60).returncode == 0


@pytest.mark.slow
def test_a_notebook_runs_and_shows_without_a_kernel() -> None:
    for needed in ("anywidget", "ipykernel"):
        pytest.importorskip(needed)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = (
        f"import lstm_tui\nw = lstm_tui.widget({TEXT!r}, 'sentiment')\nw",
        "w._told(None, {'press': 'n'}, []); w._told(None, {'line': 'set f[3] = 0'}, [])\n"
        "w._told(None, {'press': 3}, []); w._told(None, 'n', []); print(w.session)",
        "lstm_tui.trace('', 'sentiment')",
    )
    book: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbclient.NotebookClient(book, timeout=120, allow_errors=True).execute()
    live, still = book.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert "With 1 edit" in still.data["text/html"]
    assert "t=1 “movie”" in book.cells[1].outputs[0].text
    assert [line for line in book.cells[2].outputs[0].traceback if "Traceback" in line] == []
