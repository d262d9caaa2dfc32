"""The verb that asks where the state could be made anew, and what that would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lstm_tui.analysis.reset_cost import FREE, ResetCost, reset_cost
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_WITHIN = 16
_MOST = 24
_MOST_RANGES = 8


@VERBS.verb(
    "reset-cost [N]",
    "weigh what a state that is zero again before a token would change in the N tokens from it on (16): of every token",
    takes_numbers=True,
)  # fmt: skip
def _reset_cost(session: Session, rest: str) -> tuple[str, ...]:
    within = whole_number(rest) if rest else _WITHIN
    if within is None:
        raise UserError(f"reset-cost of how many tokens? a whole number, such as: reset-cost {_WITHIN}")
    frame = session.frame
    found = reset_cost(frame.trace, within, frame.t)
    tokens = frame.trace.sequence.tokens
    return tuple(visible(line) for line in _lines(found, tokens))


def _lines(found: ResetCost, tokens: Sequence[str]) -> Iterator[str]:
    count = len(found.outputs)
    told = range(count) if count <= _MOST else sorted(_dearest(found)[:_MOST])
    yield f"{'state':>10}{found.said:>10}  if the state were that of the beginning again before"
    for n in told:
        numbers = "".join(sentence(float(each[n]), 3).rjust(10) for each in (found.states, found.outputs))
        yield f"{numbers}  t={found.first + n} “{tokens[found.first + n]}”"
    if count > _MOST:
        yield f"  {count - _MOST} others change less"
    if count < len(tokens):
        yield f"  asked of the places {found.first} to {found.first + count - 1}"
    unknown = int(np.isnan(found.outputs).sum())
    if unknown:
        yield f"not known of {count_of(unknown, 'place')}: numbers there are not finite"
    free = [t for t in found.free if t]
    least = f"{found.said} changes by {sentence(FREE)} at most in {count_of(found.within, 'token')}"
    if free:
        yield f"a reset would cost nothing ({least}) before {_ranges(free)}"
    elif np.isfinite(found.outputs[0 if found.first else 1 :]).any():
        every = "every token" + ("" if found.first else " but the first") + (" of these" if count < len(tokens) else "")
        yield (
            f"a reset would cost something before {every}{' where it is known' if unknown else ''}: "
            f"{found.said} changes by more than {sentence(FREE)} within {count_of(found.within, 'token')}"
        )
        costs = found.outputs[1:] if found.first == 0 else found.outputs
        cheapest = int(np.nanargmin(costs)) + (found.first or 1)
        yield f"it would cost least before t={cheapest} “{tokens[cheapest]}”"


def _dearest(found: ResetCost) -> list[int]:
    return [int(n) for n in np.argsort(-np.nan_to_num(found.outputs, nan=np.inf), kind="stable")]


def _ranges(places: Sequence[int]) -> str:
    """Return places as ranges: `3, 7 to 9`."""
    parts: list[list[int]] = []
    for place in places:
        if parts and place == parts[-1][1] + 1:
            parts[-1][1] = place
        else:
            parts.append([place, place])
    said = [str(first) if first == last else f"{first} to {last}" for first, last in parts]
    more = len(said) - _MOST_RANGES
    return ", ".join(said[:_MOST_RANGES]) + (f" and {more} more" if more > 0 else "")
