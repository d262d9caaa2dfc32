"""Another run of a network of equal size, beside the one that is shown: what its values were is patched into this one.

It is another line of the file, a text that is typed, a state of the tree of edits, a trace file, or another network
over the same tokens. A line, a text or another network is run under the conditions of the run that is shown: resets,
chunks and edits of values hold in it at the same places of its tape, as far as that reaches, so that they are no part
of what the two differ by. A line or a text is run by the network as it is edited now, without edits of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lstm_tui.analysis.interchange import OtherRun
from lstm_tui.debugger.edits.apply import Edited, sizes_of
from lstm_tui.debugger.edits.language import ModelEdit, PatchEdit, in_quotes, range_of
from lstm_tui.debugger.edits.openings import lines_as_read, read_as, reread
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError, no_pass
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import READOUT, Hold
from lstm_tui.engine.runtime.resets import held_sizes
from lstm_tui.engine.runtime.run import Initial, run
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span, whole_number
from lstm_tui.formats.file_endings import TRACES
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.importers.open import NetworkOrigin
from lstm_tui.formats.importers.untrained import one_layer

IN_FILE = re.compile(r"(?:run|network)\s+(?P<path>\S.*)\Z")
"""How a run in a file is named."""
MOST_NUMBERS = 4_096
"""Numbers of one patch: it is a line of text, which holds them all."""


def other_run(session: Session, name: str) -> OtherRun:
    """Return the run that is called so: `line 2`, `"a text"`, or a state of the tree of edits such as `base`.

    Raises:
        UserError: There is none, or the network cannot run it.
    """
    words = name.split()
    if name[:1] in ('"', "'"):
        text = unquoted(name) if len(name) > 1 and name[-1] == name[0] else None
        if text is None:
            raise UserError(f"`{visible(name[:60])}`: this text has no closing {name[0]}")
        called = f"“{visible(text)}”"
        trace, said = _run(session, read_as(text, session.edited.network), _start(session), called)
        return OtherRun(trace, called, in_quotes(text), said)
    if words[:1] == ["line"]:
        number = whole_number(words[1], 1, session.source.count) if len(words) == 2 else None
        if number is None:
            raise UserError(f"which line? there are {session.source.count} that hold something, from 1")
        lines = lines_as_read(session.source.sequences, session.source.network, session.edited.network)
        read_here = lines is session.source.sequences
        start = (
            session.source.start(number - 1, session.baseline.interpreter)
            if read_here and not _is_of_another(session)
            else None
        )
        sequence, called = lines[number - 1] if len(lines) else session.opened_sequence, f"line {number}"
        trace, said = _run(session, sequence, start, called)
        return OtherRun(trace, called, called, said)
    if words and words[0] in ("branch", "state"):
        words = words[1:]
    if len(words) != 1:
        raise UserError('from which run? such as: line 2, "a text", base, branch NAME, run FILE or network FILE')
    state = session.history.find(words[0])  # what a name such as `here` means may be another later
    told = f"state {words[0]}" if whole_number(words[0]) is not None else words[0]
    return OtherRun(session.edits.run_of(words[0]), told, f"state {state}")


def run_in_file(session: Session, path: str) -> OtherRun:
    """Return a run read from a trace file, or that of another network, read from its file, over the same tokens.

    Raises:
        UserError: The file cannot be read, or its network does not read these tokens.
    """
    place = Path(path).expanduser()
    if place.suffix.lower() in TRACES:
        from lstm_tui.formats.traces.reader import read

        return OtherRun(read(place), f"run {path}", f"run {path}")
    network, unlike = _read_alike(session, path)
    name = f"network {path}"
    trace, said = _run(session, reread(session.frame.trace.sequence, network), None, name, network)
    return OtherRun(trace, name, name, (*unlike, *said))


def _read_alike(session: Session, path: str) -> tuple[Network, tuple[str, ...]]:
    """Return a network from its file, read as the user had the one read that is run, and what to say where it was not.

    Raises:
        UserError: The file cannot be read.
    """
    own = session.edited.network.origin
    if not isinstance(own, NetworkOrigin):
        return open_model(path), ()
    unlike: tuple[str, ...] = ()
    try:
        network = open_model(path, own.reading)
    except UserError as error:
        network = open_model(path)
        unlike = (f"network {visible(path)} is read without what was said of {visible(Path(own.path).name)}: {error}",)
    return (network if own.layer is None else one_layer(network, own.layer)), unlike


def _run(
    session: Session, sequence: Sequence, initial: Initial | None, called: str, network: Network | None = None
) -> tuple[Trace, tuple[str, ...]]:
    """Run other tokens or another network under the conditions of the run that is shown, and say which these are."""
    here = session.edited
    network = here.network if network is None else network
    sequence = sequence.with_cuts(here.sequence.cuts)
    values = tuple(_values_there(here, network, len(sequence)))
    made = Edited(network, sequence, values, Origins.unchanged(len(sequence)), here.weights)
    dtype = None if _is_of_another(session) else session.source.dtype
    trace = run(
        network, sequence, session.baseline.interpreter, dtype, initial, session.work.progress,
        holds=made.holds, array_bytes=session.source.array_bytes,
    )  # fmt: skip
    return trace, tuple(_conditions(session, trace, called, len(values)))


def _is_of_another(session: Session) -> bool:
    """Say whether an edit has put another network in place: states and precision that were given are not of it."""
    return any(isinstance(edit, ModelEdit) for edit in session.history.active)


def _start(session: Session) -> Initial | None:
    """Return the states with which the run that is shown begins; None for the cell's own."""
    return None if _is_of_another(session) else session.edits.start()


