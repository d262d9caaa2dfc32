"""What gdb, pdb and rr have taught: held values, words of one's own, commands at breakpoints; each of their words."""

from __future__ import annotations

import json
import pdb
import re
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

import lstm_tui
from lstm_tui.cli.autosave import counted_edits, taking_up
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.foreign_words import INFO_COUNTERPARTS
from lstm_tui.debugger.commands.table import VERBS, Verb
from lstm_tui.debugger.expressions.functions import ELSEWHERE, FUNCTIONS
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.debugger.held_values import MOST_HELD, HeldValues, read_written, written
from lstm_tui.debugger.scripting import MOST_LINES
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import Saved, read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.debugger.stop_engine import MOST_GONE_ON
from lstm_tui.engine.errors import UserError

NETWORK = stacked()
TEXT = "The movie was not bad"
FOREIGN: dict[str, list[str]] = {
    name: words.split()
    for name, words in json.loads(Path(__file__).with_name("foreign_words.json").read_text()).items()
}


def opened(*lines: str) -> Session:
    return Session.open(Source(NETWORK, [sentence(NETWORK, one) for one in lines or (TEXT,)]))


def said(session: Session, *lines: str) -> tuple[str, ...]:
    """Return the reply to the last of some lines."""
    reply: tuple[str, ...] = ()
    for line in lines:
        reply = answer(session, line)
    return reply


def refused(session: Session, line: str) -> str:
    with pytest.raises(UserError) as error:
        answer(session, line)
    assert "\n" not in str(error.value)
    return str(error.value)


def number(session: Session, text: str) -> float:
    return float(session.evaluate(text).value.values[0, 0])


# --- words ---


def is_answered(word: str) -> bool:
    """Say whether a word is a verb, or is told apart with what does its work; both in one line."""
    try:
        VERBS.named(word)
    except UserError as error:
        return "is no verb here: " in str(error) and "`" in str(error).partition(": ")[2]
    return True


@pytest.mark.parametrize("program", ["gdb", "pdb", "rr"])
def test_each_word_of_another_debugger_is_there_or_answered(program: str) -> None:
    assert [word for word in FOREIGN[program] if not is_answered(word)] == []


def test_pdb_has_no_word_that_the_list_has_not() -> None:
    assert {one.removeprefix("do_") for one in dir(pdb.Pdb) if one.startswith("do_")} <= set(FOREIGN["pdb"])


@pytest.mark.parametrize(("verb", "kind"), [("info", "gdb info"), ("show", "gdb show"), ("set", "gdb set")])
def test_each_topic_of_gdb_is_there_or_answered(verb: str, kind: str) -> None:
    session = opened()
    unanswered = []
    for word in FOREIGN[kind]:
        try:
            answer(session, f"{verb} {word}")
        except UserError as error:
            told = str(error)
            if "`" not in told.partition(": ")[2] and "up key" not in told and word not in ("var", "variable"):
                unanswered.append(f"{word}: {told}")
    assert unanswered == []
    assert session.history.lines == ()


def test_a_topic_without_its_like_is_no_topic_here() -> None:
    session = opened()
    for word in INFO_COUNTERPARTS:
        assert "has no counterpart here" in refused(session, f"info {word}")


@pytest.mark.parametrize(
    ("line", "instead"),
    [("print np.mean(c)", "`mean(c)`"), ("print c.mean()", "`mean(c)`"),
     ("print np.linalg.svd(W_f)", "`singular(W_f)`"),
     ("print c.shape", "`whatis c`"), ("print W_f.real", "`whatis W_f`"), ("print len(c)", "`whatis EXPR`"),
     ("print c[3] = 4", "`set c[3] = 1`"), ("backtrace full", "`info locals`"), ("frame 2", "`pass NAME`"),
     ("set $4 = 3", "`set $limit = 3`"), ("set var $ = 3", "`set $limit = 3`"), ("set $$2 = 3", "`set $limit = 3`")],
)  # fmt: skip
def test_a_habit_that_has_another_form_here_is_told_it(line: str, instead: str) -> None:
    assert instead in refused(opened(), line)


