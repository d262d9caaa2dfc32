"""Trace files, version 1: `.json`, `.ndjson` and `.npz`, the same names in all, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.errors import UsageError
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.file_endings import TRACES
from lstm_tui.formats.io.files import label, replacing
from lstm_tui.formats.traces.as_json import write_json, write_ndjson
from lstm_tui.formats.traces.as_npz import write_npz
from lstm_tui.formats.traces.excerpt import Excerpt, excerpt
from lstm_tui.formats.traces.reader import read

SCHEMA = Path(__file__).parent / "trace.schema.json"
_WRITERS: dict[str, Callable[[Excerpt, BinaryIO, Progress | None], None]] = dict(
    zip(TRACES, (write_json, write_ndjson, write_npz), strict=True)
)

__all__ = ["SCHEMA", "read", "writable_name", "write", "write_stream"]


def writable_name(path: str | Path) -> str:
    """Return the ending of a trace file's name.

    Raises:
        UsageError: It is none of the formats.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        endings = ", ".join(_WRITERS)
        raise UsageError(f"{label(path)}: a trace file ends in one of {endings}; choose one")
    return suffix


def write(
    trace: Trace,
    path: str | Path,
    values: Iterable[str] | None = None,
    units: slice | None = None,
    steps: slice | None = None,
    progress: Progress | None = None,
    comes: bool = False,
) -> None:
    """Write a trace, or part of it; the ending of the name chooses the format.

    Args:
        trace: The trace.
        path: A `.json`, `.ndjson` or `.npz` file; it appears complete or not at all.
        values: Names of the values to keep; all but `x` by default.
        units: Range of units to keep.
        steps: Range of steps to keep.
        progress: Called with the amount done and the whole, now and then.
        comes: Whether more of the text still comes; the file says that it is not read yet.

    Raises:
        UserError: The name has another ending, the part is empty, or the file cannot be written.
    """
    writer = _WRITERS[writable_name(path)]
    part = excerpt(trace, values, units, steps, comes)
    with replacing(path) as stream:
        writer(part, stream, progress)


def write_stream(
    trace: Trace,
    stream: BinaryIO,
    suffix: str = TRACES[0],
    values: Iterable[str] | None = None,
    units: slice | None = None,
    steps: slice | None = None,
) -> None:
    """Write a trace to an open stream, such as standard output; the rest is as in `write`."""
    _WRITERS[suffix](excerpt(trace, values, units, steps), stream, None)
