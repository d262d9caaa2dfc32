"""How long a memory keeps the part of the token with the largest share, and where it loses it: one sentence.

Of some tokens, and of some steps that a pass has taken:

- what a token *has* after a step is the size of its contribution to the memory, summed over the units that are asked
  for, and its share is that over the sizes of all that is in the memory (see `analysis/ledger.py`);
- the token *with the largest share* is the one whose share, summed over the steps, is largest; of equal ones the first
  on the tape;
- its part is *kept until* the step that lost most of what it has, where that step lost more than half of what it had
  right before; the first of equal ones;
- else it is *still kept* where at the last step it has half or more of the most that it had, and *fades* where less.

Where a size in the memory is not finite it is not known.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.contributions import origin_of
from lstm_tui.analysis.ledger import FlowPart, share_map
from lstm_tui.debugger.inspect.cut_words import reset_words
from lstm_tui.debugger.inspect.state_update import values_in
from lstm_tui.debugger.provenance.falls import falls
from lstm_tui.engine.compiler.roles import update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import percent, sentence
from lstm_tui.engine.text_safety import visible

HALF = 0.5
"""The part of what a token had above which it is lost, and from which on it is still kept."""


@dataclass(frozen=True)
class KeptPart:
    """What becomes of the part of the token with the largest share of a memory.

    Attributes:
        token: Its place on the tape.
        share: Its share of the memory, a mean over the steps.
        kept: Which part of the most that it had it has before the step at which it is lost; else after the last step.
        until: The place on the tape at which it is lost; None where at no step more than half of it is.
        lost: Which part of what it had that step lost; 0 without one.
    """

    token: int
    share: float
    kept: float
    until: int | None = None
    lost: float = 0.0


def kept_part(part: FlowPart, unit: int | None, tokens: range, steps: range) -> KeptPart | None:
    """Return what becomes of the part of the token with the largest share; None where it is not known, or none has any.

    Args:
        part: The flow of the memory.
        unit: Of which unit, or of all.
        tokens: Places on the tape of the tokens that are looked at, without gaps.
        steps: Places on the tape of the steps that are looked at, without gaps.
    """
    if not tokens or not steps:
        return None
    rows, columns = (range(one.start - part.first, one.stop - part.first) for one in (tokens, steps))
    units = slice(None) if unit is None else slice(unit, unit + 1)
    whole = part.flow.sizes[:, units].sum(axis=1)
    whole = (whole if part.passed.direction == "forward" else whole[::-1])[columns.start : columns.stop]
    if not np.isfinite(whole).all():
        return None
    shares = np.where(whole == 0, 0.0, share_map(part.passed, part.flow, unit, rows, columns))
    held = shares.sum(axis=1)
    row = int(np.argmax(held))
    if not np.isfinite(held).all() or held[row] <= 0:
        return None
    forward = part.passed.direction == "forward"
    has = (shares[row] * whole)[:: 1 if forward else -1]
    token, share, most = tokens[row], float(held[row]) / len(steps), float(has.max())
    fell = falls(has)
    if fell and fell[0].by > HALF * fell[0].before:
        until = steps[fell[0].step + 1] if forward else steps[len(steps) - 2 - fell[0].step]
        return KeptPart(token, share, fell[0].before / most, until, fell[0].by / fell[0].before)
    return KeptPart(token, share, float(has[-1]) / most)


def kept_sentence(
    part: FlowPart, found: KeptPart, unit: int | None, whose: str, names: tuple[str, str], over: str = ""
) -> str:
    """Return it in one sentence.

    Args:
        part: The flow of the memory.
        found: What becomes of the part.
        unit: Of which unit, or of all.
        whose: Whose memory it is, as a sentence has it.
        names: What the token is called, and what the one is at which it is lost.
        over: Of which steps it is, where it is not of all.
    """
    most = f"{names[0]} had the largest share of {whose}, {percent(found.share)} on average:"
    head = f"{over[0].upper()}{over[1:]} {most}" if over else most
    if found.until is None:
        part_left = percent(found.kept)
        how = f"{part_left} of its part is still kept" if found.kept >= HALF else f"its part has faded to {part_left}"
        which = "no step so far" if over else "no single step"
        return f"{head} {how}, and {which} lost more than half of it"
    return (
        f"{head} {percent(found.kept)} of its part is kept until {names[1]}, "
        f"where {_by_what(part, found.until, unit)} {percent(found.lost)} of that go"
    )


def _by_what(part: FlowPart, t: int, unit: int | None) -> str:
    """Return what lets a part of a memory go at a step: the gate with its number, an edit, or that it is set back."""
    passed, state, place = part.passed, part.flow.state, t - part.first
    if reset_words(passed, place):
        return "setting the states back lets"
    update = update_of(passed.cell, state)
    if unit is not None and origin_of(passed, state, place, unit).edited:
        return f"an edit of {state} lets"
    values = () if update is None else values_in([update.keep], passed)
    labels = {one.name: f"the {visible(one.label)} " for one in passed.cell.equations if one.label.endswith("gate")}
    if unit is None or not all(name in passed and unit < passed[name].shape[1] for name in values):
        named = ", ".join(labels.get(name, "") + name for name in values)
        return f"{named or state} let{'s' * (len(values) < 2)}"
    numbers = {name: sentence(float(passed[name][place][unit]), 2) for name in values}
    told = ", ".join(f"{labels.get(name, '')}{name} = {number}" for name, number in numbers.items())
    return f"{told or state} let{'s' * (len(values) < 2)}"
