"""`lstm-tui stream`: a stream as an application recorded it, and the mistake that explains it."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lstm_tui.cli.printing import print_json
from lstm_tui.cli.source import reading, say_remarks
from lstm_tui.debugger.endings import STOPPED
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.streams.diagnosis import Parting, StreamDiagnosis, diagnose
from lstm_tui.formats.streams.fitted_stream import FittedStream, fitted
from lstm_tui.formats.streams.recorded_stream import read_recorded_stream
from lstm_tui.models.bundled import open_model

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDEST = 100


def command(options: Namespace) -> int:
    """Compare; exit with 3 where the recording parts from the right run."""
    recorded = read_recorded_stream(options.recording)
    network = open_model(options.model, reading(options))
    stream = fitted(recorded, network, options.context)
    diagnosis = diagnose(stream, options.tolerance)
    if options.json:
        print_json({"model": network.name, **_content(stream, diagnosis)})
    else:
        for line in _lines(stream, diagnosis):
            print(line)
    say_remarks(network)
    return 0 if diagnosis.first is None else STOPPED


def _lines(stream: FittedStream, diagnosis: StreamDiagnosis) -> Iterator[str]:
    room = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else sys.maxsize
    for text, before in _told(stream, diagnosis):
        yield from textwrap.wrap(text, max(room - 1, 20), subsequent_indent=before, break_on_hyphens=False)


def _told(stream: FittedStream, diagnosis: StreamDiagnosis) -> Iterator[tuple[str, str]]:
    """Yield what came of it, each with what later lines of it begin with."""
    of = f" in {len(stream.streams)} streams" if len(stream.streams) > 1 else ""
    many = f"{count_of(len(stream.chunks), 'chunk')}, {count_of(stream.steps, 'step')}{of}"
    yield f"{stream.where}: {many}, run by {visible(stream.network.name)}", ""
    for said in _read_as(stream, diagnosis):
        yield said, ""
    unit = stream.chunks[0].unit
    if diagnosis.compared < diagnosis.chunks:
        yield f"only the first {diagnosis.compared} chunks were compared in the time there is", ""
    first = diagnosis.first
    if first is None:
        largest = f"they differ by {sentence(diagnosis.largest, 2)} at most"
        yield f"the recording is what comes of the right run: {largest}", ""
        return
    yield f"they part at {_place(stream, first)}", "  "
    if first.mine is not None and first.theirs is not None:
        number = first.unit if unit is None or first.what != "output" else unit
        apart = "" if math.isinf(diagnosis.largest) else f"; by {sentence(diagnosis.largest, 2)} at most anywhere"
        yield (
            (
                f"  {visible(first.what)}[{number}] is {sentence(first.mine, 6)} in the right run, "
                f"and {sentence(first.theirs, 6)} was recorded{apart}"
            ),
            "  ",
        )
    for one in diagnosis.explanations:
        yield one.said, "  "
        yield f"  so the recording is explained: it then differs by {sentence(one.largest, 2)} at most", "  "
        yield f"  {one.cure}", "  "
    if len(diagnosis.explanations) > 1:
        yield f"these {len(diagnosis.explanations)} explain it equally well: the recording cannot tell them apart", "  "
    if not diagnosis.explanations:
        yield f"not explained: {_tried(diagnosis.tried)} this recording", ""
    for note in diagnosis.notes:
        yield note, "  "
    if not diagnosis.complete:
        yield "not everything was tried in the time there is; give a shorter recording", ""


def _read_as(stream: FittedStream, diagnosis: StreamDiagnosis) -> Iterator[str]:
    """Yield how the recording was read where it could be read in several ways; the one that fits is taken."""
    unit = stream.chunks[0].unit
    if unit is not None:
        yield f"one number was recorded of {stream.network.outputs}: it is taken for output[{unit}]"
    if stream.divided > 1:
        yield f"the input was recorded as samples of 16 bits: it is read divided by {stream.divided}"
    if stream.softmax:
        yield "the outputs were recorded as logits: what the softmax of the network makes of them is compared"
    if stream.rounding:
        yield f"it was recorded in half precision: differences up to {sentence(diagnosis.close, 2)} count as none"


def _tried(count: int) -> str:
    if count == 1:
        return "the only mistake that could be tried does not give"
    return f"none of {count_of(count, 'mistake')} that were tried gives"


def _place(stream: FittedStream, first: Parting) -> str:
    chunk = stream.chunks[first.chunk]
    of = f" of stream {visible(first.stream)}" if len(stream.streams) > 1 else ""
    step = f", step {first.step} of {chunk.steps}" if chunk.steps > 1 else ""
    return f"chunk {first.chunk} of {len(stream.chunks)}{of}{step}"


def _content(stream: FittedStream, diagnosis: StreamDiagnosis) -> dict[str, Any]:
    """Return a diagnosis as it is; what is not finite is null."""
    return {
        "same": diagnosis.first is None and (diagnosis.compared == diagnosis.chunks or None),
        "chunks": diagnosis.chunks,
        "steps": stream.steps,
        "streams": list(stream.streams),
        "read_as": list(_read_as(stream, diagnosis)),
        "logits": stream.softmax,
        "divided_by": stream.divided,
        "output": stream.chunks[0].unit,
        "compared": diagnosis.compared,
        "tolerance": diagnosis.close,
        "largest": diagnosis.largest,
        "first": None if diagnosis.first is None else asdict(diagnosis.first),
        "explanations": [asdict(one) for one in diagnosis.explanations],
        "tried": diagnosis.tried,
        "complete": diagnosis.complete,
        "notes": list(diagnosis.notes),
    }
