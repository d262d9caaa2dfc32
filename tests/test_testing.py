"""What a test may assert of a network: true where plain NumPy says so, and said where and by how much it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.cli.arguments import _COMMANDS
from lstm_tui.cli.main import main
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.testing import assert_holds, assert_remembers, assert_same_run

TEXT = "The movie was not bad"
MODEL = "sentiment-forward"


def share_of(trace: Trace, token: int, at: int) -> float:
    """Return a token's share of the memory by the plain sum: C_at = Σ_k (Π_{j>k} f_j) i_k g_k."""
    passed = trace["layer0.forward"]
    f, i, g = (np.asarray(passed[name], dtype=np.float64) for name in "fig")
    parts = np.array([np.prod(f[k + 1 : at + 1], axis=0) * i[k] * g[k] for k in range(at + 1)])
    return float(np.abs(parts[token]).sum() / np.abs(parts).sum())


def test_a_memory_that_is_too_small_is_told_with_who_lost_it() -> None:
    session = lstm_tui.session(TEXT, MODEL)
    session.execute("goto 4")
    session.execute("finish")
    told = session.execute('who "not"').splitlines()
    with pytest.raises(AssertionError) as failed:
        assert_remembers(MODEL, TEXT, "not", at="bad", more_than=0.99)
    said = str(failed.value).splitlines()
    assert [line.removeprefix("    ") for line in said[said.index('  who lost it (`who "not"`):') + 1 :]] == told
    with pytest.raises(AssertionError) as failed:
        assert_remembers(MODEL, TEXT, "not", at="bad", less_than=0.01)
    assert "who lost it" not in str(failed.value)


@pytest.mark.parametrize("token", range(5))
@pytest.mark.parametrize("at", range(5))
def test_a_memory_is_asserted_by_its_share(token: int, at: int) -> None:
    trace = lstm_tui.trace(TEXT, MODEL)
    words = TEXT.split()
    if token > at:
        with pytest.raises(UserError, match=r"no step has|not read|asks"):
            assert_remembers(None, trace, words[token], at=at, more_than=0.1)
        return
    share = share_of(trace, token, at)
    assert_remembers(None, trace, words[token], at=at, more_than=share - 1e-5)
    assert_remembers(None, trace, words[token], at=words[at], less_than=share + 1e-5)
    with pytest.raises(AssertionError) as failed:
        assert_remembers(None, trace, words[token], at=at, more_than=share + 1e-5)
    said = str(failed.value).splitlines()
    assert f"fails at t={at} “{words[at]}”" in said[0]
    row = next(line for line in said if f" {token} {words[token]} " in line)
    assert float(row.replace(">", " ").split()[2]) == pytest.approx(share, abs=0.006)
    assert row.count("█") == round(20 * share)
    for later in range(at + 1, 5):
        assert "not read yet" in next(line for line in said if f" {later} {words[later]} " in line)


def test_what_cannot_be_asked_is_said_and_is_no_failure() -> None:
    wrongs: tuple[Callable[[], None], ...] = (
        lambda: assert_remembers(MODEL, TEXT, "not", at="bad"),
        lambda: assert_remembers(MODEL, TEXT, "nott", at="bad", more_than=0.1),
        lambda: assert_remembers(MODEL, TEXT, "not", at=9, more_than=0.1),
        lambda: assert_remembers(MODEL, TEXT, "not", at="bad", more_than=0.1, pass_name="layer7.forward"),
        lambda: assert_holds(MODEL, TEXT, "mean(f"),
        lambda: assert_holds(MODEL, TEXT, "mean(q) < 1"),
        lambda: assert_same_run(lstm_tui.trace(TEXT), lstm_tui.trace(TEXT), tolerance=float("nan")),
    )
    for wrong in wrongs:
        with pytest.raises(UserError):
            wrong()


def test_a_mistake_in_an_assertion_is_one_line() -> None:
    with pytest.raises(UserError) as said:
        assert_holds(MODEL, TEXT, "nosuch > 1")
    assert str(said.value) == "nosuch > 1: column 1: layer0.forward has no value nosuch; it has f, i, g, c, o, h"
    assert said.value.__suppress_context__


def test_what_is_not_known_is_no_success() -> None:
    session = lstm_tui.session(TEXT, MODEL)
    session.execute("weight layer0.forward/b_f = -inf")
    session.execute("weight layer0.forward/b_i = inf")
    session.execute("weight layer0.forward/b_g[0] = inf")
    session.execute("set f[0] @ 1 = inf")
    with pytest.raises(AssertionError, match=r"not known|fails"):
        assert_holds(None, session.frame.trace, "mean(c) < 1000")


