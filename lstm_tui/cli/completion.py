"""`lstm-tui completion`: what a shell needs to complete commands, options, names and files."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lstm_tui.cli.arguments import command_names, whole_parser
from lstm_tui.cli.tour import library
from lstm_tui.debugger import manual
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.lesson.library import number_of
from lstm_tui.models import bundled_names

_FUNCTIONS = {
    "bash": '{name}() {{\n  compgen -W "{words}" -- "$1"\n{files}}}\n',
    "zsh": "{name}() {{\n  compadd -- {words}\n{files}}}\n",
    "fish": "function {name}\n    printf '%s\\n' {words}\n{files}end\n",
}
"""Of each shell, a function that offers words."""
_FILES_TOO = {
    "bash": '  compgen -f -- "$1"\n',
    "zsh": "  _files\n",
    "fish": "    __fish_complete_path (commandline -ct)\n",
}
_CALLS = {"bash": "{}", "zsh": "{}", "fish": "({})"}
"""Of each shell, how the function is called where a value is completed."""
_EVALUATED, _EVALUATED_OR_READ = "$zsh_eval_context[-1] == eval", "$zsh_eval_context[-1] == (eval|file)"
"""Of zsh, where a script is not the function alone: shtab leaves out that it is read, as by `source`."""
_FILES = ("FILE", "OUT", "TRACE", "REF", "SCRIPT", "EDITS", "LESSON", "CORPUS", "TAGS", "LOG", "PATH", "DIR")
"""What is written in capitals in the help where a file may be named."""


def named_values() -> Mapping[str, tuple[tuple[str, ...], bool]]:
    """Return, by what is written in capitals in the help, the names such a value may have, and whether a file may be.

    The names are our own, so they need no quoting.
    """
    numbers = (number_of(Path(lesson.source)) for lesson in library().lessons())
    topics = (one.name for one in manual.topics())
    return {
        "MODEL": (bundled_names(), True),
        "CELL": (cell_names(), True),
        "LESSON": (tuple(str(one) for one in numbers if one is not None), True),
        "TOPIC": ((*topics, *command_names()), False),
    }


def command(options: Namespace) -> int:
    """Print the script that completes in a shell."""
    try:
        import shtab
    except ModuleNotFoundError as error:
        raise UserError("completion needs shtab: pip install 'lstm-tui[completion]'") from error
    parser, values = whole_parser(), named_values()
    for one in parser.commands.values():
        for action in one._actions:
            _complete(action, values, shtab.FILE)
    preamble = {shell: "".join(_function(shell, name, *of) for name, of in values.items()) for shell in _FUNCTIONS}
    script = shtab.complete(parser, shell=options.shell, preamble=preamble)  # type: ignore[arg-type]
    print(script.replace(_EVALUATED, _EVALUATED_OR_READ) if options.shell == "zsh" else script)
    return 0


def _function(shell: str, name: str, words: Iterable[str], files: bool) -> str:
    """Return the function of a shell that offers names, and files where one may be given."""
    return _FUNCTIONS[shell].format(
        name=_name_of(name), words=" ".join(words), files=_FILES_TOO[shell] if files else ""
    )


def _name_of(value: str) -> str:
    return f"_lstm_tui_{value.lower()}"


def _complete(action: argparse.Action, values: Mapping[str, object], files: Mapping[str, Any]) -> None:
    """Say what the value of an option may be, where the parser does not say it itself."""
    named = str(action.metavar or "")
    if action.choices is not None:
        return
    if named in values:
        calls = {shell: call.format(_name_of(named)) for shell, call in _CALLS.items()}
        action.complete = {**files, **calls}  # type: ignore[attr-defined]
    elif any(word in named for word in _FILES):
        action.complete = files  # type: ignore[attr-defined]
