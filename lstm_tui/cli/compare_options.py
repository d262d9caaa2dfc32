"""The options of `lstm-tui compare`; nothing but argparse is imported."""

from __future__ import annotations

import argparse

from lstm_tui.cli.option_types import natural, screen
from lstm_tui.engine.interpreters import INTERPRETERS

_EPILOG = """\
examples:
  lstm-tui compare sample.txt --model sentiment --model sentiment-forward
  lstm-tui compare story.txt --model story --edits mine.txt     before and after edits
  lstm-tui compare notes.txt --model early.safetensors --model late.safetensors | less
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.epilog, parser.formatter_class = _EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", help="a text, or numbers as .csv, .npy or .npz")
    parser.add_argument(
        "--model", dest="models", metavar="MODEL", action="append", help="a bundled name or a file; given twice"
    )
    parser.add_argument("--edits", metavar="FILE", help="edits: of the second run, or of both of two networks")
    parser.add_argument("--line", type=natural(1), metavar="N", help="the line to read, from 1 (default: the first)")
    parser.add_argument("--whole", action="store_true", help="take the file as one sequence, not each line")
    parser.add_argument("--dtype", choices=["float32", "float64"], help="precision of the runs (default: float32)")
    parser.add_argument("--interpreter", choices=INTERPRETERS, help="what makes the runs")
    parser.add_argument("--plain", action="store_true", help="a table, as where standard output is no terminal")
    screen(parser)


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what is not two runs."""
    models = options.models or []
    if len(models) > 2:
        parser.error("--model is given twice at most")
    if len(models) < 2 and options.edits is None:
        parser.error("two runs are compared: give --model twice, or --edits")
    if options.file == "-" and not options.plain:
        options.plain = True
