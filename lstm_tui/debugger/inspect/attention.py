"""Where a pass looks, in words: for the verb, and below the map on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lstm_tui.analysis.attention import Attention, Without
from lstm_tui.analysis.distribution import largest
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import from_to, percent
from lstm_tui.engine.text_safety import visible

NOT_USED = "attention shows where the step looked, not which places it used; leaving a place out shows that"


def token_at(found: Attention, t: int) -> str:
    """Return a token of the tape with its place."""
    return f"“{visible(found.trace.sequence.tokens[t])}” (t={t})"


def row_name(found: Attention, step: int, row: int) -> str:
    """Return what stands in a row of the collection at a step: the token that wrote it, or the row by number.

    Of a table that the network holds it is a column.
    """
    writer = int(found.writers[step, row])
    return token_at(found, writer) if writer >= 0 else f"{'column' if found.look.held else 'row'} {found.rows[row]}"


def word_of(found: Attention, said: Array) -> str:
    """Return what is likeliest of some outputs by name; empty where it is not known."""
    best = largest(said)
    names = found.trace.classes
    return "" if best is None else visible(names[best]) if best < len(names) else f"output {best}"


def words_of(found: Attention, said: Array) -> str:
    """Return what is said at each step, one after the other."""
    return " ".join(word_of(found, one) or "?" for one in said)


def _part(weight: float) -> str:
    return "not known" if np.isnan(weight) else percent(weight)


def cell_words(found: Attention, step: int, row: int) -> str:
    """Return how much is looked at a row at a step."""
    weight = float(found.weights[step, row])
    name = f"{found.look.weights}[{found.rows[row]}]"
    part = _part(weight)
    return f"at {token_at(found, found.steps[step])}: attention {name} on {row_name(found, step, row)} is {part}"


def not_whole(found: Attention, step: int) -> str:
    """Say where the weights of a step do not add up to 1, as those do not that an edit holds; empty where they do."""
    whole = float(found.weights[step].sum())
    if np.isnan(whole) or abs(whole - 1) < _WHOLE:
        return ""
    at = token_at(found, found.steps[step])
    return f"at {at} the weights {found.look.weights} add up to {percent(whole)}, not 100 %"


def effect_of(before: Array, one: Without, step: int) -> float:
    """Return by how much what was said at a step becomes likelier or less likely; NaN where it is not known."""
    best = largest(before[step])
    return float("nan") if best is None else float(one.said[step, best] - before[step, best])


def without_words(found: Attention, before: Array, one: Without) -> str:
    """Return what is said without a place."""
    if one.step is None:
        was, now = words_of(found, before), words_of(found, one.said)
        return f"left out at every step: {was} stays" if was == now else f"left out at every step: {was} → {now}"
    best, now = largest(before[one.step]), word_of(found, one.said[one.step])
    if best is None or not now:
        return "left out here alone: not known"
    was = word_of(found, before[one.step])
    chances = f"{from_to(float(before[one.step, best]), float(one.said[one.step, best]))}"
    return f"left out here alone: “{was}” {chances}" + (f", now “{now}”" if now != was else "")


def lines_of(found: Attention, before: Array, throughout: Mapping[int, Without]) -> Iterator[str]:
    """Yield a line for each step: what it says, and the rows it looks at most; then one for each row left out."""
    yield f"{found.pass_name}: {found.look.reader} = {found.look.formula}, step by step"
    for step, t in enumerate(found.steps):
        order = np.argsort(-np.nan_to_num(found.weights[step], nan=np.inf), kind="stable")[:_MOST]
        looked = ", ".join(
            f"{row_name(found, step, int(row))} {_part(float(found.weights[step, row]))}"
            for row in order if found.weights[step, row] > 0 or np.isnan(found.weights[step, row])
        )  # fmt: skip
        word = word_of(found, before[step])
        says = f"says “{word}”" if word else "says what is not known"
        yield f"  {token_at(found, t)} {says}: {looked or 'nothing there yet'}"
    for row, one in throughout.items():
        yield f"  without {row_name(found, len(found.steps) - 1, row)}: {words_of(found, one.said)}"
    yield from filter(None, (*(not_whole(found, step) for step in range(len(found.steps))), not_kept(found), NOT_USED))


def not_kept(found: Attention) -> str:
    """Say which tokens that were read stand in no row of the collection; empty where all do."""
    if not found.steps.start or found.look.held:
        return ""
    kept = set(found.writers.ravel().tolist())
    lost = [t for t in range(found.steps.start) if t not in kept]
    if not lost:
        return ""
    first = token_at(found, lost[0])
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"the collection has {found.passed[found.look.weights].shape[1]} places: {first}{more} found none"


_MOST = 3
_WHOLE = 0.005
"""By how much weights may miss 1 and still be said to add up to it: half of what a whole percent tells."""
