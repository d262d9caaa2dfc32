"""Verbs that tell of the whole run say what the analysis found, in plain lines."""

from __future__ import annotations

import pytest

from lstm_tui.analysis.distribution import perplexity, surprise
from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.influence import deletion_rows, gradient_rows
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes import recall


def session(model: str, text: str) -> Session:
    network = open_model(model)
    assert network.tokens is not None
    return Session.open(Source(network, [text_sequence(text, network.tokens)]))


def test_reach_tells_what_vanishes_and_where() -> None:
    line = recall.sample_text().splitlines()[0]
    said = answer(session("recall-rnn", line), "reach end")
    assert said[0].split() == ["∂h", "ρ"]
    assert said[1].endswith("t=0 “brown”")
    assert any("∂h vanishes at t=13 “ta”" in one for one in said)
    one = session("recall-lstm", line)
    said = answer(one, "reach 20")
    found = long_memory(one.frame.passed, 20)
    assert said[0].split() == ["∂C", "Π", "kept", "∂h", "ρ"]
    assert said[1].split()[0] == f"{found.memory.size[0]:.3g}"
    assert any(text.startswith("∂C holds") for text in said)
    with pytest.raises(UserError, match="no place"):
        answer(one, "reach 99")


def test_health_lists_units_by_what_is_wrong() -> None:
    said = answer(session("recall-lstm", recall.sample_text().splitlines()[0]), "health")
    assert said[0] == "layer0.forward: gates that never open: below .1 at every step (1)"
    assert "unit  12  never writes" in said[1]
    assert answer(session("tiny", "on wait off wait on"), "health") == (
        "layer0.forward: all 2 units are active, and a gradient comes back to each",
    )


def test_surprise_ends_with_the_perplexity() -> None:
    one = session("story", "Ganesh likes AIML . he likes AIML .")
    said = answer(one, "surprise")
    bits = surprise(one.frame.trace)
    assert bits is not None
    assert said[0].split()[0] == f"{bits[1]:.2f}"
    assert said[-1] == f"perplexity {perplexity(bits):.3g}"
    with pytest.raises(UserError, match="no next token"):
        answer(session("tiny", "on off"), "surprise")


def test_what_moves_i_is_seen_from_my_on() -> None:
    """The near and the far of the lesson: at “and”, “My” moves less by a small change, and most when it is left out."""
    trace = session("story", "My name is Ganesh and I want to eat pizza .").frame.trace
    passed = trace["layer0.forward"]
    slope = {t: float(column[4]) for t, column in gradient_rows(passed, range(11)) if t <= 4}
    gone = {t: float(column[4]) for t, column in deletion_rows(trace, passed, range(11)) if t < 4}
    assert max(slope, key=lambda t: slope[t]) == 4
    assert 0.02 < slope[0] < 0.7 * slope[4]
    assert max(gone, key=lambda t: gone[t]) == 0
