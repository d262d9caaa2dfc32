"""The picture network: drawings are what they say, what judges was not read, and it looks where the shape is."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.analysis.attention import looking_of
from lstm_tui.analysis.train.loss import NOT_COUNTED
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.bundled_files import path
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models import card
from lstm_tui.models.build import recipe
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes.answering import BEGIN, END
from lstm_tui.models.recipes.pictures import (
    ANSWER,
    COLUMNS,
    ROWS,
    SHAPES,
    SIGNS,
    SIZE,
    UNSEEN,
    WORDS,
    at_random,
    caption,
    drawn,
    example,
    regions,
    unseen,
)


def points_of(signs: list[str]) -> np.ndarray:
    """Return the points of a drawing from its signs, one by one."""
    points = np.zeros((SIZE, SIZE), np.bool_)
    for n, sign in enumerate(signs):
        row, column = 2 * (n // 4), 2 * (n % 4)
        for bit, (down, right) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            points[row + down, column + right] = SIGNS.index(sign) >> bit & 1
    return points


@pytest.mark.parametrize("shape", SHAPES)
def test_signs_are_the_points_and_words_are_where_they_lie(shape: str) -> None:
    for row in range(SIZE - 2):
        for column in range(SIZE - 2):
            points = drawn(shape, row, column)
            assert np.array_equal(points_of(regions(points)), points)
            there = np.argwhere(points)
            said = caption(shape, row, column)
            assert said[0] == ROWS[row // 2]
            assert said[1] == COLUMNS[column // 2]
            assert there.min(axis=0)[0] >= row
            assert there.max(axis=0)[1] <= column + 2


def test_no_two_drawings_that_differ_in_words_look_alike() -> None:
    seen: dict[str, list[str]] = {}
    for shape in SHAPES:
        for row in range(SIZE - 2):
            for column in range(SIZE - 2):
                signs = "".join(regions(drawn(shape, row, column)))
                assert seen.setdefault(signs, caption(shape, row, column)) == caption(shape, row, column)


def test_the_caption_and_the_end_are_what_is_learned() -> None:
    signs, said = at_random(np.random.default_rng(1))
    one = example(signs, said)
    target = np.asarray(one.target)
    assert [WORDS[n] for n in one.read] == [*signs, BEGIN, *said, END]
    assert (target[:16] == NOT_COUNTED).all()
    assert [WORDS[n] for n in target[16:-1]] == [*said, END]
    assert target[-1] == NOT_COUNTED


def test_what_judges_is_chosen_once_and_each_is_another() -> None:
    assert unseen() == unseen()
    assert len({"".join(signs) for signs, _ in unseen()}) == UNSEEN


def test_a_region_says_nothing_of_the_others() -> None:
    network = open_model("picture")
    signs, _ = unseen()[0]
    for place in range(0, 16, 5):
        other = [*signs[:place], SIGNS[5] if signs[place] != SIGNS[5] else SIGNS[6], *signs[place + 1 :]]
        one, two = (run(network, read_as(" ".join(given), network), "numpy") for given in (signs, other))
        differ = (one["layer0.forward"]["h"][:16] != two["layer0.forward"]["h"][:16]).any(axis=1)
        assert np.flatnonzero(differ).tolist() == [place]


def test_the_card_says_what_was_measured_and_the_network_is_what_it_says() -> None:
    found, made, network = card("picture"), recipe("picture"), open_model("picture")
    assert all(bound.met(found["measured"][str(found["seed"])]) for bound in made.accepted)
    assert (found["task"], found["how"]) == (made.task, made.how)
    assert network.grid == (4, 4)
    assert path("picture").stat().st_size <= 60_000
    told = network.tensors()["embedding"] @ network.tensors()["layer0.forward/p_turn"]
    assert all((number > 0) == (word in ANSWER) for word, number in zip(WORDS, told, strict=True))


@pytest.mark.slow
def test_it_answers_what_it_has_not_read_and_looks_where_something_stands() -> None:
    network, right = open_model("picture"), 0
    looked = np.zeros(2)  # at what is drawn, to say the row and the column
    for signs, said in unseen()[:24]:
        trace = Source.of_input(network, text_from(" ".join(signs))).run(interpreter="numpy")
        right += list(trace.sequence.tokens[17:20]) == said
        found = looking_of(trace)
        looked += found.weights[:2, [sign != SIGNS[0] for sign in signs]].sum(axis=1) / 24
    assert right >= 21
    assert looked.min() > 0.9, "about a third of the regions has anything in it"


@pytest.mark.slow
def test_the_lines_of_the_sample_are_answered_right() -> None:
    text = (samples_folder() / "picture.txt").read_text("utf-8")
    source = Source.of_input(open_model("picture"), text_from(text))
    wanted = ["top left square", "middle right plus", "bottom left cross", "middle centre bar", "top right pole",
              "bottom right corner"]  # fmt: skip
    made = [" ".join(trace.sequence.tokens[17:20]) for trace in source.run_lines(range(source.count))]
    assert made == wanted
