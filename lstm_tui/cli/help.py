"""`lstm-tui help`: the topics of the manual, one of them, the options of a command, or a verb of the debugger."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace

from lstm_tui.debugger import manual

_WIDEST = 100  # columns beyond which a line of prose is hard to read


def command(options: Namespace) -> int:
    """List the topics, or show what is asked for: a topic first, then a command, then a verb."""
    from lstm_tui.cli.arguments import command_names, parse

    if options.man:
        from lstm_tui.cli.man_page import man_page

        print(man_page(), end="")
        return 0
    name = " ".join(options.topic)
    if not name:
        print("\n".join(("topics of the manual:", *manual.listed(), "", *_ways())))
        return 0
    topic = manual.find(name)
    if topic is None and name in command_names():
        parse([name, "--help"])  # prints them, and ends the program
    if topic is None:
        told = _verb(name)
        if told:
            print("\n".join(told))
            return 0
        topic = manual.topic(name, command_names())
    _show(topic)
    return 0


def _ways() -> tuple[str, ...]:
    return (
        "`lstm-tui help TOPIC` shows one, `lstm-tui COMMAND --help` the options of a command;",
        "in the debugger, `:help TOPIC` shows a topic and `:help VERB` a verb.",
    )


def _verb(name: str) -> tuple[str, ...]:
    """Return what is told of a verb of the debugger; nothing where there is none of this very name."""
    import lstm_tui.debugger.commands.dispatch  # noqa: F401  # every verb is in the table once this is imported
    from lstm_tui.debugger.commands.help import told_of
    from lstm_tui.debugger.commands.table import VERBS

    return told_of(VERBS.named(name)) if name in VERBS.words else ()


def _show(topic: manual.Topic) -> None:
    """Print a topic: drawn to the width of a terminal, else as plain text."""
    columns = min(shutil.get_terminal_size().columns, _WIDEST)
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        print("\n".join(manual.plain(topic.text, columns)))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(file=sys.stdout, width=columns).print(Markdown(topic.text, code_theme="ansi_dark"))
