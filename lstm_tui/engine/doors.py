"""Doors: where what a stranger wrote comes in. Whatever it makes fail is one line, and one guard sees to that.

A reader of a file is marked by `@door`; that guards it and puts it into the table. Readers refuse what they can name
by a `UserError`; the guard is for all the rest, so that no reader lists the exceptions of the libraries below it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

STANDARD_INPUT = "-"
DOORS: dict[str, str] = {}
"""Of each guarded reader, by module and name, what it reads."""
_LONGEST_REASON = 120  # characters of a library's message that are quoted

_P = ParamSpec("_P")
_R = TypeVar("_R")


def label(path: str | Path) -> str:
    """Return what a message calls a file: its path made visible, or `standard input`."""
    return "standard input" if str(path) == STANDARD_INPUT else visible(str(path))


@contextmanager
def guarded(where: str, what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside, other than a `UserError`, into one; the cause stays for `--debug`.

    Args:
        where: What messages call the file.
        what: What was read there, such as `a trace`.

    Raises:
        UserError: In place of any other exception.
    """
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{where}: needs more memory than there is; take a smaller one") from error
    except RecursionError as error:
        raise UserError(f"{where}: is nested too deep to be read as {what}") from error
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {reason(error)}") from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":  # how Rust's bugs arrive
            raise
        said = visible(str(error).split("\n")[0][:_LONGEST_REASON])
        told = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise UserError(f"{where}: as {what}, it says what is not understood ({told})") from error


def door(what: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator that guards a reader and puts it into the table.

    Args:
        what: What is read, such as `a trace`; the first argument of the reader is the path.
    """

    def added(reader: Callable[_P, _R]) -> Callable[_P, _R]:
        DOORS[f"{reader.__module__}.{reader.__qualname__}"] = what

        @functools.wraps(reader)
        def read(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            path = args[0] if args else next(iter(kwargs.values()), "")
            with guarded(label(str(path)), what):
                return reader(*args, **kwargs)

        return read

    return added


def reason(error: Exception) -> str:
    """Return what the system says about a failed file operation, in lower case and without the path."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return visible(text[:1].lower() + text[1:])
