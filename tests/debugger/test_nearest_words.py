"""The words that lie nearest to a word, by the cosines of their embeddings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence
from present import present

import lstm_tui
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.engine.runtime.run import run
from lstm_tui.models.bundled import open_model


@pytest.mark.parametrize("name", ["story", "recall-lstm"])
def test_the_four_nearest_words_are_those_of_a_loop(name: str) -> None:
    network = open_model(name)
    rows = [[float(one) for one in row] for row in present(network.embedding)]
    vocabulary = present(network.tokens).vocabulary
    facts = Facts(lstm_tui.trace("ta na" if name == "recall-lstm" else "Ram likes AIML", model=name))
    for token in range(0, len(rows), 7):
        cosines = [
            sum(one * other for one, other in zip(row, rows[token], strict=True))
            / (math.hypot(*row) * math.hypot(*rows[token]))
            for row in rows
        ]
        others = sorted((n for n in range(len(rows)) if n != token and cosines[n] > 0), key=lambda n: -cosines[n])[:4]
        found = facts.near(token)
        assert len(found) == len(others)
        for (word, cosine), n in zip(found, others, strict=False):
            assert cosine == pytest.approx(cosines[n], abs=1e-5), word
            assert cosine == pytest.approx(cosines[vocabulary.index(word)], abs=1e-5)


def test_a_word_is_not_near_itself_and_none_is_near_that_points_away() -> None:
    network = open_model("story")
    rows = np.zeros_like(present(network.embedding))
    rows[0, 0], rows[1, 0], rows[2, 1], rows[3, :2] = 1.0, -1.0, 1.0, 1.0
    facts = Facts(run(replace(network, embedding=rows), sentence(network, "Ram likes AIML")))
    vocabulary = present(network.tokens).vocabulary
    ((word, cosine),) = facts.near(0)
    assert word == vocabulary[3]
    assert cosine == pytest.approx(math.sqrt(0.5))
    assert facts.near(1) == ()