def test_every_function_that_stands_for_another_exists() -> None:
    session = opened()
    for name, instead in ELSEWHERE.items():
        assert name not in FUNCTIONS, name
        assert f"there is no function `{name}` here: {instead}" in refused(session, f"print {name}(c)")
        for typed in re.findall("`([^`]+)`", instead):
            if "EXPR" not in typed:
                said(session, f"print {typed}")


def test_a_topic_of_info_is_asked_of_some_alone_or_takes_nothing() -> None:
    session = opened()
    said(session, "break 2", "break 3")
    assert said(session, "info break 2")[0].startswith("breakpoint 2: t == 3")
    assert "there is no breakpoint 9" in refused(session, "info break 9")
    assert [one.partition(" = ")[0] for one in said(session, "info locals f")] == ["f"]
    assert said(session, "info functions singular") == tuple(
        one for one in said(session, "info functions") if "singular" in one
    )
    for topic in ("frame", "line", "passes", "display"):
        assert "takes nothing behind it" in refused(session, f"info {topic} 3")


def test_a_condition_stands_behind_a_comma_as_in_pdb() -> None:
    session = opened()
    said(session, "break 3, mean(f) > .1", "break max(f[0], f[1]) > 2", 'tbreak "not", t > 1')
    texts = [one.trigger.text for one in session.breakpoints]
    assert texts == ["t == 3 if mean(f) > .1", "max(f[0], f[1]) > 2", 'token == "not" if t > 1']


@pytest.mark.parametrize("edit", ["set i[:] = 0", "weight W_f * 0", "remove not", 'replace 3 "good"', "let i = 0"])
def test_an_edit_that_is_only_asked_says_what_making_it_says_and_leaves_nothing(edit: str) -> None:
    session, made = opened(), opened()
    before = session.frame
    *asked, last = said(session, f"what-if {edit}")
    assert (session.frame, session.history.lines) == (before, ())
    assert asked == list(said(made, edit))
    assert last == "only asked: the run is as it was"
    assert not np.array_equal(present(made.frame.trace.result), present(before.trace.result))


ASKED = {
    "patch": "patch c[0] @ 1 from base @ 0",
    "model": "model sentiment-forward",
    "mask": "mask 1",
    "patch-from": "patch-from none.npz c[0]",
    "model-file": "model-file none.safetensors",
    "load-edits": "load-edits none.txt",
    **{one: one for one in ("apply", "generate", "answer", "propagate")},
}
"""How a verb that edits is asked, where its example is not one for this network."""


def reply_or_mistake(session: Session, line: str) -> list[str]:
    try:
        return list(said(session, line))
    except UserError as error:
        return [str(error)]


@pytest.mark.parametrize("verb", [one for one in VERBS if one.edits], ids=lambda one: one.name)
def test_what_any_verb_that_edits_would_do_is_asked_and_leaves_nothing(verb: Verb) -> None:
    line = ASKED.get(verb.name, verb.example).replace("[7]", "[2]")
    session, made = opened(), opened()
    before = session.frame
    done = reply_or_mistake(made, line)
    asked = reply_or_mistake(session, f"what-if {line}")
    if made.history.lines:
        assert asked.pop() == "only asked: the run is as it was"
    assert asked[0] == done[0]
    assert asked[: len(done)] == done or verb.name == "text"  # which tells its own answer, and here both
    assert (session.frame, session.history.lines) == (before, ())


@pytest.mark.parametrize("verb", [one for one in VERBS if one.example and not one.edits], ids=lambda one: one.name)
def test_a_verb_that_is_said_not_to_edit_edits_nothing(verb: Verb) -> None:
    session = opened()
    try:
        said(session, verb.example.replace("[7]", "[2]"))
    except UserError:
        return
    assert session.history.lines == ()


