"""From arguments to an exit code: 0 fine, 1 a file or a run is wrong, 2 usage, 3 a stop, 130 interrupted."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from lstm_tui.cli.arguments import parse
from lstm_tui.debugger.endings import INTERRUPTED, USAGE, open_streams, watched
from lstm_tui.engine import setbacks
from lstm_tui.engine.ascii_forms import READABLE
from lstm_tui.engine.errors import UsageError, UserError
from lstm_tui.engine.runtime.blas import prefer_one_thread
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

FAULT = "this is a fault of the program"
"""How the line begins of what no reader, check or guard foresaw."""
_OUTPUT = "standard output"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: Those after the program's name; by default those of the process, which then ends with the command.
    """
    prefer_one_thread()
    open_streams()
    owned = arguments is None
    code = 1
    with watched(owned) as watch, setbacks.told_by(_remark):
        if owned:
            _name_output()
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
            if watch is not None and watch.code is not None:
                code = watch.code  # whatever else failed on the way out
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
            if not owned:
                raise
        finally:
            if owned:
                try:
                    sys.stdout.flush()
                except (OSError, ValueError):  # said already, or nobody is there; Python would say it again
                    _drop_output()
            if owned and watch is not None:
                watch.finish(code)
    return code


def _run(arguments: Sequence[str]) -> int:
    debug = "--debug" in arguments
    try:
        try:
            options = parse(arguments)
        except SystemExit:
            sys.stdout.flush()  # the help may not have come to its end
            raise
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors=READABLE)  # a terminal that lacks a sign gets what stands for it
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="backslashreplace")  # what is typed in another encoding is no fault of ours
        with warnings.catch_warnings():
            if not (debug or sys.warnoptions):
                warnings.simplefilter("ignore")  # of libraries, for their programmers; what a user should know is said
            return _command(options)
    except UserError as error:
        if debug:
            raise
        _remark(str(error))
        return USAGE if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        broken = isinstance(error, BrokenPipeError) and error.filename in (None, _OUTPUT)
        if debug and not broken:
            raise
        _drop_output()
        if broken:  # the reader of our output has had enough
            return 0
        place = "" if error.filename is None else f"{error.filename}: "
        doing = "cannot be written: " if error.filename == _OUTPUT else ""
        closed = error.filename == _OUTPUT and error.errno == errno.EBADF
        return _fail(f"{place}{doing}{'it is closed' if closed else setbacks.cause(error)}")
    except MemoryError:
        if debug:
            raise
        return _fail("there is not enough memory; take a shorter input or a smaller network")
    except Exception as error:
        if debug:
            raise
        told = (str(error).splitlines() or [""])[0][:120]
        return _fail(f"{FAULT} ({type(error).__name__}: {told}); --debug shows where, please tell")


def _command(options: Namespace) -> int:
    from importlib import import_module

    from lstm_tui.cli.user_settings import OPENING, prepare

    if options.module in OPENING:
        prepare(options)
    module = import_module(f"lstm_tui.cli.{options.module}")
    if not gc.isenabled():  # what was read stays for as long as the process
        gc.freeze()
        gc.enable()
    from lstm_tui.engine.arrays import quiet  # NumPy comes with it: not before the arguments are read

    with quiet():
        code = module.command(options)
    sys.stdout.flush()
    assert isinstance(code, int)
    return code


class _Output(io.FileIO):
    """Standard output, whose errors say that it is meant."""

    def write(self, data: Buffer) -> int:
        """Write bytes.

        Raises:
            OSError: They cannot be written; `filename` is `standard output`.
        """
        try:
            return super().write(data)
        except OSError as error:
            error.filename = _OUTPUT
            raise


def _name_output() -> None:
    """Have an error of standard output told apart from that of any other file."""
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper) or before is not sys.__stdout__:
        return
    before.flush()
    raw = _Output(before.fileno(), "w", closefd=False)
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(  # type: ignore[misc]
        io.BufferedWriter(raw), encoding=before.encoding, errors=before.errors, line_buffering=before.line_buffering
    )


def _drop_output() -> None:
    """Send what is still to be written nowhere, so that leaving does not fail once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    _remark(message)
    return 1


def _remark(message: str) -> None:
    with suppress(OSError):  # nobody can be told
        print(f"lstm-tui: {visible(message)}", file=sys.stderr)
