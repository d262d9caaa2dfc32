"""Where nothing may be compiled: what waits for a key asks for it, and the compiled step says when it would.

To compile a step takes some tenths of a second, which nobody may wait for without being told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_compiles_here: ContextVar[bool] = ContextVar("compiles_here", default=True)


class StillToCompile(Exception):
    """A program would have to be compiled, where what waits for it cannot say so."""


@contextmanager
def nothing_compiled() -> Iterator[None]:
    """Have nothing compiled in here, as under a key: a run that needs it raises `StillToCompile` before it begins."""
    token = _compiles_here.set(False)
    try:
        yield
    finally:
        _compiles_here.reset(token)


def compiles_here() -> bool:
    """Say whether something may be compiled here that can be done without."""
    return _compiles_here.get()


def about_to_compile() -> None:
    """Stop here where nothing is to be compiled.

    Raises:
        StillToCompile: It is not.
    """
    if not _compiles_here.get():
        raise StillToCompile


def about_to_take_long() -> None:
    """Stop here where nothing is to be waited for: what is to be done takes as long as a compilation, or longer.

    Raises:
        StillToCompile: It is not.
    """
    about_to_compile()
