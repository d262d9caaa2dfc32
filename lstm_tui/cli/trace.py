"""`lstm-tui trace`: a run without the screen, written to a file or to standard output."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from lstm_tui.cli.many_inputs import ManyInputs, runs_in
from lstm_tui.cli.printing import Bar
from lstm_tui.cli.source import say, say_which, source_of
from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UsageError, UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import TRACES
from lstm_tui.formats.traces.excerpt import parse_range
from lstm_tui.formats.traces.trace_file import writable_name, write, write_stream


def command(options: Namespace) -> int:
    """Run one sequence and write its trace."""
    values = [name.strip() for name in options.values.split(",")] if options.values is not None else None
    units = None if options.units is None else parse_range(options.units, "--units")
    steps = None if options.steps is None else parse_range(options.steps, "--steps")
    if os.path.isdir(options.file) or _is_folder(options.output):
        return _every_line(options)
    _refuse_many(options)
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


def _refuse_many(options: Namespace) -> None:
    """Refuse what says who does the work, and where it is kept: one sequence is one run.

    Raises:
        UsageError: Something of it was given.
    """
    for name in ("jobs", "scheduler", "resume"):
        if getattr(options, name) not in (None, 1):
            raise UsageError(f"--{name} is for tracing every line, and this is one run: -o traces/ writes a file each")


def _is_folder(output: str) -> bool:
    """Say whether traces are to be written into a folder; what ends as a trace file does is to be one."""
    is_one = os.path.isdir(output) and Path(output).suffix.lower() not in TRACES
    return is_one or output.endswith(("/", os.sep))


def _every_line(options: Namespace) -> int:
    """Trace every line of a file or a folder into a folder, a file each."""
    if options.output == "-" or Path(options.output).suffix.lower() in TRACES:
        raise UserError(
            f"{visible(options.file)}: is a folder, whose lines are traced into a folder: -o traces/, a file each"
        )
    inputs = ManyInputs(options, [options.file])
    root = Path(options.file) if os.path.isdir(options.file) else Path(options.file).parent
    options.traced = {str(Path(file).resolve()): str(Path(file).relative_to(root)) for file in inputs.files}
    inputs.options.traced = options.traced
    inputs.options.output = str(Path(options.output).resolve())
    count = 0
    asked = f"trace {options.values} {options.units} {options.steps} {options.baseline} into {options.output}"
    try:
        Path(options.output).mkdir(exist_ok=True)
        with Bar("tracing", "lines") as bar:
            for _, found in inputs.answers(trace_part, asked, bar):
                count += found
    except FileNotFoundError as error:
        raise UserError(f"{visible(options.output)}: cannot be written: there is no such folder") from error
    except KeyboardInterrupt:
        say(inputs.stopped_words)
        return INTERRUPTED
    say(f"{count_of(count, 'trace')} of {count_of(len(inputs.files), 'file')} in {visible(options.output)}")
    return inputs.code


def trace_part(source: Source, lines: range, options: Namespace) -> int:
    """Write the traces of some lines, each whole or not at all, and return how many."""
    values = [name.strip() for name in options.values.split(",")] if options.values is not None else None
    units = None if options.units is None else parse_range(options.units, "--units")
    steps = None if options.steps is None else parse_range(options.steps, "--steps")
    if options.baseline:
        source = replace(source, edit_script=())
    count = 0
    for n, trace in runs_in(source, lines):
        line = trace.sequence.line or n + 1
        path = Path(options.output) / f"{options.traced[str(Path(options.file).resolve())]}.{line}{TRACES[-1]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(trace, path, values, units, steps)
        count += 1
    return count
