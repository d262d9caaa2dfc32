"""The terms of every value of every cell: with their signs they add up to it, and no health is asked in vain."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.analysis.contributions import squash_of, terms_of
from lstm_tui.analysis.health import health
from lstm_tui.engine.language.expression import Call
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run

STEPS = 4


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 2), ids=called)
def test_the_terms_of_a_value_add_up_to_it(name: str) -> None:
    network = make_network(name, layers=2)
    x = make_input(network, STEPS)
    trace = run(network, Sequence("numbers", tuple(map(str, range(STEPS))), x=x), "numpy")
    assert health([trace])
    for passed in trace.values():
        for value in passed.cell.values:
            node = passed.cell.equation(value).expression
            summed = isinstance(node, Call) and node.function in ("add", "sub")
            terms = terms_of(passed, value) if summed and squash_of(passed, value) is None else ()
            if terms:
                total = sum(term.series for term in terms)
                np.testing.assert_allclose(np.broadcast_to(total, passed[value].shape), passed[value], atol=1e-9)
