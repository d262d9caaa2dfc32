"""Two runs side by side, token by token: of two networks, or of two states of a session's edits."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items
from functools import cached_property

import numpy as np

from lstm_tui.analysis.contributions import OutputParts, parts_of
from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.edits.history import History
from lstm_tui.debugger.edits.language import last_opening
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.inspect.diff import DiffColumn, TraceDiff
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

_ALIKE = 0.5
"""Cosine of weights from which on they are of one network."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs of the same tokens, or of tokens that edits have made of the others.

    Attributes:
        one: The first run.
        other: The second.
        names: What the two are called.
        columns: Both tapes as one; `before` is the place in the first, `after` that in the second.
        edited: Whether the second is the first after edits.
    """

    one: Trace
    other: Trace
    names: tuple[str, str]
    columns: Items[DiffColumn]
    edited: bool = False

    _repr_html_ = rich_display

    def __repr__(self) -> str:
        """Say in one line what stands beside what, and what either says."""
        one, other = (visible(name) for name in self.names)
        says = [self._says(trace) for trace in (self.one, self.other)]
        said = f"; {one} says {says[0]}, {other} {says[1]}" if all(says) else ""
        return f"<Comparison of {one} and {other} over {count_of(len(self.columns), 'token')}{said}>"

    def _says(self, trace: Trace) -> str:
        """Return the class that wins in the end, with its number; empty where nothing is said, or no class wins."""
        if trace.result is None or not trace.classes:
            return ""
        best = largest(trace.result)
        return "what is not known" if best is None else f"{visible(trace.classes[best])} {sentence(trace.result[best])}"

    @classmethod
    def of(cls, one: Trace, other: Trace, names: tuple[str, str], origins: Origins | None = None) -> Comparison:
        """Lay two runs side by side.

        Args:
            one: The first run.
            other: The second.
            names: What the two are called.
            origins: For each token of the second, its place in the first; None when the tokens are the same.

        Raises:
            UserError: If they read the text as different tokens.
        """
        edited = origins is not None
        if origins is None:
            check_common_tape(one, other, names)
            origins = Origins.unchanged(len(one.sequence))
        return cls(one, other, names, TraceDiff(one, other, origins).columns, edited)

    def token(self, column: DiffColumn) -> str:
        """Return the token of a column; where another was put in its place, that one."""
        if column.after is not None:
            return self.other.sequence.tokens[column.after]
        assert column.before is not None
        return self.one.sequence.tokens[column.before]

    @cached_property
    def same_classes(self) -> bool:
        """Whether the outputs of both mean the same."""
        shapes = {None if trace.result is None else trace.result.shape for trace in (self.one, self.other)}
        return len(shapes) == 1 and None not in shapes and self.one.classes == self.other.classes

    @cached_property
    def parts(self) -> tuple[OutputParts, OutputParts] | None:
        """What each token adds to the verdict of both, where both speak once and that is exact."""
        found = parts_of(self.one), parts_of(self.other)
        if not self.same_classes or found[0] is None or found[1] is None:
            return None
        return found[0], found[1]

    @cached_property
    def winner(self) -> int | None:
        """The output that wins in the first run; None where that is not known."""
        return None if self.one.result is None else largest(self.one.result)

    @cached_property
    def toward(self) -> tuple[Array, Array] | None:
        """What each token adds to the winner over the other outputs, before the softmax, (T,) of each run."""
        if self.parts is None or self.winner is None:
            return None
        one, other = (parts.toward(self.winner)[0] for parts in self.parts)
        return one, other

    def outputs(self, column: DiffColumn) -> tuple[Array | None, Array | None]:
        """Return what either says at a token, (K,)."""
        places = column.before, column.after
        one, other = (
            None if trace.output is None or t is None else trace.output[t]
            for trace, t in zip((self.one, self.other), places, strict=True)
        )
        return one, other

    @cached_property
    def says_probabilities(self) -> bool:
        """Whether what either says at a token are probabilities, so that a difference is a part of all of them."""
        said = [trace.output for trace in (self.one, self.other)]
        return all(output is not None and is_distribution(np.asarray(output)) is True for output in said)

    def output_distance(self, column: DiffColumn) -> float | None:
        """Return how far the outputs at a token are apart: half the sum of all differences, 0..1 for a softmax.

        Of a verdict said once it is the change of what the token adds to it.
        """
        if self.toward is not None:
            if column.before is None or column.after is None:
                return None
            return float(self.toward[1][column.after] - self.toward[0][column.before])
        one, other = self.outputs(column)
        if one is None or other is None or not self.same_classes:
            return None
        with np.errstate(all="ignore"):
            return float(np.abs(other.astype(np.float64) - one).sum() / 2)

    @cached_property
    def _comparable(self) -> dict[str, bool]:
        return {}

    def comparable(self, pass_name: str) -> bool:
        """Say whether unit 7 of a pass is the same unit in both: the same equations, size, and alike weights.

        In networks that were trained apart the units of a number have nothing to do with each other.
        """
        if pass_name not in self.one or pass_name not in self.other:
            return False
        if pass_name not in self._comparable:
            one, other = self.one[pass_name], self.other[pass_name]
            same = one.cell.equations == other.cell.equations and one.hidden_size == other.hidden_size
            self._comparable[pass_name] = same and _alike(one.parameters, other.parameters)
        return self._comparable[pass_name]

    def memory_distance(self, column: DiffColumn, pass_name: str) -> float | None:
        """Return how far the memories after a token are apart, 0..1: |C − C'| over |C| + |C'|, summed over units."""
        if column.before is None or column.after is None or not self.comparable(pass_name):
            return None
        name = memory_of(self.one[pass_name].cell)
        if name not in self.one[pass_name] or name not in self.other[pass_name]:
            return None
        one = self.one[pass_name][name][column.before].astype(np.float64)
        other = self.other[pass_name][name][column.after].astype(np.float64)
        with np.errstate(all="ignore"):
            whole = float(np.abs(one).sum() + np.abs(other).sum())
            return float(np.abs(one - other).sum() / whole) if whole != 0 else 0.0


def check_common_tape(one: Trace, other: Trace, names: tuple[str, str]) -> None:
    """Refuse two runs of different tokens, with the first that differs where as many were read.

    Raises:
        UserError: They read the text as different tokens.
    """
    first, second = one.sequence.tokens, other.sequence.tokens
    if first == second:
        return
    said = " and ".join(f"{len(trace.sequence)} {trace.sequence.kind}" for trace in (one, other))
    if len(first) == len(second):
        t = next(t for t, (token, instead) in enumerate(zip(first, second, strict=True)) if token != instead)
        said = f"different tokens, at t = {t} “{visible(first[t])}” and “{visible(second[t])}”"
    why = f"{names[0]} and {names[1]} read this as {said}: there is no common tape"
    if one.model.get("name") == other.model.get("name"):
        why += "; compare one run with an edit of it, such as replace, insert or remove, to keep one"
    raise UserError(why)


def compare(one: Trace, other: Trace, names: tuple[str, str] | None = None) -> Comparison:
    """Lay two runs of one text side by side: of two networks, or before and after an edit.

    For two texts that differ by some words, edit one into the other: `session.edit('replace 4 "good"')`, then compare
    `session.baseline` with `session.frame.trace`.

    Args:
        one: The first run.
        other: The second.
        names: What the two are called; by default the names of their networks.

    Raises:
        UserError: They read the text as different tokens, or are no runs.
    """
    for run in (one, other):
        if not isinstance(run, Trace):
            raise UserError(f"two traces are compared, as `trace` returns them; this is {kind_of(run)}")
    if names is None:
        first, second = (run.model.get("name") or "a network" for run in (one, other))
        names = (first, second) if first != second else (first, f"{second}, edited" if other.edits else "the other")
    return Comparison.of(one, other, names, _origins_by_edits(one, other))


def _origins_by_edits(one: Trace, other: Trace) -> Origins | None:
    """Return where each token of the second was, if edits made after the first run turn its tokens into the others."""
    before, after = one.edits, other.edits
    if one.sequence.tokens == other.sequence.tokens or one.network is None or after[: len(before)] != before:
        return None
    try:
        edited = apply(parse_edit_script("\n".join(after[len(before) :])), one.network, one.sequence)
    except UserError:  # edits of another text or network: the tapes are refused with what they read
        return None
    return edited.origins if edited.sequence.tokens == other.sequence.tokens else None


def _alike(one: Array | None, other: Array | None) -> bool:
    """Say whether two sets of weights come from one training: their cosine; unknown weights are taken at their word."""
    if one is None or other is None:
        return True
    if one.shape != other.shape:
        return False
    with np.errstate(all="ignore"):
        sizes = float(np.linalg.norm(one) * np.linalg.norm(other))
        return not sizes > 0 or not float(one.astype(np.float64) @ other) / sizes < _ALIKE


def compare_states(
    history: History, one: int, other: int, network: Network, sequence: Sequence, run_of: Callable[[int], Trace]
) -> Comparison:
    """Lay the runs of two states side by side; tokens are those of the last state from which both come.

    Args:
        history: The tree.
        one: Number of the first state.
        other: Number of the second.
        network: The network as it was opened.
        sequence: The tokens as they were opened.
        run_of: The run of a state.

    Raises:
        UserError: One of them is of another text, so that they have no common tape.
    """
    shared = history.edits_of(history.common(one, other))
    names = history.name_of(one), history.name_of(other)
    if any(last_opening(history.edits_of(state)[len(shared) :]) for state in (one, other)):
        return Comparison.of(run_of(one), run_of(other), names)  # another text or network: token by token, if it can be
    ancestor = apply(shared, network, sequence)
    # weights were edited in the ancestor's own copy: what comes after has one of its own again
    first, second = (
        apply(history.edits_of(state)[len(shared) :], ancestor.network, ancestor.sequence).origins
        for state in (one, other)
    )
    places = {origin: t for t, origin in enumerate(first) if origin is not None}
    origins = Origins.of([None if origin is None else places.get(origin) for origin in second])
    return Comparison.of(run_of(one), run_of(other), names, origins)
