"""What is told of a run that grows is what is told of the whole."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from lstm_tui.analysis.flow import flow_of
from lstm_tui.analysis.words_to_come import surprise
from lstm_tui.engine.cell import cell_names, load_cell
from lstm_tui.engine.holds import Hold
from lstm_tui.engine.network import build_network
from lstm_tui.engine.roles import memory_of, update_of
from lstm_tui.engine.run import run
from lstm_tui.engine.trace import Sequence
from lstm_tui.formats.inputs import text_sequence
from lstm_tui.models.named import open_model
from lstm_tui.tui.facts import Facts

LINEAR = [name for name in cell_names() if update_of(load_cell(name), memory_of(load_cell(name))) is not None]
CUTS = (0, 1, 3, 64, 70, 100)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cell", LINEAR)
def test_what_a_memory_keeps_and_is_written(cell: str, held: bool) -> None:
    layer = {"cell": cell, "hidden_size": 6, "directions": ["forward"]}
    needs = any(size.letter == "P" for size in load_cell(cell).sizes.values())
    network = build_network({"input_size": 6, "layers": [layer | ({"sizes": {"P": 3}} if needs else {})]})
    x = np.random.default_rng(3).normal(0, 1, (CUTS[-1], 6)).astype(np.float32)
    memory = memory_of(load_cell(cell))
    holds = (Hold("layer0.forward", memory, (0, 2), (2, 80), "set", 0.5),) if held else ()
    passed = run(network, Sequence("numbers", ("",) * len(x), x=x), holds=holds)["layer0.forward"]
    whole = flow_of(passed, memory)
    assert whole is not None
    grown = None
    for _, stop in pairwise(CUTS):
        part = _first(passed, stop)
        before = grown
        grown = flow_of(part, memory) if grown is None else grown.gone_on(part)
        assert grown is not None
        assert before is None or before.keep.tobytes() == whole.keep[: len(before.keep)].tobytes()
    assert grown is not None
    for one in fields(whole):
        if one.name != "rooms":
            np.testing.assert_array_equal(getattr(grown, one.name), getattr(whole, one.name), err_msg=one.name)
    np.testing.assert_array_equal(grown.sizes, whole.sizes)


def _first(passed, stop):  # type: ignore[no-untyped-def]
    """Return the first steps of a forward pass."""
    from dataclasses import replace

    cut = {name: series[:stop] for name, series in passed.arrays.items()}
    return replace(passed, arrays=cut, inputs={name: series[:stop] for name, series in passed.inputs.items()})


@pytest.mark.parametrize("name", ["story", "verdict-attention"])
def test_what_the_screen_draws(name: str) -> None:
    network = open_model(name)
    assert network.tokens is not None
    sequence = text_sequence("Anna and Mei like music . their friend Omar enters . he is good . " * 3, network.tokens)
    grown = None
    for stop in (1, 5, 20, len(sequence)):
        grown = Facts(run(network, sequence.part(0, stop)), since=grown)
        grown.prepare()
    assert grown is not None
    whole = Facts(grown.trace)
    for passed in whole.names:
        assert grown.signals(passed) == whole.signals(passed)
        for signal in whole.signals(passed):
            np.testing.assert_array_equal(grown.signal(passed, signal), whole.signal(passed, signal))
        assert grown.columns(passed) == whole.columns(passed)
    bits = surprise(grown.trace)
    assert (bits is None) == (grown.surprise is None)
    assert bits is None or np.array_equal(bits, grown.surprise, equal_nan=True)