def changed(trace: Trace, pass_name: str, value: str, t: int, unit: int, number: float) -> Trace:
    """Return a run with one number changed."""
    passed = trace[pass_name]
    arrays = {name: np.array(series) for name, series in passed.arrays.items()}
    arrays[value][t, unit] = number
    passes = {**trace.passes, pass_name: replace(passed, arrays=MappingProxyType(arrays))}
    return replace(trace, passes=passes)


@settings(max_examples=25)
@given(st.data())
def test_the_first_number_that_differs_is_named(data: st.DataObject) -> None:
    trace = lstm_tui.trace(TEXT, "sentiment")
    assert_same_run(trace, lstm_tui.trace(TEXT, "sentiment"))
    name = data.draw(st.sampled_from(list(trace)))
    passed = trace[name]
    places = [
        (data.draw(st.sampled_from(list(passed))), data.draw(st.integers(0, 4)), data.draw(st.integers(0, 31)))
        for _ in range(2)
    ]
    other, by = trace, 0.25
    for value, t, unit in places:
        other = changed(other, name, value, t, unit, float(trace[name][value][t, unit]) + by)
    order = list(passed)
    first = min(places, key=lambda one: (passed.reading_step(one[1]), order.index(one[0]), one[2]))
    with pytest.raises(AssertionError) as failed:
        assert_same_run(trace, other)
    assert str(failed.value).startswith(f"{name}.{first[0]}[{first[2]}] is ")
    assert f"at t={first[1]} “{TEXT.split()[first[1]]}”" in str(failed.value)
    assert_same_run(trace, other, tolerance=0.26)
    with pytest.raises(AssertionError):
        assert_same_run(trace, other, tolerance=0.24)


@pytest.mark.parametrize("name", ["layer0.forward", "output"])
def test_how_far_two_runs_are_apart_is_shown_around_the_first_difference(name: str) -> None:
    one, other = lstm_tui.trace(TEXT, MODEL), lstm_tui.trace("The movie was not bad", MODEL)
    if name == "output":
        assert one.output is not None
        drawn = np.random.default_rng(0).normal(size=one.output.shape)
        drawn[:2] = 0
        changed_output = one.output + drawn
        other = replace(other, output=changed_output)
        far, first = np.abs(np.subtract(one.output, changed_output, dtype=np.float64)).max(axis=1), 2
    else:
        for t, by in ((1, 0.5), (3, -0.25)):
            other = changed(other, name, "f", t, 7, float(one[name]["f"][t, 7]) + by)
        far, first = np.abs(np.subtract(one[name]["f"], other[name]["f"], dtype=np.float64)).max(axis=1), 1
    with pytest.raises(AssertionError) as failed:
        assert_same_run(one, other)
    _, head, *rows = str(failed.value).splitlines()
    assert head.startswith("  how far ")
    for t, (row, token) in enumerate(zip(rows, TEXT.split(), strict=True)):
        mark, rest = row[2], row[3:].split()
        assert (mark == ">") == (t == first)
        assert rest[:3] == [str(t), token, sentence(float(far[t]))]
        assert "".join(rest[3:]) == "█" * round(20 * far[t] / far.max())


def test_nan_is_the_same_as_nan_and_zero_as_minus_zero() -> None:
    trace = lstm_tui.trace(TEXT, MODEL)
    for number in (float("nan"), float("inf")):
        poisoned = changed(trace, "layer0.forward", "c", 2, 3, number)
        assert_same_run(poisoned, poisoned)
        assert_same_run(poisoned, poisoned, tolerance=1.0)
        with pytest.raises(AssertionError):
            assert_same_run(trace, poisoned, tolerance=1e30)
    assert_same_run(changed(trace, "layer0.forward", "c", 2, 3, 0.0), changed(trace, "layer0.forward", "c", 2, 3, -0.0))


def test_runs_of_other_tokens_passes_or_answers_are_not_the_same() -> None:
    one = lstm_tui.trace(TEXT, MODEL)
    assert one.output is not None
    for other, said in (
        (lstm_tui.trace("The movie was not good", MODEL), "“bad” and “good”"),
        (lstm_tui.trace("The movie", MODEL), "5 and 2 tokens"),
        (lstm_tui.trace(TEXT, "sentiment"), "the passes are"),
        (replace(one, output=None), "output"),
        (replace(one, output=one.output + 1), "output[0]"),
    ):
        with pytest.raises(AssertionError) as failed:
            assert_same_run(one, other)
        assert said in str(failed.value)


