"""No test reads or writes what the user of this computer worked on, or inherits what a shell ignores.

What only costs time is done once for all tests: compiled files are kept, and what was collected is not searched again
for what can be thrown away.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest
import textual._wait
from hypothesis import HealthCheck, settings

from lstm_tui.engine.language.cell import cell_names, load_cell

# A shell that has Python keep no compiled files would have every program that a test starts compile the package anew.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

_LOOK = 1 / 200  # a test looks at the screen oftener than Textual does, with the same rule of when it is at rest
textual._wait.SLEEP_GRANULARITY, textual._wait.SLEEP_IDLE = _LOOK, _LOOK / 8

# No example is failed by the time that it takes: on a machine others use, too, that says nothing.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


MATRICES = sorted(name for name in cell_names() if load_cell(name).shapes)
OFTEN_SLOW = frozenset(MATRICES) - frozenset(MATRICES[::4])
"""Cells of which only the slow tests see everything."""


def _names_given(item: pytest.Item) -> set[str]:
    """Return the words among the parameters of a test."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return {one for one in params.values() if isinstance(one, str)}


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own() -> Iterator[None]:
    with TemporaryDirectory() as folder:
        before = os.environ.get("XDG_STATE_HOME")
        os.environ["XDG_STATE_HOME"] = folder
        yield
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before


def pytest_configure() -> None:
    """Take signals as in the foreground: what a shell has its background jobs ignore, every child would ignore too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take a seed by which the tests are put in another order: none may lean on one that ran before it."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order, the same by a seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in the order of a seed, the same in every worker.

    Of tests that every cell has, those of most memories that are matrices are slow: each takes as long as ten LSTMs.
    Their oracles, in `tests/cells`, are not.
    """
    for item in items:
        if _names_given(item) & OFTEN_SLOW and "cells" not in item.path.parts:
            item.add_marker(pytest.mark.slow)
    seed: int | None = config.getoption("shuffle")
    if seed is not None:
        items.sort(key=lambda one: one.nodeid)
        random.Random(seed).shuffle(items)


def pytest_collection_finish() -> None:
    """Set what was collected aside: hundreds of thousands of objects that live as long as the tests do."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
