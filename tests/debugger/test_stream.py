"""A session on a text that grows: the run and its edits are those of the whole text, and where it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.breakpoints.parse import read_trigger
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.inputs.inputs import Sequences, text_sequence
from lstm_tui.formats.inputs.numeric_series import csv_series
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model

STORY = "Anna and Mei like music . they like music . their friend Omar enters . he does n't like it , it 's loud ."
LOG = "é: started\n12:03 it’s  up\n\n12:04 went down — 中\n"
WAVES = "a,b,c\n" + "".join(f"{n / 7:.3f},{n % 5},{-n}\n" for n in range(90))
LINES = {"story": STORY * 4, "chars": LOG * 3, "forecast": WAVES, "sentiment-forward": STORY, "recall-gru": "a b c d e"}


def file_of(text: str, network: Network) -> Sequence:
    source = text_from(text) if network.tokens is not None else csv_series(text, "text")
    return Sequences(source, network, whole=True)[0]


def session_on(name: str, text: str, count: int = 1) -> tuple[Session, Sequence]:
    """Return a session that has read some tokens of a text, and the whole of it."""
    network = open_model(name)
    whole = file_of(text, network)
    session = Session.open(Source(network, [whole.part(0, count)]))
    session.goto(session.frame.steps - 1)
    return session, whole


def assert_same_run(one: Trace, other: Trace) -> None:
    assert one.sequence.tokens == other.sequence.tokens
    for name, passed in one.items():
        for value, numbers in passed.arrays.items():
            assert np.ascontiguousarray(numbers).tobytes() == np.ascontiguousarray(other[name][value]).tobytes()
    assert (one.output is None) == (other.output is None)
    for mine, theirs in ((one.output, other.output), (one.result, other.result)):
        if mine is not None and theirs is not None:
            assert np.ascontiguousarray(mine).tobytes() == np.ascontiguousarray(theirs).tobytes()


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 2000), max_size=6), interpreter=st.sampled_from(["numpy", "numba"]))
def test_what_has_come_is_the_run_of_a_file_of_it(name: str, cuts: list[int], interpreter: str) -> None:
    network, data = open_model(name), LINES[name].encode()
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    source, session, start = Arriving(network), None, 0
    for place in [*places, None]:
        more = source.end() if place is None else source.feed(data[start:place])
        start = place or start
        if more is None:
            continue
        if session is None:
            session = Session.open(Source(network, [more], interpreter=interpreter))
            session.goto(session.frame.steps - 1)
        else:
            session.grow(more)
    assert session is not None
    assert_same_run(
        session.frame.trace,
        Session.open(Source(network, [file_of(LINES[name], network)], interpreter=interpreter)).frame.trace,
    )
    assert session.frame.t == session.frame.steps - 1


EDITS = [
    'replace 1 "Omar"', 'insert 0 "they"', "remove 2", 'insert 3 "music"', "set layer0.forward.f[3] @ 1: = 1",
    "set layer0.forward.c[:] @ 2:40 = 0.5", "scale layer0.forward.i[2:4] @ : * 0.5",
    "weight layer0.forward/b_f[7] = -4",
    "let layer0.forward.o = 1", "set layer0.forward.h[0] @ 2 = 0",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(EDITS) | st.integers(1, 9), min_size=2, max_size=9))
def test_edits_stay_in_force_and_are_those_of_the_whole_text(steps: list[str | int]) -> None:
    session, whole = session_on("story", STORY, 4)
    at = 4
    for step in steps:
        if isinstance(step, str):
            try:
                session.edit(parse_edit(step))
            except UserError:
                continue
        else:
            session.grow(whole.part(at, at + step))
            at = min(at + step, len(whole))
    replayed = Session.open(Source(open_model("story"), [whole.part(0, at)]))
    if session.history.active:
        replayed.edit(*session.history.active)
    assert_same_run(session.baseline, replayed.baseline)
    assert_same_run(session.frame.trace, replayed.frame.trace)
    assert session.edited.origins == replayed.edited.origins
    assert session.frame.trace.edits == replayed.frame.trace.edits
    session.keep_edits(0)
    assert_same_run(session.frame.trace, replayed.baseline)


def test_it_follows_from_the_end_and_stays_anywhere_else() -> None:
    session, whole = session_on("story", STORY, 3)
    assert session.grow(whole.part(3, 5)).t == 4
    session.next(-1)
    assert session.grow(whole.part(5, 8)).t == 3
    assert (session.stream.follows, session.stream.unseen) == (False, 3)
    session.next(2)
    assert session.stream.unseen == 2
    session.goto(7)
    assert (session.stream.follows, session.stream.unseen) == (True, 0)
    session.step_back()  # into the equations of the last token
    assert session.grow(whole.part(8, 9)).t == 7
    assert session.stream.unseen == 1


def test_a_breakpoint_that_comes_stops_the_following_with_its_reason() -> None:
    session, whole = session_on("story", STORY, 3)
    session.breakpoints.add(read_trigger('token == "friend"', session.scope()), "layer0.forward")
    place = whole.tokens.index("friend")
    assert session.grow(whole.part(3, 6)).t == 5
    frame = session.grow(whole.part(6, place + 1))  # it is the very last that has come
    assert (frame.t, session.stream.follows) == (place, False)
    assert "breakpoint 1" in frame.note
    assert session.grow(whole.part(place + 1, place + 4)).t == place
    assert session.stream.unseen == 3
    assert session.breakpoints[1].hits == 1
    assert session.continue_().t == place + 3
    assert session.grow(whole.part(place + 4, place + 5)).t == place + 4


def test_a_breakpoint_that_means_nothing_any_more_stops_the_following_and_says_so() -> None:
    session, whole = session_on("story", STORY, 3)
    session.breakpoints.add(read_trigger("f[0] + b_f[0] > 9", session.scope()), "layer0.forward")
    session.edit(parse_edit("let layer0.forward.f = 1"))
    frame = session.grow(whole.part(3, 5))
    assert (frame.t, session.stream.unseen) == (2, 2)
    assert "breakpoint 1 means nothing in this run" in frame.note
    session.breakpoints.delete(1)
    session.goto(4)
    assert session.grow(whole.part(5, 6)).t == 5


def test_continuing_waits_for_what_comes_where_it_is_told_to() -> None:
    session, whole = session_on("story", STORY, 3)
    parts = iter([whole.part(3, 5), whole.part(5, 11), whole.part(11, 15), None])
    session.stream.coming = lambda: next(parts)
    session.breakpoints.add(read_trigger('token == "their"', session.scope()), "layer0.forward")
    frame = session.continue_()
    assert frame.token == "their"
    assert "breakpoint 1" in frame.note
    frame = session.continue_()
    assert (frame.t, frame.note) == (14, "end of the text")


def test_interrupting_what_waits_leaves_it_where_it_is() -> None:
    session, _ = session_on("story", STORY, 3)

    def interrupted() -> Sequence:
        raise KeyboardInterrupt

    session.stream.coming = interrupted
    assert session.continue_().note == "interrupted"
    assert session.frame.t == 2


def test_another_interpreter_that_took_over_meanwhile_runs_what_comes() -> None:
    session, whole = session_on("story", STORY, 3)
    growth = session.stream.growth(whole.part(3, 6))
    session.adopt(session.run_again("numba"))
    session.stream.take_growth(growth)
    assert session.frame.trace.interpreter == "numba"
    assert session.frame.t == 5
    late = Session.open(Source(open_model("story"), [whole.part(0, 2)], interpreter="numba")).frame.trace
    assert_same_run(session.stream.catch_up(late), session.baseline)


def test_what_is_asked_of_a_longer_text_is_answered_of_it() -> None:
    session, whole = session_on("story", STORY, 3)
    for at in range(3, 12):
        session.grow(whole.part(at, at + 1))
    replayed = Session.open(Source(open_model("story"), [whole.part(0, 12)]))
    replayed.goto(11)
    for line in ("print norm(c - prev(c))", 'print share("Anna")', "where", "info locals", "who c[7] by .1"):
        assert answer(session, line) == answer(replayed, line)


def test_a_network_that_reads_backward_cannot_follow() -> None:
    network = open_model("sentiment")
    assert network.tokens is not None
    session = Session.open(Source(network, [text_sequence("not bad", network.tokens)]))
    with pytest.raises(UserError, match="reads forward"):
        session.grow(text_sequence("at all", network.tokens))
