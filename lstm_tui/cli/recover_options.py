"""The options of `recover`."""

from __future__ import annotations

import argparse

from lstm_tui.cli import plain_options
from lstm_tui.cli.option_types import natural, screen


def add(parser: argparse.ArgumentParser) -> None:
    """Add what says which work is meant, and what becomes of it."""
    parser.add_argument(
        "number", metavar="N", nargs="?", type=natural(1), help="which of them to take up; without it, they are listed"
    )
    parser.add_argument("--forget", action="store_true", help="throw it away instead; without N, all of them")
    plain_options.add(parser)
    screen(parser)
    parser.set_defaults(file=None)
