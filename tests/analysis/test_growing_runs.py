"""What a memory keeps and is written is told of a run that grows as of the whole."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from lstm_tui.analysis.ledger import flow_of
from lstm_tui.engine.compiler.roles import memory_of, update_of
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace

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


def _first(passed: PassTrace, stop: int) -> PassTrace:
    """Return the first steps of a forward pass."""
    cut = {name: series[:stop] for name, series in passed.arrays.items()}
    return replace(passed, arrays=cut, inputs={name: series[:stop] for name, series in passed.inputs.items()})
