"""The question which value of which token makes two sentences differ in what the network says, and its answer in words.

Beside the interchanges stand the accounts of the first sentence: gradient, ledger and deletion. Where they name another
token than the interchange does, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.distribution import largest
from lstm_tui.analysis.influence import MOST_TOKENS, Target, deletions, influence
from lstm_tui.analysis.interchange import (
    TOKEN,
    CausalMap,
    MapColumn,
    OtherRun,
    columns_between,
    each_interchange,
    each_unit,
    number_in,
    part_of_way,
    places_between,
)
from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import compact, count_of, fixed, from_to, percent, sentence
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

_WIDTH, _PLACES = 6, 2
_MOST_UNITS, _MOST_CELLS = 4, 3
_ROUNDED = 1.005
"""A part of the way that rounds to all of it."""


@dataclass(frozen=True, eq=False)
class CausalQuestion:
    """Two runs, and what is asked about.

    Attributes:
        one: The run that is shown: every interchange is made in it.
        other: The run that values are taken from.
        target: What is asked about.
        names: What units are called.
        state: The state of the tree of edits that the first run is of.
        line_number: The line of the file that it is of, from 0.
    """

    one: Trace
    other: OtherRun
    target: Target
    names: UnitNames
    state: int = 0
    line_number: int = 0

    @property
    def columns(self) -> tuple[MapColumn, ...]:
        """What can be interchanged."""
        return columns_between(self.one, self.other.trace)

    def begun(self) -> CausalMap:
        """Return the map of which nothing is known yet.

        Raises:
            UserError: The runs are the same before what is asked about.
        """
        places, columns = places_between(self.one, self.other.trace, self.target), self.columns
        numbers = np.full((len(places), len(columns)), np.nan)
        here, there = number_in(self.one, self.target), number_in(self.other.trace, self.target)
        return CausalMap(self.target, here, there, places, columns, numbers)

    def each(self, begun: CausalMap) -> Iterator[tuple[int, int, float]]:
        """Yield row, column and number of each interchange of a map."""
        return each_interchange(self.one, self.other.trace, self.target, begun.places, begun.columns)

    def answer(self, progress: Progress | None = None) -> CausalMap:
        """Return the map, all of it.

        Raises:
            UserError: As `begun`, and where what is asked about is NaN in the first run.
        """
        begun = self.begun()
        for done, (row, column, number) in enumerate(self.each(begun)):
            begun.numbers[row, column] = number
            if progress is not None:
                progress(done + 1, begun.numbers.size)
        return begun

    def units(self, column: MapColumn, t: int) -> Array:
        """Return what the interchange of each unit of a value alone comes to, at one place, (n,).

        Raises:
            UserError: The token itself is meant.
        """
        found = dict(each_unit(self.one, self.other.trace, self.target, t, column))
        return np.array([found[unit] for unit in range(len(found))])

    def line(self, column: MapColumn, t: int, unit: int | None = None) -> str:
        """Return the line that makes an interchange by hand."""
        if column.value == TOKEN:
            return f"replace {t} {in_quotes(self.other.trace.sequence.tokens[t])}"
        units = ":" if unit is None else self.names.entry(column.pass_name, unit, column.value)
        return f"patch {column.name}[{units}] @ {t} from {self.other.line} @ {t}"

    @property
    def memory(self) -> MapColumn:
        """The memory of the pass nearest to the output that reads forward."""
        name = next(
            (one for one in reversed(list(self.one.passes)) if one.endswith("forward")), next(iter(self.one.passes))
        )
        name = self.target.pass_name or name
        return MapColumn(name, memory_of(self.one[name].cell))

    @property
    def place(self) -> int:
        """The place of the target; the last of the tape where it is of the whole text."""
        return len(self.one.sequence) - 1 if self.target.t is None else self.target.t

    def accounts(self, found: CausalMap, unit: int | None, progress: Progress | None = None) -> Mapping[str, Array]:
        """Return what each account says of every token of a map, by its name, (P,) each.

        Args:
            found: The map.
            unit: The unit of the memory whose ledger is told; all of them by default.
            progress: Called with the tokens left out so far, and their number.
        """
        rows = slice(found.places.start, found.places.stop)
        tokens = [n for n, column in enumerate(found.columns) if column.value == TOKEN]
        read = [
            n for n, column in enumerate(found.columns) if column.value == "x" and column.name.startswith("layer0.")
        ]
        by_token = _largest_of_rows(found.effects[:, tokens or read])
        accounts = {"interchange": by_token, "gradient": influence(self.one, self.target).of_token[rows]}
        passed = self.one[self.memory.pass_name]
        flow = flow_of(passed, self.memory.value)
        if flow is not None:
            accounts["ledger"] = ledger_at(passed, flow, self.place, unit).shares()[rows]
        accounts["deletion"] = deletions(self.one, replace(self.target), progress, found.places)
        return accounts


def _largest_of_rows(effects: Array) -> Array:
    known = np.nan_to_num(np.abs(effects), nan=-1.0)
    return np.asarray(effects[np.arange(len(effects)), known.argmax(axis=1)])


def head(found: CausalMap, other: str) -> str:
    """Return what the number is in both runs, in one line."""
    same = "" if found.here != found.there else ": no way from one to the other, so changes are told"
    here, there = ("not known" if np.isnan(one) else fixed(one, 3) for one in (found.here, found.there))
    return f"{found.target.label}: {here} here, {there} in {visible(other)}{same}"


def map_lines(question: CausalQuestion, found: CausalMap) -> Iterator[str]:
    """Yield a map as a table, a block for each pass: how much of the way each interchange goes."""
    ways = found.effects if found.here == found.there else found.carried
    tokens = [visible(one.sequence.tokens[t]) for t in found.places for one in (question.one,)]
    width = max(map(len, tokens))
    for name in dict.fromkeys(column.pass_name for column in found.columns if column.pass_name):
        chosen = [n for n, column in enumerate(found.columns) if column.pass_name in ("", name)]
        heads = "".join(letter(found.columns[n].value).rjust(_WIDTH + 1) for n in chosen)
        yield f"{'t':>5} {name:<{max(width, len(name))}}{heads}"
        for row, (t, token) in enumerate(zip(found.places, tokens, strict=True)):
            numbers = "".join(" " + cell_text(float(ways[row, n])).rjust(_WIDTH) for n in chosen)
            yield f"{t:>5} {token:<{max(width, len(name))}}{numbers}"


def cell_text(way: float) -> str:
    """Return how much of the way an interchange goes, in few cells."""
    return compact(way, _WIDTH, places=_PLACES)


def way_words(found: CausalMap, number: float) -> str:
    """Return what an interchange comes to: both numbers, and how much of the way that is."""
    way = float(part_of_way(np.float64(number), found.here, found.there))
    if np.isnan(way):
        part = ""
    elif abs(way) < _ROUNDED:
        part = f", {percent(min(abs(way), 1.0))} {'of the way' if way >= 0 else 'in the opposite direction'}"
    else:
        part = f", {sentence(way, 3)} × the way"
    return f"{from_to(found.here, number, 3)}{part}"


def strongest_words(question: CausalQuestion, found: CausalMap) -> Iterator[str]:
    """Yield the interchanges that change the number most, each with the line that makes it by hand."""
    strongest = found.strongest(_MOST_CELLS)
    unknown = int(np.isnan(found.numbers).sum())
    if not strongest:
        yield "which of them changes it is not known" if unknown else "none changes it"
    if unknown:
        which = f"{count_of(unknown, 'interchange')} of {found.numbers.size}"
        yield f"{which} come to no number: what they change is not known"
    for row, n in strongest:
        t, column = found.places[row], found.columns[n]
        where = f"{letter(column.value)} of {column.pass_name} at t={t} “{visible(question.one.sequence.tokens[t])}”"
        yield f"{where}: {way_words(found, float(found.numbers[row, n]))}; {visible(question.line(column, t))}"


def unit_order(found: CausalMap, numbers: Array) -> list[int]:
    """Return the units of a value, that whose interchange changes the number most first."""
    return [int(n) for n in np.argsort(-np.nan_to_num(np.abs(numbers - found.here), nan=-1.0), kind="stable")]


def unit_words(question: CausalQuestion, found: CausalMap, column: MapColumn, numbers: Array) -> Iterator[str]:
    """Yield the units of a value whose interchanges change the number most."""
    changing = [unit for unit in unit_order(found, numbers)[:_MOST_UNITS] if numbers[unit] != found.here]
    if not changing:
        yield "  none changes it"
    for unit in changing:
        name = question.names.label(column.pass_name, unit, column.value)
        yield f"  unit {name}: {way_words(found, float(numbers[unit]))}"


def account_words(accounts: Mapping[str, Array], places: range, name: Callable[[int], str]) -> Iterator[str]:
    """Yield which token each account names, and whether they agree.

    Args:
        accounts: What each says of every token, (P,) each.
        places: The tokens.
        name: How the token at a place is called.
    """
    leads: dict[str, int | None] = {}
    for account, numbers in accounts.items():
        sizes = np.abs(numbers)
        known = np.where(np.isnan(sizes), -1.0, sizes) if account == "deletion" else sizes
        best = largest(known)
        leads[account] = None if best is None or known[best] <= 0 else places[best]
    told = {account: "not known" if t is None else name(t) for account, t in leads.items()}
    different = dict.fromkeys(told.values())
    agreeing = [account for account, t in leads.items() if t is not None]
    if len(agreeing) > 1 and len({leads[account] for account in agreeing}) == 1:
        *others, last = agreeing
        silent = ", ".join(account for account in told if account not in agreeing)
        yield f"{', '.join(others)} and {last} all name {told[last]}" + (f"; {silent}: not known" if silent else "")
        return
    if not any(t is not None for t in leads.values()):
        yield f"the token that matters most by {', '.join(told)}: not known"
        return
    by_token = "; ".join(f"{', '.join(a for a in told if told[a] == one)}: {one}" for one in different)
    yield f"they disagree on the token that matters most: {by_token}"


def range_words(found: CausalMap) -> Iterator[str]:
    """Say of a long text which tokens are interchanged, since none before them is asked; nothing of a short one."""
    if found.places.start and len(found.places) == MOST_TOKENS:
        yield (
            f"only the {MOST_TOKENS} tokens up to t={found.places[-1]} are interchanged: "
            f"of those before t={found.places.start} nothing is said"
        )


def account_lines(accounts: Mapping[str, Array], places: range, name: Callable[[int], str]) -> Iterator[str]:
    """Yield what each account says of every token, as a table."""
    names = [name(t) for t in places]
    width = max(map(len, names))
    yield " " * width + "".join(account.rjust(13) for account in accounts)
    for row, token in enumerate(names):
        cells = "".join(_account_cell(float(numbers[row])).rjust(13) for numbers in accounts.values())
        yield f"{token:<{width}}{cells}"


def _account_cell(number: float) -> str:
    return "not known" if np.isnan(number) else fixed(number, 3)
