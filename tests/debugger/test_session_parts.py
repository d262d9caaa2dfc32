"""A session holds its parts: no class is a slice of another, and a fork that is joined hands over all it has become."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from test_generate import opened

import lstm_tui.debugger
from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.commands.table import answer
from lstm_tui.debugger.session import Session

PARTS = ("cursor", "edits", "stops", "stream")
_HOLDERS = {"_cursor", "_edits", "_stops", "_work"}  # what a part was given, and not what it has become


def _classes() -> Iterator[type]:
    for found in pkgutil.walk_packages(lstm_tui.debugger.__path__, "lstm_tui.debugger."):
        module = importlib.import_module(found.name)
        yield from (one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == found.name)


@pytest.mark.parametrize("one", list(_classes()), ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_no_class_stands_more_than_two_layers_above_pythons_own(one: type) -> None:
    assert sum(base.__module__.startswith("lstm_tui.") for base in one.__mro__) <= 2


def _changed() -> tuple[Session, Session]:
    """Return a session and its fork in which every part has become something else."""
    session = opened()
    since, fork = session.frame, session.fork(Cancellation())
    fork.stream.coming = lambda: None
    for line in ("next", "break t == 1", "goto 0", "who c[0]", "remove 0", "continue"):
        answer(fork, line)
    assert session.frame is since  # the fork goes its own way
    assert not session.history.states
    return session, fork


@pytest.mark.parametrize("part", PARTS)
def test_a_part_adopts_all_that_its_fork_has_become(part: str) -> None:
    session, fork = _changed()
    work = session.work
    session.join(fork, session.frame)
    mine, its = vars(getattr(session, part)), vars(getattr(fork, part))
    for name in its.keys() - _HOLDERS:
        assert mine[name] is its[name], name
    assert session.work is work


@pytest.mark.parametrize("part", PARTS)
def test_a_fork_is_given_parts_of_its_own(part: str) -> None:
    session = opened()
    fork = session.fork(Cancellation())
    mine, its = getattr(session, part), getattr(fork, part)
    assert mine is not its
    for name in _HOLDERS & vars(its).keys():
        expected = fork.work if name == "_work" else getattr(fork, name.removeprefix("_"))
        assert vars(its)[name] is expected, name
    assert fork.work is not session.work
