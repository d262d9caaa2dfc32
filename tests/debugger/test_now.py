"""The sentence on what happens now says what a loop over plain definitions finds, and where that is not known, so."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.now import NowSentence, now
from lstm_tui.debugger.inspect.prediction import verdict_at
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import open_model

SENTENCES = {"words": "the movie was not bad", "chars": "to be", "bytes": "to be"}


def told(session: Session) -> NowSentence:
    frame = session.frame
    facts, top = Facts(frame.trace), frame.trace[list(frame.trace)[-1]]
    reached = frame.reached(top.name, top.cell.output)
    return now(frame, facts, verdict_at(frame.trace, facts.parts, frame.t, reached))


def story(text: str = "Ganesh likes AIML . Ram likes DevSecOps . he likes DevSecOps .") -> Session:
    network = open_model("story")
    return Session.open(Source(network, [sentence(network, text)]))


def held_output(network: Network, sequence: Sequence, edits: list[str]) -> Array:
    """Return what a network says at the last token under some edits."""
    session = Session.open(Source(network, [sequence]))
    for line in edits:
        session.edit(parse_edit(line))
    output = session.frame.trace.output
    assert output is not None
    return np.asarray(output[-1])


def check_lstm(session: Session) -> None:
    """Hold the sentence of an LSTM's pass against its own f and c, unit by unit."""
    frame, passed = session.frame, session.frame.passed
    step = passed.reading_step(frame.t)
    before = passed["c"][passed.tape_place(step - 1)] if step else np.zeros_like(passed["c"][0])
    gates = passed["f"][frame.t]
    held = unknown = 0
    counts = {"cleared": 0, "mostly new": 0, "kept in part": 0}
    for old, gate, new in zip(before.tolist(), gates.tolist(), passed["c"][frame.t].tolist(), strict=True):
        left = gate * old
        if not math.isfinite(old) or (old != 0 and not math.isfinite(gate)):
            unknown += 1
        elif old != 0:
            held += 1
            if abs(gate) < 0.25:
                counts["cleared"] += 1
            elif not math.isfinite(new) or abs(new - left) >= abs(left):
                counts["mostly new"] += 1
            else:
                counts["kept in part"] += abs(gate) <= 0.75
    clauses = told(session).memory
    first, text = clauses[0], "; ".join(clauses)
    if unknown:
        assert f"what {unknown} of {len(before)} memories keep is not known" in first
    elif not held:
        assert first.endswith("the memory begins: it held nothing")
    elif not any(counts.values()):
        assert re.search(rf" (all {held} memories are|its one memory is) kept$", first)
    elif not counts["cleared"]:
        assert first.endswith(" nothing is cleared")
    said = {word: re.findall(rf"(\d+)(?: of {held} memor(?:y|ies))? (?:is|are) {word}(?:;|$)", text) for word in counts}
    assert said == {word: [str(count)] if count else [] for word, count in counts.items()}


def test_at_a_new_subject_memories_are_cleared_and_at_a_full_stop_two_are_mostly_new() -> None:
    session = story()
    session.goto(4)
    ram = told(session)
    assert "are cleared" in ram.memory[0]
    assert "unit gender loses “Ganesh” and takes “Ram”" in ram.memory
    session = story("Ganesh likes AIML . he likes AIML . Ram likes DevSecOps .")
    session.goto(8)
    assert session.frame.passed["f"][8, 11] > 0.25, "not cleared: mostly new, and three quarters of it are lost"
    assert "unit gender loses “Ganesh” and takes “Ram”" in told(session).memory
    session = story()
    session.goto(3)
    assert told(session).memory[:2] == ("at “.” nothing is cleared", "2 of 16 memories are mostly new")
    before, after = (session.frame.passed["c"][t] for t in (2, 3))
    assert np.flatnonzero(np.sign(before) != np.sign(after)).tolist() == [1, 4]
    session.goto(8)
    assert told(session).says.startswith("next word: likes ")


