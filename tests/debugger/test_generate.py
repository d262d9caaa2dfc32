"""Tokens put behind a text: run from where it ended, to the bits of a run of the whole; what else is edited, too."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.debugger import edit_tree
from lstm_tui.debugger.cancellation import GivenUp
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model

TEXT = "Ganesh likes AIML . Ram likes DevSecOps . he likes " * 8


def opened(name: str = "story", interpreter: str = "numpy") -> Session:
    network = open_model(name)
    assert network.tokens is not None
    return Session.open(Source(network, [text_sequence(TEXT, network.tokens)], interpreter=interpreter))


def anew(session: Session) -> Trace:
    """Return the whole run of what is edited, from its first token."""
    made = apply(session.history.active, session.edits.opened_network, session.opened_sequence)
    of = session.frame.trace
    return run(made.network, made.sequence, of.interpreter, of.dtype, edits=session.history.lines, holds=made.holds)


def assert_same(one: Trace, other: Trace) -> None:
    assert (one.sequence.tokens, one.edits) == (other.sequence.tokens, other.edits)
    for name, passed in one.items():
        for value, numbers in passed.arrays.items():
            assert np.ascontiguousarray(numbers).tobytes() == np.ascontiguousarray(other[name][value]).tobytes(), value
    assert one.output is not None
    assert other.output is not None
    assert np.ascontiguousarray(one.output).tobytes() == np.ascontiguousarray(other.output).tobytes()


@pytest.mark.parametrize(
    ("name", "interpreter"),
    [
        ("story", "numpy"),
        ("story", "numba"),
        ("chars", "numba"),
        pytest.param("chars", "numpy", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "before", [(), ("weight layer0.forward/b_f[0] = 1.5",), ("set layer0.forward.c[0] @ 3: = 0.5",), ("remove 2",)]
)
def test_what_is_generated_is_the_run_of_the_whole_text(name: str, interpreter: str, before: tuple[str, ...]) -> None:
    session = opened(name, interpreter)
    for line in before:
        answer(session, line)
    answer(session, "generate 70 0.9 3")  # over a block of 64 steps
    assert_same(session.frame.trace, anew(session))
    answer(session, "undo")
    answer(session, "generate 3")
    assert_same(session.frame.trace, anew(session))


def test_tokens_at_the_end_run_nothing_before_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened()

    def never(*_: object, **__: object) -> Trace:
        raise AssertionError("the whole text was run again")

    monkeypatch.setattr(edit_tree, "run", never)
    answer(session, "generate 5")
    with pytest.raises(AssertionError, match="whole text"):
        answer(session, "insert 0 ram")


def test_a_run_says_what_it_only_went_on_with() -> None:
    fork = opened().fork()
    was = fork.frame.trace
    facts = Facts(was)
    facts.prepare()
    answer(fork, "generate 4")
    assert fork.edits.gone_on_from is was
    longer, whole = Facts(fork.frame.trace, facts, facts), Facts(fork.frame.trace, facts)
    for name in whole.names:
        for signal in whole.signals(name):
            assert np.array_equal(longer.signal(name, signal), whole.signal(name, signal), equal_nan=True), signal
    answer(fork, "replace 0 ram")
    assert fork.edits.gone_on_from is None


@pytest.mark.parametrize("line", ["generate 20", "replace 0 ram"])
def test_work_that_is_given_up_leaves_the_session_as_it_was(line: str) -> None:
    session = opened()
    was = session.frame
    fork = session.fork()
    fork.work.give_up()
    with pytest.raises(GivenUp):
        answer(fork, line)
    assert session.frame is was
    assert not session.history.states
