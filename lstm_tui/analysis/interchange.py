"""What in one run makes its output another than that of a second: every value of every token, interchanged alone.

An interchange runs the first sentence with one value of one layer, at one token, as it was in the second. Where the
output then goes to what it is in the second, that value carries what the sentences differ by: a cause, not an account.
Each number is bit for bit that of the edit made by hand. Runs go together, many at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lstm_tui.analysis.influence import MOST_TOKENS, Target, number_of
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import input_of
from lstm_tui.engine.runtime.trace import Trace

TOKEN = "token"
"""The column of a map whose interchanges put another token."""


@dataclass(frozen=True, eq=False)
class OtherRun:
    """A run that values are taken from, and what it is called.

    Attributes:
        trace: The run.
        name: Such as `line 2`, `base` or the text in quotes.
        line: How a line that is typed names it.
        conditions: What holds in it as in the run beside it, and where that was not possible, a sentence each.
    """

    trace: Trace
    name: str
    line: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class MapColumn:
    """One value of a layer, interchanged at every token in turn.

    Attributes:
        pass_name: The pass; empty where the token itself is interchanged.
        value: The value, or the input `x`; `TOKEN` for the token.
    """

    pass_name: str
    value: str

    @property
    def name(self) -> str:
        """The value as an edit names it, or `token`."""
        return f"{self.pass_name}.{self.value}" if self.pass_name else self.value


@dataclass(frozen=True, eq=False)
class CausalMap:
    """What each interchange comes to.

    Attributes:
        target: What is asked about.
        here: Its number in the first run.
        there: Its number in the second.
        places: The P places of the tape that are interchanged.
        columns: The C values that are.
        numbers: The number of the target with each interchange, (P, C); NaN where it is not known.
    """

    target: Target
    here: float
    there: float
    places: range
    columns: tuple[MapColumn, ...]
    numbers: Array

    @property
    def effects(self) -> Array:
        """What each interchange changes, (P, C)."""
        with quiet():
            return np.asarray(self.numbers - self.here)

    @property
    def carried(self) -> Array:
        """How much of the way from the first number to the second each goes, (P, C); NaN where both are the same."""
        return part_of_way(self.numbers, self.here, self.there)

    def strongest(self, most: int) -> list[tuple[int, int]]:
        """Return rows and columns of the interchanges that change the number most, the token's own left out."""
        sizes = np.abs(self.effects)
        sizes[:, [column.value == TOKEN for column in self.columns]] = np.nan
        flat = np.nan_to_num(sizes.ravel(), nan=-1.0)
        order = np.argsort(-flat, kind="stable")[:most]
        return [divmod(int(n), len(self.columns)) for n in order if flat[n] > 0]


def part_of_way(numbers: Array | np.float64, here: float, there: float) -> Array:
    """Return how much of the way from one number to another some numbers go; NaN where the two are the same."""
    with quiet():
        way = np.float64(there) - np.float64(here)
        return np.asarray((numbers - here) / (way if way else np.nan))


def columns_between(trace: Trace, other: Trace) -> tuple[MapColumn, ...]:
    """Return what can be interchanged of two runs: the token, what each pass reads, and every value of each pass.

    The token is interchanged where both read the same vocabulary by the same numbers; what the one pass of the lowest
    layer reads is left out where the token stands for it.
    """
    tokens = trace.sequence.ids is not None and _read_alike(trace.network, other.network)
    lowest = [name for name in trace.passes if name.startswith("layer0.")]
    found = [MapColumn("", TOKEN)] if tokens else []
    for name, passed in trace.items():
        if not (tokens and lowest == [name]):
            found.append(MapColumn(name, "x"))
        found += (MapColumn(name, value) for value in passed.cell.values if value in passed)
    return tuple(found)


def _read_alike(one: Network | None, other: Network | None) -> bool:
    """Say whether two networks read every token as the same numbers."""
    if one is other:
        return True
    if one is None or other is None or one.embedding is None or other.embedding is None:
        return False
    return one.tokens == other.tokens and np.array_equal(one.embedding, other.embedding)


def check_pair(one: Trace, other: Trace, target: Target) -> None:
    """Refuse two runs of which nothing can be interchanged.

    Raises:
        UserError: There is no network, a run is held in windows, they are of networks of other sizes, values or
            outputs, or they have not equally many tokens; of a network that reads forward only, the other may end at
            the token at which is asked.
    """
    if one.ran is None or other.ran is None or one.network is None:
        raise UserError("a trace without its network cannot be run again: nothing can be interchanged")
    if one.windows is not None or other.windows is not None:
        raise UserError("this run is too long to be run again for every value: interchange a shorter text")
    first, second = len(one.sequence), len(other.sequence)
    ends = target.t + 1 if one.network.forward_only and target.t is not None else first
    if second not in (first, ends):
        or_ends = f", or {ends} that end where it is asked" if ends != first else ""
        raise UserError(
            f"an interchange needs two sentences of equally many tokens, and these have {first} and {second}: "
            f"give one of {first}{or_ends}, or insert or remove tokens"
        )
    sizes = [
        {name: (passed.inputs["x"].shape[1:], [(value, passed[value].shape[1:]) for value in passed])
         for name, passed in run.items()}
        for run in (one, other)
    ]  # fmt: skip
    if sizes[0] != sizes[1]:
        raise UserError("an interchange needs two runs of networks of equal size, of the same layers and values")
    if target.class_index is not None and one.classes != other.classes:
        raise UserError("an interchange needs two runs of networks that say the same outputs; ask of a unit, c[7]")


