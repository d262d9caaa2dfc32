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
from collections import defaultdict
from collections.abc import Hashable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

import painted_at_rest
import pytest
import textual._wait
from compiled_once import CompiledOnce
from hypothesis import HealthCheck, settings
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from very_many import left_out

from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.language.expression import Call, Name, walk

# A shell that has Python keep no compiled files would have every program that a test starts compile the package anew.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

_LOOK = 1 / 200  # a test looks at the screen oftener than Textual does, with the same rule of when it is at rest
textual._wait.SLEEP_GRANULARITY, textual._wait.SLEEP_IDLE = _LOOK, _LOOK / 8
painted_at_rest.install()

_parse_rules = Stylesheet._parse_rules
_parsed: dict[tuple[Hashable, ...], list[RuleSet]] = {}


def _parse_rules_once(sheet: Stylesheet, css: str, *args: Any, **kwargs: Any) -> list[RuleSet]:
    """Return the rules of a style sheet, which every screen of the tests has: they are read once for all.

    Textual keeps them as well, for one app and for the same colours.
    """
    key = (css, *args, *sorted(kwargs.items()), *sorted(sheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, css, *args, **kwargs)
    return _parsed[key]


Stylesheet._parse_rules = _parse_rules_once  # type: ignore[assignment, method-assign]

# No example is failed by the time that it takes: on a machine others use, too, that says nothing.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_FEW = 20
"""Random examples that a test tries always, where it asks for as many."""


def _seen_first() -> frozenset[str]:
    """Return the three common cells, and those that have what none before them has: see `_makings`.

    Those whose memory is a matrix come last: each takes as long as ten LSTMs.
    """
    kept = {"lstm", "gru", "rnn"}
    seen = set[object]().union(*map(_makings, kept))
    for name in sorted(cell_names(), key=lambda one: bool(load_cell(one).shapes)):
        if _makings(name) - seen:
            kept.add(name)
            seen |= _makings(name)
    return frozenset(kept)


def _makings(name: str) -> set[object]:
    """Return what a cell is made of: ops, how many states, sizes, and whether a gate reads a state of its own step."""
    cell = load_cell(name)
    parts = [(one.name, part) for one in cell.equations for part in walk(one.expression)]
    peeks = any(isinstance(part, Name) and part.name in cell.state for at, part in parts if at != cell.output)
    calls = {part.function for _, part in parts if isinstance(part, Call)}
    return {*calls, *cell.defaults, len(cell.state), cell.output in cell.state, bool(cell.sizes), ("peeks", peeks)}


MATRICES = sorted(name for name in cell_names() if load_cell(name).shapes)
OFTEN_SEEN = _seen_first() | frozenset(MATRICES[::4])
OFTEN_SLOW = frozenset(cell_names()) - OFTEN_SEEN
"""Cells of which only the slow tests see everything: variants with no op of their own, and memories in matrices."""


def _names_given(item: pytest.Item) -> set[str]:
    """Return the words among the parameters of a test."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return {one for one in params.values() if isinstance(one, str)}


@pytest.fixture(scope="session", autouse=True)
def _state_of_its_own() -> Iterator[None]:
    with TemporaryDirectory() as folder:
        kept = {name: os.environ.get(name) for name in ("XDG_STATE_HOME", "LSTM_TUI_CONFIG")}
        os.environ["XDG_STATE_HOME"] = folder
        os.environ["LSTM_TUI_CONFIG"] = os.devnull  # a config file of whoever runs the tests is none of theirs
        yield
        for name, before in kept.items():
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


_COMPILES = pytest.StashKey[CompiledOnce]()
_MANY = 2000
"""Tests of which some take every kernel, and that are more than somebody who changes one room runs."""


def pytest_configure(config: pytest.Config) -> None:
    """Take signals as in the foreground: what a shell has its background jobs ignore, every child would ignore too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    config.stash[_COMPILES] = CompiledOnce()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let no other worker wait for this one."""
    config.stash[_COMPILES].leave()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how many random examples there are, and a seed by which the tests are put in another order.

    None may lean on one that ran before it.
    """
    parser.addoption("--all-examples", action="store_true", help="give random tests as many examples as they ask for")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order, the same by a seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in the order of a seed, the same in every worker; at a desk random tests try fewer examples.

    Of tests that every cell has, those of cells that are made of the ops of others are slow: they take the same way.
    Their oracles, in `tests/cells`, are not. Where all tests are collected, long tests are `many`, and so are most
    examples of a test that has very many.
    """
    if not config.getoption("all_examples"):
        for test in {getattr(one, "obj", None) for one in items}:
            _try_fewer(test)
    tried: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        tried[str(item.path), getattr(item, "originalname", item.name)] |= _names_given(item)
    for item in items:
        beside = tried[str(item.path), getattr(item, "originalname", item.name)]
        if _names_given(item) & OFTEN_SLOW and beside & OFTEN_SEEN and "cells" not in item.path.parts:
            item.add_marker(pytest.mark.slow)
    if len(items) > _MANY:
        _leave_many_out(items)
    seed: int | None = config.getoption("shuffle")
    if seed is not None:
        items.sort(key=lambda one: one.nodeid)
        random.Random(seed).shuffle(items)


def _leave_many_out(items: list[pytest.Item]) -> None:
    """Mark long tests, and most examples of those that have very many: these are run with the slow tests."""
    many = left_out(item.nodeid for item in items if item.get_closest_marker("slow") is None)
    for item in items:
        if item.nodeid in many or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.many)


def _try_fewer(test: Any) -> None:
    """Have a random test try a third of its examples, of few all: whole they are tried with the slow tests."""
    asked: settings | None = getattr(test, "_hypothesis_internal_use_settings", None)
    if asked is not None and asked.max_examples > _FEW:
        test._hypothesis_internal_use_settings = settings(asked, max_examples=max(asked.max_examples // 3, _FEW))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have kernels compiled once, and set what was collected aside: it lives as long as the tests do."""
    if len(session.items) > _MANY:
        session.config.stash[_COMPILES].compile()
    else:
        session.config.stash[_COMPILES].leave()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_teardown() -> None:
    """Collect garbage again: a command that is refused before its first frame has stopped that, and ends elsewhere."""
    gc.enable()
