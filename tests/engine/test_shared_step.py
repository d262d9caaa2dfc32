"""A step shared by two threads has the bits of one thread, whoever comes, comes late, leaves or fails."""

from __future__ import annotations

import _thread
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from random_networks import layer, random_network
from registries import sampled
from test_same_bits import assert_same_bits

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import side_by_side, storage
from lstm_tui.engine.runtime.forward import RunBuffers, run_arrays
from lstm_tui.engine.runtime.fused import named_step
from lstm_tui.engine.runtime.fused.shared_step import KNOCK, LEAVE, OTHER

WAYS = ("comes", "leaves", "leaves later", "never comes", "comes late")


class Forced:
    """Has a second thread help with every run, in a way that is chosen; counts where it did."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.way, self.is_on, self.shared, self.helped, self.left = "comes", True, 0, 0, 0
        self.seconds = 0
        patch.setattr(side_by_side, "idle_cores", lambda: int(self.is_on))
        patch.setattr(side_by_side, "LEAST_TO_HELP", 0.0)
        patch.setattr(storage, "NAMED_BYTES", 0)
        patch.setattr(named_step, "SHARED_NUMBERS", 0)
        patch.setattr(named_step, "SHARED_SECONDS", 0.0)
        patch.setattr(named_step, "_GIVEN_BYTES", 1)
        patch.setattr(named_step, "_GIVEN_STEPS", 24)
        here, there = named_step._SharedSteps.here, named_step._SharedSteps.there

        def forced(steps: Any) -> None:
            self.shared += 1
            meeting = steps._meeting
            if self.way == "leaves":
                meeting[LEAVE] = 1
            if self.way in ("comes", "leaves", "leaves later"):
                until = time.monotonic() + 60
                while not meeting[KNOCK]:
                    assert time.monotonic() < until
                    time.sleep(0)
            if self.way == "leaves later":
                _thread.start_new_thread(lambda: meeting.__setitem__(LEAVE, 1), ())
            here(steps)
            self.helped += int(meeting[OTHER] > 0)
            self.left += int(meeting[OTHER] >= 1 << 62)

        def helps(steps: Any) -> None:
            if self.way == "comes late":
                time.sleep(0.0002)
            if self.way != "never comes":
                there(steps)

        patch.setattr(named_step._SharedSteps, "here", forced)
        patch.setattr(named_step._SharedSteps, "there", helps)


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Forced:
    return Forced(monkeypatch)


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    before = _thread._count()
    yield
    until = time.monotonic() + 60
    while _thread._count() > before:
        assert time.monotonic() < until, "a thread goes on"
        time.sleep(0.001)


def network_of(cell: str, hidden: int, layers: int = 1, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 19} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    made = layer(cell, hidden, sizes=sizes)
    width = hidden if strict else 5
    return random_network({"name": "made", "input_size": width, "layers": [made] * layers}, dtype=dtype)


def given_to(network: Network, steps: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 1, (steps, network.input_size)).astype(network.dtype)


def assert_same_run(one: RunBuffers, other: RunBuffers) -> None:
    for name, stored in one.stored.items():
        for value, expected in stored.values.items():
            assert_same_bits(np.asarray(other.stored[name].values[value]), np.asarray(expected), f"{name} {value}")


@pytest.mark.parametrize("cell", sampled(cell_names(), 4))
def test_every_cell(cell: str, forced: Forced) -> None:
    network = network_of(cell, 36)
    x = given_to(network, 70)
    forced.is_on = False
    expected = run_arrays(network, x, "numba")
    assert not forced.shared
    forced.is_on = True
    for way in WAYS:
        forced.way, forced.helped = way, 0
        assert_same_run(expected, run_arrays(network, x, "numba"))
        if way == "comes":
            assert forced.helped == 3
