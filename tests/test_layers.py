"""How deep our classes stand: what a class does is read in it and in at most one other of ours."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import lstm_tui

MOST = 2
"""Classes of ours between Textual's or Python's own and whoever uses one, that one counted."""


def is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "lstm_tui"


def inside(holder: object, module: str) -> Iterator[type]:
    """Yield the classes that a module defines, those inside others too."""
    for one in vars(holder).values():
        if inspect.isclass(one) and one.__module__ == module and (inspect.ismodule(holder) or one is not holder):
            yield one
            yield from inside(one, module)


def classes() -> list[type]:
    """Return every class of the package."""
    names = ["lstm_tui", *(one.name for one in pkgutil.walk_packages(lstm_tui.__path__, "lstm_tui."))]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return list(dict.fromkeys(kind for module in modules for kind in inside(module, module.__name__)))


def depth(kind: type) -> int:
    """Return how many classes of ours a class is made of, itself counted."""
    return sum(is_ours(one) for one in kind.__mro__)


def test_no_class_stands_more_than_two_of_ours_above_a_library() -> None:
    found = classes()
    assert len(found) > 300  # the package was walked
    assert {f"{kind.__module__}.{kind.__qualname__}": depth(kind) for kind in found if depth(kind) > MOST} == {}


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_layers_are_counted_whole(layers: int) -> None:
    kind: type = Exception
    for number in range(layers):
        kind = type(f"Own{number}", (kind,), {"__module__": "lstm_tui.made_up"})
    assert depth(kind) == layers
