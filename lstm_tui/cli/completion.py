"""`lstm-tui completion`: what a shell needs to complete commands, options, networks and files."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lstm_tui.cli.arguments import whole_parser
from lstm_tui.engine.errors import UserError
from lstm_tui.models import bundled_names

_NAMES = "_lstm_tui_models"
_BASH = """\
%s() {
  compgen -W "%s" -- "$1"
  compgen -f -- "$1"
}
"""
_FILES = ("FILE", "OUT", "TRACE", "REF", "SCRIPT", "EDITS", "LESSON")
"""What is written in capitals in the help where a file may be named."""


def command(options: Namespace) -> int:
    """Print the script that completes in a shell."""
    try:
        import shtab
    except ModuleNotFoundError as error:
        raise UserError("completion needs shtab: pip install 'lstm-tui[completion]'") from error
    parser = whole_parser()
    for one in parser.commands.values():
        for action in one._actions:
            _complete(action, shtab.FILE)
    preamble: Any = {"bash": _BASH % (_NAMES, " ".join(bundled_names()))}
    print(shtab.complete(parser, shell=options.shell, preamble=preamble))
    return 0


def _complete(action: argparse.Action, files: Mapping[str, Any]) -> None:
    """Say what the value of an option may be, where the parser does not say it itself."""
    named = str(action.metavar or "")
    if action.choices is None and (named == "MODEL" or any(word in named for word in _FILES)):
        action.complete = {**files, "bash": _NAMES} if named == "MODEL" else files  # type: ignore[attr-defined]
