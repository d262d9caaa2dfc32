"""The gradient through a run in windows has the bits of that through the run held whole, wherever it is read first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present
from random_networks import numbers
from test_windows import bits, both_ways, network_of

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import readout_series, storage, windows
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_series import is_windowed


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have windows, spans and parts of one block."""
    for module, name in (
        (windows, "WINDOW_BYTES"), (windows, "_SPAN_BYTES"), (storage, "SPAN_BYTES"), (readout_series, "PULL_BYTES"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 1)


def loss_of(trace: Trace) -> tuple[Array | None, dict[str, dict[str, Array]]]:
    """Return the gradient of some loss by what the network says and by its output, of several tokens."""
    rng = np.random.default_rng(2)
    network = present(trace.network)
    d_result = None
    if network.readout is not None:
        like = trace.readout[network.readout.page.result]
        d_result = rng.normal(0, 1, like.shape).astype(like.dtype)
    one = network.passes[-1]
    d = np.zeros(trace[one.name][one.cell.output].shape, trace.dtype)
    d[len(d) // 2] = 1.5
    return d_result, {one.name: {one.cell.output: d}}


def assert_same_gradients(whole: Trace, held: Trace, looked: list[int]) -> None:
    d_result, d_values = loss_of(whole)
    steps = len(whole.sequence)
    for only_values in (False, True):
        found: list[tuple[Any, ...]] = []
        for trace in (whole, held):
            by_value: dict[str, dict[str, Array]] | None = {} if only_values else None
            found.append((*gradients(present(trace.ran), d_result, d_values, by_value=by_value), by_value or {}))
        (flats, d_x, slots, states), (flats_, d_x_, slots_, states_) = found
        assert is_windowed(d_x_)
        for t in looked:
            assert bits(d_x_[t % steps]) == bits(d_x[t % steps]), t
        assert bits(np.asarray(d_x_)) == bits(d_x)
        assert states.keys() == states_.keys()
        for name, values in states.items():
            for value, d in values.items():
                assert bits(np.asarray(states_[name][value])) == bits(d), (name, value)
        if not only_values:
            assert flats.keys() == flats_.keys()
            for name, flat in flats.items():
                assert bits(flats_[name]) == bits(flat), name
            for name, rows in slots.items():
                assert bits(np.asarray(slots_[name])) == bits(rows), name


def inputs_of(network: Network, steps: int) -> Any:
    return numbers(np.random.default_rng(7).normal(0, 1, (steps, network.input_size)))


@pytest.mark.parametrize("engine", [pytest.param("numpy", marks=pytest.mark.slow), "numba"])
@pytest.mark.parametrize("cell", cell_names())
def test_gradients_over_windows_have_the_bits_of_the_whole(cell: str, engine: str) -> None:
    """Every cell, two layers both ways, an odd length: by weights, inputs, states and every slot."""
    network = network_of(cell, both=True)
    assert_same_gradients(*both_ways(network, inputs_of(network, 131), engine), looked=[130, 0, 64])


@pytest.mark.parametrize("steps", [63, 131])
@pytest.mark.parametrize("readout", readout_names())
def test_readouts_are_gone_back_through_in_windows(readout: str, steps: int) -> None:
    """Every readout: what is of all tokens gets its gradient from all of them, part by part."""
    network = network_of("lstm", True, readout)
    assert_same_gradients(*both_ways(network, inputs_of(network, steps), "numba"), looked=[70])


@pytest.mark.parametrize("readout", readout_names())
def test_a_readout_in_parts_is_that_at_once(readout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over many parts against the plain way back through all tokens together, in double precision."""
    network = network_of("lstm", True, readout, "float64")
    whole, _ = both_ways(network, inputs_of(network, 200), "numba")
    evaluated = present(present(whole.ran).readout)
    d_result, _ = loss_of(whole)
    outside = {present(network.readout).page.result: present(d_result)}
    flat, inputs = readout_series.pull(evaluated, outside)
    monkeypatch.setattr(readout_series, "PULL_BYTES", 2**30)
    expected, expected_inputs = readout_series.pull(evaluated, outside)
    np.testing.assert_allclose(flat, expected, rtol=1e-9, atol=1e-12)
    for name, d in expected_inputs.items():
        np.testing.assert_allclose(inputs[name], d, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    cell=st.sampled_from(cell_names()),
    both=st.booleans(),
    readout=st.sampled_from([None, "mean", "linear"]),
    steps=st.integers(1, 260),
    looked=st.lists(st.integers(0, 259), max_size=3),
    held=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 259), st.integers(1, 80)), max_size=2),
    poison=st.sampled_from([0.0, 0.0, np.nan, np.inf, 3e38]),
)
def test_gradients_of_edited_runs_at_odd_lengths(
    cell: str, both: bool, readout: str | None, steps: int, looked: list[int], held: list[tuple[int, int, int]],
    poison: float,
) -> None:  # fmt: skip
    """Values are held across the edges of windows, and numbers are broken."""
    network = network_of(cell, both, readout)
    passes = network.passes
    holds = tuple(
        Hold(passes[number % len(passes)].name, passes[0].cell.output, (0, 2),
             (min(start, steps - 1), min(start + count, steps)), "scale", 0.5)
        for number, start, count in held
    )  # fmt: skip
    sequence = inputs_of(network, steps)
    sequence.x[steps // 2] += poison
    with np.errstate(all="ignore"):
        assert_same_gradients(*both_ways(network, sequence, "numba", holds), looked)


def test_the_way_back_tells_how_far_it_is_and_goes_on_where_it_was_given_up() -> None:
    network = network_of("lstm", True, "mean")
    whole, held = both_ways(network, inputs_of(network, 300), "numba")
    d_result, _ = loss_of(whole)
    told: list[tuple[int, int]] = []
    gradients(present(held.ran), d_result, progress=lambda done, count: told.append((done, count)))
    assert told == sorted(told)
    assert told[-1] == (1200, 1200)

    class Enough(Exception):
        """It was given up."""

    def stop(done: int, count: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        gradients(present(held.ran), d_result, progress=stop)
