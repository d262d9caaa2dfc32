"""What a notebook shows of an object: tables, bars and the tape, a few of each, from the blocks of every document.

It is a piece of a page that runs nothing and fetches nothing; no text of a stranger is markup in it. What of a large
run is left out is said, with what has all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch

import numpy as np

from lstm_tui.analysis.contributions import says_shares
from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.memory_ledger import MemoryLedger
from lstm_tui.debugger.inspect.now import now
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.debugger.inspect.trace_facts import Facts, letter
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.documents.blocks import (
    Block,
    Chip,
    Entry,
    Heading,
    LabelledNumber,
    Scale,
    Sentence,
    Strip,
    Table,
    TableColumn,
    TableRow,
    Terms,
    figure,
    grouped,
    named,
)
from lstm_tui.documents.html import fragment
from lstm_tui.documents.report.passes import equations_of_cell, maps_of
from lstm_tui.documents.report.sections import leading, name_of, outputs_of, said_at, title_of
from lstm_tui.documents.report.selection import Most, ReportSelection, choose
from lstm_tui.documents.report.subject import Subject, shortened
from lstm_tui.documents.report.tape import chips_of
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.value_array import ValueArray
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedRun

_MOST = Most(steps=16, tape=60, units=12, mapped=8, passes=2)
"""How much of a run stands in one output of a notebook."""
_LAYERS, _CLASSES, _COLUMNS, _VALUES, _RUNS, _LONGEST = 8, 6, 6, 8, 20, 200
_WHOLE = 2_000
"""Tokens up to which a whole run is looked through for one output."""


def drawn(shown: object) -> str | None:
    """Return what a notebook shows of an object, or None where there is nothing but its `repr`."""
    with quiet():
        blocks = tuple(_blocks(shown))
    return fragment(blocks) if blocks else None


def shown_classes() -> tuple[type, ...]:
    """Return the classes of what can be shown."""
    return tuple(one for one in _blocks.registry if one is not object)


def drawn_below(blocks: tuple[Block, ...], shown: object) -> str:
    """Return what a notebook shows of an object, with blocks of a caller's own above it."""
    with quiet():
        return fragment((*blocks, *_blocks(shown)))


def section_of(heading: str, blocks: Iterable[Block]) -> str:
    """Return blocks of a caller's own, as a notebook shows them below a heading."""
    return fragment((Heading(heading), *blocks))


@singledispatch
def _blocks(shown: object) -> Iterator[Block]:
    """Yield what is told of an object."""
    return iter(())


@_blocks.register
def _(network: Network) -> Iterator[Block]:
    yield Heading(f"Network {named(network.name)}")
    yield Terms(tuple(_terms(network)))
    for remark in network.remarks:
        yield Sentence(remark, alarm=True, plain=True)
    rows = [
        TableRow((one.name,), (
            f"{one.cell.title} ({one.cell.name})", LabelledNumber(one.program.input_size),
            LabelledNumber(one.program.hidden_size), LabelledNumber(one.flat.size),
        ))
        for one in network.passes[: 2 * _LAYERS]
    ]  # fmt: skip
    whole = Scale("plain", places=0)
    columns = (
        TableColumn("cell", ink="words"),
        *(TableColumn(one, scale=whole) for one in ("inputs", "units", "weights")),
    )
    yield Table("Passes, in the order in which they run", ("pass",), columns, tuple(rows))
    for cell in {one.cell.name: one.cell for one in network.passes[: 2 * _LAYERS]}.values():
        yield equations_of_cell(cell)


def _terms(network: Network) -> Iterator[tuple[str, str]]:
    tokens = network.tokens
    if tokens is None:
        yield "Reads", f"{count_of(network.input_size, 'number')} a step"
    else:
        yield "Reads", f"text by {tokens.kind}, {grouped(len(tokens.vocabulary))} tokens known"
    if network.readout is None:
        yield "Says", "nothing: it has no readout"
    else:
        listed = ", ".join(map(named, network.classes[:_CLASSES]))
        more = ", …" if len(network.classes) > _CLASSES else ""
        when = "at each token" if network.readout.page.per_token else "of the whole sequence"
        yield "Says", f"{listed + more or count_of(network.outputs, 'number')}, {when}"
    yield "Weights", f"{grouped(network.parameter_count)}, {network.dtype}"
    for key in ("task", "accuracy"):
        if isinstance(network.card.get(key), str):
            yield key.capitalize(), visible(network.card[key])[:_LONGEST]


# --- a run ---


@_blocks.register
def _(trace: Trace) -> Iterator[Block]:
    first = next(iter(trace.passes.values()))
    position = Position(first.name, 0, len(equations_of(first)) - 1)
    yield from _run(Frame(trace, position), standing=False)


