"""The tape of a report: every token with its share of the memory, its surprise, and what is said after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lstm_tui.analysis.contributions import attention_in, says_shares
from lstm_tui.analysis.distribution import is_language_model, largest
from lstm_tui.analysis.ledger import Ledger
from lstm_tui.debugger.inspect.scale import axis_words, scale_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.documents.blocks import (
    Chip,
    Entry,
    LabelledNumber,
    Scale,
    Section,
    Sentence,
    Strip,
    Table,
    TableColumn,
    TableRow,
    named,
)
from lstm_tui.documents.report.sections import name_of
from lstm_tui.documents.report.subject import Subject, was
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.overrides import READOUT

_FEW = 4
"""Outputs of a token that each have a column."""
_READ = "not read yet"


@dataclass(frozen=True)
class _Signal:
    """A column of the tape.

    Attributes:
        column: Its head.
        at: What stands in it for a token.
        gone: What stands in it for a token of the baseline that was deleted.
    """

    column: TableColumn
    at: Callable[[int], Entry]
    gone: Callable[[int], Entry] = lambda t: None


def tape_of(subject: Subject) -> Section:
    """Return the tape."""
    signals = tuple(_signals(subject))
    rows = []
    gone = {} if subject.difference is None else subject.difference.gone
    tape = subject.choice.tape
    for t in tape:
        rows += [_gone(subject, old, signals) for old in gone.get(t, ())]
        rows.append(subject.row(t, *(signal.at(t) for signal in signals)))
    if tape.stop == subject.facts.length:
        rows += [_gone(subject, old, signals) for old in gone.get(tape.stop, ())]
    table = Table("Every token in order", ("t", "token"), tuple(signal.column for signal in signals), tuple(rows))
    return Section("The tape", (Strip(tuple(chips_of(subject))), Sentence(_words(subject)), table))


def _words(subject: Subject) -> str:
    there = [name for name in subject.choice.passes if subject.facts.flow(name) is not None]
    if not there:
        return "A token has no share here: the memory cannot be split by token. Its size is the mean over all units."
    places = dict.fromkeys(f"{name} after it has read {subject.place(subject.choice.read[name])}" for name in there)
    return (
        f"A share is a token's part of all that is in the memory of all units: of {', of '.join(places)}. The size of "
        "a memory is its mean over all units, after that token."
    )


def _gone(subject: Subject, old: int, signals: tuple[_Signal, ...]) -> TableRow:
    assert subject.difference is not None
    token = named(subject.difference.before.sequence.tokens[old])
    return TableRow(("", token), tuple(signal.gone(old) for signal in signals), "gone", "deleted")


def chips_of(subject: Subject) -> Iterator[Chip]:
    """Yield the tokens, each as strong as its share in the pass that is told first and has any."""
    names = subject.choice.passes
    chosen = subject.frame.position.pass_name
    name = chosen if subject.standing and chosen in names else names[0]
    ledger = subject.remembered(name)
    shares = np.zeros(subject.facts.length) if ledger is None else np.nan_to_num(ledger.shares())
    full = max(float(shares.max(initial=0.0)), 1e-12)
    difference = subject.difference
    gone = {} if difference is None else difference.gone
    for t in subject.choice.tape:
        for old in gone.get(t, ()):
            assert difference is not None
            yield Chip(named(difference.before.sequence.tokens[old]), 0.0, "gone")
        row = subject.row(t)
        edited = difference is not None and (subject.origin(t) is None or difference.replaced(t))
        yield Chip(
            str(t) if subject.trace.sequence.is_of_numbers else row.heads[-1], float(shares[t]) / full, row.part, edited
        )


def _signals(subject: Subject) -> Iterator[_Signal]:
    alone = len(subject.choice.passes) == 1
    for name in subject.choice.passes:
        whose = "" if alone else f"{name}, "
        if (ledger := subject.remembered(name)) is not None:
            yield _share(subject, ledger, subject.remembered(name, baseline=True), whose)
        yield _size(subject, name, whose)
    if (attention := attention_in(subject.trace)) is not None:
        yield _attention(subject, attention)
    if is_language_model(subject.trace.network) and subject.facts.surprise is not None:
        yield _surprise(subject)
    yield from _says(subject)


def _share(subject: Subject, ledger: Ledger, before: Ledger | None, whose: str) -> _Signal:
    shares = ledger.shares()
    old = None if before is None else before.shares()

    def at(t: int) -> Entry:
        if not ledger.read[t]:
            return _READ
        origin = subject.origin(t)
        known = before is not None and origin is not None and before.read[origin]
        return LabelledNumber(float(shares[t]), float(old[origin]) if known and old is not None else None)

    def gone(t: int) -> Entry:
        if before is None or old is None:
            return None
        return was(float(old[t])) if before.read[t] else _READ

    return _Signal(TableColumn("share", f"{whose}0 to 1", Scale("gate"), "bar"), at, gone)


def _size(subject: Subject, name: str, whose: str) -> _Signal:
    signal, facts = f"|{subject.letter(name)}|", subject.facts
    sizes = facts.signal(name, signal)
    known = facts.before is not None and name in facts.before.trace
    old = facts.before.signal(name, f"|{letter(facts.before.memory(name))}|") if facts.before and known else None
    full = facts.signal_full(name, signal)

    def at(t: int) -> Entry:
        origin = subject.origin(t)
        return LabelledNumber(float(sizes[t]), None if old is None or origin is None else float(old[origin]))

    def gone(t: int) -> Entry:
        return None if old is None else was(float(old[t]))

    return _Signal(
        TableColumn(f"size of {subject.letter(name)}", whose + axis_words(full, False), Scale("gate", full), "plain"),
        at,
        gone,
    )


def _attention(subject: Subject, name: str) -> _Signal:
    now = subject.trace.readout[name]
    old = None if subject.difference is None else subject.difference.before.readout.get(name)

    def at(t: int) -> Entry:
        origin = subject.origin(t)
        before = None if old is None or origin is None else float(old[origin, 0])
        return LabelledNumber(float(now[t, 0]), before, subject.edited(READOUT, name, t, 0))

    return _Signal(TableColumn(f"attention {name}", "0 to 1", Scale("gate"), "show"), at)


def _surprise(subject: Subject) -> _Signal:
    bits, plain = subject.facts.surprise, subject.facts.before
    assert bits is not None
    old = None if plain is None else plain.surprise
    full = subject.facts.signal_full(subject.choice.passes[0], "surprise")

    def at(t: int) -> Entry:
        if t == 0:
            return "nothing predicted it"
        origin = subject.origin(t)
        before = None if old is None or not origin else float(old[origin])
        return LabelledNumber(float(bits[t]), before)

    return _Signal(TableColumn("surprise", f"bits, {axis_words(full, False)}", Scale("gate", full, 2), "candidate"), at)


def _says(subject: Subject) -> Iterator[_Signal]:
    """Yield what the network says at each token: all of a few numbers, or the largest of many."""
    trace, difference = subject.trace, subject.difference
    output = trace.output
    if output is None:
        return
    old = None if difference is None else difference.before.output
    old = old if old is None or old.shape[1] == output.shape[1] else None
    columns = trace.sequence.columns
    names = trace.classes or (columns if len(columns) == output.shape[1] else ())

    def number(t: int, n: int) -> LabelledNumber:
        origin = subject.origin(t)
        return LabelledNumber(float(output[t, n]), None if old is None or origin is None else float(old[origin, n]))

    shares = says_shares(trace, output[-1])
    if not shares and output.shape[1] <= _FEW:
        full = scale_of(output)
        for n in range(output.shape[1]):
            column = TableColumn(f"says {name_of(names, n)}", axis_words(full, True), Scale("signed", full), "bar")
            yield _Signal(column, lambda t, n=n: number(t, n))  # type: ignore[misc]
        return
    best = [largest(row, some_left_out=subject.trace.network is None) for row in output]

    def says(t: int) -> str:
        place = best[t]
        return "not known" if place is None else name_of(names, place)

    yield _Signal(TableColumn("says", ink="words"), says)
    axis = "0 to 1" if shares else ""
    yield _Signal(
        TableColumn("by", axis, Scale("gate" if shares else "plain"), "bar"),
        lambda t: LabelledNumber(float("nan")) if best[t] is None else number(t, best[t] or 0),
    )
