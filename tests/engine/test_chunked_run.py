"""A network run chunk by chunk, its states carried, has the bits of one run of the whole; both ways is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import layer, random_network
from registries import DOUBLE_IS_SLOW, sampled
from test_growing_bits import FORWARD, STEPS, bits, of_numbers, series

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.chunked_run import ChunkedRun
from lstm_tui.engine.runtime.run import run

EVERY = list(range(1, STEPS))
CHUNKINGS: tuple[list[int], ...] = ([], [1], [64], [10, 10, 20], [63, 64, 65, 128], EVERY, EVERY[15::16])


def check(network: Network, cuts: list[int], engine: str) -> None:
    sequence = series(network)
    whole = run(network, sequence, engine)
    places = [0, *sorted({cut for cut in cuts if 0 < cut < STEPS}), STEPS]
    chunked = ChunkedRun(network, engine=engine)
    assert sequence.x is not None
    made = [chunked.read(sequence.x[start:stop].astype(network.dtype)) for start, stop in pairwise(places)]
    for name, passed in whole.items():
        for state in passed.initial:
            assert bits(np.concatenate([one.states[name][state] for one in made])) == bits(passed[state])
            assert bits(chunked.states[name][state]) == bits(np.asarray(passed.final_states[state]))
    if whole.output is not None and made[0].outputs.ndim == 2:
        assert bits(np.concatenate([one.outputs for one in made])) == bits(np.asarray(whole.output))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", DOUBLE_IS_SLOW)
@pytest.mark.parametrize("cell", sampled(cell_names(), 9))
def test_chunk_by_chunk_is_the_whole_for_every_cell(cell: str, dtype: str, engine: str) -> None:
    network = of_numbers(cell, dtype=dtype)
    for cuts in CHUNKINGS:
        check(network, cuts, engine)


@pytest.mark.parametrize("readout", FORWARD)
def test_chunk_by_chunk_says_the_same_by_token(readout: str) -> None:
    check(of_numbers("gru", 2, readout), [7, 64, 90], "numpy")


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cell=st.sampled_from(cell_names()), cuts=st.lists(st.integers(1, STEPS - 1), max_size=12))
def test_any_chunking_of_any_cell_is_the_whole(cell: str, cuts: list[int]) -> None:
    check(of_numbers(cell, 1), cuts, "numpy")


def test_a_state_some_steps_before_the_end_is_one_of_the_run() -> None:
    network = of_numbers("lstm", 1)
    sequence = series(network)
    assert sequence.x is not None
    made = ChunkedRun(network, engine="numpy").read(sequence.x[:5])
    name = network.passes[0].name
    for early in range(5):
        assert np.array_equal(made.at_the_end(early)[name]["c"], made.states[name]["c"][4 - early])
    assert np.array_equal(made.at_the_end(5)[name]["c"], np.zeros(6))


def test_both_ways_is_refused_in_one_line() -> None:
    spec = {"name": "both", "input_size": 3, "layers": [layer("lstm", 4, both=True)], "readout": None}
    with pytest.raises(UserError, match=r"both reads both ways: layer0\.backward begins at the end"):
        ChunkedRun(random_network(spec))
