"""The options of what a class is given: a worksheet, a report, how far a memory reaches, how units do."""

from __future__ import annotations

import argparse

from lstm_tui.cli.option_types import names, natural

LEAST_DIGITS, MOST_DIGITS = 2, 6


def add_worksheet(parser: argparse.ArgumentParser) -> None:
    """Add the options of `worksheet`."""
    _add_file(parser)
    sheet = parser.add_argument_group("the sheet")
    sheet.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help="a .md or .html file; without it, or as `-`, Markdown goes to standard output",
    )  # fmt: skip
    sheet.add_argument("--steps", metavar="A:B", default="0:3", help="these places on the tape, from 0 (default: 0:3)")
    sheet.add_argument("--blanks", action="store_true", help="blanks to fill in, and the answers after them")
    sheet.add_argument(
        "--digits", type=natural(LEAST_DIGITS, MOST_DIGITS), default=3, metavar="N",
        help="places behind the point to which everything is rounded (default: 3)",
    )  # fmt: skip


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    _add_file(parser)
    report = parser.add_argument_group("the report")
    report.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help="an .html file; without it, or as `-`, it goes to standard output",
    )  # fmt: skip
    report.add_argument("--steps", metavar="A:B", help="these places on the tape, from 0 (default: the first 40)")
    report.add_argument(
        "--units", metavar="A:B,…", help="these units of every pass, from 0 (default: the 8 with the largest memory)"
    )
    report.add_argument(
        "--pass", dest="passes", type=names, metavar="NAMES", help="these passes, such as layer0.forward (default: all)"
    )


def add_reach(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reach`."""
    _add_file(parser)
    parser.add_argument(
        "--beside", type=names, metavar="A,B,…",
        help="networks that read the same, side by side (default without --model and FILE: the recall networks)",
    )  # fmt: skip


def add_stats(parser: argparse.ArgumentParser) -> None:
    """Add the options of `stats`."""
    _add_file(parser)
    parser.add_argument("--json", action="store_true", help="every number as JSON, to standard output")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help="a text, or numbers as .csv, .npy or .npz (default: the sample of the network)",
    )  # fmt: skip
