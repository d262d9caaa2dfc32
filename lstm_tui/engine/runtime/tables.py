"""Columns of a run as a table of pandas or polars, and as a data set of xarray, where these are installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

Library = Literal["pandas", "polars"]
LIBRARIES = ("pandas", "polars")


def table_of(columns: Mapping[str, Array | list[str]], library: Library | None = None) -> Any:
    """Return columns of one length as a table.

    Args:
        columns: By name; texts as a list.
        library: `pandas` or `polars`; by default the first that is installed.

    Raises:
        UserError: It is not installed, or no library of these.
    """
    if library is not None and library not in LIBRARIES:
        raise UserError(f"a table is one of {' or '.join(LIBRARIES)}, not of {visible(str(library))}")
    for name in LIBRARIES if library is None else (library,):
        found = imported(name)
        if found is not None:
            return found.DataFrame(dict(columns))
    wanted = library or "pandas"
    either = "pandas or polars" if library is None else library
    raise UserError(f"a table needs {either}: pip install {wanted}; table() returns its columns without either")


def data_set_of(variables: Mapping[str, tuple[tuple[str, ...], Array]], along: Mapping[str, Any]) -> Any:
    """Return variables with named axes as a data set of xarray.

    Args:
        variables: Their axes and numbers, by name.
        along: What stands along the axes, by name.

    Raises:
        UserError: xarray is not installed.
    """
    xarray = imported("xarray")
    if xarray is None:
        raise UserError("a data set needs xarray: pip install xarray")
    return xarray.Dataset(dict(variables), coords=dict(along))


def imported(name: str) -> Any:
    """Return a library, or None where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None
