"""Which tokens, passes and units a report tells of: what was asked for, or as much as fits on a page that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.documents.blocks import grouped
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UsageError, UserError, behind, no_pass
from lstm_tui.formats.traces.excerpt import parse_range

MOST_NUMBERS = 150_000
"""Numbers of a report; as a page they take some ten megabytes."""
LEDGER = 64
"""Tokens on the map of shares at most."""
MAPPED = 32
"""Units on a map, unless others are asked for."""


@dataclass(frozen=True)
class Most:
    """How much is told at most of what is not asked for: tokens in full and in the list, units in full and on a map."""

    steps: int = 40
    tape: int = 400
    units: int = 8
    mapped: int = MAPPED
    passes: int = 4


@dataclass(frozen=True)
class ReportSelection:
    """What a report is asked to tell of; what is None is chosen for it.

    Attributes:
        steps: Places on the tape.
        units: Ranges of units.
        passes: Names of passes.
        standing: Whether it tells where the session stands; else it is of the run alone.
        before: What stands before the name of an option where another choice is asked for: `--`, or a verb.
        most: How much is told where nothing is asked.
    """

    steps: slice | None = None
    units: tuple[slice, ...] | None = None
    passes: tuple[str, ...] | None = None
    standing: bool = False
    before: str = "--"
    most: Most = Most()


def read_units(text: str, what: str) -> tuple[slice, ...]:
    """Read units, and ranges of them, with commas between them: `0:8`, `3,17,20:24`.

    Raises:
        UserError: It is none of these.
    """
    return tuple(parse_range(part, what) for part in text.split(","))


@dataclass(frozen=True)
class Choice:
    """What a report tells of.

    Attributes:
        steps: Places on the tape that are told in full.
        tape: Places in the list of tokens.
        passes: Names of the passes.
        units: Units of each that are told in full, the largest first unless they were asked for.
        mapped: Units of each on the map of its memory.
        here: Of each pass the place after which its units are looked at: where the session stands, or the last of
            the steps that it reads.
        read: The same in the list of tokens.
        left_out: What of the run it does not tell, and how to have it told.
    """

    steps: range
    tape: range
    passes: tuple[str, ...]
    units: Mapping[str, tuple[int, ...]]
    mapped: Mapping[str, tuple[int, ...]]
    here: Mapping[str, int]
    read: Mapping[str, int]
    left_out: tuple[str, ...]


def choose(frame: Frame, facts: Facts, wanted: ReportSelection) -> Choice:
    """Return what a report tells of.

    Raises:
        UserError: What was asked for is not there, or is too much for a page.
    """
    length = facts.length
    if wanted.steps is None:
        steps, tape = (
            _window(frame, wanted, length, wanted.most.steps),
            _window(frame, wanted, length, wanted.most.tape),
        )
    else:
        steps = tape = range(*wanted.steps.indices(length))
        if not steps:
            raise UsageError(f"none of these steps is there: the tape has {length} tokens, from 0")
    passes = _passes(frame, facts, wanted)
    here = {name: _here(facts, name, frame, wanted, steps) for name in passes}
    units, mapped = {}, {}
    for name in passes:
        ranked = _ranked(facts, name, here[name])
        units[name] = ranked[: wanted.most.units] if wanted.units is None else _units(wanted.units, len(ranked), name)
        mapped[name] = ranked[: wanted.most.mapped] if wanted.units is None else units[name]
    _check(facts, passes, units, mapped, steps)
    left_out = tuple(_left_out(facts, wanted, steps, tape, passes, units, mapped))
    read = {name: _here(facts, name, frame, wanted, tape) for name in passes}
    return Choice(steps, tape, passes, units, mapped, here, read, left_out)


def _window(frame: Frame, wanted: ReportSelection, length: int, most: int) -> range:
    """Return so many places at most, those where the session stands among them."""
    first = max(min(frame.t - most // 2, length - most), 0) if wanted.standing else 0
    return range(first, min(first + most, length))


def _passes(frame: Frame, facts: Facts, wanted: ReportSelection) -> tuple[str, ...]:
    if wanted.passes is not None:
        for name in wanted.passes:
            if name not in facts.names:
                with behind("--pass"):
                    raise no_pass(name, facts.names)
        return tuple(name for name in facts.names if name in wanted.passes)
    if len(facts.names) <= wanted.most.passes:
        return facts.names
    layers = {name.partition(".")[0] for name in (frame.position.pass_name, facts.names[-1])}
    return tuple(name for name in facts.names if name.partition(".")[0] in layers)


def _here(facts: Facts, name: str, frame: Frame, wanted: ReportSelection, steps: range) -> int:
    """Return where the session stands, or the last of the steps that a pass reads."""
    if wanted.standing and frame.t in steps:
        return frame.t
    return steps[-1] if facts.trace[name].direction == "forward" else steps[0]


def _ranked(facts: Facts, name: str, t: int) -> tuple[int, ...]:
    """Return the units of a pass, those with the largest memory first, as the screen orders them."""
    memory = facts.trace[name][facts.memory(name)][t]
    size = np.nan_to_num(np.abs(memory), nan=np.inf)
    return tuple(int(unit) for unit in np.argsort(-size, kind="stable"))


def _units(ranges: tuple[slice, ...], count: int, name: str) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(unit for one in ranges for unit in range(*one.indices(count))))
    if not found:
        raise UsageError(f"none of these units is there: {name} has {count}, from 0")
    return found


def _check(
    facts: Facts,
    passes: tuple[str, ...],
    units: Mapping[str, tuple[int, ...]],
    mapped: Mapping[str, tuple[int, ...]],
    steps: range,
) -> None:
    numbers = 0
    for name in passes:
        ledger = min(len(steps), LEDGER) ** 2
        told = {column.name for column in facts.columns(name)}
        others = sum(min(array.shape[1], MAPPED) for value, array in facts.trace[name].items() if value not in told)
        each = len(units[name]) * (len(told) + 1) + len(mapped[name]) + others
        numbers += len(steps) * each + ledger
    if numbers > MOST_NUMBERS:
        raise UserError(
            f"that is {numbers} numbers, and a report holds {MOST_NUMBERS}: take fewer steps, units or passes; "
            "`lstm-tui trace FILE -o OUT` writes them all"
        )


def _left_out(
    facts: Facts,
    wanted: ReportSelection,
    steps: range,
    tape: range,
    passes: tuple[str, ...],
    units: Mapping[str, tuple[int, ...]],
    mapped: Mapping[str, tuple[int, ...]],
) -> Iterator[str]:
    def how(option: str, value: str) -> str:
        return f"`{wanted.before}{option} {value}`"

    count = grouped(facts.length)
    if len(steps) < facts.length:
        listed = (
            "" if tape == steps else f"; t = {tape[0]} to {tape[-1]} are listed" if len(tape) < facts.length else ""
        )
        yield (
            f"Of {count} tokens, t = {steps[0]} to {steps[-1]} are told in full{listed}. "
            f"{how('steps', 'A:B')} takes others."
        )
    if len(passes) < len(facts.names):
        yield (
            f"Of {len(facts.names)} passes, {len(passes)} are told: {', '.join(passes)}. "
            f"{how('pass', facts.names[0])} takes others."
        )
    for name in passes:
        there = facts.trace[name][facts.memory(name)].shape[1]
        if len(units[name]) < there:
            which = f"the {len(units[name])} with the largest memory" if wanted.units is None else f"{len(units[name])}"
            map_ = f" and {len(mapped[name])} on its map" if len(mapped[name]) > len(units[name]) else ""
            yield (
                f"Of the {grouped(there)} units of {name}, {which} are told in full{map_}. "
                f"{how('units', 'A:B')} takes others."
            )
    if len(steps) > LEDGER:
        yield f"The map of whose memory it is has the last {LEDGER} of these tokens that a pass reads."
