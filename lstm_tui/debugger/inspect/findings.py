"""Questions about a corpus, read from what is typed, and their answers in words.

Where else do these units behave like this, where are they above or below a number, which tokens open and close the
gates, and which units follow a property of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from lstm_tui.analysis.property_units import FOUND, PropertyUnits
from lstm_tui.analysis.state_search import (
    Hit,
    TokenMean,
    UnitCondition,
    like_pattern,
    means_by_token,
    where_conditions_hold,
)
from lstm_tui.debugger.corpus import Corpus, CorpusStates, JoinedStates, Location, ValueName
from lstm_tui.debugger.edits.edit_reader import Defaults, parse_held
from lstm_tui.debugger.edits.language import range_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, fixed, read_number, sentence
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

LONGEST_MARK = 256
"""Steps of a range that is looked for elsewhere."""
_CONDITION = re.compile(
    r"\s*(?P<value>[A-Za-z_][\w.]*)\[(?P<unit>[\w-]+)\]\s*(?P<sign>>=|<=|>|<)\s*(?P<number>[-+.\w]+)\s*\Z", re.ASCII
)
_BEGINS = re.compile(r"\s*[A-Za-z_][\w.]*\[[\w-]+\]\s*[<>]", re.ASCII)
_AND = re.compile(r"\s+and\s+|\s*&&\s*")
_AROUND = 4
"""Tokens before and behind a hit that are shown."""
_LONGEST_HIT = 8
_FEW, _OFTEN = 6, 3
"""Tokens that are listed of a gate, and how often one stands in the corpus at least."""
_MOST_UNITS = 10


@dataclass(frozen=True, eq=False)
class MarkedRange:
    """A range of a run and some units, which is looked for elsewhere.

    Attributes:
        value: Of which value.
        units: Which units.
        steps: Which places of the tape.
        pattern: What they were, (U, L).
    """

    value: ValueName
    units: range
    steps: range
    pattern: Array


@dataclass(frozen=True)
class Wanted:
    """What one unit of a value is to be.

    Attributes:
        value: Of which value.
        condition: What the unit is to be.
    """

    value: ValueName
    condition: UnitCondition


@dataclass(frozen=True)
class FoundRange:
    """A range that was found.

    Attributes:
        place: Where it begins.
        steps: How many steps it has.
        score: Distance, or number of steps.
        text: Its tokens with those around it, the range in brackets; empty for a series of numbers.
    """

    place: Location
    steps: int
    score: float
    text: str


def mark_of(text: str, trace: Trace, defaults: Defaults) -> MarkedRange:
    """Read a marked range such as `c[3:9] @ 12:15`, and take its numbers of a run.

    Raises:
        UserError: It is none, or means what the run does not have.
    """
    owner, value, units, steps = parse_held(f"find {text}", defaults)
    if owner not in trace.passes or value not in trace[owner] or value not in trace[owner].cell.values:
        raise UserError(f"{visible(owner)}.{visible(value)} is no value of a pass of this run")
    series = trace[owner][value]
    chosen, places = range_of(units, series.shape[1]), range_of(steps, len(trace.sequence))
    if not chosen or not places:
        what = f"{series.shape[1]} units" if not chosen else count_of(len(trace.sequence), "token")
        raise UserError(f"{owner}.{value} has {what} here, from 0: nothing is marked")
    if len(places) > LONGEST_MARK:
        raise UserError(f"a range of {len(places)} steps is marked; {LONGEST_MARK} is the most")
    rows = rows_of(series, places.start, places.stop)[:, chosen.start : chosen.stop]
    return MarkedRange(ValueName(owner, value), chosen, places, np.asarray(rows.T, np.float32))


def is_condition(text: str) -> bool:
    """Say whether a text is meant as conditions: it begins as one does."""
    return _BEGINS.match(text) is not None


def conditions_of(text: str, defaults: Defaults) -> tuple[Wanted, ...]:
    """Read conditions such as `c[7] > 0.5 and f[3] < 0.1`.

    Raises:
        UserError: One is none, with what it should be.
    """
    found = []
    for part in _AND.split(text):
        match = _CONDITION.match(part)
        number = None if match is None else read_number(match["number"])
        if match is None or number is None or np.isnan(number):
            raise UserError(f"`{visible(part[:60])}` is no condition, such as: c[7] > 0.5 and f[3] < 0.1")
        owner, _, value = match["value"].rpartition(".")
        owner = owner or defaults.owner_of(value)
        unit = whole_number(match["unit"])
        unit = defaults.unit(owner, match["unit"]) if unit is None else unit
        found.append(Wanted(ValueName(owner, value), UnitCondition(unit, match["sign"], number)))
    return tuple(found)


def check_units(corpus: Corpus, wanted: Sequence[Wanted]) -> None:
    """Refuse conditions of units that are not there.

    Raises:
        UserError: There is no such value or unit.
    """
    for one in wanted:
        size = corpus.size_of(one.value)
        if one.condition.unit >= size:
            raise UserError(f"{one.value.name} has {size} units, from 0: there is no {one.condition.unit}")


def like(
    states: CorpusStates, mark: MarkedRange, most: int, own: int | None, progress: Progress | None = None
) -> list[Hit]:
    """Return where units behave like a marked range.

    Args:
        states: What is searched.
        mark: The range.
        most: How many are wanted.
        own: The sequence in which it was marked, whose steps are no hits; None where that is not searched.
        progress: Called with the steps looked at, and all of them.
    """
    first = 0 if own is None else int(states.starts[own])
    without = range(0) if own is None else range(first + mark.steps.start, first + mark.steps.stop)
    return like_pattern(states.states[mark.value.name], mark.units, mark.pattern, most, without, progress)


def where(states: CorpusStates, wanted: Sequence[Wanted], most: int, progress: Progress | None = None) -> list[Hit]:
    """Return the longest ranges at which all conditions hold."""
    joined = JoinedStates(tuple((states.states[one.value.name], one.condition.unit) for one in wanted))
    conditions = [UnitCondition(n, one.condition.sign, one.condition.number) for n, one in enumerate(wanted)]
    return where_conditions_hold(joined, conditions, most, progress)


def findings(corpus: Corpus, states: CorpusStates, hits: Sequence[Hit]) -> list[FoundRange]:
    """Return hits with where they stand and the tokens there."""
    firsts = [0, *accumulate(source.count for source in corpus.sources)]
    found = []
    for hit in hits:
        place, steps = states.location(hit.first), hit.stop - hit.first
        sequence = corpus.sources[place.file].sequences[place.sequence - firsts[place.file]]
        text = "" if sequence.is_of_numbers else _in_brackets(sequence.tokens, place.t, place.t + steps)
        found.append(FoundRange(place, steps, hit.score, text))
    return found


def _in_brackets(tokens: Sequence[str], first: int, stop: int) -> str:
    def told(part: Sequence[str]) -> str:
        return " ".join(visible(token) for token in part)

    inside = tokens[first:stop]
    if len(inside) > _LONGEST_HIT:
        inside = (*inside[: _LONGEST_HIT // 2], "…", *inside[-_LONGEST_HIT // 2 :])
    before, behind = max(first - _AROUND, 0), stop + _AROUND
    parts = ["…" * (before > 0), told(tokens[before:first]), f"[{told(inside)}]", told(tokens[stop:behind])]
    return " ".join(part for part in (*parts, "…" * (behind < len(tokens))) if part)


def at_text(finding: FoundRange) -> str:
    """Return the places of a finding on its tape, as `t=3` or `t=3–5`."""
    first = finding.place.t
    return f"t={first}" if finding.steps == 1 else f"t={first}–{first + finding.steps - 1}"


def finding_lines(found: Sequence[FoundRange], names: Sequence[str], by_length: bool) -> Iterator[str]:
    """Yield findings as a table.

    Args:
        found: What was found.
        names: Of the files; none where there is one, which is open.
        by_length: Whether their score is a number of steps, and no distance.
    """
    if not found:
        yield "nothing like it" if not by_length else "nowhere"
        return
    places = [_where(one, names) for one in found]
    width = max(len("where"), *map(len, places))
    yield f"{'#':>4} {'steps' if by_length else 'distance':>9}  {'where':<{width}}  text"
    for number, (one, place) in enumerate(zip(found, places, strict=True), start=1):
        score = str(one.steps) if by_length else fixed(one.score, 3)
        yield f"{number:>4} {score:>9}  {place:<{width}}  {one.text}".rstrip()


def _where(finding: FoundRange, names: Sequence[str]) -> str:
    place = finding.place
    line = place.line or place.sequence + 1
    file = f"{visible(names[place.file])}:{line}" if names else f"line {line}"
    return f"{file} {at_text(finding)}"


def gate_lines(
    states: CorpusStates, values: Sequence[ValueName], unit: int | None, words: Sequence[str], progress: Progress | None
) -> Iterator[str]:
    """Yield for each gate the tokens at which it is open and shut most, by the mean over units and occurrences."""
    for value in values:
        mine = states.states[value.name]
        units = range(mine.units) if unit is None else [unit]
        found = means_by_token(mine, states.ids, units, _OFTEN, progress)
        least = _OFTEN
        if len(found) < 2:
            found, least = means_by_token(mine, states.ids, units, 1, progress), 1
        whose = "mean of its units" if unit is None else f"unit {unit}"
        yield f"{value.name}, {whose}, tokens that occur {count_of(least, 'time')} or more:"
        yield f"  opens most: {_tokens(found[:_FEW], words)}"
        yield f"  shuts most: {_tokens(found[::-1][:_FEW], words)}"


def _tokens(found: Sequence[TokenMean], words: Sequence[str]) -> str:
    return ", ".join(
        f"“{visible(words[one.token]) if one.token < len(words) else one.token}” {fixed(one.mean)} (×{one.occurs})"
        for one in found
    )


def following_lines(found: PropertyUnits, value: ValueName, names: UnitNames) -> Iterator[str]:
    """Yield the units that follow a property best, how many do at all, and what their p-values take for granted.

    Args:
        found: The units.
        value: What they are units of.
        names: What they are called.
    """
    count, follow = len(found.units), count_of(len(found.following), "unit")
    yield (
        f"{follow} of {count} of {value.name} follow it: p < {FOUND}, corrected for all {count} units by the largest "
        f"effect of each of {found.relabelled} of the labels, over {found.steps} steps"
    )
    yield f"{'unit':>16} {'effect r':>9} {'inside':>9} {'outside':>9} {'p':>7}"
    for one in found.units[:_MOST_UNITS]:
        label = names.label(value.pass_name, one.unit, value.value)
        numbers = (fixed(one.effect, 3, sign=True), fixed(one.inside, 3), fixed(one.outside, 3), sentence(one.p, 3))
        yield f"{label:>16} {numbers[0]:>9} {numbers[1]:>9} {numbers[2]:>9} {numbers[3]:>7}"
    if found.least_p >= FOUND:
        yield (
            f"nothing can be told: no p-value could be less than {sentence(found.least_p, 3)}; take more text, or more "
            "permutations where fewer were asked for"
        )
    yield found.assumption


def follow_sentence(found: PropertyUnits, value: ValueName, names: UnitNames, what: str) -> str:
    """Say in a sentence which unit follows a property, with its number; or that none is known to."""
    if not found.following:
        return f"no unit of {value.name} is known to follow {what}"
    best = found.following[0]
    label = names.label(value.pass_name, best.unit, value.value)
    return (
        f"unit {label} of {value.name} follows {what}: {letter(value.value)} is {fixed(best.inside)} inside and "
        f"{fixed(best.outside)} outside, r {fixed(best.effect, 2, sign=True)}, p {sentence(best.p, 3)} corrected"
    )


def labels_by_pattern(corpus: Corpus, pattern: str) -> Array:
    """Return 1 for each token that a match of a regular expression touches, and 0 for every other, (N,).

    Tokens of words stand with a blank between, others one behind the other.

    Raises:
        UserError: It is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(f"`{visible(pattern[:60])}` is no regular expression: {visible(str(error))}") from None
    parts = []
    for _, _, sequence in corpus.sequences():
        gap = 1 if sequence.kind == "words" else 0
        sizes = np.array([len(token) for token in sequence.tokens], np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes + gap)])[: len(sizes)]
        mine = np.zeros(len(sizes))
        for match in compiled.finditer((" " * gap).join(sequence.tokens)):
            if match.start() == match.end():
                continue
            first = int(np.searchsorted(starts + sizes, match.start(), "right"))
            mine[first : int(np.searchsorted(starts, match.end(), "left"))] = 1
        parts.append(mine)
    return np.concatenate(parts) if parts else np.zeros(0)


def labels_in_file(corpus: Corpus, path: str, tag: str | None) -> tuple[Array, str]:
    """Return the label of each token of a corpus, (N,), and what it is called, from a file of a line a token.

    Raises:
        UserError: A label is no number, or there are not as many as tokens.
    """
    from lstm_tui.formats.inputs.token_labels import read_labels

    labels = read_labels(path, tag)
    steps = sum(len(sequence) for _, _, sequence in corpus.sequences())
    if len(labels) != steps:
        raise UserError(f"{visible(path)}: has labels for {count_of(len(labels), 'token')}, and there are {steps}")
    return np.array(labels), f"label {visible(tag)}" if tag is not None else f"the labels of {visible(path)}"
