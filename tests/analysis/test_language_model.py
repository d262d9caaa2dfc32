"""Words to come: surprise against a loop over probabilities, draws against their chances, and texts that go on."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui.analysis.distribution import choose, is_language_model, perplexity, probabilities, surprise
from lstm_tui.analysis.train.loss import mean_loss, next_tokens
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import open_model

TOLD = "Ganesh likes AIML . Ram likes DevSecOps . he likes"


def story(text: str = TOLD) -> Trace:
    return lstm_tui.trace(text, model="story")


def session(text: str = TOLD) -> Session:
    network = open_model("story")
    assert network.tokens is not None
    return Session.open(Source(network, [text_sequence(text, network.tokens)]))


def test_surprise_is_minus_log_two_of_what_was_foretold() -> None:
    trace = story()
    bits = surprise(trace)
    assert bits is not None
    assert trace.output is not None
    assert trace.sequence.ids is not None
    assert math.isnan(bits[0])
    for t in range(1, len(bits)):
        chance = float(trace.output[t - 1][trace.sequence.ids[t]])
        assert bits[t] == pytest.approx(-math.log2(chance), rel=1e-6)


def test_perplexity_is_that_of_the_loss() -> None:
    trace = story()
    bits = surprise(trace)
    assert bits is not None
    assert trace.network is not None
    assert trace.sequence.ids is not None
    loss = mean_loss(trace.network, [next_tokens(trace.sequence.ids)], "numpy")
    assert perplexity(bits) == pytest.approx(math.exp(loss), rel=1e-5)
    assert perplexity([bits, bits]) == pytest.approx(perplexity(bits))
    assert perplexity(bits[:1]) is None


def test_only_a_language_model_says_words() -> None:
    for name in bundled_names():
        network = open_model(name)
        reads = network.tokens is not None
        says = reads and network.asked == "each" and network.classes == present(network.tokens).vocabulary
        assert is_language_model(network) == says, name
    assert is_language_model(open_model("story"))
    assert not is_language_model(open_model("sentiment"))
    trace = lstm_tui.trace("on off", model="tiny")
    assert probabilities(trace) is None
    assert surprise(trace) is None
    with pytest.raises(UserError, match="no next token"):
        choose(trace)


@pytest.mark.parametrize("name", ["recall-lstm", "recall-gru", "recall-rnn"])
def test_a_network_that_is_asked_at_the_end_only_is_no_language_model(name: str) -> None:
    network = open_model(name)
    assert network.tokens is not None
    assert network.classes == network.tokens.vocabulary, "only what its file records tells it from one"
    assert network.asked == "last"
    assert not is_language_model(network)
    assert surprise(lstm_tui.trace("red na ta which", model=name)) is None


def test_the_likeliest_is_chosen_and_never_the_unknown_one() -> None:
    trace = story()
    assert choose(trace) == "devsecops"
    assert trace.network is not None
    made = trace.network.copy()
    made.tensors()["readout/b_y"][0] = 100
    assert made.tokens is not None
    unknown = lstm_tui.trace(TOLD, model=made)
    assert unknown.output is not None
    assert unknown.output[-1].argmax() == 0
    assert choose(unknown) == "devsecops"


def test_draws_come_as_often_as_they_should() -> None:
    trace = story("Ganesh")
    said = probabilities(trace)
    assert said is not None
    assert trace.network is not None
    assert trace.network.tokens is not None
    counts = Counter(choose(trace, 2.0, seed) for seed in range(1500))
    expected = np.exp(np.log(said[-1].astype(np.float64)) / 2)
    expected[0] = 0
    expected /= expected.sum()
    for token, count in counts.most_common(4):
        chance = expected[trace.network.tokens.index[token]]
        assert abs(count - 1500 * chance) < 5 * math.sqrt(1500 * chance) + 1
    assert choose(trace, 2.0, 3) == choose(trace, 2.0, 3)
    assert choose(trace, 1e-6, 3) == choose(trace)


def test_every_word_is_an_edit_that_can_be_taken_back() -> None:
    one = session()
    before = one.frame.trace
    (said,) = answer(one, "generate 3")
    assert said.startswith("appended: devsecops . ")
    assert "perplexity" in said
    assert len(one.frame.trace.sequence) == len(before.sequence) + 3
    assert one.frame.t == len(one.frame.trace.sequence) - 1
    assert len(one.history.active) == 3
    answer(one, "undo 2")
    assert one.frame.trace.sequence.tokens[-1] == "devsecops"
    answer(one, "undo")
    assert one.frame.trace is before
    again = session()
    assert answer(again, "generate 3") == (said,)
    drawn = [answer(session(), "generate 8 1.5 7") for _ in range(2)]
    assert drawn[0] == drawn[1] != answer(session(), "generate 8 1.5 8")


@pytest.mark.parametrize(
    ("told", "change", "first", "then"),
    [
        ("Priya likes chess . the sun is warm .", 'replace 0 "Tom"', "she", "he"),
        (TOLD, 'replace 6 "music"', "devsecops", "music"),
    ],
)
def test_story_answers_what_if(told: str, change: str, first: str, then: str) -> None:
    one = session(told)
    assert choose(one.frame.trace) == first
    answer(one, change)
    assert choose(one.frame.trace) == then


@pytest.mark.parametrize("line", ["generate x", "generate 0", "generate 3 hot", "generate 3 nan", "generate 3 1 -2",
                                  "generate 1 1 1 1", "generate 999"])  # fmt: skip
def test_a_wrong_line_changes_nothing(line: str) -> None:
    one = session()
    with pytest.raises(UserError):
        answer(one, line)
    assert not one.history.edits


def test_bytes_go_on_as_text() -> None:
    network = open_model("chars")
    assert network.tokens is not None
    one = Session.open(Source(network, [text_sequence("the peopl", network.tokens)]))
    (said,) = answer(one, "generate 1")
    assert said.startswith("appended: e")