@_blocks.register
def _(frame: Frame) -> Iterator[Block]:
    yield from _run(frame, standing=True)


@_blocks.register
def _(session: Session) -> Iterator[Block]:
    yield from _run(session.frame, standing=True)


@_blocks.register
def _(run: CapturedRun) -> Iterator[Block]:
    yield Sentence(f"Sequence {run.batch} through {named(run.module.name)}, call {run.call}: {run.said}", plain=True)
    yield from _blocks(run.trace)


def _run(frame: Frame, standing: bool) -> Iterator[Block]:
    """Yield a run, and the units where a session stands in it."""
    before = None if frame.difference is None else Facts(frame.difference.before)
    facts = Facts(frame.trace, before)
    passes = (frame.position.pass_name,) if standing else None
    wanted = ReportSelection(passes=passes, standing=standing, most=_MOST)
    subject = Subject(frame, facts, choose(frame, facts, wanted), standing, (), so_far=standing)
    yield Heading(title_of(subject))
    if frame.trace.edits:
        yield Sentence(f"With {count_of(len(frame.trace.edits), 'edit')}: {'; '.join(frame.trace.edits)}", plain=True)
    for remark in frame.trace.remarks:
        yield Sentence(remark, alarm=True, plain=True)
    split = facts.length <= _WHOLE and (not standing or frame.reached(*_memory_of(subject)))
    if split:
        yield Strip(tuple(chips_of(subject)))
    else:
        yield Strip(tuple(Chip(subject.token(t), 0.0, subject.row(t).part) for t in subject.choice.tape))
    if facts.length <= _WHOLE:
        if standing:
            yield Sentence(f"{_standing(frame)}: {now(frame, facts, said_at(subject, frame.t)).text}", plain=True)
        elif leading(subject):
            yield Sentence(leading(subject), plain=True)
        yield from _under_the_tape(subject) if split else ()
    elif standing:
        yield Sentence(f"{_standing(frame)}.", plain=True)
    if standing:
        yield _units(subject)
    else:
        said = outputs_of(subject) if facts.length <= _WHOLE else None
        yield from () if said is None else said.blocks
    for name in subject.choice.passes:
        yield from maps_of(subject, name, facts.memory(name), subject.choice.mapped[name], means=True)
    yield from _left_out(subject)


def _memory_of(subject: Subject) -> tuple[str, str]:
    """Return the pass that the bars of the tape are of, and its memory."""
    name = subject.choice.passes[0]
    return name, subject.facts.memory(name)


def _under_the_tape(subject: Subject) -> Iterator[Block]:
    """Say what the bars below the tokens are."""
    name = subject.choice.passes[0]
    if subject.remembered(name) is not None:
        when = f"after {subject.place(subject.choice.read[name])}"
        yield Sentence(f"Below each token its share of the memory of {name} {when}.", plain=True)


def _standing(frame: Frame) -> str:
    return f"{'In' if frame.position.op is not None else 'At'} {frame.where}"


def _units(subject: Subject) -> Table:
    """Return every value of the largest units where the session stands; what is not computed yet is not there."""
    frame, name = subject.frame, subject.frame.position.pass_name
    columns = subject.facts.columns(name)[:_VALUES]
    rows = []
    for unit in subject.choice.units[name]:
        entries: list[Entry] = [subject.entry(name, one.name, frame.t, unit) for one in columns]
        rows.append(TableRow((frame.names.label(name, unit),), tuple(entries)))
    caption = f"Units of {name} at {subject.place(frame.t)}, those with the largest memory"
    return Table(caption, ("unit",), tuple(subject.column(name, one.name) for one in columns), tuple(rows))


def _left_out(subject: Subject) -> Iterator[Block]:
    """Say what of a run is not shown, and what has all of it."""
    choice, length = subject.choice, subject.facts.length
    parts = []
    if len(choice.steps) < length:
        parts.append(f"t = {choice.steps[0]} to {choice.steps[-1]} of {grouped(length)} tokens")
    parts += [
        f"{len(choice.mapped[name])} of {subject.units(name)} units of {name}"
        for name in choice.passes
        if len(choice.mapped[name]) < subject.units(name)
    ]
    if len(choice.passes) < len(subject.facts.names):
        parts.append(f"{len(choice.passes)} of {len(subject.facts.names)} passes")
    if parts:
        yield Sentence(f"Shown: {', '.join(parts)}; `to_frame()` of the trace has all.")


# --- values ---


