"""Edits typed in short are whole lines of a script; the words of other debuggers are understood, or told apart."""

from __future__ import annotations

import re

import pytest
from edited_networks import sentence, stacked

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.foreign_words import COUNTERPARTS, begun_by
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

NETWORK = stacked()


def opened(text: str = "The movie was not bad") -> Session:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, text)]))
    session.goto(2)
    session.select_pass("layer1.backward")
    return session


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("set c[1] = 2", "set layer1.backward.c[1] @ 2 = 2.0"),
        ("set c[1]=2", "set layer1.backward.c[1] @ 2 = 2.0"),
        ("set var f[0:2] = .5", "set layer1.backward.f[0:2] @ 2 = 0.5"),
        ("set variable f = 0", "set layer1.backward.f[:] @ 2 = 0.0"),
        ("set f @ 1: = 0", "set layer1.backward.f[:] @ 1: = 0.0"),
        ("set layer0.forward.f[3] = 1", "set layer0.forward.f[3] @ 2 = 1.0"),
        ("set x[0] = 1", "set layer1.backward.x[0] @ 2 = 1.0"),
        ("scale i * 0", "scale layer1.backward.i[:] @ 2 * 0.0"),
        ("weight b_f[1] = -5", "weight layer1.backward/b_f[1] = -5.0"),
        ("weight b_f * 2", "weight layer1.backward/b_f * 2.0"),
        ("weight embedding[0,1] = 1", "weight embedding[0,1] = 1.0"),
        ("weight V_y * 2", "weight readout/V_y * 2.0"),
        ("weight layer0.forward/W_f[1,2] = 0", "weight layer0.forward/W_f[1,2] = 0.0"),
        ("replace not good", 'replace 3 "good"'),
        ('replace "not" "good"', 'replace 3 "good"'),
        ("replace 3 good", 'replace 3 "good"'),
        ('replace 3 "good"', 'replace 3 "good"'),
        ("insert not bad", 'insert 3 "bad"'),
        ('insert 5 "bad"', 'insert 5 "bad"'),
        ("remove not", "remove 3"),
        ('remove "not"', "remove 3"),
        ("remove 3", "remove 3"),
    ],
)
def test_what_is_left_out_is_where_the_session_stands(typed: str, line: str) -> None:
    session = opened()
    answer(session, typed)
    assert session.history.lines == (line,)
    again = opened()
    answer(again, line)
    assert again.history.lines == (line,)


def test_a_token_that_stands_twice_is_asked_for_unless_the_run_stands_at_it() -> None:
    session = opened("The movie was not the movie")
    with pytest.raises(UserError, match="“movie” stands at 1, 5: say which"):
        answer(session, "remove movie")
    session.goto(5)
    answer(session, "remove movie")
    assert session.history.lines == ("remove 5",)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("remove zzz", "there is no token “zzz”"),
        ("set print pretty on", "`set print` is no setting here"),
        ("set", "column 4: expected a value, such as f; such as: set"),
        ("set nope[1] = 2", "nope"),
        ("weight nope[1] = 2", "no parameter nope"),
        ("remove 1-2", "breakpoints go with: delete 1-2"),
        ("enable once 1", "`tbreak WHERE` stops once"),
        ("p/x c", "numbers have one form"),
        ("x/4 c", "`print c[0:4]`"),
        ("!ls", "nothing outside the run is executed"),
        ("!", "nothing outside the run is executed"),
        ("up", "no call frames"),
    ],
)
def test_what_cannot_be_meant_is_one_line(typed: str, said: str) -> None:
    session = opened()
    with pytest.raises(UserError, match=re.escape(said)) as error:
        answer(session, typed)
    assert "\n" not in str(error.value)
    assert session.history.lines == ()


@pytest.mark.parametrize("word", COUNTERPARTS)
def test_a_counterpart_is_no_verb_and_names_only_what_there_is(word: str) -> None:
    assert word not in VERBS.words
    with pytest.raises(UserError, match="is no verb here"):
        VERBS.named(word)
    for told in re.findall(r"`([a-z-]+)[ `]", COUNTERPARTS[word]):
        assert told in VERBS.words or told in ("lstm-tui", "end")


def test_habits_of_gdb_and_pdb() -> None:
    session = opened()

    def said(line: str) -> tuple[str, ...]:
        return answer(session, line)

    for line in ("break t == 3", "break t == 1", "break t == 0", "tb 2"):
        answer(session, line)
    assert said("disable 2-3") == ("disabled: 2, 3",)
    assert said("unbreak 2-4") == ("taken away: 2, 3, 4",)
    assert said("start")[-1].endswith("layer1.backward, before its first equation")
    assert said("run")[-1].startswith("t=3 ")
    assert said("thread 1")[-1].endswith("layer0.forward")
    assert said("jump 1") == said("where") == said("backtrace") == said("w") == said("bt")
    assert said("ll") == said("list")
    assert said("info locals") == said("info values")
    assert said("info threads") == said("info passes")
    assert said("info source") == said("info frame")
    assert said("ptype c") == said("whatis c")
    assert said("watch -l c[1] by .2")[0].startswith("watch 5: c[1] by .2")


def test_a_foreign_word_is_known_by_its_beginning_of_two_letters_where_one_thing_alone_begins_so() -> None:
    for word in COUNTERPARTS:
        for end in range(1, len(word) + 1):
            meant = {COUNTERPARTS[one] for one in COUNTERPARTS if one.startswith(word[:end])}
            found = begun_by(word[:end])
            assert (found is not None) == (end > 1 and len(meant) == 1), word[:end]
            assert found is None or {COUNTERPARTS[found]} == meant
