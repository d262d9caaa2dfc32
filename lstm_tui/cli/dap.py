"""`lstm-tui dap`: the debugger for editors that speak the Debug Adapter Protocol."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from lstm_tui.cli.arguments import parse_handed
from lstm_tui.cli.autosave import kept_plainly
from lstm_tui.cli.source import capture_source, source_of
from lstm_tui.dap.adapter import Adapter, Opened
from lstm_tui.dap.exchange import Exchange
from lstm_tui.dap.pages import Text
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.capture_file import is_capture
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.models import sample_of
from lstm_tui.serving.editors import listen

_KEYS = {
    "program": "FILE, the text or numbers that are read, or a capture",
    "args": "a list of options of `lstm-tui run`, of a capture those of `lstm-tui open`",
}


def command(options: Namespace) -> int:
    """Talk to one editor, on standard input and output or on a port."""
    if options.port is not None:
        listen(options.port, lambda reading, writing: _talk(reading, writing, "the connection"), _say)
        return 0
    if sys.stdin.isatty():
        raise UserError(
            "dap is started by an editor, and talks to it; to wait for one on a port: lstm-tui dap --port N"
        )
    speaking, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing else may come between the messages
    _talk(FileIO(sys.stdin.fileno(), closefd=False), speaking, "standard input")
    return 0


def _talk(reading: FileIO, writing: BinaryIO, where: str) -> None:
    with suppress(BrokenPipeError, ConnectionError):  # the editor is gone
        Adapter(Exchange(reading, writing, where), open_launch).serve()


def _say(text: str) -> None:
    print(f"lstm-tui: {text}", file=sys.stderr, flush=True)


def open_launch(asked: Mapping[str, Any]) -> Opened:
    """Open what `launch` names: `program` is the file, `args` are options as of `lstm-tui run`, or `open` of a capture.

    Raises:
        UserError: They are no such thing, or the input or the network is missing or wrong.
    """
    program, words, folder = asked.get("program"), asked.get("args") or [], asked.get("cwd")
    if not (program is None or isinstance(program, str)) or not isinstance(words, list):
        raise UserError(f"launch takes {'; '.join(f'`{key}`: {what}' for key, what in _KEYS.items())}")
    if not all(isinstance(word, str) for word in words):
        raise UserError('each of `args` is a text, such as "--model", "story"')
    if isinstance(folder, str):
        try:
            os.chdir(folder)
        except (OSError, ValueError) as error:
            raise UserError(f"cwd: {visible(folder)}: is no folder that can be entered") from error
    if program and is_capture(program):
        source = capture_source(_parsed(["open", program, *words]), aloud=False)
        opened = Opened(Session.open(source))
    else:
        options = _parsed(["run", *([program] if program else []), *words])
        source = source_of(options, aloud=False)
        opened = Opened(Session.open(source), _text(options), _cells(options))
    session = opened.session
    keeping = kept_plainly(source.command)
    if keeping is None:
        return opened

    def left(finished: bool) -> None:
        if not finished:
            keeping.autosave.note(session, now=True)
        keeping.autosave.leave(finished)

    return Opened(session, opened.text, opened.cells, keeping.autosave.note, left)


def _parsed(words: list[str]) -> Namespace:
    """Return the options of a `run`; what argparse would print and exit with is one line.

    Raises:
        UserError: They contradict each other, or are none.
    """
    options = parse_handed(words)
    for name in ("plain", "follow", "batch", "script"):
        if getattr(options, name, None):
            raise UserError(f"an editor has no use for --{name}: leave it out")
    if options.file == "-":
        raise UserError("standard input belongs to the editor: give a FILE")
    return options


def _text(options: Namespace) -> Text | None:
    path = find_input(options.file or sample_of(options.model)).resolve()
    try:
        return Text(path, read_text(path).content)
    except UserError:  # numbers
        return None


def _cells(options: Namespace) -> dict[str, Path]:
    """Return the cell file that the options name, by what it holds."""
    if not (options.cell or "").endswith(".toml"):
        return {}
    path = Path(options.cell).resolve()
    return {read_text(path).content: path}