LINES_OF_EDITS = [
    "set i[:] = 0", "weight W_f * 0", "set f[0] @ 1 = 1", 'replace 3 "good"', "undo", "redo", "undo 2", "switch base",
    "scale c[1] @ 2 * 2", "let i = 0", "patch c[0] @ 1 from base @ 0", "remove 3",
]  # fmt: skip
CHANGE = re.compile(r"(?P<name>\w+): (?P<before>\S+) → (?P<after>\S+)(?: \(without edits (?P<first>\S+)\))?\Z")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(LINES_OF_EDITS), min_size=2, max_size=6))
def test_left_of_an_arrow_is_what_an_output_was_before_the_line_and_behind_it_what_it_is_without_edits(
    lines: list[str],
) -> None:
    session = opened()
    first = present(session.frame.trace.result)
    names = session.frame.trace.classes
    for line in lines:
        before = present(session.frame.trace.result)
        reply = reply_or_mistake(session, line)
        after = present(session.frame.trace.result)
        changes = [found for one in reply if (found := CHANGE.match(one)) and found["name"] in names]
        assert {one["name"] for one in changes} == {names[n] for n in np.flatnonzero(before != after)}
        for one in changes:
            n = names.index(one["name"])
            assert abs(float(one["before"]) - before[n]) < 1e-3
            assert abs(float(one["after"]) - after[n]) < 1e-3
            told = bool(session.history.active) and first[n] != before[n]
            assert (one["first"] is not None) == told
            assert not told or abs(float(one["first"]) - first[n]) < 1e-3


@pytest.mark.parametrize("line", ["set i[:] = 0", "what-if likes pizza", "what-if set f[:] @ 1 = 0"])
def test_what_is_said_at_each_token_is_compared_below_the_last(line: str) -> None:
    session = lstm_tui.session("Ganesh likes pizza .", "story")
    reply = session.execute(line).splitlines()
    place = reply.index("at the last token, t=3 “.”:")
    assert "→" in reply[place + 1]
    assert not any(CHANGE.match(one) for one in reply[:place])
    assert "at the last token" not in lstm_tui.session("The movie was not bad", "sentiment").execute("set i[:] = 0")


def test_of_an_edit_that_no_output_follows_none_is_listed() -> None:
    session = opened()
    asked = said(session, "what-if set f[:] @ 0 = 0.5")  # the memory before the first step is 0
    made, *outputs = said(session, "set f[:] @ 0 = 0.5")
    assert made.endswith("; nothing else of this run changed")
    assert outputs == ["no output for the whole text differs"]
    assert list(asked) == [made, *outputs, "only asked: the run is as it was"]
    assert all("→" in line for line in said(session, "set i[:] = 0")[1:])


# --- values ---


def test_printed_values_are_held_by_their_numbers() -> None:
    session = opened()
    said(session, "print mean(f)", "print c", "goto 3", "print mean(f) > .1")
    first, second = session.stops.held.history[1], session.stops.held.history[2]
    frame = session.frame
    session.goto(0)
    f, c = frame.passed["f"][0], frame.passed["c"][0]
    assert first.values[0, 0] == pytest.approx(f.mean())
    assert np.array_equal(second.values[0], c)
    session.goto(4)
    assert number(session, "$1") == first.values[0, 0]
    assert number(session, "$$[1]") == c[1]
    assert number(session, "$2[-1] * 2") == c[-1].astype(float) * 2
    assert session.evaluate("$").value.kind == "truth"
    assert said(session, "print $$")[0].startswith("$4 = $$ =")
    assert list(session.stops.held.history) == [1, 2, 3, 4]
    assert said(session, "print")[0].startswith("$5 = $ =")
    assert len(said(session, "show values")) == 5


