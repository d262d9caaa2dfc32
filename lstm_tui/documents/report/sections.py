"""How a report begins and ends: the answer in a sentence, what was assumed, what was edited; at the end what was run.

What the network says, beside what it said without the edits, and what each token adds to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import numpy as np

from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.inspect.now import now
from lstm_tui.debugger.inspect.prediction import Prediction, verdict_at
from lstm_tui.debugger.inspect.scale import axis_words, scale_of
from lstm_tui.documents.blocks import (
    Block,
    LabelledNumber,
    LinePiece,
    Lines,
    Listing,
    Scale,
    Section,
    Sentence,
    SideBySide,
    Table,
    TableColumn,
    TableRow,
    Terms,
    figure,
    grouped,
    named,
)
from lstm_tui.documents.report.subject import Subject
from lstm_tui.engine.arrays import Array
from lstm_tui.version import __version__

_MOST, _MOST_NUMBERS = 10, 32
"""Outputs that are told: parts of a whole, the largest first; and other numbers, in their order."""


def said_at(subject: Subject, t: int, of: int | None = None, baseline: bool = False) -> Prediction | None:
    """Return what the network says at a place, or of the whole where it speaks once; so of the baseline."""
    facts = subject.facts.before if baseline else subject.facts
    assert facts is not None
    return verdict_at(facts.trace, facts.parts, t, of=of, bits=facts.surprise)


def name_of(verdict_names: tuple[str, ...], n: int) -> str:
    """Return the name of an output."""
    return named(verdict_names[n]) if n < len(verdict_names) else f"output {n}"


def leading(subject: Subject) -> str:
    """Return in one sentence what the network says in the end; empty where it says nothing, or many numbers."""
    verdict = said_at(subject, subject.facts.length - 1)
    if verdict is None or not verdict.shares:
        return ""
    left_out = subject.trace.network is None  # a trace file keeps the largest alone
    best = largest(verdict.values, left_out)
    if best is None:
        return "What it says is not known: numbers of it are NaN."
    text = f"It says {name_of(verdict.names, best)}, {figure(float(verdict.values[best]))}"
    if subject.trace.output is not None:
        text = f"After the last token it says {name_of(verdict.names, best)}, {figure(float(verdict.values[best]))}"
    before = None if subject.facts.before is None else said_at(subject, subject.facts.before.length - 1, best, True)
    old = None if before is None else largest(before.values, left_out)
    if before is None or old is None:
        return f"{text}."
    other = f"{name_of(before.names, old)}, {figure(float(before.values[old]))}"
    return f"{text}; without the edits {other}."


def outputs_of(subject: Subject) -> Section | None:
    """Return what is said where the session stands and in the end; None where nothing is."""
    groups: list[tuple[Block, ...]] = []
    last, t = subject.facts.length - 1, subject.frame.t
    each = subject.trace.output is not None
    if each and subject.standing and t != last:
        groups.append(tuple(_told(subject, t, f"After {subject.place(t)}")))
    groups.append(
        tuple(_told(subject, last, f"After the last token, {subject.place(last)}" if each else "Of the whole"))
    )
    groups.append(tuple(_parts(subject)))
    there = tuple(group for group in groups if group)
    return Section("What the network says", (SideBySide(there),)) if there else None


def _told(subject: Subject, t: int, caption: str) -> Iterator[Block]:
    verdict = said_at(subject, t)
    if verdict is None:
        return
    before = _before(subject, t)
    values, names = verdict.values, verdict.names
    if verdict.shares:
        order = [int(n) for n in np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")[:_MOST]]
        wanted = [verdict.actual, None if before is None else int(np.argmax(np.nan_to_num(before, nan=-1)))]
        order += [n for n in dict.fromkeys(wanted) if n is not None and n not in order]
        if subject.trace.network is None:
            order = [n for n in order if not np.isnan(values[n])]  # a trace file keeps the largest
        scale = Scale("gate")
    else:
        order = list(range(min(len(values), _MOST_NUMBERS)))
        scale = Scale("signed", scale_of(values))
    rows = tuple(
        TableRow(
            (name_of(names, n),),
            (LabelledNumber(float(values[n]), None if before is None else float(before[n])),),
            remark="came next" if n == verdict.actual else "",
        )
        for n in order
    )
    more = f"; {len(rows)} of {len(values)} outputs" if len(rows) < len(values) else ""
    axis = "0 to 1" if verdict.shares else axis_words(scale.full, True)
    yield Table(caption + more, ("output",), (TableColumn("number", axis, scale, "bar"),), rows)
    for remark in verdict.remark.split("; ") if verdict.remark else ():
        yield Sentence(f"{remark[0].upper()}{remark[1:]}.")


def _before(subject: Subject, t: int) -> Array | None:
    """Return what the baseline said at the same token; in the end, at its own end."""
    difference = subject.difference
    if difference is None:
        return None
    old = difference.before
    if subject.trace.output is None or t == subject.facts.length - 1:
        found = old.result
    else:
        origin = subject.origin(t)
        found = None if old.output is None or origin is None else old.output[origin]
    now = subject.trace.result
    return found if found is None or now is None or len(found) == len(now) else None


def _parts(subject: Subject) -> Iterator[Block]:
    """Yield what each token adds to what wins in the end, where that is exact."""
    verdict = said_at(subject, subject.facts.length - 1)
    if verdict is None or verdict.parts is None or verdict.bias is None:
        return
    name = name_of(verdict.names, verdict.of)
    before = None if subject.facts.before is None else said_at(subject, 0, verdict.of, baseline=True)
    olds = None if before is None else before.parts
    steps = subject.choice.steps
    half = scale_of(verdict.parts, least=0.05)
    rows = []
    for t in steps:
        origin = subject.origin(t)
        old = None if olds is None or origin is None else float(olds[origin])
        rows.append(subject.row(t, LabelledNumber(float(verdict.parts[t]), old)))
    with np.errstate(all="ignore"):
        rest = float(verdict.parts.sum()) - float(sum(verdict.parts[t] for t in steps))
        total = float(verdict.parts.sum()) + verdict.bias
    old_bias = None if before is None else before.bias
    old_total = None if olds is None or old_bias is None else float(olds.sum()) + old_bias
    if len(steps) < len(verdict.parts):
        rows.append(TableRow(("", "all other tokens"), (LabelledNumber(rest),), "sum"))
    rows.append(TableRow(("", "bias"), (LabelledNumber(verdict.bias, old_bias),), "sum"))
    rows.append(TableRow(("", "sum"), (LabelledNumber(total, old_total),), "sum"))
    column = TableColumn(f"adds to {name}", axis_words(half, True), Scale("signed", half), "bar")
    yield Table(f"What each token adds to “{name}”", ("t", "token"), (column,), tuple(rows))
    yield Sentence(
        f"These parts are exact: with the bias they sum to the number of “{name}” before the softmax, over the mean of "
        "the other outputs. A token's part is that of h where it stands, whatever h holds there of other tokens."
    )


_LONGEST_TITLE = 80
_MOST_UNKNOWN = 12


def title_of(subject: Subject) -> str:
    """Return the network and what it read."""
    sequence = subject.trace.sequence
    if sequence.is_of_numbers:
        read = f"{grouped(len(sequence))} rows of {sequence.file or 'numbers'}"
    else:
        between = "" if sequence.kind in ("chars", "bytes") else " "
        text = between.join(sequence.tokens[: _LONGEST_TITLE + 1])
        read = f"“{text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1].rstrip() + '…'}”"
    return f"{subject.trace.model.get('name') or 'a network'} reads {read}"


def opening_of(subject: Subject) -> Iterator[Block]:
    """Yield what stands before the first section."""
    said = leading(subject)
    if said:
        yield Sentence(said)
    if subject.standing:
        happens = now(subject.frame, subject.facts, None).memory
        yield Sentence(_begun("; ".join(happens)))
    for remark in _remarks(subject):
        yield Sentence(f"Of the network: {remark}", alarm=True)


def _begun(words: str) -> str:
    """Return words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}."


