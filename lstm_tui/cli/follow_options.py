"""The option of `run` that reads a text while it grows."""

from __future__ import annotations

import argparse


def add(run: argparse.ArgumentParser) -> None:
    """Add it."""
    run.add_argument(
        "--follow", action="store_true",
        help="read standard input as it grows, as one sequence (default network: sentiment-forward; untrained: bytes)",
    )  # fmt: skip


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what contradicts it."""
    if not options.follow:
        return
    if options.file != "-":
        file = options.file or "FILE"
        parser.error(f"--follow reads standard input as it grows: tail -f {file} | lstm-tui run - --follow")
    for name in ("whole", "line", "carry"):
        if getattr(options, name) not in (None, False):
            parser.error(f"--follow reads what comes as one sequence, so it has no --{name}")
    if options.untrained and options.tokens not in (None, "bytes"):
        parser.error(f"--cell with --follow reads bytes: all {options.tokens} of a text are known only at its end")
