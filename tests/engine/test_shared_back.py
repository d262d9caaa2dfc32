"""A gradient has the bits of one thread, whoever helps with it: steps back and products of every cell and size."""

from __future__ import annotations

import _thread
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_threads import given_to, none_is_left  # noqa: F401
from present import present
from random_networks import layer, random_network
from registries import sampled
from test_same_bits import assert_same_bits
from test_shared_step import network_of

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import side_by_side
from lstm_tui.engine.runtime.batch import ToRun, gradients_together, run_together, values_outside
from lstm_tui.engine.runtime.compiling import nothing_compiled
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.fused import back_products, compiled_batches, interpreter, named_step, shared_run
from lstm_tui.engine.runtime.fused.compiled_batches import BatchBack
from lstm_tui.engine.runtime.fused.compiled_steps import Newest
from lstm_tui.engine.runtime.fused.meeting import KNOCK, LEAVE, OTHER
from lstm_tui.engine.runtime.fused.shared_back_run import SharedBack
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.overrides import Hold

WAYS = ("comes", "leaves later", "never comes", "comes late")
ODD = (1, 7, 33, 48, 65, 130)


@pytest.fixture(autouse=True)
def compiled_here() -> None:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")


class Forced:
    """Has steps shared by two threads whatever their size, in a way that is chosen; counts where they were."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.way, self.is_on, self.backs, self.helped = "comes", True, 0, 0
        patch.setattr(interpreter, "NEWEST", Newest())
        patch.setattr(side_by_side, "idle_cores", lambda: int(self.is_on))
        patch.setattr(side_by_side, "LEAST_TO_HELP", 0.0)
        for module in (named_step, compiled_batches):
            patch.setattr(module, "SHARED_NUMBERS", 0)
            patch.setattr(module, "SHARED_SECONDS", 0.0)
        patch.setattr(back_products, "_TWO", 1)
        here, there, back = shared_run.SharedSteps.here, shared_run.SharedSteps.there, SharedBack.run

        def forced(steps: Any) -> None:
            if self.is_on and self.way in ("comes", "leaves later"):
                until = time.monotonic() + 60
                while not steps._meeting[KNOCK]:
                    assert time.monotonic() < until
                    time.sleep(0)
            if self.way == "leaves later":
                _thread.start_new_thread(lambda: steps._meeting.__setitem__(LEAVE, 1), ())
            here(steps)
            self.helped += int(steps._meeting[OTHER] > 0)

        def helps(steps: Any) -> None:
            if self.way == "comes late":
                time.sleep(0.0002)
            if self.way != "never comes":
                there(steps)

        def counted(*arguments: Any) -> None:
            self.backs += 1
            back(*arguments)

        patch.setattr(shared_run.SharedSteps, "here", forced)
        patch.setattr(shared_run.SharedSteps, "there", helps)
        patch.setattr(SharedBack, "run", counted)


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Forced:
    return Forced(monkeypatch)


def gradient_of(network: Network, x: Array, **more: Any) -> dict[str, Array]:
    """Return the gradient of a weighted sum of the outputs, by every parameter and by the input."""
    made = present(run_together(network, [ToRun(x, **more)], values_outside(network)))
    wanted = {}
    for one in network.layers[-1].passes:
        weight = np.random.default_rng(3).normal(size=(len(x) + 1, one.output_size)).astype(network.dtype)
        weight[0] = 0
        wanted[one.name] = {one.cell.output: weight}
    flats, d_x = gradients_together(made, {}, wanted)
    return {**flats, "x": d_x}


def plain(network: Network, x: Array, **more: Any) -> dict[str, Array]:
    """Return the same of the steps of many sequences, by one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchBack, "forwards", lambda self, *arguments: self.step.run(*arguments))
        patch.setattr(BatchBack, "_shared_back", lambda *_: None)
        patch.setattr(side_by_side, "idle_cores", lambda: 0)
        return gradient_of(network, x, **more)


def assert_every_way(network: Network, x: Array, forced: Forced, ways: tuple[str, ...] = WAYS, **more: Any) -> None:
    expected = plain(network, x, **more)
    forced.is_on = False
    for name, numbers in gradient_of(network, x, **more).items():
        assert_same_bits(numbers, expected[name], f"{name} by one thread")
    forced.is_on = True
    for way in ways:
        forced.way = way
        for name, numbers in gradient_of(network, x, **more).items():
            assert_same_bits(numbers, expected[name], f"{name} when the other {way}")


