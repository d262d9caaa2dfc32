"""From arguments to an exit code: 0 fine, 1 a file or a run is wrong, 2 usage, 3 a stop, 130 interrupted."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from types import FrameType

from lstm_tui.cli.parser import parse
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

FAULT = "this is a fault of the program"
"""How the line begins of what no reader, check or guard foresaw."""
_INTERRUPTED = 130
_TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: Those after the program's name; by default those of the process.
    """
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a sign still gets the rest
    previous = signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        with warnings.catch_warnings():
            if not (options.debug or sys.warnoptions):
                warnings.simplefilter("ignore")  # of libraries, for their programmers; what a user should know is said
            return _command(options)
    except UserError as error:
        if options.debug:
            raise
        return _fail(str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has had enough
        _drop_output()
        return 0
    except OSError as error:
        if options.debug:
            raise
        _drop_output()
        where = "standard output: cannot be written" if error.filename is None else str(error.filename)
        return _fail(f"{where}: {(error.strerror or str(error)).lower()}")
    except MemoryError:
        if options.debug:
            raise
        return _fail("there is not enough memory; take a shorter input or a smaller network")
    except Exception as error:
        if options.debug:
            raise
        told = (str(error).splitlines() or [""])[0][:120]
        return _fail(
            f"this is a fault of the program ({type(error).__name__}: {told}); --debug shows where, please tell"
        )
    finally:
        signal.signal(signal.SIGTERM, previous)


def _command(options: Namespace) -> int:
    from importlib import import_module

    module = import_module(f"lstm_tui.cli.{options.module}")
    code = module.command(options)
    sys.stdout.flush()
    assert isinstance(code, int)
    return code


def _drop_output() -> None:
    """Send what is still to be written nowhere, so that leaving does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    print(f"lstm-tui: {visible(message)}", file=sys.stderr)
    return 1


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Leave by way of every `finally`, so that the terminal and half-written files are tidied."""
    raise SystemExit(_TERMINATED)
