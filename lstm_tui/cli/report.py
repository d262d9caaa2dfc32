"""`lstm-tui report`: a run as one page to share."""

from __future__ import annotations

import sys
from argparse import Namespace

from lstm_tui.cli.printing import Bar
from lstm_tui.cli.source import say_which, source_of
from lstm_tui.formats.traces.excerpt import parse_range


def command(options: Namespace) -> int:
    """Write the report of a run."""
    from lstm_tui.cli.plain import open_session
    from lstm_tui.documents.report.report import check_name, content, write
    from lstm_tui.documents.report.selection import ReportSelection, read_units

    wanted = ReportSelection(
        steps=None if options.steps is None else parse_range(options.steps, "--steps"),
        units=None if options.units is None else read_units(options.units, "--units"),
        passes=None if options.passes is None else tuple(options.passes),
    )
    if options.output != "-":
        check_name(options.output)
    source = source_of(options)
    session = open_session(source)
    with Bar("writing") as bar:
        bar(0, 1)
        if options.output == "-":
            sys.stdout.buffer.write(content(session, wanted))
        else:
            write(session, wanted, options.output)
    say_which(source, options.line, "reported")
    return 0
