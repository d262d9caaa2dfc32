"""What is typed: verbs are found, obeyed and completed; what cannot be executed changes nothing."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from edited_networks import WORDS, sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.commands.dispatch import answer, completed, completions
from lstm_tui.debugger.commands.help import EXPRESSIONS, GROUPS
from lstm_tui.debugger.commands.table import VERBS, Leave, Verb
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

NETWORK = stacked()
NEEDS = {"undo": ("remove 0",), "redo": ("remove 0", "undo"), "trace-cause": (f'replace 0 "{WORDS[-1]}"',)}


def opened() -> Session:
    return Session.open(Source(NETWORK, [sentence(NETWORK)]))


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.example], ids=lambda verb: verb.name)
def test_the_example_of_a_verb_is_obeyed(verb: Verb) -> None:
    session = opened()
    for line in NEEDS.get(verb.name, ()):
        answer(session, line)
    example = verb.example.replace("[7]", "[2]")  # the network of these tests has four units
    assert all("\n" not in line for line in answer(session, example))


@pytest.mark.parametrize("verb", list(VERBS), ids=lambda verb: verb.name)
def test_a_verb_says_what_it_does_in_one_line(verb: Verb) -> None:
    assert verb.usage.split()[0] == verb.name
    assert verb.help[0].islower()
    assert not verb.help.endswith(".")
    assert "\n" not in verb.help


def test_help_lists_every_verb_once_by_what_it_is_for() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(verb.name for verb in VERBS)
    lines = answer(opened(), "help")
    assert sum(line.startswith("  ") and line[2] != " " for line in lines) == len(listed)
    assert "edit:" in lines


@pytest.mark.parametrize("line", ["help", "apropos token"])
def test_what_verbs_do_stands_in_one_column_of_a_screen_of_80(line: str) -> None:
    rows = list(answer(opened(), line))
    told, columns = 0, set()
    for verb in VERBS:
        for n, row in enumerate(rows):
            if row == f"  {verb.usage}" or row.startswith(f"  {verb.usage}  "):
                block = [row.removeprefix(f"  {verb.usage}")]
                block += takewhile(lambda one: one.startswith("   "), rows[n + 1 :])
                assert " ".join(" ".join(block).split()) == " ".join(verb.help.split())
                columns |= {len(one) - len(one.lstrip()) for one in block[1:]}
                assert max(map(len, block[1:]), default=0) <= 68  # what a page holds on a screen of 80 columns
                told += 1
    assert told >= (len(list(VERBS)) if line == "help" else 3)
    assert len(columns) == 1


def test_what_help_says_of_expressions_means_something() -> None:
    session, shown = opened(), answer(opened(), "help expressions")
    for line in EXPRESSIONS:
        for text in re.split(r"\s{3,}", line)[:-1]:
            if text[0] not in "+<" and text not in ("token", "output") and not text.startswith(("output", "argmax")):
                answer(session, f"print {text}")
        assert line in shown
    with pytest.raises(UserError, match="`result` is what it says in the end"):
        answer(session, "print argmax(output)")  # the network of these tests says something at the end only
    for function in FUNCTIONS:
        assert any(line.startswith(f"  {function}: ") for line in shown)


def test_verbs_and_functions_are_found_by_a_word_of_their_help() -> None:
    lines = answer(opened(), "apropos memory")
    assert any(line.startswith("  reach") for line in lines)
    assert any(line.startswith("  share(") for line in lines)
    assert answer(opened(), "apropos qqq") == ("nothing is told of “qqq”",)


def test_what_is_undone_is_named() -> None:
    session = opened()
    said = answer(session, "remove 0")[0]
    assert answer(session, "z")[:2] == (
        f"taken back: {said}",
        "0 of 1 edits in force, state 0; `branch` shows the tree",
    )
    answer(session, "remove 1")
    answer(session, "branch friend")
    assert answer(session, "undo")[1].startswith("0 of 1 edits in force, state 0")
    assert answer(session, "Z")[1] == "1 of 1 edits in force, state 2 (friend); `branch` shows the tree"


def test_a_verb_is_found_by_its_name_an_alias_or_a_beginning_that_is_its_own() -> None:
    assert VERBS.named("redo") is VERBS.named("red")
    assert VERBS.named("load").name == "load-edits"
    with pytest.raises(UserError, match="may be "):
        VERBS.named("re")
    with pytest.raises(UserError, match="did you mean delete"):
        VERBS.named("delte")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("goto", "go where"),
        ("goto 5", "its last is 4"),
        ("goto -3", "no place -3"),
        ("goto 99999999999999999999", "is no place"),
        ("find zebra", "no token holds"),
        ('replace 1 "two words"', "2 words here"),
        ("set layer0.forward.f[0] @ 0 = nan", "NaN is no number"),
        ("weight layer0.forward/b_f = nan", "NaN is no number"),
        ("set layer0.forward.f[9] @ 0 = 1", "4 units"),
        ("undo", "nothing to undo"),
        ("undo x", "no number of edits"),
        ("save-edits", "where?"),
        ("load-edits /no/such/file", "/no/such/file"),
        ("\x1b[2J", "there is no verb"),
    ],
)
def test_what_cannot_be_obeyed_is_one_line_and_changes_nothing(line: str, words: str) -> None:
    session = opened()
    before = session.frame.trace, session.history
    with pytest.raises(UserError) as caught:
        answer(session, line)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert (session.frame.trace, session.history) == before


def test_edits_are_told_in_words_and_kept_when_they_are_undone() -> None:
    session = opened()
    old = session.frame.trace["layer0.forward"]["f"][2, 1]
    assert answer(session, "set layer0.forward.f[1] @ 2 = 0")[0].endswith(f"unit 1, t=2: {old:.2f} → 0.00")
    answer(session, "remove 0")
    answer(session, "undo")
    listed = answer(session, "edits")
    assert len(listed) == 2
    assert "(undone)" in listed[1]
    assert listed[0].endswith("set layer0.forward.f[1] @ 2 = 0.0")
    answer(session, "remove 1")  # what was undone is gone
    assert answer(session, "edits")[1].split(None, 1)[1].startswith("token 1, “movie”, deleted   ")


def test_saved_edits_are_loaded_to_the_same_bits(tmp_path: Path) -> None:
    first, second = opened(), opened()
    for line in ('replace 3 "good"', "weight layer0.backward/U_f * 0.5", "set layer1.forward.c[:] @ 1:3 = 0.25"):
        answer(first, line)
    answer(first, f"save-edits {tmp_path / 'mine.txt'}")
    answer(second, f"load-edits {tmp_path / 'mine.txt'}")
    assert second.history.lines == first.history.lines
    np.testing.assert_array_equal(first.frame.trace.result, second.frame.trace.result)


def test_lines_are_completed_from_names_and_the_vocabulary() -> None:
    session = opened()
    assert completions(session, "red") == ("redo ",)
    assert completions(session, 'replace 1 "g') == ('replace 1 "good"',)
    assert set(completions(session, 'insert 0 "')) == {f'insert 0 "{word}"' for word in WORDS}
    assert "set layer0.backward.c[" in completions(session, "set layer0.b")
    assert completions(session, "weight readout/") == ("weight readout/V_y", "weight readout/b_y")
    assert completions(session, "nonsense x") == ()
    assert completed("weight r", completions(session, "weight r")) == "weight readout/"
    assert completed("weight r", ()) == "weight r"


def test_quit_leaves() -> None:
    with pytest.raises(Leave):
        answer(opened(), ":quit")


def test_a_fork_goes_its_own_way_and_is_joined_where_the_session_has_gone_meanwhile() -> None:
    session = opened()
    session.goto(3)
    since, fork = session.frame, session.fork()
    answer(fork, "remove 0")
    assert session.frame is since
    assert not session.history.edits
    session.next()
    frame = session.join(fork, since)
    assert frame.token == "bad"
    assert session.history.lines == ("remove 0",)
    assert session.undo().t == 4


@given(st.text(max_size=40) | st.sampled_from([verb.example for verb in VERBS]).flatmap(
    lambda line: st.integers(0, len(line)).map(lambda n: line[:n])
))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_line_is_obeyed_or_refused_in_one_line(line: str) -> None:
    session = opened()
    completions(session, line)
    try:
        answer(session, line)
    except (UserError, Leave) as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
    assert not (said and session.history.edits)
    assert all(line_of(edit) for edit in session.history.edits)


def test_files_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    for name in ("work/one.ltui", "work/only.ltui", ".hidden", "word.txt", "wo\x1b[2J"):
        (tmp_path / name).touch()
    session = opened()
    assert completions(session, "source wo") == ("source word.txt", "source work/")
    assert completions(session, "save work/on") == ("save work/one.ltui", "save work/only.ltui")
    assert completions(session, "load-edits .h") == ("load-edits .hidden",)
    assert ".hidden" not in str(completions(session, "save-edits "))
    assert completions(session, f"source {tmp_path}/word") == (f"source {tmp_path}/word.txt",)
    assert completions(session, "source no/such/") == ()


def test_what_a_line_is_completed_to_begins_as_it_was_typed_whatever_the_verb() -> None:
    session = opened()
    for line in ('replace 3 "good"', 'break "not"', "branch other"):
        answer(session, line)
    tried = 0
    for verb in VERBS.words:
        for line in completions(session, f"{verb} ")[:4]:
            for end in range(len(verb) + 1, len(line)):
                typed, tried = line[:end], tried + 1
                made = completions(session, typed)
                assert all(one.casefold().startswith(typed.casefold()) for one in made), typed
                assert line in made or typed == line.rstrip() or len(made) >= 200, (typed, line)
    assert tried > 500
    for token in dict.fromkeys(session.frame.trace.sequence.tokens):
        made = completions(session, f"find {token[:1]}")
        assert f"find {token}" in made
        assert all(one.casefold().startswith(f"find {token[:1]}".casefold()) for one in made)
