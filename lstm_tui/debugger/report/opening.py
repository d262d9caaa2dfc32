"""How a report begins: what was run on what, what was assumed, what was edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from lstm_tui import __version__
from lstm_tui.debugger.report.contents import Block, Lines, Listing, Section, Sentence, Terms
from lstm_tui.debugger.report.figures import figure, grouped, named
from lstm_tui.debugger.report.outputs import leading
from lstm_tui.debugger.report.subject import Subject

_LONGEST_TITLE = 80
_MOST_UNKNOWN = 12


def title_of(subject: Subject) -> str:
    """Return the network and what it read."""
    sequence = subject.trace.sequence
    if sequence.x is not None:
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
    yield Terms(tuple(_terms(subject)))
    for remark in _remarks(subject):
        yield Sentence(f"Of the network: {remark}", alarm=True)


def _remarks(subject: Subject) -> tuple[str, ...]:
    return () if subject.trace.network is None else subject.trace.network.remarks


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
    blocks.append(
        Lines("The same as a recipe, for `lstm-tui run FILE --edits RECIPE`", tuple(x for _, x in subject.edits))
    )
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