def test_a_value_that_is_printed_does_not_move_with_the_run() -> None:
    session = opened()
    said(session, "set $before = c", "set c[0] = 5", "goto 2")
    assert number(session, "$before[0]") == session.baseline["layer0.forward"]["c"][0, 0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("print $", "$ is no value yet: `print EXPR` makes the first"),
        ("print $limit", "$limit stands for nothing: set $limit = EXPR"),
        ("print $3", "$3 is no value yet"),
        ("set $x =", "set $x to what?"),
        ("set $x = f[t-9]", "is not known here"),
        ("set $x = [1, [2]]", "is no list of numbers"),
        ("set $x = [" + "[" * 100_000, "is no list of numbers"),
        ("set c[0] = $nope", "$nope stands for nothing"),
        ("goto $nope", "$nope stands for nothing"),
        ("delete $bpnum", "$bpnum stands for nothing"),
        ("init-if-undefined 3", "which variable?"),
        ("show", "show what?"),
        ("printf hello", "printf what?"),
        *((f"line {one}", "which line? there are") for one in ("0", "-1", "9" * 30, "1.5", "x", "1 2", "")),
        (f"print f[{'9' * 30}]", "1000000000 is the most"),
        ("explain c[1]", "`print c[3]` explains a value"),
        ('printf "%d", ', "1 place for values, and 0"),
        ('printf "%n", t', "is no form of a number"),
        *((f'printf "{one}", t', "is no place for a value") for one in ("%1000d", "%.100f", "%*d", "%٣d", "%", "%%%")),
        ('printf "%d %d", max(f), min(f), t', "2 places for values, and 3"),
    ],
)
def test_what_stands_for_nothing_is_one_line(line: str, told: str) -> None:
    assert told in refused(opened(), line)


def test_variables_are_numbers_of_edits_places_and_breakpoints() -> None:
    session = opened()
    said(session, "set $limit = .25", "set $here = t + 2", "set c[1] = $limit", "scale f[0] * $limit")
    assert session.history.lines[0].endswith("c[1] @ 0 = 0.25")
    assert session.history.lines[1].endswith("* 0.25")
    said(session, "goto $here")
    assert session.frame.t == 2
    said(session, "break $here", "condition $bpnum mean(f) > $limit", "tbreak 4", "ignore $bpnum 0", "delete $bpnum")
    assert [one.trigger.text for one in session.breakpoints] == ["t == 2 if mean(f) > $limit"]
    assert said(session, "print $x = 3") == ("$x = 3",)
    assert said(session, "init-if-undefined $x = 4", "print $x") == ("$1 = $x = 3",)


def test_a_condition_asks_for_a_variable_as_it_is_then() -> None:
    session = opened()
    said(session, "set $when = 1", "break t == $when", "goto 0")
    assert said(session, "continue")[-1].startswith("t=1 ")
    assert said(session, "set $when = 3", "continue")[-1].startswith("t=3 ")


def test_the_history_lets_the_oldest_go() -> None:
    held = HeldValues()
    for _ in range(MOST_HELD + 3):
        held.record(Series.constant(1.0))
    assert len(held.history) == MOST_HELD
    assert held.find("3") is None
    assert held.find("4") is not None
    assert held.missing("3")[0] == f"there is no value $3: the history holds $4 to ${MOST_HELD + 3}"


FLOATS = st.floats(width=64)


@pytest.mark.slow
@given(
    st.one_of(
        FLOATS.map(Series.constant),
        st.lists(FLOATS, min_size=2, max_size=5).map(Series.constant),
        st.booleans().map(lambda one: Series.constant(one, "truth")),
        st.lists(st.booleans(), min_size=2, max_size=5).map(lambda one: Series.constant(one, "truth")),
    )
)
def test_a_saved_value_is_the_value_to_the_last_bit(value: Series) -> None:
    text = written(value)
    read = read_written(text)
    if read is None:  # one number is an expression
        assert value.values.tolist() == [[float(text)]]
        return
    assert read.kind == value.kind
    assert np.array_equal(read.values, value.values, equal_nan=value.kind == "number")


def test_matrices_and_classes_are_saved_too() -> None:
    session = opened()
    said(session, "set $m = U_f", "set $r = result")
    for name in ("m", "r"):
        held = session.stops.held.find(name)
        assert held is not None
        read = read_written(written(held))
        assert read is not None
        assert (read.shape, read.labels) == (held.shape, held.labels)
        assert np.array_equal(read.values, held.values)


