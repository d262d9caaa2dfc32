"""The verb that asks who wrote what is read of a memory that is a matrix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstm_tui.analysis.memory_reads import NEAR, ReadSplit, read_places, split_read
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.expressions import parse, parser, resolved
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import change, percent, sentence
from lstm_tui.engine.text_safety import visible

_MOST = 12
"""Tokens that are told one by one: those with most to tell."""


def _readers(session: Session, rest: str) -> Iterator[str]:
    return (name for name in read_places(session.frame.passed) if name.startswith(rest))


@VERBS.verb(
    "wrote VALUE[UNIT]",
    "split what a value reads here of a memory that is a matrix, by the token that wrote it, and what is erased now",
    complete=_readers,
)
def _wrote(session: Session, rest: str) -> tuple[str, ...]:
    passed, t = session.frame.passed, session.frame.t
    places = read_places(passed)
    if not rest:
        if not places and passed.program is not None:
            raise UserError(
                f"no value of {passed.name} reads a memory that is a matrix: `print share(…)` splits a vector"
            )
        rest = next(iter(places), passed.cell.output)
    value, unit = _meant(session, rest)
    split = split_read(passed, value, t)
    if unit is not None and not 0 <= unit < len(split.total):
        raise UserError(f"{split.text} has {len(split.total)} units, from 0")
    later = "" if session.frame.reached(passed.name, value) else "   (not computed yet)"
    name = value if unit is None else f"{value}[{unit}]"
    which = slice(None) if unit is None else slice(unit, unit + 1)
    total = sentence(float(split.total[unit])) if unit is not None else f"a vector of length {_length(split.total)}"
    lines = [f"{name} reads {split.text} = {total} at {_token(session, t)}{later}"]
    lines += _by_token(session, split, which, unit is not None)
    return tuple(visible(line) for line in lines)


def _meant(session: Session, text: str) -> tuple[str, int | None]:
    """Return the value that is meant, and the unit of it where one is."""
    expression = parse(text)
    node = resolved(expression, session.scope()).node
    unit = node.one() if isinstance(node, parser.UnitsNode) else None
    of = node.of if isinstance(node, parser.UnitsNode) else node
    if not isinstance(of, parser.NameNode) or (isinstance(node, parser.UnitsNode) and unit is None):
        raise UserError("wrote what? a value that reads a memory, or one unit of it, such as: wrote y[3]")
    owner, _, value = of.name.rpartition(".")
    if owner and owner != session.frame.passed.name:
        raise UserError(f"{visible(owner)} is not the selected pass: `pass {visible(owner)}` selects it")
    return value, unit


def _by_token(session: Session, split: ReadSplit, which: slice, signed: bool) -> list[str]:
    parts = split.by_token[:, which]
    sizes = np.abs(parts).sum(axis=1)
    order = np.argsort(-np.nan_to_num(sizes, nan=np.inf), kind="stable")
    wrote = [int(place) for place in order if sizes[place] != 0]
    told = sorted(wrote[:_MOST])
    lines = [f"  {_part(parts[t], signed):>10}  {_token(session, t)}{_erased(split, t)}" for t in told]
    rest = wrote[_MOST:]
    if rest:
        lines.append(f"  {_part(parts[rest].sum(axis=0), signed):>10}  {len(rest)} other tokens together")
    lines.append(f"  {_part(split.start[which], signed):>10}  the state at the start")
    if split.edits is not None:
        lines.append(f"  {_part(split.edits[:, which].sum(axis=0), signed):>10}  edits")
    off = split.off
    if np.isnan(off):
        return [*lines, "  the sum is not known: a number in it is not finite"]
    holds = "is the read" if off <= NEAR else f"is not the read: off by {sentence(off)} of the sizes"
    return [*lines, f"  the sum {holds}; attribution, not causation: gates, keys and the query are held"]


def _part(numbers: Array, signed: bool) -> str:
    """Return a contribution: of one unit with its sign, of a vector its length."""
    return change(float(numbers[0])) if signed else _length(numbers)


def _length(numbers: Array) -> str:
    with np.errstate(all="ignore"):
        return sentence(float(np.sqrt((numbers * numbers).sum())))


def _erased(split: ReadSplit, t: int) -> str:
    """Return which part of what a token had in the memory is taken out under the key of this step."""
    if split.erased is None or not split.held[t] > 0 or not split.erased[t] > NEAR * split.held[t]:
        return ""
    return f"   {percent(float(split.erased[t] / split.held[t]))} of what it had is erased here"


def _token(session: Session, t: int) -> str:
    return f"t={t} “{session.frame.trace.sequence.tokens[t]}”"