def run_of(subject: Subject) -> Section:
    """Return what was run, on what and by what, with the hash of the network: for whoever wants to make it again."""
    return Section("What was run", (Terms(tuple(_terms(subject))),))


def _remarks(subject: Subject) -> tuple[str, ...]:
    return subject.trace.remarks


def _terms(subject: Subject) -> Iterator[tuple[str, str]]:
    trace, frame = subject.trace, subject.frame
    file = trace.model.get("file")
    yield "Network", f"{trace.model.get('name') or 'without a name'}{f', file {PurePath(file).name}' if file else ''}"
    if trace.model.get("sha256"):
        yield "SHA-256", str(trace.model["sha256"])
    for name, passed in trace.passes.items():
        order = "first" if passed.direction == "forward" else "last"
        chosen = ", the chosen pass" if subject.standing and name == frame.position.pass_name else ""
        yield (
            f"Pass {name}",
            f"{passed.cell.title} ({passed.cell.name}), {grouped(passed.hidden_size)} units, from the {order} "
            f"token{chosen}",
        )
    readout = None if trace.network is None else trace.network.readout
    if readout is not None:
        yield "Readout", f"{readout.page.title} ({readout.page.name})" if readout.page.title else readout.page.name
    yield "Input", _input(subject)
    if subject.facts.unknown:
        places = sorted(subject.facts.unknown)
        more = f" and {len(places) - _MOST_UNKNOWN} more" if len(places) > _MOST_UNKNOWN else ""
        yield "Unknown to the network", ", ".join(subject.place(t) for t in places[:_MOST_UNKNOWN]) + more
    yield "Run", f"{trace.dtype}, made by the {trace.interpreter} interpreter"
    if trace.network is None:
        yield "Known from", "a trace file without its network"
    if subject.standing:
        done = frame.equation
        behind = (
            "before the first equation"
            if done is None
            else f"behind {done.name}" + (f" ({done.label})" if done.label else "")
        )
        yield "The session stands", f"at {subject.place(frame.t)} in {frame.position.pass_name}, {behind}"
    yield "Written by", f"lstm-tui {__version__}"