# --- words of one's own ---


def test_a_word_of_ones_own_executes_its_lines() -> None:
    session = opened()
    lines = ("define near", "goto $arg0", "print t + $argc", "end", "document near", "Goes near.", "if it can", "end")
    assert said(session, *lines) == ("`help near` tells it",)
    assert said(session, "near 3") == (f"t=3 “not”, {session.frame.position.pass_name}", "$1 = t + 1 = 4")
    assert said(session, "help near") == ("Goes near.", "if it can")
    assert said(session, "show user") == lines
    assert "`near`, line 1: $arg0 is missing" in refused(session, "near")
    said(session, "alias at = near", "at 2")
    assert session.frame.t == 2
    said(session, "alias two = goto %1 ;; print %2 + t", "two 4 1")
    assert session.frame.t == 4
    assert said(session, "print $") == ("$4 = $ = 5",)
    said(session, "unalias near")
    assert "near" in refused(session, "near 3")


def test_statements_choose_and_repeat() -> None:
    session = opened()
    said(session, "set $n = 0", "set $sum = 0")
    body = (
        "while $n < 10", "set $n = $n + 1", "if $n == 3", "loop_continue", "else", "if $n > 5", "loop_break", "end",
        "end", "set $sum = $sum + $n", "end",
    )  # fmt: skip
    said(session, *body)
    assert number(session, "$sum") == 1 + 2 + 4 + 5
    assert number(session, "$n") == 6


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("define print",), "`print` is a verb and stays one"),
        (("define 3x",), "define which word?"),
        (("document nix",), "is no word of your own"),
        (("commands",), "there are no breakpoints"),
        (("break 1", "commands 7"), "there is no breakpoint 7"),
        (("if",), "if what?"),
        (("if c", "end"), "not one number"),
        (("if mean(f[t-9]) > 1", "end"), "is not known here"),
        (("define a", "else", "end"), "`else` closes nothing"),
        pytest.param(
            ("while 1 > 0", "set $x = 1", "end"), "more than 10000 lines were executed", marks=pytest.mark.slow
        ),
        (("define a", "a", "end", "a"), "called more than 8 deep"),
        (("alias a = next", "alias a = a", "a"), "called more than 8 deep"),
        (("alias one = next", "alias two = one", "alias one = two", "two"), "called more than 8 deep"),
        (("define a", "loop_break", "end", "a"), "stand in a `while`"),
        (("define a", *["echo hi"] * (MOST_LINES + 1)), "more than 1000 lines"),
        (("end",), "`end` is no verb here"),
    ],
)
def test_a_block_that_cannot_be_is_one_line(lines: tuple[str, ...], told: str) -> None:
    session = opened()
    said(session, *lines[:-1])
    assert told in refused(session, lines[-1])
    assert session.scripting.block is None


def test_lines_are_joined_as_in_pdb_and_values_are_printed_bare() -> None:
    session = opened()
    assert said(session, 'goto 2 ;; print t ;; echo ";;"')[-2:] == ("$1 = t = 2", '";;"')
    assert said(session, "mean(f) > .1") == ("$2 = mean(f) > .1 = true",)
    assert said(session, "token") == ("$3 = token = “was”",)
    said(session, "define twice ;; print t ;; print t ;; end ;; twice")
    assert number(session, "$") == 2
    assert said(session, r'printf "%d|%5.2f|%-4s|%s%%\n", t, 1 / 4, "a", token') == ("2| 0.25|a   |was%",)
    assert said(session, "output t + 1") == ("3",)
    before = len(session.stops.held.history)
    said(session, "output t")
    assert len(session.stops.held.history) == before


# --- commands at breakpoints ---


