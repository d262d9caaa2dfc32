"""`lstm-tui figure`: a run as a picture, or as a page that is stepped with the arrow keys."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from lstm_tui.cli.source import say_which, source_of
from lstm_tui.engine.doors import label
from lstm_tui.engine.errors import UsageError
from lstm_tui.formats.io.files import replacing, write_picture
from lstm_tui.formats.traces.excerpt import parse_range

PAGES, PICTURES = (".html", ".htm"), (".svg", ".png")


def command(options: Namespace) -> int:
    """Write a figure."""
    from lstm_tui.documents.figure import figure_of, subject_of
    from lstm_tui.documents.handout import handout_of

    ending = Path(options.output).suffix.lower()
    if options.output != "-" and ending not in (*PAGES, *PICTURES):
        raise UsageError(f"{label(options.output)}: a figure is an .svg, .png or .html file; end its name so")
    steps = slice(None) if options.steps is None else parse_range(options.steps, "--steps")
    source = source_of(options)
    trace = source.run_edited()
    subject = subject_of(trace, options.pass_name, options.unit, steps, options.title)
    text = handout_of(subject) if ending in PAGES else figure_of(subject)
    if options.output == "-":
        sys.stdout.write(text)
    elif ending in PAGES:
        with replacing(options.output) as stream:
            stream.write(text.encode())
    else:
        write_picture(text, options.output, over=True)
    say_which(source, options.line, "drawn")
    return 0
