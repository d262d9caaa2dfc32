"""`lstm-tui serve`: the debugger in a browser."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from lstm_tui.cli.options import OWN, PORT
from lstm_tui.cli.source import source_of, without
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.samples import find_input


def command(options: Namespace) -> int:
    """Serve an input, or lessons; what is wrong with them is said before there is a server."""
    try:
        from lstm_tui.serving.admission import Admission, is_loopback
        from lstm_tui.serving.limits import Limits
        from lstm_tui.serving.server import DebuggerServer, serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lstm_tui"):
            raise
        raise UserError("serve needs textual-serve: pip install 'lstm-tui[web]'") from error
    if options.tour is None:
        _check_input(options)
    else:
        _check_lesson(options.tour)
    sealed = not (options.files or is_loopback(options.host))
    ports = [PORT, 0] if options.port is None else [options.port]
    admission = Admission(options.host, tuple(options.allow_host))
    limits = Limits(options.idle, options.memory, options.processor)
    server = DebuggerServer(command_for_visitors(options), admission, options.visitors, sealed, limits, options.debug)

    def opened(address: str) -> None:
        print(f"{visible(address)}  {_warning(is_loopback(options.host), sealed)}; Ctrl-C ends it", flush=True)

    return serve(server, ports, opened)


def command_for_visitors(options: Namespace) -> tuple[str, ...]:
    """Return what is started for every visitor, by this very Python."""
    words = without(options.given[1:], {**OWN, "--debug": 0})
    what = ["run", *words]
    if options.tour is not None:
        light = ["--light"] if options.light else []
        what = ["tour", *light, *(["--", options.tour] if options.tour else [])]
    here = Path(__file__).resolve().parents[2] == Path.cwd()
    safe = () if here else ("-P",)  # a random.py in this folder is no module of ours
    return sys.executable, *safe, "-m", "lstm_tui", *what


def _check_input(options: Namespace) -> None:
    """Open the input once, so that no visitor is the first to hear that it cannot be."""
    if options.file is not None:
        if options.file == "-":
            raise UserError("standard input can be read once, and every visitor reads it anew: serve a FILE")
        path = Path(find_input(options.file))
        if path.exists() and not path.is_file():
            raise UserError(f"{visible(options.file)}: is no file that every visitor can read anew")
    source_of(options)


def _check_lesson(name: str) -> None:
    from lstm_tui.cli.tour import library

    if name:
        lessons = library()
        lessons.checked(lessons.find(name))


def _warning(alone: bool, sealed: bool) -> str:
    """Say in half a line who may do what."""
    files = "files are not read or written for them" if sealed else "they read and write files as you"
    if alone:
        return f"for whoever on this computer has this address; {files}"
    return f"for whoever has this address, NOT ENCRYPTED; {files}"