def test_commands_are_executed_where_the_run_stops() -> None:
    session = opened()
    said(session, "break mean(f) > 0", "commands", "silent", "print t", "if t < 3", "continue", "end", "end", "start")
    reply = said(session, "continue")
    assert reply == ("$1 = t = 0", "$2 = t = 1", "$3 = t = 2", "$4 = t = 3")
    assert session.frame.t == 3
    assert next(iter(session.breakpoints)).hits == 4


@pytest.mark.slow
def test_without_silent_the_stop_is_told_before_what_its_commands_print() -> None:
    session = opened()
    said(session, "tbreak 2", "commands", "echo here", "end", "start")
    reply = said(session, "continue")
    assert reply[0] == "breakpoint 1: t == 2"
    assert reply[-1] == "here"
    assert reply[1].startswith("t=2 ")


@pytest.mark.parametrize("goes_on", ["next", "step", "finish", "until 3", "advance 3"])
def test_where_a_command_stops_meanwhile_the_commands_of_that_stop_wait(goes_on: str) -> None:
    session = opened()
    said(session, "break 1", "commands", "silent", "echo one", goes_on, "echo still one", "end")
    said(session, "break 2", "commands", "silent", "echo two", "end", "start")
    reply = said(session, "continue")
    assert [line for line in reply if line in ("one", "still one", "two")] == ["one", "still one"]


def test_commands_that_go_on_for_ever_are_stopped() -> None:
    session = opened(" ".join([TEXT] * 250))
    said(session, "break c", "commands", "silent", "continue", "end", "start")
    said(session, "continue")
    assert session.frame.note == f"commands went on from {MOST_GONE_ON} stops: `continue` goes on"
    assert session.frame.t == MOST_GONE_ON - 1


def test_commands_may_change_what_stops_and_what_is_run() -> None:
    session = opened()
    said(session, "break 1", "commands", "tbreak 3", "set c[0] = 1", "delete 1", "continue", "end", "start", "continue")
    assert session.frame.t == 3
    assert len(session.breakpoints) == 0
    assert len(session.history.lines) == 1


def test_a_mistake_in_commands_stops_the_run_there() -> None:
    session = opened()
    said(session, "break 1", "commands", "nonsense", "continue", "end", "start")
    assert said(session, "continue")[-1].startswith("commands of breakpoint 1, line 1: there is no verb `nonsense`")
    assert session.frame.t == 1


def test_commands_are_taken_away_by_an_empty_block() -> None:
    session = opened()
    assert "executes" in said(session, "break 1", "commands", "echo x", "end")[0]
    assert "executes" not in said(session, "commands 1", "end")[0]


# --- every line of the file ---


def naive_lines(session: Session, token: str) -> list[tuple[int, int]]:
    found = []
    for number, one in enumerate(session.source.sequences, start=1):
        if token in one.tokens:
            found.append((number, one.tokens.index(token)))
    return found


LINES = (TEXT, "The movie was bad", "good", "The not so bad movie", "bad bad bad")


def test_breakpoints_of_any_line_are_looked_for_behind_the_end() -> None:
    session = opened(*LINES)
    found = naive_lines(session, "bad")
    assert said(session, 'lines "bad"') == tuple(f"line {n}: t={t} “bad”" for n, t in found)
    said(session, 'break "bad" in any line', "start")
    for n, t in found:
        said(session, "continue")
        assert (session.frame.line + 1, session.frame.t) == (n, t)
    said(session, "continue", "continue")
    assert session.frame.t == 2
    said(session, "continue")
    assert session.frame.note == "end of the pass; no line behind this one stops"
    assert said(session, 'lines "nowhere"') == ('none of the 5 lines stops at token == "nowhere"',)


def test_only_breakpoints_of_any_line_lead_on() -> None:
    session = opened(*LINES)
    said(session, "break 0", 'dprintf "bad" in any line, at {t}', "goto 4")
    reply = said(session, "continue")
    assert session.frame.line == 0
    assert sum(" at " in line or ": at" in line for line in reply) == 5  # one in line 2, one in 4, three in 5


# --- saved ---


