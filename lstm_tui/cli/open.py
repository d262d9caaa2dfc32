"""`lstm-tui open`: a trace file, with its network where that is at hand, a capture, or a saved session."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.cli.autosave import is_session
from lstm_tui.cli.screen import show
from lstm_tui.cli.source import capture_source
from lstm_tui.debugger.source import Source
from lstm_tui.engine.doors import label
from lstm_tui.engine.errors import UsageError, UserError

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network
    from lstm_tui.engine.runtime.trace import Trace

_CLOSE = 1e-4  # two interpreters and two machines agree this well on a run


def command(options: Namespace) -> int:
    """Show a trace file or a capture; weights and ops can be looked at when its network is found and still gives it."""
    if is_session(options.file):
        return open_session_file(options, options.file)
    source = _source(options)
    if options.plain:
        from lstm_tui.cli.plain import run_plain
        from lstm_tui.debugger.session import Session

        return run_plain(Session.open(source), options)
    from lstm_tui.cli.tour import library
    from lstm_tui.tui.lesson_launcher import Teaching

    return show(source, options, Teaching(library))


def _source(options: Namespace) -> Source:
    """Return what a capture or a trace file holds.

    Raises:
        UserError: It cannot be read, or there is no such module or sequence in it.
    """
    from lstm_tui.formats.captures.capture_file import is_capture

    if is_capture(options.file):
        return capture_source(options)
    if options.module_path is not None or options.sequence is not None:
        raise UsageError(f"{label(options.file)}: --module and --sequence are for captures, and this is none")
    from lstm_tui.formats.traces.reader import read

    trace = read(options.file)
    return Source.of_trace(trace, network_of(trace, Path(options.file).parent))


def open_session_file(options: Namespace, path: str, called: str = "", taken: Callable[[], None] = lambda: None) -> int:
    """Open what a saved session was of, and resume it.

    Args:
        options: Those of the plain mode.
        path: The file of the session.
        called: What messages call it; the path when empty.
        taken: To be called once it is resumed and autosaved again.
    """
    from lstm_tui.cli.autosave import reopened, taking_up

    source, saved = reopened(path)
    take_up = taking_up(saved, called or path)
    options.begin = None  # what it began with is in it
    if options.plain:
        from lstm_tui.cli.plain import open_session, run_plain, say

        session = open_session(source)
        said = take_up(session)
        say(*said)
        return run_plain(session, options, taken)
    from lstm_tui.cli.tour import library
    from lstm_tui.tui.controllers.autosave import Offer
    from lstm_tui.tui.lesson_launcher import Teaching

    return show(source, options, Teaching(library), Offer("", take_up, taken))


def network_of(trace: Trace, folder: Path) -> Network | None:
    """Return the network that made a trace, or None where it is not there or its run is another.

    The file the trace names is looked for as it is named and beside the trace, then among the bundled ones.
    What was changed by edits, or is only part of a run, is shown by its values alone.
    """
    from lstm_tui.formats.importers.open import open_file
    from lstm_tui.models import bundled_names
    from lstm_tui.models.bundled import open_model

    name, file, sha256 = (trace.model.get(key) for key in ("name", "file", "sha256"))
    if sha256 is None or trace.edits:
        return None
    places = [] if file is None else [Path(file), folder / Path(file).name]
    for place in places:
        if place.is_file():
            try:
                network = open_file(place).network
            except UserError:
                continue
            if network.sha256 == sha256 and _gives(network, trace):
                return network
    if name in bundled_names():
        network = open_model(name)
        if network.sha256 == sha256 and _gives(network, trace):
            return network
    return None


def _gives(network: Network, trace: Trace) -> bool:
    """Say whether a run of the network is the trace."""
    import numpy as np

    from lstm_tui.engine.runtime.run import run

    initial = {name: dict(passed.initial) for name, passed in trace.items()}
    try:
        made = run(network, trace.sequence, None, trace.dtype, initial)
    except (UserError, ValueError, IndexError):
        return False
    return made.keys() == trace.keys() and all(
        value in made[name]
        and made[name][value].shape == array.shape
        and np.allclose(made[name][value], array, _CLOSE, _CLOSE, equal_nan=True)
        for name, passed in trace.items()
        for value, array in passed.items()
    )
