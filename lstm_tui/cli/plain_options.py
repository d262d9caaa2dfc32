"""Options of the plain mode and of `check`."""

from __future__ import annotations

import argparse


def add(run: argparse.ArgumentParser) -> None:
    """Add what makes `run` a session line by line."""
    group = run.add_argument_group("without the screen")
    group.add_argument(
        "--plain", action="store_true", help="a session line by line: for screen readers, pipes, scripts"
    )
    group.add_argument(
        "-x", dest="script", metavar="SCRIPT", action="append", help="obey a file of commands, then stay"
    )
    group.add_argument("--batch", action="store_true", help="leave after -x; exit code 3 after a stop")


def add_check(check: argparse.ArgumentParser) -> None:
    """Add what `check` asserts of which files."""
    check.add_argument("files", metavar="FILE", nargs="+", help="texts, or numbers as .csv, .npy or .npz")
    check.add_argument(
        "--assert", dest="assertions", metavar="EXPR", action="append", required=True,
        help="""what holds at every step, such as 'not any(isnan(c))' or 'share("not", at="bad") > .4'""",
    )  # fmt: skip
    check.add_argument("--pass", dest="pass_name", metavar="NAME", help="where names without a pass belong")


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that contradict each other; a script alone means the plain mode."""
    if options.batch and not options.script:
        parser.error("--batch obeys a script: add -x SCRIPT")
    options.plain = options.plain or bool(options.script)
