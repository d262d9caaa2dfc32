"""`patch`: a value has here the numbers it had in another run, as an edit like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from saved_arrays import savez

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit, read_edit_script
from lstm_tui.debugger.edits.language import PatchEdit, line_of, shown_line
from lstm_tui.debugger.expressions.parser import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.reader import read
from lstm_tui.formats.traces.trace_file import write

NETWORK = stacked()
TEXTS = ("The movie was not bad", "The movie was good", "bad")


def opened(texts: tuple[str, ...] = TEXTS, dtype: str | None = None) -> Session:
    return Session.open(Source(NETWORK, [sentence(NETWORK, text) for text in texts], dtype=dtype, interpreter="numpy"))


def plain(text: str, dtype: str | None = None) -> Trace:
    return run(NETWORK, sentence(NETWORK, text), "numpy", dtype)


def everything(trace: Trace) -> dict[str, Array]:
    found = {f"{name}.{value}": series for name, passed in trace.items() for value, series in passed.items()}
    assert trace.result is not None
    return {**found, "result": trace.result}


def same(one: Trace, other: Trace) -> bool:
    return all(np.array_equal(series, everything(other)[name]) for name, series in everything(one).items())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", ["x", "f", "c", "h"])
@pytest.mark.parametrize("name", ["layer0.backward", "layer1.forward"])
def test_a_patch_is_the_numbers_set_one_by_one(name: str, value: str, dtype: str) -> None:
    session, by_hand, other = opened(dtype=dtype), opened(dtype=dtype), plain(TEXTS[1], dtype)
    answer(session, f"patch {name}.{value}[1:3] @ 2:4 from line 2 @ 1:3")
    series = other[name].inputs["x"] if value == "x" else other[name][value]
    for step in (0, 1):
        for unit in (1, 2):
            number = float(str(series[1 + step, unit]))
            by_hand.edit(parse_edit(f"set {name}.{value}[{unit}] @ {2 + step} = {number!r}"))
    after = session.frame.trace
    assert same(after, by_hand.frame.trace)
    if value != "x":
        assert np.array_equal(after[name][value][2:4, 1:3], series[1:3, 1:3])
    assert not same(after, session.baseline)


def test_a_state_taken_whole_makes_the_rest_of_the_pass_the_other_run() -> None:
    session = opened(("The movie was not bad", "good movie was not bad"))
    for value in ("h", "c"):
        answer(session, f"patch layer0.forward.{value} @ 0 from line 2")
    other = plain("good movie was not bad")
    for value in ("f", "c", "h"):
        assert np.array_equal(session.frame.trace["layer0.forward"][value][1:], other["layer0.forward"][value][1:])


@pytest.mark.parametrize("other", ["base", "here", "was", "branch was", "state 1", '"The movie was good"', "line 2"])
def test_the_other_run_is_a_line_a_text_or_a_state(other: str) -> None:
    session = opened()
    answer(session, 'replace 0 "bad"')
    answer(session, "branch was")
    there = {"base": session.baseline, "line 2": plain(TEXTS[1]), '"The movie was good"': plain(TEXTS[1])}
    wanted = there.get(other, session.frame.trace)["layer1.forward"]["c"][1]
    answer(session, f"patch layer1.forward.c @ 3 from {other} @ 1")
    assert np.array_equal(session.frame.trace["layer1.forward"]["c"][3], wanted)
    told = f"“{other.strip(chr(34))}”" if other.startswith('"') else other.removeprefix("branch ")
    assert f"numbers from {told} @ 1" in session.words[-1]


def test_it_is_undone_saved_replayed_and_exported_like_any_edit(tmp_path: Path) -> None:
    session = opened()
    answer(session, "patch c[1:3] @ 1:3 from line 2 @ 0:2")
    after = session.frame.trace
    assert "from line 2 @ 0:2" in session.words[0]
    assert session.history.lines == after.edits
    answer(session, f"save-edits {tmp_path / 'edits.txt'}")
    answer(session, f"save-session {tmp_path / 'work.ltui'}")
    write(after, tmp_path / "trace.json")
    answer(session, "undo")
    assert same(session.frame.trace, session.baseline)
    answer(session, "redo")
    assert same(session.frame.trace, after)
    again, scripted = opened(), opened()
    answer(again, f"source {tmp_path / 'work.ltui'}")
    scripted.edit(*read_edit_script(tmp_path / "edits.txt"))
    assert same(again.frame.trace, after)
    assert same(scripted.frame.trace, after)
    assert read(tmp_path / "trace.json").edits == session.history.lines


def test_it_moves_with_its_tokens_and_leaves_what_is_put_between_them() -> None:
    session = opened()
    answer(session, "patch layer0.forward.c @ 1:3 from line 2 @ 0:2")
    rows = session.frame.trace["layer0.forward"]["c"][1:3].copy()
    answer(session, 'insert 2 "good"')
    moved = session.frame.trace["layer0.forward"]["c"]
    assert np.array_equal(moved[[1, 3]], rows)
    assert not np.array_equal(moved[2], rows[1])


def test_a_run_or_a_network_in_a_file_is_patched_from(tmp_path: Path) -> None:
    write(plain(TEXTS[1]), tmp_path / "other.npz")
    session = opened()
    answer(session, f"patch c[0] @ 2 from run {tmp_path / 'other.npz'} @ 1")
    assert session.frame.trace["layer0.forward"]["c"][2, 0] == plain(TEXTS[1])["layer0.forward"]["c"][1, 0]
    answer(session, "undo")
    answer(session, f"patch-from {tmp_path / 'other.npz'} c[0] @ 2 from @ 1")
    assert session.frame.trace["layer0.forward"]["c"][2, 0] == plain(TEXTS[1])["layer0.forward"]["c"][1, 0]
    answer(session, f"save-model {tmp_path / 'net.safetensors'}")
    session.keep_edits(0)  # edits of values that are in force hold in the other run too
    answer(session, "weight layer1.forward/b_o = -9")
    before = session.frame.trace["layer1.forward"]["h"][2].copy()
    answer(session, f"patch layer1.forward.h @ 2 from network {tmp_path / 'net.safetensors'}")
    wanted = plain(TEXTS[0])["layer1.forward"]["h"][2]
    assert np.array_equal(session.frame.trace["layer1.forward"]["h"][2], wanted)
    assert not np.array_equal(before, wanted)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("patch", "from which run"),
        ("patch [3] from line 2", "expected a value"),
        ("patch c", "from which run"),
        ("patch c[0] from", "from which run"),
        ("patch c[0] from line 9", "there are 3"),
        ("patch c[0] from line two", "there are 3"),
        ("patch c[0] from nowhere", "no state"),
        ('patch c[0] from "good', "closing"),
        ("patch c[0] @ 4 from line 2", "has 4 tokens, from 0"),
        ("patch c[0] @ 1:3 from line 2 @ 1", "2 steps cannot have the numbers of 1 step"),
        ("patch c[0] @ 1 from line 2 @ 9", "has 4 tokens"),
        ("patch c[9] from line 2", "none of them is meant"),
        ("patch q[0] from line 2", "no layer0.forward.q"),
        ("patch layer7.forward.c[0] from line 2", "layer7.forward"),
        ("patch c[0] from run nothere.npz", "no such file"),
        ("patch c[0] from network nothere.pt", "no such file"),
        ("patch c[0:2] @ 1 = 1", "1 step of 1 unit, and 1 step of 2 units"),
        ("patch c[0:2] @ 1 = 1, nan", "NaN"),
        ("patch c[0:2] @ 1:3 = 1, 2; 3", "equally many"),
        ("patch c[0] @ 1 = one", "expected a number"),
        ('patch c[0] @ 1 = 1 of "line 2"', "from"),
        ("patch-from", "from which file"),
        ("patch-from x.npz", "from which file"),
        ("patch-from x.npz c from here", "range of steps"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(line: str, said: str) -> None:
    session = opened()
    before = session.frame
    with pytest.raises(UserError) as caught:
        answer(session, line)
    assert said in str(caught.value).replace("\u202f", " ")
    assert "\n" not in str(caught.value)
    assert session.frame is before
    assert not session.history.states


def test_a_nan_and_another_size_are_no_numbers_to_patch_with(tmp_path: Path) -> None:
    session = opened()
    answer(session, "set c[1] @ 2 = inf")
    answer(session, "scale c[1] @ 2 * 0")  # ∞ · 0
    answer(session, "branch poisoned")
    with pytest.raises(UserError, match=r"layer0\.forward\.c\[1\] at t=2 of poisoned is NaN"):
        answer(session, "patch c @ 1 from poisoned @ 2")
    answer(session, "patch c[0] @ 1 from poisoned @ 2")
    savez(tmp_path / "junk.npz", {"a": np.ones(3)})
    with pytest.raises(UserError):
        answer(session, f"patch c @ 1 from run {tmp_path / 'junk.npz'}")
    small = Session.open(Source(stacked("gru"), [sentence(NETWORK)], interpreter="numpy"))
    write(small.frame.trace, tmp_path / "gru.npz")
    with pytest.raises(UserError, match=r"has no layer0\.forward\.c"):
        answer(session, f"patch c @ 1 from run {tmp_path / 'gru.npz'}")


def test_a_long_patch_is_shown_short_and_kept_whole() -> None:
    edit = PatchEdit("layer0.forward", "c", (None, None), (1, 2), (tuple(n / 7 for n in range(2_000)),), 'a "b"\n')
    assert parse_edit(line_of(edit)) == edit
    assert len(shown_line(edit)) == 200
    with pytest.raises(UserError, match="the most"):
        parse_edit(f"patch layer0.forward.c[:] @ 1 = {'1, ' * 60_000}1")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [("0.1, x", "expected a number, not `x`"), ("0.1, 2; 3", "every step has a number for each unit")],
)
def test_a_mistake_among_the_numbers_is_told_where_they_begin(numbers: str, said: str) -> None:
    line = "patch layer0.forward.c[3:5] @ 12"
    with pytest.raises(ExpressionError) as told:
        parse_edit(f"{line} ={numbers}")
    assert told.value.start == len(f"{line} =")
    assert told.value.problem.startswith(said)
