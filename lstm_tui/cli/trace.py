"""`lstm-tui trace`: a run without the screen, written to a file or to standard output."""

from __future__ import annotations

import sys
from argparse import Namespace

from lstm_tui.cli.printing import Bar
from lstm_tui.cli.source import say_which, source_of
from lstm_tui.formats.traces.excerpt import parse_range
from lstm_tui.formats.traces.trace_file import writable_name, write, write_stream


def command(options: Namespace) -> int:
    """Run one sequence and write its trace."""
    values = [name.strip() for name in options.values.split(",")] if options.values is not None else None
    units = None if options.units is None else parse_range(options.units, "--units")
    steps = None if options.steps is None else parse_range(options.steps, "--steps")
    if options.output != "-":
        writable_name(options.output)
    source = source_of(options)
    with Bar("running") as bar:
        trace = source.run(progress=bar) if options.baseline else source.run_edited(progress=bar)
        bar.begin("writing")
        if options.output == "-":
            write_stream(trace, sys.stdout.buffer, ".json", values, units, steps)
        else:
            write(trace, options.output, values, units, steps, bar)
    say_which(source, options.line, "traced")
    return 0
