"""The smallest edit that makes assertions hold while others go on holding, and what else it changes.

Every edit is tried by running the texts that are asked about; what is found is a line of an edit script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np

from lstm_tui.analysis.smallest_change import (
    LARGEST,
    MOST_TRIED,
    ParameterPlace,
    Shift,
    Signs,
    by_gradient,
    gate_biases,
    sizes_to,
    smallest_shift,
    swaps,
)
from lstm_tui.debugger.breakpoints.assertions import judge, margin
from lstm_tui.debugger.edits.apply import Edited, after
from lstm_tui.debugger.edits.language import Edit, TokenEdit, WeightEdit
from lstm_tui.debugger.edits.teaching import held_out_of
from lstm_tui.debugger.expressions import Scope
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence as Tokens
from lstm_tui.engine.number_text import count_of, rounded, sentence
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.run import Initial, RunBuffers, input_of, run_arrays, trace_of
from lstm_tui.engine.runtime.trace import Trace

ChangeKind = Literal["token", "bias", "weights"]
KINDS: tuple[ChangeKind, ...] = ("token", "bias", "weights")
MOST_TOKENS_SWAPPED = 2
FEW = 64
"""Weights up to which all are tried; of more, so many that move what is wanted most."""
_GUIDED = 32
_MEASURED, _NUDGE = 300, 0.05
"""Of how many weights it is measured how much they move what is wanted, and by which Δ: those of largest gradient."""
_TOGETHER = {1: FEW, 2: 12, 3: 8, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8}
"""Of so many weights changed together, among how many they are chosen."""
_MOST_SWAPS = 200_000
_MOST_OTHERS = 200
"""Texts over which it is counted what else an edit changes."""


@dataclass(frozen=True, eq=False)
class ChangeQuestion:
    """Assertions of some texts.

    Attributes:
        network: What runs, with the edits in force.
        texts: What is read.
        initial: States before the first step.
        holds: What is held in each text.
        wanted: Texts by number, each with an assertion that is to hold in it.
        others: The same, of assertions that hold now and are to go on holding.
        pass_name: The pass that names without one belong to.
        dtype: Precision of the runs; that of the weights when None.
        interpreter: What makes the runs of the session: what is found holds in those too.
        own: The text in which tokens may be swapped; None where none may.
        fixed: Places of it whose tokens stay.
    """

    network: Network
    texts: tuple[Tokens, ...]
    initial: Initial | None
    holds: Mapping[int, tuple[Hold, ...]]
    wanted: tuple[tuple[int, str], ...]
    others: tuple[tuple[int, str], ...]
    pass_name: str
    dtype: str | None = None
    interpreter: str | None = None
    own: int | None = 0
    fixed: frozenset[int] = frozenset()

    def traces(
        self, network: Network, numbers: Sequence[int], swapped: Tokens | None = None, interpreter: str | None = None
    ) -> Iterator[Trace]:
        """Yield the runs of some texts, many together; `swapped` is read in the place of the own text."""
        interpreter = interpreter or chosen_for_many()
        texts = [swapped if swapped is not None and n == self.own else self.texts[n] for n in numbers]
        given = (
            ToRun(input_of(network, text, self.dtype or network.dtype), self.initial, self.holds.get(n, ()))
            for n, text in zip(numbers, texts, strict=True)
        )
        for ran, text in zip(run_each(network, given, interpreter), texts, strict=True):
            yield trace_of(ran, text)

    def holds_all(self, network: Network, swapped: Tokens | None = None) -> bool:
        """Say whether what is wanted holds, and what held goes on holding."""
        others = [one for one in self.others if swapped is None or one[0] == self.own]
        fast = chosen_for_many()
        every = (fast,) if self.interpreter in (None, fast) else (fast, self.interpreter)
        return all(self._hold(network, asked, swapped, by) for by in every for asked in (self.wanted, others))

    def margin(self, network: Network) -> float:
        """Return by how much what is wanted holds where it holds least; NaN where no two numbers are compared."""
        numbers = list(dict.fromkeys(n for n, _ in self.wanted))
        found = []
        for n, trace in zip(numbers, self.traces(network, numbers), strict=True):
            scope = Scope(trace, self.pass_name)
            found += [margin(text, scope) for of, text in self.wanted if of == n]
        return min(found, default=float("nan")) if not np.isnan(found).any() else float("nan")

    def _hold(
        self, network: Network, asked: Sequence[tuple[int, str]], swapped: Tokens | None, interpreter: str | None
    ) -> bool:
        numbers = list(dict.fromkeys(n for n, _ in asked))
        for n, trace in zip(numbers, self.traces(network, numbers, swapped, interpreter), strict=True):
            scope = Scope(trace, self.pass_name)
            if not all(judge(text, scope).holds is True for of, text in asked if of == n):
                return False
        return True


@dataclass(frozen=True, eq=False)
class FoundChange:
    """The smallest edits of one kind that do it.

    Attributes:
        kind: What is changed.
        edits: In the order in which they are made; empty where none was found.
        size: How small it is, in words.
        tried: What was tried, in words.
    """

    kind: ChangeKind
    edits: tuple[Edit, ...]
    size: str
    tried: str


def smallest(
    asked: ChangeQuestion,
    kind: ChangeKind,
    largest: float = LARGEST,
    most: int = MOST_TRIED,
    progress: Progress | None = None,
    among: int | None = None,
) -> FoundChange:
    """Return the smallest edits of a kind that make what is wanted hold while the others go on holding.

    Args:
        asked: What is wanted, and of which texts.
        kind: What is changed.
        largest: The largest |Δ| of a number.
        most: How many changes are tried.
        progress: Called with how far it is; what it raises ends this.
        among: Of a large network, among how many weights it is searched: those that move what is wanted most.

    Raises:
        UserError: Nothing of that kind can be changed here.
    """
    if kind == "token":
        return _tokens(asked, most, progress)
    if kind == "weights":
        return _weights(asked, largest, most, progress, among)
    places = gate_biases(asked.network)
    if not places:
        raise UserError("no gate of this network has a bias")
    found = smallest_shift(places, _doing(asked), 1, None, largest, most, progress)
    tried = f"all {len(places)} biases of gates"
    if found.shift is None:
        return FoundChange(kind, (), "", f"{tried} up to |Δ| {sentence(found.reached)}, {found.tried} runs")
    edits = tuple(shifted(found.shift, asked.network.tensors()))
    return FoundChange(kind, edits, f"|Δ| {sentence(found.size)}", f"{tried}, {found.tried} runs")


def _tokens(asked: ChangeQuestion, most: int, progress: Progress | None) -> FoundChange:
    network, known = asked.network, asked.network.tokens
    if asked.own is None:
        raise UserError("no token of this line can make it hold: it fails in another text")
    text = asked.texts[asked.own]
    if known is None or text.ids is None or network.embedding is None:
        raise UserError("this network reads numbers: no token of it can be swapped")
    places = [t for t in range(len(text)) if t not in asked.fixed]
    words = [n for n in range(len(known.vocabulary)) if n != known.unknown_id]
    edited = Edited.baseline(network, text)
    tried = whole = 0
    for count in range(1, MOST_TOKENS_SWAPPED + 1):
        if not _is_few(len(places), len(words), count):
            break
        whole = count
        for swap in swaps(network.embedding, text.ids, places, words, count):
            if tried >= most:
                return FoundChange("token", (), "", f"{tried} swaps of the nearest tokens")
            tried += 1
            if progress is not None:
                progress(tried, most)
            edits = tuple(TokenEdit("replace", t, known.vocabulary[token]) for t, token in swap.tokens)
            made = edited
            try:
                for edit in edits:
                    made = after(edit, made, network)
            except UserError:  # a piece that cannot stand alone
                continue
            if asked.holds_all(network, made.sequence):
                return FoundChange("token", edits, count_of(count, "token"), f"{tried} swaps")
    what = "one token" if whole == 1 else f"up to {whole} tokens"
    return FoundChange("token", (), "", f"all {tried} swaps of {what}")


def _is_few(places: int, words: int, count: int) -> bool:
    return bool((places * words) ** count <= _MOST_SWAPS)


def _doing(asked: ChangeQuestion) -> Callable[[Shift], bool]:
    """Return what makes a shift in a copy of the network, runs what is asked and takes it back."""
    network, opened = asked.network.copy(), asked.network.tensors()
    tensors = network.tensors()

    def does(shift: Shift) -> bool:
        try:
            _make(shift, tensors, opened)
            return asked.holds_all(network)
        finally:
            _take_back(shift, tensors, opened)

    return does


def _make(shift: Shift, tensors: Mapping[str, Array], opened: Mapping[str, Array]) -> None:
    for (place, _), edit in zip(shift, shifted(shift, opened), strict=True):
        tensors[place.tensor][place.index] = edit.number


def _take_back(shift: Shift, tensors: Mapping[str, Array], opened: Mapping[str, Array]) -> None:
    for place, _ in shift:
        tensors[place.tensor][place.index] = opened[place.tensor][place.index]


def _weights(
    asked: ChangeQuestion, largest: float, most: int, progress: Progress | None, wanted: int | None
) -> FoundChange:
    places, signs, among = _guided(asked, progress, wanted)
    if wanted is not None:  # each of them by every size, either way
        most = max(most, 2 * len(places) * (len(sizes_to(largest)) + 9) + most)
    does = _doing(asked)
    tried, reached = 0, 0.0
    for count, some in (_TOGETHER | {1: len(places)}).items():
        if len(places[:some]) < count or tried >= most:
            break
        ways = signs if count > 1 else None
        found = smallest_shift(places[:some], does, count, ways, largest, most - tried, progress)
        tried += found.tried
        if found.shift is not None:
            edits = tuple(shifted(found.shift, asked.network.tensors()))
            size = f"{count_of(count, 'weight')}, |Δ| {sentence(found.size)}{' each' if count > 1 else ''}"
            return FoundChange("weights", edits, size, f"{among}, {tried} runs")
        reached = found.reached if count == 1 else reached
    return FoundChange(
        "weights", (), "", f"{among}, one by one up to |Δ| {sentence(reached)}, then some together, {tried} runs"
    )


def _guided(
    asked: ChangeQuestion, progress: Progress | None, wanted: int | None = None
) -> tuple[tuple[ParameterPlace, ...], Signs | None, str]:
    """Return the weights that are tried, which way each helps, and what they are: all where they are few.

    Of many, back-propagation tells which move most of what the run holds, and a nudge of each how it moves what is
    wanted.
    """
    number = asked.wanted[0][0]
    x = input_of(asked.network, asked.texts[number], asked.dtype or asked.network.dtype)
    ran = run_arrays(asked.network, x, "numpy", asked.initial, holds=asked.holds.get(number, ()), keep_rows=True)
    count = sum(numbers.size for name, numbers in asked.network.tensors().items() if name != "embedding")
    places = by_gradient(ran, asked.pass_name, max(_MEASURED, min(wanted or 0, count)))
    network, opened = asked.network.copy(), asked.network.tensors()
    tensors = network.tensors()
    moves = np.zeros(len(places))
    for n, place in enumerate(places):
        if progress is not None:
            progress(n, 2 * len(places))
        two = []
        for nudge in (_NUDGE, -_NUDGE):
            _make(((place, nudge),), tensors, opened)
            two.append(asked.margin(network))
            _take_back(((place, nudge),), tensors, opened)
        moves[n] = two[0] - two[1]
    known = not np.isnan(moves).any()
    order = np.argsort(-np.abs(moves), kind="stable") if known else np.arange(len(places))
    chosen = tuple(places[n] for n in order)
    signs = {places[n]: 1.0 if moves[n] >= 0 else -1.0 for n in order} if known else None
    some = chosen[: wanted or _GUIDED] if len(places) > FEW else chosen
    if len(some) >= count:
        return some, signs, f"all {len(some)} weights"
    return some, signs, (
        f"{len(some)} of {count} weights: of the {len(places)} of largest gradient those that move it most; "
        f"`among {min(max(10 * len(some), 500), count)}` searches more"
    )  # fmt: skip


def shifted(shift: Shift, opened: Mapping[str, Array]) -> Iterator[WeightEdit]:
    """Yield the edits that shift numbers: each sets a number, to six figures, as it can be read and typed."""
    for place, by in shift:
        number = rounded(float(opened[place.tensor][place.index]) + by, 6)
        yield WeightEdit("set", place.tensor, tuple((n, n + 1) for n in place.index), number)


# --- what else it changes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeldOutEffect:
    """What an edit of a network does to texts that it was not made for.

    Attributes:
        texts: What they are, in words.
        answers: How many answers there are in them.
        flips: How many have another output largest; None where numbers are said.
        mean: The mean of how far outputs move, without their signs; NaN where it is not known.
    """

    texts: str
    answers: int
    flips: int | None
    mean: float


def other_texts(network: Network, lines: Sequence[Tokens], line: int) -> tuple[str, list[Tokens]]:
    """Return texts that a bundled network has not learned, or else the other lines of what is open, and what they are.

    Args:
        network: What reads them.
        lines: The lines of what is open.
        line: The one that is shown, from 0.
    """
    others = held_out_of(network)
    if others is not None and network.tokens is not None:
        vocabulary = network.tokens.vocabulary
        texts = [Tokens("words", tuple(vocabulary[n] for n in one.read), one.read) for one in others.examples]
        texts = [one for one in texts if len(one)][:_MOST_OTHERS]
        return f"{len(texts)} unseen {others.noun}", texts
    numbers = [n for n in range(min(len(lines), _MOST_OTHERS + 1)) if n != line][:_MOST_OTHERS]
    texts = [lines[n] for n in numbers if len(lines[n])]
    return count_of(len(texts), "other line"), texts


def effect_on(
    before: Network, edited: Network, texts: Sequence[Tokens], words: str, check: Callable[[], None] | None = None
) -> HeldOutEffect | None:
    """Return what an edit of a network does to its answers in some texts; None where it has no readout or no texts."""
    if before.readout is None or edited.readout is None or not texts:
        return None
    named = len(before.classes) > 1
    answers = flips = 0
    moved, numbers = 0.0, 0
    runs = [
        run_each(one, (ToRun(input_of(one, text, one.dtype)) for text in texts), chosen_for_many())
        for one in (before, edited)
    ]
    for ran, again in zip(*runs, strict=True):
        if check is not None:
            check()
        old, new = (np.atleast_2d(_said(one)).astype(np.float64) for one in (ran, again))
        answers += len(old)
        with quiet():
            flips += int((old.argmax(axis=1) != new.argmax(axis=1)).sum())
            moved += float(np.abs(new - old).sum())
        numbers += old.size
    return HeldOutEffect(words, answers, flips if named else None, moved / numbers if numbers else float("nan"))


def _said(ran: RunBuffers) -> Array:
    assert ran.readout is not None
    assert ran.network.readout is not None
    return ran.readout.values[ran.network.readout.page.result]


def with_edits(asked: ChangeQuestion, edits: Sequence[Edit]) -> tuple[Network, Tokens | None]:
    """Return what runs with some edits: the network, and the own text where tokens of it are swapped."""
    text = asked.texts[asked.own or 0]
    made = Edited.baseline(asked.network, text)
    for edit in edits:
        made = after(edit, made, asked.network)
    swapped = made.sequence if any(isinstance(edit, TokenEdit) for edit in edits) else None
    return made.network, swapped
