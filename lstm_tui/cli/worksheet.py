"""`lstm-tui worksheet`: steps of a run as arithmetic, step by step, as Markdown or as a page to print."""

from __future__ import annotations

import sys
from argparse import Namespace

from lstm_tui.cli.source import source_of
from lstm_tui.formats.io.files import replacing
from lstm_tui.formats.traces.excerpt import parse_range


def command(options: Namespace) -> int:
    """Write a worksheet."""
    from lstm_tui.documents.markdown import markdown
    from lstm_tui.documents.page_file import writer_of
    from lstm_tui.documents.worksheet.layout import page_of
    from lstm_tui.documents.worksheet.worksheet import sheet_of

    written = markdown if options.output == "-" else writer_of(options.output, "a worksheet")
    wanted = parse_range(options.steps, "--steps")
    source = source_of(options)
    trace = source.run_edited()
    steps = range(wanted.start or 0, len(trace.sequence) if wanted.stop is None else wanted.stop)
    steps = range(steps.start, min(steps.stop, len(trace.sequence)))
    sheet = sheet_of(trace, steps, options.digits)
    text = written(page_of(sheet, options.blanks))
    if options.output == "-":
        sys.stdout.write(text)
    else:
        with replacing(options.output) as stream:
            stream.write(text.encode())
    return 0
