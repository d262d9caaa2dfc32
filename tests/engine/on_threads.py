"""What tests of runs on two threads share: inputs, the same bits of two runs, and that no thread is left."""

from __future__ import annotations

import _thread
import time
from collections.abc import Iterator

import numpy as np
import pytest
from test_same_bits import assert_same_bits

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.forward import RunBuffers


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    before = _thread._count()
    yield
    until = time.monotonic() + 60
    while _thread._count() > before:
        assert time.monotonic() < until, "a thread goes on"
        time.sleep(0.001)


def given_to(network: Network, steps: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 1, (steps, network.input_size)).astype(network.dtype)


def assert_same_run(one: RunBuffers, other: RunBuffers) -> None:
    for name, stored in one.stored.items():
        for value, expected in stored.values.items():
            assert_same_bits(np.asarray(other.stored[name].values[value]), np.asarray(expected), f"{name} {value}")
    for expected, found in zip(one.merged, other.merged, strict=True):
        assert_same_bits(np.asarray(found), np.asarray(expected), "merged")
