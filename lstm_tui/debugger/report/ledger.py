"""Whose memory it is, in a report: tokens' shares after every step, and each unit's memory split by token."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.flow import Flow
from lstm_tui.analysis.ledger import Ledger, ledger_at, share_map
from lstm_tui.debugger.report.choice import LEDGER
from lstm_tui.debugger.report.contents import Block, Column, Entry, Measure, Row, Scale, Sentence, Table
from lstm_tui.debugger.report.figures import figure
from lstm_tui.debugger.report.subject import Subject
from lstm_tui.debugger.scale import axis_words, scale_of

Array = NDArray[np.float64]
_MOST_WORK = 50_000_000
"""Numbers that are looked through for the sums below a map at most."""
_ACROSS = 16


def shares_of(subject: Subject, name: str) -> Iterator[Block]:
    """Yield the share of each token after each step, or why there is none."""
    flow = subject.facts.flow(name)
    if flow is None:
        yield Sentence(f"There is no ledger: {' '.join(subject.facts.no_ledger(name))}")
        return
    letter = subject.letter(name)
    yield Sentence(
        f"Accounting, not cause: with all gates held, {letter} is the sum of what each token wrote, times all that the "
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
    for first in range(0, len(places), _ACROSS):
        across = places[first : first + _ACROSS]
        rows = []
        for row, source in enumerate(places):
            entries: list[Entry] = []
            for t in across:
                read = source <= t if forward else source >= t
                entries.append(Measure(float(shares[row, t - places.start])) if read else None)
            if any(entry is not None for entry in entries):
                rows.append(subject.row(source, *entries))
        rows += _footing(subject.letter(name), across, places, shares, ledgers)
        columns = tuple(Column(subject.short(t), f"after {t}", Scale("share", 1.0, 2)) for t in across)
        which = f", after t = {across[0]} to {across[-1]}" if len(across) < len(places) else ""
        yield Table(
            f"Share of each token in {subject.letter(name)} of {name}, all units, after every step{which}",
            ("t", "token"), columns, tuple(rows), dense=True,
        )  # fmt: skip


def _footing(letter: str, across: range, places: range, shares: Array, ledgers: dict[int, Ledger]) -> Iterator[Row]:
    """Yield what else is in the memory, and the sums that must hold."""
    with np.errstate(all="ignore"):
        tokens = {t: float(shares[:, t - places.start].sum()) for t in across}
    if not ledgers:
        yield Row(("", "all else"), tuple(Measure(1 - tokens[t]) for t in across), "sum")
        return
    start = {t: ledgers[t].start_share() for t in across}
    edits = {t: float(ledgers[t].edit_shares().sum()) for t in across}
    others = {t: float(ledgers[t].shares().sum()) - tokens[t] for t in across}
    if any(abs(others[t]) > 1e-9 for t in across):
        yield Row(("", "other tokens"), tuple(Measure(others[t]) for t in across), "sum")
    yield Row(("", "the initial state"), tuple(Measure(start[t]) for t in across), "sum")
    if any(edits[t] for t in across):
        yield Row(("", "edits"), tuple(Measure(edits[t]) for t in across), "sum")
    whole = tuple(Measure(tokens[t] + others[t] + start[t] + edits[t]) for t in across)
    yield Row(("", "all shares"), whole, "sum")
    with np.errstate(all="ignore"):
        sums = tuple(figure(float(ledgers[t].sum.sum()), 2, True) for t in across)
        totals = tuple(figure(float(ledgers[t].total.sum()), 2, True) for t in across)
    yield Row(("", "sum of all parts"), sums, "sum")
    yield Row(("", f"{letter} of all units"), totals, "sum")
    yield Row(("", "the same in every unit"), tuple(_holds(ledgers[t].breach) for t in across), "sum")


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
            rows.append(Row(("", "other tokens"), _measures(now.by_token[rest].sum(axis=0), None, units), "sum"))
        rows.append(
            Row(("", "the initial state"), _measures(now.start, None if old is None else old.start, units), "sum")
        )
        if now.edits is not None:
            rows.append(Row(("", "edits"), _measures(now.edits.sum(axis=0), None, units), "sum"))
        rows.append(Row(("", "sum"), _measures(now.sum, None if old is None else old.sum, units), "sum"))
    total = None if old is None else old.total
    rows.append(Row(("", f"{subject.letter(name)} of the run"), _measures(now.total, total, units), "sum"))
    rows.append(Row(("", "the same"), tuple(_holds(float(now.off[unit])) for unit in units), "sum"))
    columns = tuple(Column(f"unit {unit}", axis_words(half, True), Scale("signed", half), "bar") for unit in units)
    caption = f"What of each token is in {subject.letter(name)} of {name} at {subject.place(here)}, unit by unit"
    return Table(caption, ("t", "token"), columns, tuple(rows))


def _measures(now: Array, before: Array | None, units: list[int]) -> tuple[Measure, ...]:
    return tuple(Measure(float(now[unit]), None if before is None else float(before[unit])) for unit in units)


def _baseline(subject: Subject, name: str, here: int, flow: Flow) -> Ledger | None:
    """Return the ledger of the baseline at the same token; None where there is none like it."""
    plain, origin = subject.facts.before, subject.origin(here)
    if plain is None or origin is None or name not in plain.trace:
        return None
    before = plain.flow(name)
    if before is None or before.write.shape[1] != flow.write.shape[1]:
        return None
    return ledger_at(plain.trace[name], before, origin)