DEFINING = (
    (
        "define near",
        "goto $arg0",
        "if t > 2",
        "print t",
        "end",
        "end",
        "document near",
        "if only",
        "end",
        "alias beside = near",
    ),
    ("alias at = goto",),
    ("set $limit = mean(f)", "set $v = c[0:3]", "set $m = U_f"),
    ("break 3 in any line", "commands", "silent", "print $limit", "end"),
    ('dprintf "bad" in any line, at {t}',),
    ("branch none",),
    ("set c[0] = .5", "branch some"),
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(range(len(DEFINING)))))
def test_what_is_defined_is_saved_with_the_session(chosen: set[int]) -> None:
    first = opened(*LINES)
    for n in sorted(chosen):
        said(first, *DEFINING[n])
    saved = with_command(script_of(first))
    second = opened(*LINES)
    taking_up(saved, "work.ltui")(second)
    assert with_command(script_of(second)).lines == saved.lines
    assert counted_edits(saved) == (len(first.history.states), first.history.done)
    for name, value in second.stops.held.variables.items():
        if name != "bpnum":
            assert np.array_equal(value.values, first.stops.held.variables[name].values)


def with_command(lines: list[str]) -> Saved:
    return read_saved([lines[0], "# command: run t.txt", *lines[1:]], "work.ltui")


HEAD = ["# lstm-tui session", "# command: run t.txt"]


@pytest.mark.parametrize(
    ("lines", "then"),
    [
        (["define go", "save-session {} over", "end"], "go"),
        (["define go", "if t == 0", "report {} over", "end", "end"], "go"),
        (["alias go = save-session {} over"], "go"),
        (["alias go = echo x ;; save-edits {} over"], "go"),
        (["define inner", "save-model {}", "end", "alias go = inner"], "go"),
        (["break 2", "commands 1", "save-edits {}", "end"], "continue"),
        (["break 2", "commands 1", "quit", "end"], "continue"),
        (["define go", "define again", "save-edits {}", "end", "again", "end"], "go"),
        (["define go", "end ;; save-edits {}", "end"], "go"),
        (["define go", "source {}", "end"], "go"),
        (["define go", "what-if load-edits {}", "end"], "go"),
        (["break 2", "commands 1", "whatif model-file {}", "end"], "continue"),
    ],
)
def test_what_a_strangers_session_defines_touches_no_file(tmp_path: Path, lines: list[str], then: str) -> None:
    file = tmp_path / "made.html"
    session, told = opened(), ""
    try:
        taking_up(read_saved([*HEAD, *(one.format(file) for one in lines)], "s.ltui"), "s.ltui")(session)
        answer(session, then)
    except UserError as error:
        told = str(error)
    assert not told or "from a saved session" in told or "no part of a session" in told
    assert list(tmp_path.iterdir()) == []
    assert session.scripting.is_restored is session.scripting.is_restoring is False


@pytest.mark.parametrize("line", ["break 2 ;; save-edits {}", "if t == 0", "while 1 > 0", "go", "source {}", "end"])
def test_nothing_else_is_executed_from_a_saved_session(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError):
        taking_up(read_saved([*HEAD, line.format(tmp_path / "x"), "end"], "s.ltui"), "s.ltui")(opened())
    assert list(tmp_path.iterdir()) == []


def test_a_script_whose_block_has_no_end_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "half.ltui"
    file.write_text("define half\nprint t\n")
    session = opened()
    assert "`define half` has no `end`" in refused(session, f"source {file}")
    assert session.scripting.block is None
    assert session.scripting.commands == {}


def test_a_fork_has_words_of_its_own_until_it_is_joined() -> None:
    session = opened()
    fork = session.fork()
    said(fork, "define near", "goto 1", "end")
    assert "near" not in session.scripting.words
    session.join(fork, session.frame)
    assert "near" in session.scripting.words


