"""`reset` and `chunk` in a session: what is said of them, and that what is saved, exported and followed has them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.cli.main import main
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.reader import read as read_trace
from lstm_tui.formats.traces.trace_file import write
from lstm_tui.models.bundled import open_model

TEXT = "the film was not good but the acting was lovely ."
FORWARD, BOTH = open_model("sentiment-forward"), open_model("sentiment")


def session_of(*lines: str, network: str = "sentiment-forward") -> Session:
    model = open_model(network)
    session = Session.open(Source(model, [read_as(TEXT, model)]))
    for line in lines:
        answer(session, line)
    return session


def same(one: Trace, other: Trace) -> bool:
    return all(np.array_equal(one[name][value], other[name][value]) for name in one for value in one[name])


def parts_alone(network_name: str, *cuts: int) -> dict[str, np.ndarray]:
    network = open_model(network_name)
    sequence = read_as(TEXT, network)
    places = [0, *cuts, len(sequence)]
    runs = [run(network, sequence.part(a, b), "numpy") for a, b in pairwise(places)]
    return {name: np.concatenate([one[name]["h"] for one in runs]) for name in runs[0]}


@pytest.mark.parametrize("network", ["sentiment-forward", "sentiment"])
@pytest.mark.parametrize(
    ("lines", "cuts"),
    [
        (["reset @ 4"], [4]),
        (["reset @ 2:4, 7"], [2, 3, 7]),
        (["reset every 4"], [4, 8]),
        (["goto 5", "reset"], [5]),
        (["reset @ 0"], []),
        (["reset @ :"], list(range(1, 11))),
        (['insert 1 "very"', "reset @ 5", "remove 1"], [4]),
    ],
)
def test_what_is_set_back_is_run_as_its_parts_alone(network: str, lines: list[str], cuts: list[int]) -> None:
    session = session_of(*lines, network=network)
    for name, h in parts_alone(network, *cuts).items():
        assert np.array_equal(session.frame.trace[name]["h"], h)
    session.keep_edits(0)
    assert same(session.frame.trace, session.baseline)


def test_who_ends_at_a_reset() -> None:
    session = session_of("reset @ 4", "goto end")
    shares = [session.evaluate(f'share("{token}", c)').value.values[0, 0] for token in ("film", "not", "good")]
    assert shares[0] == shares[1] == 0 < shares[2]
    told = answer(session, 'who share("film", c)')
    assert not any("was kept" in line for line in told)
    lost = session_of("reset @ 2", "goto 3")
    assert "  the states were set back before this token: nothing read earlier reaches it" in answer(
        lost, 'who share("film", c)'
    )
    assert "t=2" in answer(lost, 'who share("film", c)')[0]


def test_it_is_said_where_it_stands() -> None:
    session = session_of("reset @ 4", "chunk @ 6", "goto 4", "finish")
    assert "states set back before it" in session.frame.place
    assert answer(session, "now")[0].startswith("at “good” the states were set back before this token")
    told = re.sub(r"\s+", " ", " ".join(answer(session, "now")))
    assert re.search(r"nothing read earlier reaches it; \d+ of \d+ memories are cleared", told)
    answer(session, "goto 6")
    assert "a chunk begins with it" in session.frame.place
    assert [line.split("   ")[-1] for line in answer(session, "edits")] == ["reset @ 4", "chunk @ 6"]


@pytest.mark.parametrize("line", ["reset @ 11", "reset @ 3, 40", "chunk @ 11:"])
def test_a_place_off_the_tape_is_refused_and_changes_nothing(line: str) -> None:
    session = session_of()
    with pytest.raises(UserError, match=r"this tape has 11 tokens, from 0: nothing to (reset|chunk) is there"):
        answer(session, line)
    assert not session.history.states


@pytest.mark.parametrize(
    "lines", [["reset @ 4"], ["reset @ 0, 10"], ["reset every 3"], ["chunk every 4", "reset @ 5:7"]]
)
def test_what_a_stretch_of_steps_finds_is_what_each_of_them_does(lines: list[str]) -> None:
    for name, passed in session_of(*lines, network="sentiment").frame.trace.items():
        for state in passed.initial:
            each = [passed.previous(state, passed.tape_place(step)) for step in range(passed.steps)]
            for first in range(passed.steps):
                for last in range(first + 1, passed.steps + 1):
                    assert np.array_equal(passed.entering(state, first, last), each[first:last]), (name, first, last)


@pytest.mark.parametrize("ending", [".json", ".ndjson", ".npz"])
def test_an_export_says_where_the_tape_is_cut_and_reads_back(tmp_path: Path, ending: str) -> None:
    session = session_of("reset @ 4", "chunk every 3", network="sentiment")
    path = tmp_path / f"t{ending}"
    trace = session.frame.trace
    write(trace, str(path))
    back = read_trace(str(path))
    assert back.sequence.cuts == trace.sequence.cuts
    for name, passed in trace.items():
        for state in passed.initial:
            assert np.array_equal(back[name].entering(state), passed.entering(state))
            assert all(np.array_equal(back[name].previous(state, t), passed.previous(state, t)) for t in range(11))
    part = tmp_path / f"part{ending}"
    write(trace, str(part), steps=slice(3, 9))
    assert [t for t in range(6) if read_trace(str(part)).sequence.cut_before(t)] == [1, 3]


def test_options_cut_the_tapes_of_every_command(tmp_path: Path) -> None:
    text = tmp_path / "t.txt"
    text.write_text(TEXT + "\n")
    out = tmp_path / "t.json"
    assert main(["trace", str(text), "--model", "sentiment-forward", "--reset-every", "4", "-o", str(out)]) == 0
    assert np.array_equal(
        read_trace(str(out))["layer0.forward"]["h"], parts_alone("sentiment-forward", 4, 8)["layer0.forward"]
    )
    assert main(["check", str(text), "--model", "sentiment-forward", "--reset-every", "1", "--assert", "f[0] < 2"]) == 0


def test_a_text_that_grows_is_set_back_where_its_tokens_come() -> None:
    network = open_model("chars")
    whole = read_as("the rain in spain", network)
    session = Session.open(Source(network, [whole.part(0, 3)]))
    answer(session, "reset every 4")
    for t in range(3, len(whole)):
        session.stream.grow(whole.part(t, t + 1))
    made = apply([parse_edit("reset every 4")], network, whole)
    assert same(session.frame.trace, run(network, whole, "numpy", holds=made.holds))
    assert session.frame.trace.sequence.cut_before(8) == "reset"


def test_a_saved_session_has_its_resets(tmp_path: Path) -> None:
    text = tmp_path / "t.txt"
    text.write_text(TEXT + "\n")
    script = tmp_path / "x"
    saved = tmp_path / "s.lstm"
    script.write_text(f"reset @ 4\nundo\nreset every 5\nsave-session {saved}\n")
    run_it = ["run", str(text), "--model", "sentiment-forward", "--plain", "--batch", "-x", str(script)]
    assert main(run_it) == 0
    assert "reset every 5" in saved.read_text()
    assert "reset @ 4" in saved.read_text()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["insert", "remove"]), st.integers(0, 10)), max_size=5), st.integers(1, 10))
def test_tokens_that_come_and_go_leave_a_reset_before_its_token(changes: list[tuple[str, int]], t: int) -> None:
    sequence: Sequence = read_as(TEXT, FORWARD)
    edited = apply([parse_edit(f"reset @ {t}")], FORWARD, sequence)
    names = [f"{n}" for n in range(len(sequence))]
    for verb, at in changes:
        at = min(at, len(names) - 1)
        if verb == "remove" and (len(names) < 3 or names[at] == str(t)):
            continue
        line = f"remove {at}" if verb == "remove" else f'insert {at} "good"'
        edited = apply([parse_edit(line)], FORWARD, edited.sequence)
        names = names[:at] + names[at + 1 :] if verb == "remove" else [*names[:at], "+", *names[at:]]
    assert edited.sequence.cuts[0].places == (names.index(str(t)),)
