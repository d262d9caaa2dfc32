"""A pass in a report: its equations, its memory as a map, whose memory that is, and its largest units in full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from lstm_tui.debugger.frame import equations_of
from lstm_tui.debugger.letter import letter
from lstm_tui.debugger.report.choice import MAPPED
from lstm_tui.debugger.report.contents import (
    Beside,
    Block,
    Column,
    Entry,
    Equations,
    Heading,
    Measure,
    Row,
    Scale,
    Section,
    Sentence,
    Table,
)
from lstm_tui.debugger.report.figures import figure
from lstm_tui.debugger.report.ledger import by_unit, shares_of
from lstm_tui.debugger.report.subject import Subject
from lstm_tui.engine.expression import show
from lstm_tui.engine.language import Equation
from lstm_tui.engine.roles import roles_of

_ACROSS = 16
"""Tokens of a map that stand side by side on a sheet of paper."""
_BESIDE = 7
"""Tokens up to which two maps stand side by side."""
_DOES = {"keeps": "keeps", "writes": "writes", "shows": "shows", "candidate": "candidate", "memory": "memory",
         "output": "seen by the rest"}  # fmt: skip


def pass_of(subject: Subject, name: str) -> Section:
    """Return what is told of a pass."""
    passed = subject.passed(name)
    order = "from the first token on" if passed.direction == "forward" else "from the last token back"
    memory, whose = tuple(_memory(subject, name)), (Heading(f"Whose memory it is in {name}"), *shares_of(subject, name))
    blocks: list[Block] = [
        Sentence(f"{passed.cell.title}. It reads {order}."),
        _equations(equations_of(passed), f"Equations of {name}", roles_of(passed.cell)),
        *((Beside((memory, whose)),) if len(subject.choice.steps) <= _BESIDE else (*memory, *whose)),
        *by_unit(subject, name),
        Heading(f"Units of {name} in full"),
        Beside(tuple((_unit(subject, name, unit),) for unit in subject.choice.units[name]), even=True),
    ]
    return Section(name, tuple(blocks))


def _memory(subject: Subject, name: str) -> Iterator[Block]:
    units, there = subject.choice.mapped[name], subject.units(name)
    count = "all" if len(units) == there else f"{len(units)} of the"
    yield Heading(f"The memory of {name}")
    yield Sentence(
        f"{subject.letter(name)} of {count} {there} units after every token, the largest at "
        f"{subject.place(subject.choice.here[name])} first; below them the mean of each gate over all units."
    )
    yield from _maps(subject, name, subject.facts.memory(name), units, means=True)
    yield from _others(subject, name)


def readout_of(subject: Subject) -> Section | None:
    """Return what is told of the readout: its equations, and values that are one number a token."""
    trace = subject.trace
    readout = None if trace.network is None else trace.network.readout
    length = subject.facts.length
    series = [name for name, one in trace.readout.items() if one.ndim == 2 and one.shape == (length, 1)]
    if readout is None and not series:
        return None
    blocks: list[Block] = []
    if readout is not None:
        blocks.append(_equations(readout.page.equations, "Equations of the readout", {}))
    if series:
        columns = tuple(Column(name) for name in series)
        rows = tuple(subject.row(t, *(_of_readout(subject, name, t) for name in series)) for t in subject.choice.steps)
        blocks.append(Table("Values of the readout at every token", ("t", "token"), columns, rows))
    return Section("The readout", tuple(blocks))


def _of_readout(subject: Subject, name: str, t: int) -> Measure:
    origin = subject.origin(t)
    old = None if subject.difference is None else subject.difference.before.readout.get(name)
    before = None if old is None or origin is None else float(old[origin, 0])
    return Measure(float(subject.trace.readout[name][t, 0]), before, subject.edited("readout", name, t, 0))


def _equations(equations: Iterable[Equation], caption: str, roles: dict[str, str] | dict) -> Equations:  # type: ignore[type-arg]
    lines = []
    for one in equations:
        does = _DOES.get(roles.get(one.name) or "", "")
        comment = f"{one.label}: {one.help}" if one.label and one.help else one.label or one.help
        lines.append((f"{one.name} = {show(one.expression)}", does, comment))
    return Equations(caption, tuple(lines))


def _maps(subject: Subject, name: str, value: str, units: tuple[int, ...], means: bool = False) -> Iterator[Table]:
    """Yield a map of a value, units × tokens, in as many tables as stand side by side on a sheet."""
    steps = subject.choice.steps
    scale = Scale("heat", subject.half(name, value), 2)
    for first in range(0, len(steps), _ACROSS):
        places = steps[first : first + _ACROSS]
        columns = tuple(Column(subject.short(t), f"t = {t}", scale) for t in places)
        rows = [Row((str(unit),), tuple(subject.measure(name, value, t, unit) for t in places)) for unit in units]
        if means:
            rows += _means(subject, name, places)
        which = f", t = {places[0]} to {places[-1]}" if len(places) < len(steps) else ""
        yield Table(f"{letter(value)} of {name} by unit and token{which}; tints from {figure(-scale.full, 1)} to "
                    f"{figure(scale.full, 1, True)}", ("unit",), columns, tuple(rows), dense=True)  # fmt: skip


def _means(subject: Subject, name: str, places: range) -> Iterator[Row]:
    """Yield the mean of every gate over all units."""
    for column in subject.facts.columns(name):
        if column.word in ("keep", "write", "show"):
            with np.errstate(all="ignore"):
                means = subject.passed(name)[column.name].mean(axis=1, dtype=np.float64)
            before = subject.before(name, column.name)
            entries: list[Entry] = []
            for t in places:
                origin = subject.origin(t)
                with np.errstate(all="ignore"):
                    old = None if before is None or origin is None else float(before[origin].mean(dtype=np.float64))
                entries.append(Measure(float(means[t]), old))
            yield Row((f"mean {column.letter}, {column.word}",), tuple(entries), "sum", scale=Scale("plain", places=2))


def _others(subject: Subject, name: str) -> Iterator[Block]:
    """Yield maps of values that have another number of units than the memory, such as a projected h."""
    passed = subject.passed(name)
    told = {column.name for column in subject.facts.columns(name)}
    for value in passed.cell.values:
        if value in passed and value not in told:
            count = passed[value].shape[1]
            shown = tuple(range(min(count, MAPPED)))
            which = "" if len(shown) == count else f"; the first {len(shown)} of them"
            yield Sentence(f"{value} has {count} numbers of its own{which}:")
            yield from _maps(subject, name, value, shown)


def _unit(subject: Subject, name: str, unit: int) -> Table:
    """Return every value of a unit at every token."""
    values = [column.name for column in subject.facts.columns(name)]
    rows = tuple(
        subject.row(t, *(subject.measure(name, value, t, unit) for value in values)) for t in subject.choice.steps
    )
    here = subject.choice.here[name]
    memory = float(subject.passed(name)[subject.facts.memory(name)][here, unit])
    caption = f"Unit {unit} of {name}: {subject.letter(name)} = {figure(memory, sign=True)} at {subject.place(here)}"
    return Table(caption, ("t", "token"), tuple(subject.column(name, value) for value in values), rows)
