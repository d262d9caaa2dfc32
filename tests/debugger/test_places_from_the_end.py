"""Places of the tape as NumPy counts them; what looks like gdb or C and means something else is told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from test_gdb_habits import opened, refused, said

from lstm_tui.cli.main import main
from lstm_tui.debugger.commands.goto import place_of
from lstm_tui.debugger.expressions import Scope, evaluate, parse
from lstm_tui.engine.errors import UserError

TOKENS = ("The", "movie", "was", "not", "bad")
STEPS = len(TOKENS)


@pytest.mark.parametrize("number", range(-STEPS - 2, STEPS + 2))
def test_a_place_is_the_one_that_numpy_has(number: int) -> None:
    session, tape = opened(), np.arange(STEPS)
    try:
        place: int | None = int(tape[number])
    except IndexError:
        place = None
    asked = f"tok[{number}]"
    if place is None:
        for line in (f"print {asked}", f"goto {asked}", f"break {asked}", f"until {asked}", f"print share({asked})",
                     f"print mean(c, at={asked})", f"print mean(c, at={number})", f"who {asked}"):  # fmt: skip
            assert "5 tokens, from 0" in refused(session, line), line
        return
    token = session.frame.trace.sequence.tokens[place]
    assert said(session, f"print {asked}")[0].endswith(f"“{token}”")
    session.goto(0)
    assert place_of(session, asked) == place
    said(session, f"goto {asked}")
    assert session.frame.t == place
    said(session, f"break {asked}")
    (made,) = session.breakpoints
    assert made.trigger.text == f"t == {place}"
    scope = session.scope()
    for text, other in ((f"share({asked})", f"share(tok[{place}])"), (f"mean(c, at={number})", f"mean(c, at={place})"),
                        (f"mean(c, at={asked})", f"mean(c, at={place})")):  # fmt: skip
        mine, theirs = (evaluate(parse(one), scope, 0, STEPS).values for one in (text, other))
        np.testing.assert_array_equal(mine, theirs)
    assert session.who(asked).lines[1:] == session.who(f"tok[{place}]").lines[1:]


def test_of_a_tape_that_goes_on_nothing_is_counted_from_its_end() -> None:
    session = opened()
    scope = Scope(session.frame.trace, session.frame.position.pass_name, comes=True)
    for text in ("share(tok[-1])", "mean(c, at=-1)", "mean(c, at=tok[-1])", "tok[-1]"):
        with pytest.raises(UserError, match="more tokens come"):
            evaluate(parse(text), scope, 0, STEPS)


def test_a_step_back_is_no_place_from_the_end_and_says_so() -> None:
    session = opened()
    assert "`tok[-1]` from the end" in refused(session, "goto -1")
    said(session, "goto 3", "goto -1")
    assert session.frame.t == 2
    said(session, 'goto "bad"')
    assert session.frame.t == 4
    assert refused(session, "goto movie").endswith('or "movie"')
    assert "tok[3]" in refused(session, "print tok")


def test_what_is_written_like_gdb_and_means_another_thing_is_told() -> None:
    session = opened()
    for line in ("print c[0]@4", "print 3 @ 3", "print W_f @ 3", "print 2 @ c"):
        assert "product of matrices and vectors" in refused(session, line)
    assert "hooks" in refused(session, "define hook-next")
    assert "`until`" in refused(session, "u")
    assert said(session, "set $x = 3", "set $x += 4", "set $x *= 1 + 1") == ("$x = 14",)
    before = session.frame.position
    assert said(session, "thread") == (session.frame.where,)
    assert session.frame.position == before
    other = list(session.frame.trace)[1]
    said(session, "thread 2")
    assert session.frame.position.pass_name == other
    assert said(session, "finish", "finish")[0].startswith("this token is finished already")
    assert refused(session, "delete 1-3") == "there are no breakpoints 1-3; there are: none"


@pytest.mark.parametrize("line", ["set W_f[0,0] = 1", "set b_f = 0", "set b_f[1] = 0", "scale W_f * 2",
                                  "set layer0.forward.W_f[0,0] = 1", "set readout.V_y[0,0] = 2"])  # fmt: skip
def test_a_weight_is_no_value_and_the_line_that_changes_it_is_told(line: str) -> None:
    session = opened()
    told = refused(session, line)
    assert "is a weight" in told
    said(session, told.split("`")[1])
    assert session.history.done == 1
    said(session, "set f[0] = 1")  # a value is set as ever


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e400", "1e39", "-1e39"])
def test_a_number_that_would_be_infinite_is_refused_and_inf_is_not(number: str) -> None:
    session = opened()
    for line in (f"set f[0] = {number}", f"weight b_f[0] = {number}", f"scale f[0] * {number}"):
        assert "inf is ∞" in refused(session, line)
    said(session, "set f[0] = inf")


def test_c_writes_a_percent_twice() -> None:
    session = opened()
    said(session, 'dprintf 3, "50%%"', 'dprintf 3, "50%% of %g", 4 / 2', "break 4")
    reply = said(session, "run")
    assert [one.partition(": ")[2] for one in reply[:2]] == ["50%", "50% of 2"]


def test_save_breakpoints_writes_breakpoints_alone(tmp_path: Path) -> None:
    session = opened()
    said(session, "set f[0] = 0", "break tok[-1]", "commands", "print mean(f)", "end", "break c if c[0] > 0",
         "ignore 2 3", "disable 2", 'dprintf 3, "50%%"')  # fmt: skip
    told = said(session, "info break")
    said(session, f"save breakpoints {tmp_path / 'b'}")
    again = opened()
    said(again, "break 1", f"source {tmp_path / 'b'}", "delete 1")
    assert again.history.done == 0
    lines = said(again, "info break")
    assert tuple(line.replace(f"point {n + 1}:", f"point {n}:") for n, line in enumerate(lines, 1)) == told


def test_the_lines_of_a_block_that_was_refused_are_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text("the movie was not bad\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("commands 99\ngoto 3\nend\nwhere\ndefine n\ngoto 4\nend\nwhere\n"))
    assert main(["run", str(tmp_path / "t.txt"), "--model", "sentiment", "--plain"]) == 1
    captured = capsys.readouterr()
    out = captured.out + captured.err
    assert out.count("t=0 ") == 3
    assert out.count("are passed over") == 2
    assert "t=3" not in out
    assert "no verb here" not in out


@pytest.mark.parametrize("number", [0, 3, 9999, 12345, 123456, 199999, 2**53 - 1, -123456])
def test_a_whole_number_is_told_in_full(number: int) -> None:
    session = opened()
    assert said(session, f"print {number}")[0].endswith(f" = {number}")
    assert said(session, f"output {number}") == (f"{number}",)
    assert said(session, f'printf "%s", {number}') == (f"{number}",)
    assert said(session, f"set $a = {number}") == (f"$a = {number}",)


def test_a_text_is_found_with_its_quotes_and_without() -> None:
    session = opened()
    assert said(session, 'find "not"') == said(session, "goto 0", "find not")
    assert session.frame.t == 3
