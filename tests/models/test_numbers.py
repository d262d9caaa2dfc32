"""The numbers network: the words are what they say, what judges was not read, and the network answers right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.attention import looking_of
from lstm_tui.analysis.train.loss import NOT_COUNTED
from lstm_tui.debugger.source import Source
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models import card
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes.answering import BEGIN, END
from lstm_tui.models.recipes.number_words import (
    ANSWER,
    MOST,
    PLACES,
    SMALL,
    STYLES,
    TENS,
    UNSEEN,
    WORDS,
    Style,
    drawn,
    example,
    recipe,
    unseen,
)  # fmt: skip


def number_of(words: list[str]) -> int:
    """Return what words mean, read from the left."""
    total = part = 0
    for word in words:
        if word in SMALL:
            part += SMALL.index(word)
        elif word in TENS:
            part += 10 * (TENS.index(word) + 2)
        elif word == "hundred":
            part *= 100
        elif word == "thousand":
            total, part = total + 1000 * part, 0
        else:
            assert word in ("and", "-")
    return total + part


@given(st.integers(0, MOST), st.sampled_from(STYLES))
def test_the_words_mean_the_number_and_fit_into_the_collection(number: int, style: Style) -> None:
    words = list(style.words(number))
    assert number_of(words) == number
    assert len(words) <= PLACES
    assert ("-" in words) <= style.hyphened
    assert ("and" in words) <= style.joined


@pytest.mark.parametrize("number", [0, 7, 207, 407_385, MOST])
def test_the_digits_and_the_end_are_what_is_learned(number: int) -> None:
    one = example(number)
    tokens, target = [WORDS[n] for n in one.read], np.asarray(one.target)
    begins = tokens.index(BEGIN)
    assert number_of(tokens[:begins]) == number
    assert "".join(tokens[begins + 1 : -1]) == str(number)
    assert tokens[-1] == END
    assert (target[:begins] == NOT_COUNTED).all()
    assert target[-1] == NOT_COUNTED
    assert [WORDS[n] for n in target[begins:-1]] == tokens[begins + 1 :]


def test_what_judges_is_chosen_once_and_every_length_is_there() -> None:
    assert unseen() == unseen()
    assert len(set(unseen())) == UNSEEN
    assert {len(str(number)) for number in unseen()} == {3, 4, 5, 6}
    lengths = [len(str(number)) for number in drawn(np.random.default_rng(0), 6_000)]
    assert all(abs(lengths.count(n) - 1_000) < 150 for n in range(1, 7))


def test_the_card_says_what_was_measured_and_the_network_is_what_it_says() -> None:
    found = card("numbers")
    made = recipe("numbers")
    first = found["measured"][str(found["seed"])]
    assert all(bound.met(first) for bound in made.accepted)
    assert (found["task"], found["how"]) == (made.task, made.how)
    network = open_model("numbers")
    told = network.tensors()["embedding"] @ network.tensors()["layer0.forward/p_turn"]
    assert all((number > 0) == (word in ANSWER) for word, number in zip(WORDS, told, strict=True))


@pytest.mark.slow
def test_it_answers_what_it_has_not_read_and_its_attention_moves() -> None:
    network, right = open_model("numbers"), 0
    chosen = unseen()[:24]
    for n, number in enumerate(chosen):
        text = " ".join(STYLES[n % len(STYLES)].words(number))
        trace = Source.of_input(network, text_from(text)).run(interpreter="numpy")
        tokens = list(trace.sequence.tokens)
        right += "".join(tokens[tokens.index(BEGIN) + 1 : -1]) == str(number)
        found = looking_of(trace)
        assert len({found.most(step) for step in range(len(found.steps))}) > 1
    assert right >= len(chosen) - 1


@pytest.mark.slow
def test_the_lines_of_the_sample_are_answered_right() -> None:
    text = (samples_folder() / "numbers.txt").read_text("utf-8")
    source = Source.of_input(open_model("numbers"), text_from(text))
    for line, trace in zip(text.splitlines(), source.run_lines(range(source.count)), strict=True):
        tokens = list(trace.sequence.tokens)
        begins = tokens.index(BEGIN)
        assert "".join(tokens[begins + 1 : -1]) == str(number_of(tokens[:begins])), line
