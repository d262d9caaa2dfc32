"""The options of `lstm-tui serve`; nothing but the standard library is imported."""

from __future__ import annotations

import argparse

from lstm_tui.cli.option_types import natural, real
from lstm_tui.engine.number_text import sentence
from lstm_tui.serving.limits import Limits

PORT = 8000
OWN = {
    "--host": 1, "--allow-host": 1, "--port": 1, "--files": 0,
    "--visitors": 1, "--idle": 1, "--memory": 1, "--processor": 1,
}  # fmt: skip
"""Options of the server, with the words behind each; all others are those of the debugger."""
_EPILOG = """\
examples:
  lstm-tui serve                                  the bundled sample, for a browser on this computer
  lstm-tui serve review.txt --model sentiment     every option of `run` that says what is read
  lstm-tui serve --tour forget                    a lesson; without a name, the list of them
  lstm-tui serve --host 0.0.0.0 --visitors 20     for a class: give them the address that is printed

The address ends in a token; whoever has it may come in, and nobody else. It is another one at every start.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.epilog, parser.formatter_class = _EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help="a text, or numbers as .csv, .npy or .npz (default: the network's sample)",
    )  # fmt: skip
    group = parser.add_argument_group("the server")
    group.add_argument("--host", default="127.0.0.1", metavar="H", help="where it listens (default: 127.0.0.1)")
    group.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name that visitors reach it by; may be given several times",
    )  # fmt: skip
    group.add_argument(
        "--port", type=natural(0, 65535), metavar="N", help=f"0 takes a free one (default: {PORT}, or a free one)"
    )
    group.add_argument(
        "--visitors", type=natural(1, 1000), default=8, metavar="N",
        help="how many at once; each is a process of 150 to 300 MB (default: 8)",
    )  # fmt: skip
    limits = Limits()
    group.add_argument(
        "--idle", type=real(0, 100_000, above=True), default=limits.idle, metavar="MINUTES",
        help=f"without a key, after which a visitor's place is free again (default: {sentence(limits.idle)})",
    )  # fmt: skip
    group.add_argument(
        "--memory", type=real(0.5, 1000), default=limits.memory, metavar="GB",
        help=f"that a visitor's process may hold, on Linux (default: {sentence(limits.memory)})",
    )  # fmt: skip
    group.add_argument(
        "--processor", type=real(0, 100_000, above=True), default=limits.processor, metavar="MINUTES",
        help=f"of processor time that a visitor may use, on Linux (default: {sentence(limits.processor)})",
    )  # fmt: skip
    group.add_argument(
        "--files", action="store_true", help="let visitors from elsewhere read and write files as you, too"
    )
    group.add_argument(
        "--tour", nargs="?", const="", metavar="LESSON", help="lessons instead of an input: the list, or one of them"
    )


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse an input beside the lessons, which bring their own."""
    if options.tour is None:
        return
    words = options.given[1:]
    own = {*OWN, "--tour", "--debug", "--light"}
    others = [word for word in words if word.startswith("--") and word.partition("=")[0] not in own]
    if options.file is not None or others:
        parser.error(f"--tour brings its own networks and texts: leave {options.file or others[0]} out")