@pytest.mark.parametrize("line", ["finish", "next"])
def test_what_is_said_of_a_line_that_went_nowhere_is_said_once(line: str) -> None:
    session = opened()
    answer(session, "goto 4")
    (place,) = said(session, "where")
    reply = said(session, line)
    assert place in reply[-1]
    assert len(reply) == 2, reply
    assert said(session, "where") == said(session, "thread") == (place,)


def test_why_the_run_stands_where_it_does_outlives_a_line_that_went_nowhere() -> None:
    session = opened()
    stopped = said(session, 'break "bad"', "continue")
    assert stopped[0].startswith("breakpoint 1")
    assert said(session, "finish")[0] != stopped[0]
    assert said(session, "where") == stopped


@pytest.mark.parametrize("what", ["result", "W_f", "3", "b_f[2]", 'token == tok[2] and W_f[0][0] > 9 and "a" == "b"'])
def test_what_cannot_move_is_not_watched(what: str) -> None:
    session = opened()
    scope = session.scope()
    values = {str(session.evaluate(what).value.values) for _ in map(session.goto, range(scope.steps))}
    if len(values) == 1 and "token" not in what:
        assert "never moves" in refused(session, f"watch {what}")
        assert not session.breakpoints
    else:
        assert said(session, f"watch {what}")


@pytest.mark.parametrize("command", ["nosuch", "prnt c"])
def test_an_alias_for_nothing_is_refused(command: str) -> None:
    session = opened()
    refused(session, f"alias foo = {command}")
    assert not session.scripting.aliases


@pytest.mark.parametrize("command", ["print c", "c[3] * 2", "p mean(%1)", "mean(%1)", "goto $arg", "n"])
def test_an_alias_for_a_verb_or_an_expression_is_taken(command: str) -> None:
    session = opened()
    said(session, f"alias foo = {command}")
    assert "foo" in session.scripting.aliases


@pytest.mark.parametrize("line", ["print /x t", "p /d c", "p/x t"])
def test_a_format_of_gdb_is_answered(line: str) -> None:
    assert "numbers have one form" in refused(opened(), line)


@pytest.mark.parametrize("line", ["set b_f[5] = 1", "set var b_f[5] = 1", "set variable b_f[5] = 1"])
def test_a_weight_that_is_set_as_a_value_is_told_with_the_verb_that_changes_it(line: str) -> None:
    assert "`weight b_f[5] = 1` changes it" in refused(opened(), line)


def why_no_verb(word: str) -> str:
    """Return why a word is no verb; empty where it is one."""
    try:
        VERBS.named(word)
    except UserError as error:
        return str(error)
    return ""


def test_a_word_that_is_no_verb_leads_to_where_it_is_told() -> None:
    session = opened()
    told = {word for verb in VERBS for word in re.findall(r"[a-z]{4,}", f"{verb.usage} {verb.help}")}
    followed = 0
    for word in sorted(told):
        message = why_no_verb(word)
        if "`apropos " in message:
            followed += 1
            assert message == f"there is no verb `{word}`; `apropos {word}` lists those whose help has it"
            assert not said(session, f"apropos {word}")[0].startswith("nothing is told")
        else:
            assert not message.startswith("there is no verb") or "did you mean" in message, word
    assert followed > 100
    assert "`help` lists them" in refused(session, "frobnicate")
    assert "`help` lists them" in refused(session, "zzz")


def test_until_without_a_place_is_next_as_its_help_says() -> None:
    assert any("without WHERE, compute the next token" in line for line in said(opened(), "help until"))
    assert "`until` computes the next token" in refused(opened(), "u")
    for before in ((), ("next",), ("next", "step"), ("stepi", "stepi"), ("goto 2",)):
        one, other = opened(), opened()
        for line in before:
            said(one, line)
            said(other, line)
        assert said(one, "until") == said(other, "next")
        assert one.frame.position == other.frame.position


def test_what_takes_nothing_names_the_word_that_was_typed() -> None:
    session = opened()
    for verb in VERBS:
        for word in verb.aliases if verb.usage == verb.name else ():
            assert f"`{word}` is `{verb.name}` here, which takes nothing" in refused(session, f"{word} 17")