@_blocks.register
def _(passed: PassTrace) -> Iterator[Block]:
    yield Heading(f"{passed.name}: {passed.cell.title}")
    tokens = None if passed.tape is None else passed.tape.sequence.tokens
    for value in list(passed)[-_VALUES:]:  # the states and what the rest sees are computed last
        yield _map(f"{letter(value)} of {passed.name}", passed[value], tokens)
    if len(passed) > _VALUES:
        yield Sentence(f"Shown: {_VALUES} of {len(passed)} values; it has {', '.join(passed)}.", plain=True)
    yield equations_of_cell(passed.cell)


@_blocks.register
def _(values: ValueArray) -> Iterator[Block]:
    if values.ndim == 2 and values.tape is not None and values.size:
        yield _map(values.label, values, values.tape.sequence.tokens)


def _called(token: str) -> str:
    return shortened(named(token))


def _map(what: str, series: Array, tokens: tuple[str, ...] | None) -> Table:
    """Return the first tokens of a value, those units that are largest there."""
    shown = np.asarray(rows_of(series, 0, min(len(series), _MOST.steps)), dtype=np.float64)
    sizes = np.nan_to_num(np.abs(shown), nan=np.inf).max(axis=0, initial=0.0)
    units = sorted(int(unit) for unit in np.argsort(-sizes, kind="stable")[: _MOST.mapped])
    seen = shown[:, units]
    is_part = bool(((seen >= 0) & (seen <= 1) | np.isnan(seen)).all())
    scale = Scale("share", 1.0, 2) if is_part else Scale("heat", scale_of(seen), 2)
    tints = f"tints from {'0' if is_part else figure(-scale.full, 1)} to {figure(scale.full, 1, not is_part)}"
    columns = tuple(TableColumn(_called(tokens[t]) if tokens else str(t), f"t = {t}", scale) for t in range(len(shown)))
    rows = tuple(
        TableRow((str(unit),), tuple(LabelledNumber(float(number)) for number in shown[:, unit])) for unit in units
    )
    part = f"; {len(units)} of {series.shape[1]} units" if len(units) < series.shape[1] else ""
    part += f", {len(shown)} of {grouped(len(series))} tokens" if len(shown) < len(series) else ""
    return Table(f"{what} by unit and token{part}; {tints}", ("unit",), columns, rows, dense=True)


@_blocks.register
def _(ledger: MemoryLedger) -> Iterator[Block]:
    memory, split = letter(ledger.value), ledger.split
    tokens, shares = ledger.tokens, ledger.shares
    read = np.flatnonzero(split.read)
    by_share = np.argsort(-np.nan_to_num(shares[read], nan=np.inf), kind="stable")
    told = sorted(int(n) for n in read[by_share[: _MOST.steps]])
    units = [
        int(unit) for unit in np.argsort(-np.nan_to_num(np.abs(ledger.total), nan=np.inf), kind="stable")[:_COLUMNS]
    ]
    yield Heading(f"{memory} of {ledger.pass_name} at t = {ledger.t} “{named(ledger.trace.sequence.tokens[ledger.t])}”")
    full = max(float(np.nan_to_num(shares).max(initial=0.0)), 1e-12)
    parts = np.nan_to_num(shares) / full
    chips = [
        Chip(_called(tokens[n]), float(parts[n]), "here" if n + ledger.first == ledger.t else "row")
        for n in range(len(tokens))[: _MOST.tape]
    ]
    yield Strip(tuple(chips))
    scale = Scale("signed", scale_of(ledger.by_token[told][:, units] if told else ledger.total[units], least=0.05))
    columns = [TableColumn("share", "0 to 1", Scale("gate"), "bar")]
    names = UnitNames.of_trace(ledger.trace)
    columns += [TableColumn(names.words(ledger.pass_name, one, ledger.value), "", scale, "bar") for one in units]
    rows = []
    for n in told:
        entries = LabelledNumber(float(shares[n])), *_numbers(ledger.by_token[n], units)
        rows.append(TableRow((str(n + ledger.first), _called(tokens[n])), entries))
    rest = np.setdiff1d(read, told)
    if len(rest):
        rows.append(_sum("other tokens", float(shares[rest].sum()), ledger.by_token[rest].sum(axis=0), units))
    rows.append(_sum(ledger.start_name, split.start_share(), ledger.start, units))
    if ledger.edits is not None:
        rows.append(_sum("edits", float(split.edit_shares().sum()), ledger.edits.sum(axis=0), units))
    rows.append(_sum("sum", None, split.sum, units))
    rows.append(_sum(f"{memory} of the run", None, ledger.total, units))
    yield Table(
        f"What of each token is in {memory}; the units with the largest memory",
        ("t", "token"),
        tuple(columns),
        tuple(rows),
    )
    yield Sentence("Attribution, not causation: the gates depend on earlier tokens too.")


