"""The words that lie nearest to a word, by the cosines of their embeddings."""

from __future__ import annotations

import math

import pytest
from present import present

import lstm_tui
from lstm_tui.debugger.inspect.trace_facts import Facts
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
        others = sorted((n for n in range(len(rows)) if n != token), key=lambda n: -cosines[n])[:4]
        found = facts.near(token)
        assert len(found) == min(4, len(rows))
        for (word, cosine), n in zip(found, others, strict=False):
            assert cosine == pytest.approx(cosines[n], abs=1e-5), word
            assert cosine == pytest.approx(cosines[vocabulary.index(word)], abs=1e-5)
