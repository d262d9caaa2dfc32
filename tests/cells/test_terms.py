"""The terms of every value of every cell: with their signs they add up to it, and no health is asked in vain."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.analysis.contributions import squash_of, terms_of
from lstm_tui.analysis.health import health
from lstm_tui.debugger.inspect.explain import Explanation, explain
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


def products_of(found: Explanation) -> list[float]:
    return [one.number for one in found.largest if one.number]


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 2), ids=called)
def test_the_largest_products_are_the_largest_of_all(name: str) -> None:
    """In the order of their size, one that is no number first: of every value, however many are asked for."""
    network = make_network(name)
    x = make_input(network, STEPS)
    trace = run(network, Sequence("numbers", tuple(map(str, range(STEPS))), x=x), "numpy")
    passed = next(iter(trace.values()))
    for value in passed.cell.values:
        everything = products_of(explain(passed, value, STEPS - 1, 0, 10_000))
        sizes = [abs(one) for one in everything]
        assert sizes == sorted(sizes, reverse=True), value
        few = products_of(explain(passed, value, STEPS - 1, 0, 4))
        products = {one.label.partition("[")[0] for one in explain(passed, value, STEPS - 1, 0, 10_000).largest}
        assert len(few) == min(len(everything), max(4, len(products))), value  # each product has one at least
        assert [abs(one) for one in few] == sorted(map(abs, few), reverse=True), value
        assert set(few) <= set(everything), value
        assert not few or abs(few[0]) == max(sizes), value


def test_a_product_that_is_no_number_comes_first() -> None:
    network = make_network("lstm")
    x = make_input(network, STEPS)
    x[STEPS - 1, 1] = np.nan
    trace = run(network, Sequence("numbers", tuple(map(str, range(STEPS))), x=x), "numpy")
    found = products_of(explain(next(iter(trace.values())), "f", STEPS - 1, 0, 3))
    assert np.isnan(found[0])
    assert not np.isnan(found[1:]).any()