def _numbers(row: Array, units: list[int]) -> tuple[LabelledNumber, ...]:
    return tuple(LabelledNumber(float(row[unit])) for unit in units)


def _sum(what: str, share: float | None, row: Array, units: list[int]) -> TableRow:
    first: Entry = None if share is None else LabelledNumber(share)
    return TableRow(("", what), (first, *_numbers(row, units)), "sum")


# --- several runs ---


@_blocks.register
def _(compared: Comparison) -> Iterator[Block]:
    one, other = map(named, compared.names)
    yield Heading(f"{one} and {other}")
    yield from _verdicts(compared, one, other)
    passes = [name for name in compared.one if compared.comparable(name)][: _MOST.passes]
    shown = compared.columns[: _MOST.tape]
    columns = [TableColumn("outputs apart", "", Scale("signed", 1.0), "bar")]
    columns += [TableColumn(f"memory of {name} apart", "0 to 1", Scale("gate"), "bar") for name in passes]
    rows = []
    for column in shown:
        distances = [compared.output_distance(column), *(compared.memory_distance(column, name) for name in passes)]
        entries = tuple(None if one is None else LabelledNumber(float(one)) for one in distances)
        place = column.after if column.after is not None else column.before
        gone = column.after is None
        remark = "deleted" if gone else "inserted" if column.before is None else ""
        rows.append(TableRow((str(place), _called(compared.token(column))), entries, "gone" if gone else "row", remark))
    yield Table("How far apart, token by token", ("t", "token"), tuple(columns), tuple(rows))
    if len(shown) < len(compared.columns):
        yield Sentence(f"Shown: {len(shown)} of {grouped(len(compared.columns))} tokens.")


def _verdicts(compared: Comparison, one: str, other: str) -> Iterator[Block]:
    """Yield what both say in the end."""
    first, second = compared.one.result, compared.other.result
    if first is None or second is None or not compared.same_classes:
        return
    order = np.argsort(-np.nan_to_num(np.maximum(first, second), nan=np.inf), kind="stable")[: _MOST.mapped]
    are_parts = says_shares(compared.one, first) and says_shares(compared.other, second)
    scale = Scale("gate") if are_parts else Scale("signed", scale_of(np.stack([first, second])))
    rows = []
    for n in map(int, order):
        numbers = LabelledNumber(float(first[n])), LabelledNumber(float(second[n]))
        rows.append(TableRow((name_of(compared.one.classes, n),), numbers))
    yield Table(
        "What they say in the end",
        ("output",),
        tuple(TableColumn(name, "", scale, "bar") for name in (one, other)),
        tuple(rows),
    )


@_blocks.register
def _(batch: CapturedBatch) -> Iterator[Block]:
    yield Heading(f"Capture of {named(batch.model)}")
    terms = [("Sequences", str(batch.sequences)), ("Modules", ", ".join(map(named, list(batch.modules)[:_LAYERS])))]
    if batch.loss is not None:
        terms.append(("Loss", figure(batch.loss, 4)))
    if batch.gradient_norm is not None:
        terms.append(("Gradient norm", figure(batch.gradient_norm, 4)))
    yield Terms(tuple(terms))
    columns = tuple(TableColumn(one, ink="words") for one in ("module", "call", "tokens", "says", "target"))
    rows = []
    for run in batch.runs[:_RUNS]:
        tokens = " ".join(_called(one) for one in run.sequence.tokens[: _MOST.mapped])
        more = " …" if len(run) > _MOST.mapped else ""
        rows.append(
            TableRow(
                (str(run.batch),), (named(run.module.name), str(run.call), tokens + more, _answer(run), _target(run))
            )
        )
    yield Table("Every sequence through every module", ("sequence",), columns, tuple(rows))
    if len(batch.runs) > _RUNS:
        yield Sentence(f"Shown: {_RUNS} of {grouped(len(batch.runs))} runs.")


def _answer(run: CapturedRun) -> str:
    answer = run.answer
    if answer is None:
        return ""
    last = answer[-1] if answer.ndim == 2 else answer
    best = largest(last)
    if len(last) == 1:
        return figure(float(last[0]), 4)
    return "not known" if best is None else name_of(run.classes, best)


def _target(run: CapturedRun) -> str:
    if run.target is None or np.size(run.target) != 1:
        return "" if run.target is None else f"{np.size(run.target)} numbers"
    number = float(np.reshape(run.target, ()))
    is_class = number.is_integer() and 0 <= number < len(run.classes)
    return name_of(run.classes, int(number)) if is_class else figure(number, 4)
