"""A session that is written as a lesson: what is written is read, its claims of place hold, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.panes import Layout
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.native import load
from lstm_tui.lesson.bound_step import Standing
from lstm_tui.lesson.lesson import read_lesson
from lstm_tui.lesson.library import Library
from lstm_tui.models.bundled import open_model


def story() -> Session:
    network = open_model("story")
    return Session.open(Source(network, [sentence(network, "Ganesh likes AIML . Ram likes DevSecOps .")]))


def told(session: Session, *lines: str) -> list[str]:
    return [said for line in lines for said in answer(session, line)]


def test_a_recorded_session_is_a_lesson_that_stands_where_it_stood(tmp_path: Path) -> None:
    session, file = story(), tmp_path / "mine.toml"
    session.layout = Layout(6, units=(("layer0.forward", 11),))
    said = told(session, "goto 4", f"record-lesson {file} At *Ram* f is {{f[unit]}}.")
    assert said[-1].startswith(f"{file} has 1 stop; ")
    told(session, "set f[gender] @ 4 = 1", "goto 7", f"record-lesson {file}")
    told(session, "goto 5", "step", f'record-lesson {file} It "ends" here: \\ and {{{{}}}}.')
    lesson = read_lesson(file)
    assert lesson.title == "mine"
    assert lesson.about == "Recorded on “Ganesh likes AIML . Ram likes DevSecOps .”."
    first, second, third = (Standing(one, Library(open_model, load).opener(lesson)) for one in lesson.stops)
    assert "".join(piece.text for piece in first.say()) == "At *Ram* f is 0.23."
    assert (first.place.t, first.place.unit, first.stop.look, first.begun) == (4, 11, "ledger", 0)
    assert second.session.history.lines == session.history.lines
    assert second.place.t == 7
    assert "".join(piece.text for piece in second.say()).startswith("At “.”")
    assert "".join(piece.text for piece in third.say()) == 'It "ends" here: \\ and {}.'
    assert third.session.frame.position == session.frame.position


@pytest.mark.parametrize(
    "lines",
    [("add-words quidditch",), ('teach "Ganesh likes quidditch ." epochs 2',), ("model story-rnn", "add-words momos"),
     ("text Her name is Priya and", 'replace 3 "Rosa"')],
)  # fmt: skip
def test_what_opens_the_run_anew_is_recorded_once(lines: tuple[str, ...], tmp_path: Path) -> None:
    session, file = story(), tmp_path / "mine.toml"
    told(session, *lines, "goto 3", f"record-lesson {file}")
    (stop,) = read_lesson(file).stops
    standing = Standing(stop, Library(open_model, load).opener(read_lesson(file)))
    mine = standing.session.frame
    assert (mine.t, mine.token, mine.trace.network and mine.trace.network.name) == (
        3, session.frame.token, session.frame.trace.network and session.frame.trace.network.name,
    )  # fmt: skip
    if not lines[0].startswith("model"):
        assert standing.place.unit == 11, "where none was chosen, the one that is looked at on the screen"
    now, then = (one.trace.output for one in (mine, session.frame))
    assert now is not None
    assert then is not None
    np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("words", "said"), [("f is {f[unit}", "is not closed"), ("{nothing}", "nothing"), ("a { brace", "is not closed")]
)
def test_words_that_mean_nothing_are_refused_and_the_lesson_stays_as_it_was(
    words: str, said: str, tmp_path: Path
) -> None:
    session, file = story(), tmp_path / "mine.toml"
    told(session, f"record-lesson {file} One.")
    before = file.read_bytes()
    with pytest.raises(UserError, match=said):
        told(session, f"record-lesson {file} {words}")
    assert file.read_bytes() == before


def test_a_lesson_of_somebody_else_is_not_written_on(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("x = 1\n")
    with pytest.raises(UserError, match="is there already"):
        told(story(), f"record-lesson {tmp_path / 'mine.toml'} One.")
    with pytest.raises(UserError, match="which lesson"):
        told(story(), "record-lesson")
    with pytest.raises(UserError, match=r"a lesson is a \.toml file"):
        told(story(), f"record-lesson {tmp_path / 'mine.txt'} One.")
    assert (tmp_path / "mine.toml").read_text() == "x = 1\n"
