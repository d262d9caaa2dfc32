"""The verb that asks where a network of two parts looks, and what it says without a place."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.analysis.attention import each_without, looking_of, looks_of, said_of
from lstm_tui.analysis.contributions import attention_in
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.inspect.attention import lines_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

MOST_LEFT_OUT = 64
"""Places of a collection that are left out one by one; of a larger one none is."""


def _passes(session: Session, rest: str) -> Iterator[str]:
    return (name for name, one in session.frame.trace.items() if looks_of(one.cell) and name.startswith(rest))


@VERBS.verb(
    "attention [PASS]",
    "tell where a cell looks over its collection at each step, and what is said without each place",
    complete=_passes,
)  # fmt: skip
def _attention(session: Session, rest: str) -> tuple[str, ...]:
    trace, asked = session.frame.trace, rest.strip() or None
    weights = attention_in(trace)
    if asked is None and weights is not None and not any(looks_of(one.cell) for one in trace.values()):
        raise UserError(
            "no cell here looks over a collection, but the readout weighs the tokens: "
            f"`print readout.{weights}` tells the weight of this one"
        )
    found = looking_of(trace, asked)
    rows = range(len(found.rows) if len(found.rows) <= MOST_LEFT_OUT else 0)
    before = said_of(found)
    left_out = {one.row: one for one in each_without(found, [(None, row) for row in rows])}
    return tuple(visible(line) for line in lines_of(found, before, left_out))
