"""Findings in words: what is wrong with a unit, and how far back a memory reaches.

The table of `stats`, the marks on the screen, its health and its gradients through time say it in these words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

import numpy as np

from lstm_tui.analysis.contributions import squash_of
from lstm_tui.analysis.distribution import largest
from lstm_tui.analysis.gradient_flow import BURST, GONE, LongMemory, Reach, known_from, steady_word, turns
from lstm_tui.analysis.health import Finding, Kind, PassHealth
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.unit_names import NONE, UnitNames
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import MINUS, compact, fixed, percent, sentence
from lstm_tui.engine.runtime.trace import PassTrace

HEADINGS: dict[Kind, str] = {
    "broken": "they become NaN or infinite: `who nan` tells where that began",
    "exploding": "they explode: their output exceeds a million",
    "dead": "they are dead: on what was read no gradient comes back to them",
    "quiet": "they are never active: their output stays below a hundredth of the largest",
    "stuck": "they are stuck: their output never changes by more than a hundredth of itself",
    "shut": "gates that never open: below .1 at every step",
    "open": "gates that never shut: above .9 at every step",
}
_NEVER = {
    "shut": {"keeps": "never keeps", "writes": "never writes", "shows": "never lets through"},
    "open": {"keeps": "never forgets", "writes": "always writes", "shows": "always lets through"},
}


def short(passed: PassTrace, finding: Finding) -> str:
    """Return what a gate does not do: `never writes`."""
    if finding.kind == "broken":
        return "is not finite"
    if finding.kind == "exploding":
        return "explodes"
    if finding.kind == "stuck":
        return "is stuck"
    if finding.kind == "dead":
        return f"dead by {finding.value}"
    if finding.kind == "quiet":
        return "never active"
    role = roles_of(passed.cell).get(finding.value) or ""
    return _NEVER[finding.kind].get(role, "never opens" if finding.kind == "shut" else "never shuts")


def finding_summary(passed: PassTrace, finding: Finding) -> str:
    """Return a finding in one line: what, how far, and which parameter it comes from."""
    says = short(passed, finding)
    if finding.kind == "broken":
        says += f": {finding.value} becomes {sentence(finding.number, 6)}"
    elif finding.kind == "exploding":
        says += f": |{finding.value}| up to {sentence(finding.number, 2)}"
    elif finding.kind == "stuck":
        says += f" at {sentence(finding.number, 2)}"
    elif finding.kind == "dead":
        squash = squash_of(passed, finding.value)
        why = f"{squash} is 0 at every step" if squash == "relu" else "its gradient is 0 at every step"
        says += f": {why}"
    elif finding.kind == "quiet":
        says += f": |{finding.value}| at most {sentence(finding.number, 2)}"
    else:
        far = "at most" if finding.kind == "shut" else "at least"
        says += f": {finding.value} {far} {fixed(finding.number)}"
    return says + cause(finding)


@dataclass(frozen=True)
class HealthLine:
    """A line of what is told of a pass.

    Attributes:
        words: What it says.
        kind: Of the findings it is one of, or heads; None of what is said of the whole pass.
        number: Which finding of the pass it tells; None of a heading.
        unit: Whose finding it is.
        heads: Whether it stands at the margin; else indented under one that does.
        known: Whether it tells something; else that something is not known.
        label: The unit by its number, and its name where it has one.
    """

    words: str
    kind: Kind | None = None
    number: int | None = None
    unit: int = 0
    heads: bool = True
    known: bool = True
    label: str = ""

    @property
    def text(self) -> str:
        """The line with its unit."""
        return self.words if self.number is None else f"unit {self.label}  {self.words}"


def health_lines(
    passed: PassTrace, one: PassHealth, most: int | None = None, more: str = "", names: UnitNames = NONE
) -> Iterator[HealthLine]:
    """Yield what is told of a pass: what is not known, that nothing is wrong, or the findings under their headings.

    Args:
        passed: The pass.
        one: Its health.
        most: Most findings of one kind that are told; None for all.
        more: What stands behind how many there are besides.
        names: What units are called.
    """
    if not one.dead:
        yield HealthLine("gradients are not known: the network of this run is not there", known=False)
    if not one.findings:
        yield HealthLine(sound(one))
    for kind, heading in HEADINGS.items():
        mine = [(number, finding) for number, finding in enumerate(one.findings) if finding.kind == kind]
        if mine:
            yield HealthLine(f"{heading} ({len(mine)})", kind)
        for number, finding in mine[:most]:
            label = names.label(passed.name, finding.unit, finding.value).rjust(3)
            yield HealthLine(finding_summary(passed, finding), kind, number, finding.unit, False, label=label)
        if most is not None and len(mine) > most:
            yield HealthLine(f"… and {len(mine) - most} more{more}", kind, heads=False)


def sound(one: PassHealth) -> str:
    """Return what is said of a pass in which nothing is wrong, and of its gradients only what is known of them."""
    act = f"all {one.units} units are active"
    unsure = int(one.unsure.sum())
    if unsure:
        return f"{act}; whether a gradient comes back to {unsure} of them is not known: it is NaN"
    return f"{act}, and a gradient comes back to each" if one.dead else act


def cause(finding: Finding) -> str:
    """Return which parameter a finding comes from, `, by b_f: −4.20 of −5.00`; empty when it is not known."""
    if not finding.parameter:
        return ""
    name = finding.parameter.rpartition("/")[2]
    return f", by {name}: {_signed(finding.term)} of {_signed(finding.total)} on the mean"


def _signed(number: float) -> str:
    return fixed(number, sign=True).replace("-", MINUS)


Name = Callable[[int], str]
"""From a place on the tape to its token as it is shown."""


def reach_words(found: LongMemory, name: Name) -> Iterator[str]:
    """Yield what happens to the gradient on its way back, a line each: it vanishes, explodes, fades, grows or holds.

    Sizes are of the direction in which a change is scaled most. Where one is not a finite number it is said to be not
    known.

    Args:
        found: How far back a pass reaches.
        name: How a token is called, such as `t=3 “not”`.
    """
    reaches = (found.memory,) if found.output is found.memory else (found.memory, found.output)
    for reach in reaches:
        yield from _told(found, reach, name)
    kept = found.kept_size
    if kept is None:
        yield f"{letter(found.memory.value)} has no keep: it is recomputed at every step, out of a squash of what was"
    elif len(found.places) > 1 and kept[0] < GONE < found.memory.size[0]:
        first = name(found.places[0])
        yield f"with the gates held less than {sentence(GONE)} is kept from {first}: the rest goes round by h"
    if found.first:
        ends = f"{name(found.places[0])} to {name(found.places[-1])}"
        yield f"only the last {len(found.places)} steps are looked at: {ends}"


def _told(found: LongMemory, reach: Reach, name: Name) -> Iterator[str]:
    shown = letter(reach.value)
    turned = turns(reach.size)
    for turn in turned:
        where, worst = name(found.places[turn.step]), name(found.places[turn.worst])
        is_gone = turn.kind == "vanishes"  # in every direction, and what explodes does in the worst one
        how = (
            f"is scaled by less than 1/{fixed(1 / GONE, 0)}"
            if is_gone
            else f"may be scaled by more than {fixed(BURST, 0)}"
        )
        most = f"; {worst} alone multiplies it by {sentence(turn.factor, 2)}" if isfinite(turn.factor) else ""
        yield f"∂{shown} {turn.kind} at {where}: a change of {shown} there {how} now{most}"
    first = known_from(reach.size)
    if not turned and first < len(found.places) - 1:
        size = float(reach.size[first])
        how = f"a change of {shown} at {name(found.places[first])} is scaled by up to {sentence(size, 2)} now"
        yield f"∂{shown} {steady_word(size)}: {how}"
    if first == len(found.places):
        yield f"how far back ∂{shown} reaches is not known: it is NaN or infinite where it is asked about"
    elif first:
        yield f"before {name(found.places[first])} ∂{shown} is not known: it is NaN or infinite there"


_APART = 0.25  # of the largest: so far apart are two measures that are said to disagree
_NUMBER = 7  # cells


def influence_words(
    first_order: Array, shares: Array | None, effects: Array, asked: int | None, name: Name
) -> Iterator[str]:
    """Yield what three measures of influence say of the tokens, and where they disagree most, a line each.

    Args:
        first_order: What each token adds to first order, (T,).
        shares: Each token's share of the memory, (T,); None where there is no ledger.
        effects: What leaving each token out does, (T,); NaN where it is not known. Where all are, nothing is said.
        asked: The place of the tape that is asked about, which is not left out; None where it is the whole text.
        name: How a token is called.
    """
    if not np.isfinite(effects).any():
        return

    def leads(numbers: Array) -> str:
        best = largest(numbers)
        return "not known" if best is None else name(best) if numbers[best] else "none"

    effect = np.nan_to_num(np.abs(effects))
    left_out = np.abs(effects)
    if asked is not None:
        left_out[asked] = 0
    ledger = "" if shares is None else f"in the ledger: {leads(shares)}; "
    yield f"largest by deletion: {leads(left_out)}; {ledger}to first order: {leads(np.abs(first_order))}"
    if shares is None or np.isnan(shares).any():
        return
    held = np.nan_to_num(shares)
    most = max(float(effect.max()), 1e-12)
    gap = held / max(float(held.max()), 1e-12) - effect / most
    for t, but in ((int(gap.argmax()), "only "), (int(gap.argmin()), "")):
        if abs(gap[t]) > _APART and np.isfinite(effects[t]) and (not but or effect[t] < most / 2):
            yield (
                f"{name(t)} wrote {percent(held[t])} of this memory; to leave it out changes the output by {but}"
                f"{compact(float(effects[t]), _NUMBER, True)}"
            )