def _input(subject: Subject) -> str:
    sequence = subject.trace.sequence
    line = f", line {sequence.line}" if sequence.line else ""
    where = f"{sequence.file}{line}: " if sequence.file else ""
    if sequence.x is not None:
        columns = f" ({', '.join(map(named, sequence.columns))})" if sequence.columns else ""
        return f"{where}{grouped(len(sequence))} rows of {sequence.x.shape[1]} numbers{columns}"
    return f"{where}{grouped(len(sequence))} tokens ({sequence.kind})"


def edits_of(subject: Subject) -> Section | None:
    """Return what was edited, in words and as it is typed; None where nothing was."""
    if not subject.edits:
        return None
    words = tuple(words or line for words, line in subject.edits)
    blocks: list[Block] = [Listing(words)]
    lines = tuple((LinePiece(line),) for _, line in subject.edits)
    blocks.append(Lines(lines, "The same as an edit script, for `lstm-tui run FILE --edits EDITS`"))
    if subject.difference is None:
        blocks.append(Sentence("The baseline, which is the run without these edits, is not in this file."))
    else:
        blocks.append(
            Sentence(
                "Every number below is of the edited run; “was” stands before that of the baseline, the run without "
                "these edits, where it differs, and “by” before the change where both are written alike. ◆ marks what "
                "an edit set or scaled."
            )
        )
        blocks += [Sentence(change) for change in _changes(subject)]
    return Section("Edits", tuple(blocks))


def _changes(subject: Subject) -> Iterator[str]:
    """Yield how the tape has changed in length."""
    difference = subject.difference
    assert difference is not None
    before, after = len(difference.before.sequence), len(difference.after.sequence)
    if before != after:
        yield f"The tape has {figure(after, 0)} tokens; it had {figure(before, 0)}."