def _values_there(here: Edited, network: Network, steps: int) -> Iterator[Hold]:
    """Yield the edits of values as they hold on a tape of so many tokens, those of them that a network has."""
    whole = (0, len(here.sequence))
    sizes = {one.name: held_sizes(one.program) for one in network.passes}
    if network.readout is not None:
        sizes[READOUT] = sizes_of(READOUT, network)
    for hold in here.values:
        start, stop = (0, steps) if hold.steps == whole else (hold.steps[0], min(hold.steps[1], steps))
        if start < stop and hold.units[1] <= sizes.get(hold.pass_name, {}).get(hold.value, 0):
            yield replace(hold, steps=(start, stop))


def _conditions(session: Session, trace: Trace, called: str, values: int) -> Iterator[str]:
    """Yield what holds in both runs, and where they begin with other states, a sentence each."""
    here = session.edited
    kinds = dict.fromkeys(cut.kind for cut in here.sequence.cuts)
    held = [f"{kind}s" for kind in kinds] + ([count_of(values, "edit") + " of values"] if values else [])
    if held:
        yield f"the same {' and '.join(held)} hold here and in {called}, at the same places of the tape"
    lost = len(here.values) - values
    if lost:
        hold = "holds" if lost == 1 else "hold"
        yield f"{count_of(lost, 'edit')} of values {hold} here alone: {called} has no such place or value"
    first = session.frame.trace
    apart = [name for name, passed in trace.items() if name in first.passes and not _begins_alike(first[name], passed)]
    if apart:
        yield f"{called} begins with other states than this run in {', '.join(apart)}: no interchange takes them over"


def _begins_alike(one: PassTrace, other: PassTrace) -> bool:
    """Say whether two passes begin with the same states."""
    return one.initial.keys() == other.initial.keys() and all(
        np.array_equal(one.initial[name], other.initial[name], equal_nan=True) for name in one.initial
    )


def patched(
    session: Session, owner: str, value: str, units: Span, steps: Span, other: OtherRun, taken: Span | None = None
) -> PatchEdit:
    """Return the edit that gives units of a value the numbers they have in another run.

    Args:
        session: What is edited.
        owner: A pass, or `readout`.
        value: Its value, or `x`.
        units: Which units, here and there.
        steps: Which places of the tape here.
        other: The other run.
        taken: Which places of its tape; by default the same.

    Raises:
        UserError: One of the runs has no such value, they are not of equal size, or one of the numbers is NaN.
    """
    size = sizes_of(owner, session.edited.network).get(value)
    there = series_of_run(other, owner, value)
    if size is not None and there.shape[1] != size:
        raise UserError(
            f"{owner}.{value} has {size} units here and {there.shape[1]} in {visible(other.name)}: "
            "only values of equal size can be patched"
        )
    here = range_of(steps, session.frame.steps)
    places = here if taken is None else range_of(taken, len(there))
    if taken is None and here.stop > len(there):
        raise UserError(f"{visible(other.name)} has {len(there)} tokens, from 0: say which step, such as @ 0")
    if len(places) != len(here):
        raise UserError(
            f"{count_of(len(here), 'step')} cannot have the numbers of {count_of(len(places), 'step')} "
            f"of {visible(other.name)}, which has {count_of(len(there), 'token')}, from 0"
        )
    chosen = range_of(units, there.shape[1])
    if len(chosen) * len(places) > MOST_NUMBERS:
        raise UserError(
            f"a patch of {len(chosen) * len(places)} numbers; {MOST_NUMBERS} is the most: take fewer steps at a time"
        )
    rows = rows_of(there, places.start, places.stop)[:, chosen.start : chosen.stop] if len(places) else there[:0]
    if np.isnan(rows).any():
        step, unit = np.argwhere(np.isnan(rows))[0]
        where = f"{owner}.{value}[{chosen.start + unit}] at t={places.start + step} of {visible(other.name)}"
        raise UserError(f"{where} is NaN, and no number that can be set")
    numbers = tuple(tuple(shortest(row)) for row in rows)
    at = f"{places.start}" if len(places) == 1 else f"{places.start}:{places.stop}"
    return PatchEdit(owner, value, units, steps, numbers, f"{other.name} @ {at}")


def series_of_run(other: OtherRun, owner: str, value: str) -> Array:
    """Return a value of a run, the input `x` of a pass, or a series of the readout, (T, n).

    Raises:
        UserError: It has none.
    """
    trace = other.trace
    if owner == READOUT:
        series = trace.readout.get(value)
    elif owner not in trace.passes:
        raise no_pass(owner, trace.passes)
    else:
        passed = trace[owner]
        series = passed[value] if value in passed else passed.inputs.get(value)
    if series is None or series.ndim != 2:
        raise UserError(f"{visible(other.name)} has no {owner}.{value}")
    return series


def shortest(numbers: Iterable[np.floating]) -> Iterable[float]:
    """Yield numbers as floats whose shortest text reads back, in the precision of the run, as the same bits."""
    return (float(str(number)) for number in numbers)