@pytest.mark.slow
def test_pytest_shows_where_a_session_stood(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import lstm_tui\n"
        "from lstm_tui.testing import assert_remembers\n"
        "def test_a(open_session):\n"
        f"    session = open_session({TEXT!r}, model={MODEL!r})\n"
        "    session.execute('goto 3')\n"
        "    session.execute('set c[0] = 1')\n"
        "    assert session.frame.t == 4\n"
        "def test_b():\n"
        f"    assert_remembers({MODEL!r}, {TEXT!r}, 'not', at='bad', more_than=.9)\n"
        "def test_c(open_session):\n"
        f"    assert open_session({TEXT!r}).frame.t == 0\n"
        "def test_d(open_session):\n"
        "    open_session('film', 'sentimnt')\n"
        "def test_f():\n"
        f"    mine = lstm_tui.session({TEXT!r}, model={MODEL!r})\n"
        "    mine.execute('goto 4')\n"
        "    assert mine.frame.t == 2\n"
        "def test_e(open_session):\n"
        f"    open_session({TEXT!r}).execute('load nosuch.txt')\n"
    )
    named = [] if "lstm_tui" in entry_points(group="pytest11").names else ["-p", "lstm_tui.testing.plugin"]
    command = [sys.executable, "-m", "pytest", "-q", *named, "-p", "no:cacheprovider", "--junitxml=j.xml", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "5 failed, 1 passed" in done.stdout
    assert "did you mean sentiment?" in done.stdout
    assert "opening.py" not in done.stdout
    assert "plugin.py" not in done.stdout
    assert "whose memory is in layer0.forward at t=3" in done.stdout
    failures = ElementTree.parse(tmp_path / "j.xml").iter("failure")
    assert "lstm-tui session 1 of 1" in str(next(failures).text)
    assert "lstm-tui session 1 of 1" in done.stdout
    assert "t=3 “not”, layer0.forward" in done.stdout
    assert "set layer0.forward.c[0]" in done.stdout or "unit 0" in done.stdout
    assert "whose memory is in layer0.forward at t=4" in done.stdout
    assert "assertions.py" not in done.stdout
    assert "t=4 “bad”, layer0.forward" in done.stdout.partition("_ test_f _")[2]


def test_check_writes_json_and_junit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The movie was not bad\nGood\n")
    asserted = ["not any(isnan(c))", 'share("not", at="bad") > .9']
    words = ["check", str(text), "--model", MODEL, *(word for one in asserted for word in ("--assert", one))]
    assert main([*words, "--json", "--junit", str(tmp_path / "out.xml")]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [(one["held"], one["failed"], one["not_asked"]) for one in told["assertions"]] == [(2, 0, 0), (0, 1, 1)]
    assert [(one["line"], one["t"], one["known"]) for one in told["failures"]] == [(1, 4, True)]
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    cases = {(one.get("name"), *(child.tag for child in one)) for one in suite}
    assert cases == {
        (f"{asserted[0]} (line 1)",), (f"{asserted[0]} (line 2)",),
        (f"{asserted[1]} (line 1)", "failure"), (f"{asserted[1]} (line 2)", "skipped"),
    }  # fmt: skip


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_with_two_letters_exchanged_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = name[0] + name[2] + name[1] + name[3:] if name[1:2] != name[2:3] else name + name[-1]
    with pytest.raises(SystemExit):
        main([wrong])
    assert f"there is no command {wrong}; did you mean {name}?" in capsys.readouterr().err


def test_an_option_written_wrong_is_named_and_a_file_leads_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["run", "--modle", "tiny"], "there is no option --modle; did you mean --model?; see `lstm-tui run --help`"),
        (["trace", "a.txt", "--dytpe=float64"], "did you mean --dtype?"),
        (["--verison"], "there is no option --verison in front of a command; did you mean --version?"),
        (["--model=tiny"], "there is no option --model=tiny in front of a command; see"),
        (["cells", "lstm"], "there is no action lstm; did you mean lstm-tui cells show lstm?"),
        (["cells", "chek", "a.toml"], "there is no action chek; did you mean check?"),
        (["notes.txt"], "to step through a file: lstm-tui run notes.txt"),
        (["run", "a.txt", "b.txt"], "there is no place for b.txt;"),
        (["find", "a.txt", "--model", "sentiment", "c[3] > 0"], "did you mean --where 'c[3] > 0'?"),
        (["check", "a.txt", "--assert", "t < 9", "c[3] > 0"], "did you mean --assert 'c[3] > 0'?"),
    ):
        with pytest.raises(SystemExit):
            main(words)
        assert said in capsys.readouterr().err