@pytest.mark.parametrize("cell", sampled(cell_names(), 3))
def test_every_cell(cell: str, forced: Forced) -> None:
    network = network_of(cell, 36)
    assert_every_way(network, given_to(network, 40), forced, ("comes",))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_it_is_shared_and_near_the_gradient_of_whole_rows(cell: str, forced: Forced) -> None:
    network = network_of(cell, 33, 2, "float64")
    x = given_to(network, 50)
    assert_every_way(network, x, forced)
    assert forced.backs == 2 * (1 + len(WAYS))
    assert forced.helped >= 4
    top = network.passes[-1]
    weight = np.random.default_rng(3).normal(size=(51, top.output_size))[1:]
    far, d_x, _ = gradients(run_arrays(network, x, "numpy"), d_values={top.name: {top.cell.output: weight}})
    near = gradient_of(network, x)
    for name, numbers in {**far, "x": d_x}.items():
        found = near["x"][1:] if name == "x" else near[name]
        np.testing.assert_allclose(found, numbers, rtol=1e-8, atol=1e-8)


def test_directions_whose_matrices_no_core_holds_are_taken_one_after_the_other(
    forced: Forced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_step, "own_cache_bytes", lambda: 0)
    monkeypatch.setattr(side_by_side, "LEAST_SECONDS", 0.0)
    both = [layer("lstm", 36, directions=["forward", "backward"], merge="concat")] * 2
    network = random_network({"name": "made", "input_size": 5, "layers": both})
    assert_every_way(network, given_to(network, 40), forced, ("comes",))
    assert forced.helped >= 8


@pytest.mark.parametrize("inner", [3, 64, 200])
@pytest.mark.parametrize("rows", [5, 90])
def test_parts_of_products_are_all_of_them(inner: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(inner)
    read, d, block = rng.normal(size=(rows, inner)), rng.normal(size=(rows, 150)), rng.normal(size=(inner, 150))
    for two in (1, 10**9):
        monkeypatch.setattr(back_products, "_TWO", two)
        weights, inputs = np.ones((inner, 150)), np.ones((rows, inner))
        made = list(back_products.by_matrix(read, d, weights))
        assert len(made) == (2 if two == 1 else 1)
        for part in (*made, *back_products.by_input(d, block, inputs, aligned)):
            part()
        np.testing.assert_allclose(weights, 1 + read.T @ d)
        np.testing.assert_allclose(inputs, 1 + d @ block.T)


def test_it_is_compiled_when_ways_back_have_taken_as_long_and_not_under_a_key(
    forced: Forced, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of("lstm", 40)
    x = given_to(network, 30)
    monkeypatch.setattr(compiled_batches, "SHARED_SECONDS", 1e9)
    gradient_of(network, x)
    assert not forced.backs
    monkeypatch.setattr(compiled_batches, "SHARED_SECONDS", 0.0)
    with nothing_compiled():
        gradient_of(network, x)
    before = forced.backs
    gradient_of(network, x)
    assert (before, forced.backs) == (0, 1)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(cell=st.sampled_from(cell_names()), hidden=st.sampled_from(ODD), steps=st.integers(1, 90),
       dtype=st.sampled_from(["float32", "float64"]), held=st.booleans(), resumed=st.booleans())  # fmt: skip
def test_odd_sizes_held_and_resumed(cell: str, hidden: int, steps: int, dtype: str, held: bool, resumed: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        network = network_of(cell, hidden, 1, dtype)
        lowest = network.passes[0]
        state = next(iter(lowest.program.initial_states(lowest.flat)), None)
        more: dict[str, Any] = {}
        if state is not None:
            if held:
                more["holds"] = (Hold("layer0.forward", state, (0, 1), (steps // 3, steps), "set", 0.25),)
            if resumed:
                size = lowest.program.values[state].size
                more["initial"] = {"layer0.forward": {state: np.random.default_rng(steps).normal(size=size)}}
        assert_every_way(network, given_to(network, steps, steps), Forced(patch), ("comes", "comes late"), **more)
