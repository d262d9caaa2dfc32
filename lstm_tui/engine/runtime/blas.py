"""One thread for the matrix products of a run, while it is made.

The products of a step are so small that a second thread costs more than it brings, and on a busy machine many times as
much. The command line says so in the environment before NumPy is loaded; where NumPy is there already, as in Python,
its library is told for the time of a run, and told again what held before.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

_VARIABLES = (
    "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS",
)  # fmt: skip
_PAIRS = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
"""How the libraries that NumPy is built with tell and are told their number of threads."""


def prefer_one_thread() -> None:
    """Say in the environment that one thread is enough, when NumPy is still to be loaded and the user says nothing."""
    if "numpy" not in sys.modules and not any(name in os.environ for name in _VARIABLES):
        for name in _VARIABLES:
            os.environ[name] = "1"


class _Turns:
    """Runs that are being made, in any thread; the first sets the number of threads, the last sets it back."""

    def __init__(self) -> None:
        self._lock, self._runs, self._before = threading.Lock(), 0, 1

    def begin(self) -> None:
        controls = _controls()
        if controls is None:
            return
        get, put = controls
        with self._lock:
            if self._runs == 0:
                self._before = get()
                if self._before > 1:
                    put(1)
            self._runs += 1

    def end(self) -> None:
        controls = _controls()
        if controls is None:
            return
        with self._lock:
            self._runs -= 1
            if self._runs == 0 and self._before > 1:
                controls[1](self._before)


_turns = _Turns()


def one_thread(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Have a function take its matrix products in one thread; what held before holds again when it returns."""

    @wraps(function)
    def run(*arguments: Given.args, **named: Given.kwargs) -> Returned:
        _turns.begin()
        try:
            return function(*arguments, **named)
        finally:
            _turns.end()

    return run


def threads() -> int | None:
    """Return how many threads NumPy's library takes now; None where that is not known."""
    controls = _controls()
    return None if controls is None else controls[0]()


@cache
def _controls() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """Return what tells and sets the number of threads of NumPy's library; None when it is a library not known."""
    import ctypes

    for path in _libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for get, put in _PAIRS:
            try:
                told, telling = getattr(library, get), getattr(library, put)
            except AttributeError:
                continue
            told.restype, telling.argtypes, telling.restype = ctypes.c_int, [ctypes.c_int], None
            return told, telling
    return None


def _libraries() -> list[Path]:
    """Return the files to look in: what NumPy computes with, which finds its own library, then what came with it."""
    import numpy as np

    core = sys.modules.get("numpy._core._multiarray_umath")
    package = Path(np.__file__).parent
    bundled = [*package.parent.glob("numpy.libs/*blas*"), *package.glob(".dylibs/*blas*")]
    found = getattr(core, "__file__", None)
    return [*([Path(found)] if found else []), *sorted(bundled)]