EDITS = (
    "set c[0] @ 1 = inf", "set f[:] @ 2 = 0", "set f[1] = 0.5", "set h[:] @ : = -inf", "set i[2] @ 3 = inf", "remove 1",
    "weight b_f = -9", "weight b_f = inf", "let f = 1", "replace 0 \"Ram\"", "set c[:] @ 0 = 0",
)  # fmt: skip
WALK = ("n", "n", "s", "rs", "n 3", "N", "goto end", "g", "undo")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(EDITS + WALK), max_size=8))
def test_the_sentence_is_right_after_any_edits_with_numbers_that_are_none(lines: list[str]) -> None:
    session = story("Ganesh likes AIML . Ram likes tea .")
    for line in lines:
        try:
            answer(session, line)
        except UserError:
            continue
    for t in range(session.frame.steps):
        session.goto(t)
        edited = session.frame.trace.edits
        if not any(one.startswith(("set layer0.forward.c", "let")) for one in edited):
            check_lstm(session)
        found, output = told(session), session.frame.trace.output
        assert output is not None
        if np.isnan(output[t]).any():
            assert found.says == "next word: not known" or found.says.startswith("the network says nan")
        elif np.isfinite(output[t]).all():
            best = session.frame.trace.classes[int(np.argmax(output[t]))]
            assert found.says.startswith(f"next word: {best} ")


@pytest.mark.parametrize("model", bundled_names())
def test_every_bundled_network_has_a_sentence_at_every_token_and_before_it_is_computed(model: str) -> None:
    network = open_model(model)
    if network.tokens is None:
        return
    text = SENTENCES.get(network.tokens.kind, "to be")
    session = Session.open(Source(network, [sentence(network, text)]))
    for name in session.frame.trace:
        session.select_pass(name)
        for t in range(session.frame.steps):
            session.goto(t)
            found = told(session)
            assert f"“{session.frame.token}”" in found.memory[0]
            assert "not computed yet" not in found.memory[0]
            session.step_out_back()
            if session.frame.position.equation < 0:
                assert "not computed yet" in told(session).memory[0]


def test_a_cell_without_a_ledger_computes_its_state_anew() -> None:
    network = open_model("recall-rnn")
    session = Session.open(Source(network, [sentence(network, "to be")]))
    assert told(session).memory[0].endswith(" the whole state is computed anew")
    assert told(session).says == "it is asked at the end only"


@pytest.mark.parametrize("name", bundled_names())
def test_an_answer_of_one_token_is_not_said_to_be_of_all_so_far(name: str) -> None:
    """An oracle by runs: of all so far is what another first token moves though no pass carries it over."""
    network = open_model(name)
    if network.tokens is None or network.readout is None or network.answers is not None:
        return
    words = sentence(network, SENTENCES.get(network.tokens.kind, SENTENCES["words"]))
    session = Session.open(Source(network, [words]))
    session.goto(session.frame.steps - 1)
    frame = session.frame
    says = told(session).says.partition(":")[0]
    if frame.trace.output is None:
        assert says == "whole text"
        return
    held = [f"set {one}.{frame.trace[one].cell.output}[:] @ {frame.steps - 1} = 0.25" for one in frame.trace]
    before = held_output(network, words, held)
    first = [f"set {one}.{frame.trace[one].cell.output}[:] @ 0 = 0.75" for one in frame.trace]
    of_all = not np.array_equal(before, held_output(network, words, held + first))
    assert (says == "so far") == of_all
    assert of_all or says == "here" or says.startswith("next ")


def test_a_stacked_network_of_random_weights_is_told_of_in_every_pass() -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network, "The movie was not bad")]))
    for name in session.frame.trace:
        session.select_pass(name)
        for t in range(session.frame.steps):
            session.goto(t)
            if session.frame.passed.cell.name == "lstm":
                check_lstm(session)
    assert answer(session, "now") == (told(session).text,)
