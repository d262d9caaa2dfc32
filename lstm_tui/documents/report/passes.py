"""A pass in a report: its equations, its memory as a map, whose memory that is, and its largest units in full.

Whose memory it is, in a report: tokens' shares after every step, and each unit's memory split by token.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.ledger import Flow, Ledger, ledger_at, share_map
from lstm_tui.debugger.diagram.characters import drawn, text_of
from lstm_tui.debugger.diagram.numbers import standing
from lstm_tui.debugger.diagram.placement import fitted
from lstm_tui.debugger.inspect.scale import axis_words, scale_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.position import Position, equations_of
from lstm_tui.documents.blocks import (
    Block,
    Entry,
    EquationList,
    Heading,
    LabelledNumber,
    LinePiece,
    Lines,
    Scale,
    Section,
    Sentence,
    SideBySide,
    Table,
    TableColumn,
    TableRow,
    figure,
)
from lstm_tui.documents.report.selection import LEDGER, MAPPED
from lstm_tui.documents.report.subject import NOT_YET, Subject
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.engine.text_safety import visible

_MOST_WORK = 50_000_000
"""Numbers that are looked through for the sums below a map at most."""
_LEDGER_ACROSS = 16


def shares_of(subject: Subject, name: str) -> Iterator[Block]:
    """Yield the share of each token after each step, or why there is none."""
    flow = subject.facts.flow(name)
    if flow is None:
        yield Sentence(f"There is no ledger: {' '.join(subject.facts.no_ledger(name))}")
        return
    letter = subject.letter(name)
    yield Sentence(
        "Attribution, not causation: "
        f"with all gates held, {letter} is the sum of what each token wrote, times all that the "
        "gates have kept of it since. The gates hang on earlier tokens too, which only gradients and edits show."
    )
    yield from _shares(subject, name, flow)


def by_unit(subject: Subject, name: str) -> Iterator[Table]:
    """Yield what each token has in each unit that is told in full; nothing where there is no ledger."""
    flow = subject.facts.flow(name)
    if flow is not None:
        yield _by_unit(subject, name, flow)


def _shares(subject: Subject, name: str, flow: Flow) -> Iterator[Table]:
    """Yield the share of each token after each step, in all units together."""
    passed, steps = subject.passed(name), subject.choice.steps
    forward = passed.direction == "forward"
    places = (steps[-LEDGER:] if forward else steps[:LEDGER]) if len(steps) > LEDGER else steps
    shares = share_map(passed, flow, None, places, places)
    known = passed.steps * flow.write.shape[1] * len(places) <= _MOST_WORK
    ledgers = {t: ledger_at(passed, flow, t) for t in places} if known else {}
    for first in range(0, len(places), _LEDGER_ACROSS):
        across = places[first : first + _LEDGER_ACROSS]
        rows = []
        for row, source in enumerate(places):
            entries: list[Entry] = []
            for t in across:
                read = source <= t if forward else source >= t
                entries.append(LabelledNumber(float(shares[row, t - places.start])) if read else None)
            if any(entry is not None for entry in entries):
                rows.append(subject.row(source, *entries))
        rows += _footing(subject.letter(name), across, places, shares, ledgers)
        columns = tuple(TableColumn(subject.short(t), f"after {t}", Scale("share", 1.0, 2)) for t in across)
        which = f", after t = {across[0]} to {across[-1]}" if len(across) < len(places) else ""
        yield Table(
            f"Share of each token in {subject.letter(name)} of {name}, all units, after every step{which}",
            ("t", "token"), columns, tuple(rows), dense=True,
        )  # fmt: skip


def _footing(
    letter: str, across: range, places: range, shares: Array, ledgers: dict[int, Ledger]
) -> Iterator[TableRow]:
    """Yield what else is in the memory, and the sums that must hold."""
    with np.errstate(all="ignore"):
        tokens = {t: float(shares[:, t - places.start].sum()) for t in across}
    if not ledgers:
        yield TableRow(("", "all else"), tuple(LabelledNumber(1 - tokens[t]) for t in across), "sum")
        return
    start = {t: ledgers[t].start_share() for t in across}
    edits = {t: float(ledgers[t].edit_shares().sum()) for t in across}
    others = {t: float(ledgers[t].shares().sum()) - tokens[t] for t in across}
    if any(abs(others[t]) > 1e-9 for t in across):
        yield TableRow(("", "other tokens"), tuple(LabelledNumber(others[t]) for t in across), "sum")
    yield TableRow(("", "the initial state"), tuple(LabelledNumber(start[t]) for t in across), "sum")
    if any(edits[t] for t in across):
        yield TableRow(("", "edits"), tuple(LabelledNumber(edits[t]) for t in across), "sum")
    whole = tuple(LabelledNumber(tokens[t] + others[t] + start[t] + edits[t]) for t in across)
    yield TableRow(("", "all shares"), whole, "sum")
    with np.errstate(all="ignore"):
        sums = tuple(figure(float(ledgers[t].sum.sum()), 2, True) for t in across)
        totals = tuple(figure(float(ledgers[t].total.sum()), 2, True) for t in across)
    yield TableRow(("", "sum of all parts"), sums, "sum")
    yield TableRow(("", f"{letter} of all units"), totals, "sum")
    yield TableRow(("", "the same in every unit"), tuple(_holds(ledgers[t].breach) for t in across), "sum")


def _holds(off: float) -> str:
    return "yes" if off == 0 else "not known" if math.isnan(off) else f"off by {figure(off)}"


def _by_unit(subject: Subject, name: str, flow: Flow) -> Table:
    """Return what each token has in each of the units that are told in full, at one place; it must sum to C."""
    here, units = subject.choice.here[name], list(subject.choice.units[name])
    now, old = ledger_at(subject.passed(name), flow, here), _baseline(subject, name, here, flow)
    listed = [t for t in subject.choice.steps if now.read[t]]
    half = scale_of(now.by_token[listed][:, units], least=0.05)
    rows = []
    for t in listed:
        origin = subject.origin(t)
        before = None if old is None or origin is None else old.by_token[origin]
        rows.append(subject.row(t, *_measures(now.by_token[t], before, units)))
    rest = [int(t) for t in np.flatnonzero(now.read) if t not in subject.choice.steps]
    with np.errstate(all="ignore"):
        if rest:
            rows.append(TableRow(("", "other tokens"), _measures(now.by_token[rest].sum(axis=0), None, units), "sum"))
        rows.append(
            TableRow(("", "the initial state"), _measures(now.start, None if old is None else old.start, units), "sum")
        )
        if now.edits is not None:
            rows.append(TableRow(("", "edits"), _measures(now.edits.sum(axis=0), None, units), "sum"))
        rows.append(TableRow(("", "sum"), _measures(now.sum, None if old is None else old.sum, units), "sum"))
    total = None if old is None else old.total
    rows.append(TableRow(("", f"{subject.letter(name)} of the run"), _measures(now.total, total, units), "sum"))
    rows.append(TableRow(("", "the same"), tuple(_holds(float(now.off[unit])) for unit in units), "sum"))
    names = subject.frame.names
    columns = tuple(
        TableColumn(names.words(name, unit), axis_words(half, True), Scale("signed", half), "bar") for unit in units
    )
    caption = f"What of each token is in {subject.letter(name)} of {name} at {subject.place(here)}, unit by unit"
    return Table(caption, ("t", "token"), columns, tuple(rows))


def _measures(now: Array, before: Array | None, units: list[int]) -> tuple[LabelledNumber, ...]:
    return tuple(LabelledNumber(float(now[unit]), None if before is None else float(before[unit])) for unit in units)


def _baseline(subject: Subject, name: str, here: int, flow: Flow) -> Ledger | None:
    """Return the ledger of the baseline at the same token; None where there is none like it."""
    plain, origin = subject.facts.before, subject.origin(here)
    if plain is None or origin is None or name not in plain.trace:
        return None
    before = plain.flow(name)
    if before is None or before.write.shape[1] != flow.write.shape[1]:
        return None
    return ledger_at(plain.trace[name], before, origin)


_ACROSS = 16
"""Tokens of a map that stand side by side on a sheet of paper."""
_BESIDE = 7
"""Tokens up to which two maps stand side by side."""
_PICTURE = 100
"""Signs of a line that stands on a sheet of paper."""
_DOES = {"keeps": "keeps", "writes": "writes", "shows": "shows", "candidate": "candidate", "memory": "memory",
         "output": "seen by the rest"}  # fmt: skip


def pass_of(subject: Subject, name: str, with_picture: bool = True) -> Section:
    """Return what is told of a pass; its picture may stand elsewhere."""
    passed = subject.passed(name)
    order = "from the first token on" if passed.direction == "forward" else "from the last token back"
    memory, whose = tuple(_memory(subject, name)), (Heading(f"Whose memory it is in {name}"), *shares_of(subject, name))
    blocks: list[Block] = [
        Sentence(f"{passed.cell.title}. It reads {order}."),
        *(picture_of(subject, name) if with_picture else ()),
        _equations(equations_of(passed), f"Equations of {name}", roles_of(passed.cell)),
        *((SideBySide((memory, whose)),) if len(subject.choice.steps) <= _BESIDE else (*memory, *whose)),
        *by_unit(subject, name),
        Heading(f"Units of {name} in full"),
        SideBySide(tuple((_unit(subject, name, unit),) for unit in subject.choice.units[name]), even=True),
    ]
    return Section(name, tuple(blocks))


def picture_of(subject: Subject, name: str) -> Iterator[Block]:
    """Yield the cell as a picture, with the numbers of the unit that is told first where the session stands."""
    units, here = subject.choice.units[name], subject.choice.here[name]
    frame = replace(subject.frame, position=Position(name, here, len(equations_of(subject.passed(name))) - 1))
    step = standing(frame, units[0]) if units else None
    if step is None:
        return
    layout = fitted(step.flow, _PICTURE, backward=step.backward)
    if layout.width > _PICTURE:
        yield Sentence(f"The picture of this cell is {layout.width} signs wide; `diagram` draws it in plain mode.")
        return
    lines = text_of(layout, drawn(layout, step.written))
    label = f"One step of {subject.frame.names.words(name, units[0])} at {subject.place(here)}"
    yield Lines(tuple((LinePiece(visible(line)),) for line in lines if line), label)


def _memory(subject: Subject, name: str) -> Iterator[Block]:
    units, there = subject.choice.mapped[name], subject.units(name)
    count = "all" if len(units) == there else f"{len(units)} of the"
    yield Heading(f"The memory of {name}")
    yield Sentence(
        f"{subject.letter(name)} of {count} {there} units after every token, the largest at "
        f"{subject.place(subject.choice.here[name])} first; below them the mean of each gate over all units."
    )
    yield from maps_of(subject, name, subject.facts.memory(name), units, means=True)
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
        columns = tuple(TableColumn(name) for name in series)
        rows = tuple(subject.row(t, *(_of_readout(subject, name, t) for name in series)) for t in subject.choice.steps)
        blocks.append(Table("Values of the readout at every token", ("t", "token"), columns, rows))
    return Section("The readout", tuple(blocks))


def _of_readout(subject: Subject, name: str, t: int) -> LabelledNumber:
    origin = subject.origin(t)
    old = None if subject.difference is None else subject.difference.before.readout.get(name)
    before = None if old is None or origin is None else float(old[origin, 0])
    return LabelledNumber(float(subject.trace.readout[name][t, 0]), before, subject.edited(READOUT, name, t, 0))


def equations_of_cell(cell: Cell) -> EquationList:
    """Return the equations of a cell, what each value does, and its comment."""
    return _equations(cell.equations, f"Equations of {cell.name}", roles_of(cell))


def _equations(equations: Iterable[Equation], caption: str, roles: dict[str, str] | dict) -> EquationList:  # type: ignore[type-arg]
    lines = []
    for one in equations:
        does = _DOES.get(roles.get(one.name) or "", "")
        comment = f"{one.label}: {one.help}" if one.label and one.help else one.label or one.help
        lines.append((f"{one.name} = {show(one.expression)}", does, comment))
    return EquationList(caption, tuple(lines))


def maps_of(subject: Subject, name: str, value: str, units: tuple[int, ...], means: bool = False) -> Iterator[Table]:
    """Yield a map of a value, units × tokens, in as many tables as stand side by side on a sheet."""
    steps = subject.choice.steps
    scale = Scale("heat", subject.half(name, value), 2)
    for first in range(0, len(steps), _ACROSS):
        places = steps[first : first + _ACROSS]
        columns = tuple(TableColumn(subject.short(t), f"t = {t}", scale) for t in places)
        names = subject.frame.names
        rows = [
            TableRow((names.label(name, unit, value),), tuple(subject.entry(name, value, t, unit) for t in places))
            for unit in units
        ]
        if means:
            rows += _means(subject, name, places)
        which = f", t = {places[0]} to {places[-1]}" if len(places) < len(steps) else ""
        yield Table(f"{letter(value)} of {name} by unit and token{which}; tints from {figure(-scale.full, 1)} to "
                    f"{figure(scale.full, 1, True)}", ("unit",), columns, tuple(rows), dense=True)  # fmt: skip


def _means(subject: Subject, name: str, places: range) -> Iterator[TableRow]:
    """Yield the mean of every gate over all units."""
    for column in subject.facts.columns(name):
        if column.acts:
            with np.errstate(all="ignore"):
                shown = rows_of(subject.passed(name)[column.name], places.start, places.stop)
                means = shown.mean(axis=1, dtype=np.float64)
            before = subject.before(name, column.name)
            entries: list[Entry] = []
            for t in places:
                if not subject.is_told(name, column.name, t):
                    entries.append(NOT_YET)
                    continue
                origin = subject.origin(t)
                with np.errstate(all="ignore"):
                    old = None if before is None or origin is None else float(before[origin].mean(dtype=np.float64))
                entries.append(LabelledNumber(float(means[t - places.start]), old))
            yield TableRow(
                (f"mean {column.letter}, {column.word}",), tuple(entries), "sum", scale=Scale("plain", places=2)
            )


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
            yield from maps_of(subject, name, value, shown)


def _unit(subject: Subject, name: str, unit: int) -> Table:
    """Return every value of a unit at every token."""
    values = [column.name for column in subject.facts.columns(name)]
    rows = tuple(
        subject.row(t, *(subject.measure(name, value, t, unit) for value in values)) for t in subject.choice.steps
    )
    here = subject.choice.here[name]
    memory = float(subject.passed(name)[subject.facts.memory(name)][here, unit])
    label = subject.frame.names.label(name, unit)
    caption = f"Unit {label} of {name}: {subject.letter(name)} = {figure(memory, sign=True)} at {subject.place(here)}"
    return Table(caption, ("t", "token"), tuple(subject.column(name, value) for value in values), rows)
