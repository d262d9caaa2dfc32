"""What a notebook shows of an object: a page that is drawn above the engine, by whoever the package names."""

from __future__ import annotations

from collections.abc import Callable

Draw = Callable[[object], str | None]
"""Returns the markup of an object, or None where there is none and its `repr` stands."""

_draw: list[Draw] = []


def draw_with(draw: Draw) -> None:
    """Say who draws every object that a notebook shows; nothing is imported before the first one."""
    _draw[:] = [draw]


def rich_display(shown: object) -> str | None:
    """Return what a notebook shows of an object: markup that runs nothing and fetches nothing, of bounded size.

    A class says `_repr_html_ = rich_display`, by which notebooks ask for it; elsewhere its `repr` stands.
    """
    return _draw[0](shown) if _draw else None