def places_between(one: Trace, other: Trace, target: Target) -> range:
    """Return the places that are interchanged: from the first token at which the runs differ to the target's.

    Of a network with a backward pass it is all of them; of a long text so many up to the last as a map can show.

    Raises:
        UserError: The runs are the same, number by number.
    """
    count = len(one.sequence)
    differ = np.zeros(len(other.sequence), dtype=np.bool_)
    for column in columns_between(one, other):
        differ |= differing(one, other, column).any(axis=1)
    if not differ.any():
        raise UserError("the two runs are one and the same, number by number: there is nothing to interchange")
    assert one.network is not None
    if not one.network.forward_only:
        return range(max(0, count - MOST_TOKENS), count)
    stop = count if target.t is None else target.t + 1
    first = int(differ.argmax())
    if first >= stop:
        raise UserError(f"the two runs are the same up to t={stop - 1}, where this is asked: ask at t={first} or on")
    return range(max(first, stop - MOST_TOKENS), stop)


def differing(one: Trace, other: Trace, column: MapColumn) -> Array:
    """Return where a value of two runs is not bit for bit the same, (T, n), as far as the second goes."""
    theirs = _rows(other, column)
    mine = _rows(one, column)[: len(theirs)]
    return np.asarray((mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs)))


def _rows(trace: Trace, column: MapColumn) -> Array:
    if not column.pass_name:
        assert trace.sequence.ids is not None
        return trace.sequence.ids[:, None]
    passed = trace[column.pass_name]
    return passed.inputs["x"] if column.value == "x" else passed[column.value]


def number_in(trace: Trace, target: Target) -> float:
    """Return the number of a target in a run.

    Raises:
        UserError: The trace has no network.
    """
    if trace.ran is None:
        raise UserError("a trace without its network cannot be run again: nothing can be interchanged")
    return number_of(trace.ran, target)


def each_interchange(
    one: Trace, other: Trace, target: Target, places: range, columns: Sequence[MapColumn]
) -> Iterator[tuple[int, int, float]]:
    """Yield the row and the column of each interchange with the number that it comes to, from the last place back.

    Args:
        one: What is run.
        other: What its values are taken from.
        target: What is asked about.
        places: Places of the tape.
        columns: Values.

    Raises:
        UserError: The number of the target in the first run is not known.
    """
    here = number_in(one, target)
    if np.isnan(here):
        raise UserError(f"{target.label} is NaN in this run: no interchange can be told from another")
    wanted: list[tuple[int, int]] = []
    same: list[tuple[int, int]] = []
    rows: list[Array] = [np.asarray(differing(one, other, column).any(axis=1)) for column in columns]
    for row in reversed(range(len(places))):
        for number in range(len(columns)):
            (wanted if rows[number][places[row]] else same).append((row, number))
    for row, number in same:  # the same bits, and so the same run
        yield row, number, here
    runs = (_interchanged(one, other, places[row], columns[number]) for row, number in wanted)
    assert one.network is not None
    for (row, number), ran in zip(wanted, run_each(one.network, runs, one.interpreter), strict=True):
        yield row, number, number_of(ran, target)


def each_unit(one: Trace, other: Trace, target: Target, t: int, column: MapColumn) -> Iterator[tuple[int, float]]:
    """Yield each unit of a value with the number that the interchange of this unit alone comes to, at one place.

    Raises:
        UserError: The token itself is meant, which has no units.
    """
    if not column.pass_name:
        raise UserError("a token has no units: choose a value")
    here = number_in(one, target)
    differs = differing(one, other, column)[t]
    wanted = [int(unit) for unit in np.flatnonzero(differs)]
    yield from ((unit, here) for unit in range(len(differs)) if not differs[unit])
    runs = (_interchanged(one, other, t, column, unit) for unit in wanted)
    assert one.network is not None
    for unit, ran in zip(wanted, run_each(one.network, runs, one.interpreter), strict=True):
        yield unit, number_of(ran, target)


def _interchanged(one: Trace, other: Trace, t: int, column: MapColumn, unit: int | None = None) -> ToRun:
    """Return what is run with a value of one token as it was in the other run."""
    network, ran, sequence = one.network, one.ran, one.sequence
    assert network is not None
    assert ran is not None
    initial = {name: stored.initial for name, stored in ran.stored.items()}
    if not column.pass_name:
        ids, theirs = sequence.ids, other.sequence.ids
        assert ids is not None
        assert theirs is not None
        x = input_of(network, sequence, one.dtype).copy()
        x[t] = input_of(network, other.sequence, one.dtype)[t]
        return ToRun(x, initial, ran.holds)
    row = _rows(other, column)[t]
    units = (0, len(row)) if unit is None else (unit, unit + 1)
    numbers = tuple(float(number) for number in row[slice(*units)])
    hold = Hold(column.pass_name, column.value, units, (t, t + 1), "set", numbers)
    return ToRun(input_of(network, sequence, one.dtype), initial, (*ran.holds, hold))
