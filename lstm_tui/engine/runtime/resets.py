"""Where the passes of a run read from the states their cells begin with: cuts of the tape as values that are held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Items
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import RESET_CLOCK, Program, entering
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.expression import Call, walk
from lstm_tui.engine.model.cuts import TapeCut
from lstm_tui.engine.model.network import Network, Pass
from lstm_tui.engine.model.sequence import Direction
from lstm_tui.engine.runtime.overrides import Hold


@dataclass(frozen=True, eq=False)
class Resets:
    """Where a pass finds the states with which its cell begins, and what they are.

    Attributes:
        spans: Places on the tape at which it reads from them.
        states: Every state, (n,).
    """

    spans: tuple[range, ...] = ()
    states: Mapping[str, Array] = field(default_factory=dict)

    def at(self, t: int) -> bool:
        """Say whether the pass reads a place from them."""
        return any(t in span for span in self.spans)

    def between(self, start: int, stop: int) -> list[int]:
        """Return the places from one to before another at which it does, in order."""
        found = {t for span in self.spans for t in range(*slice(*_inside(span, start, stop)).indices(stop))}
        return sorted(found)

    def nearest(self, t: int, direction: str) -> int | None:
        """Return the place at which the pass last did, up to and with one; None where it never has."""
        if direction == "forward":
            found = [span[(min(t, span[-1]) - span.start) // span.step] for span in self.spans if span and span[0] <= t]
            return max(found, default=None)
        found = [span[max(0, -(-(t - span.start) // span.step))] for span in self.spans if span and span[-1] >= t]
        return min(found, default=None)

    def part(self, start: int, stop: int) -> Resets:
        """Return them as they lie on the places from one to before another, counted from 0 there."""
        kept = tuple(
            range(first - start, last - start, span.step)
            for span in self.spans
            for first, last, _ in [_inside(span, start, stop)]
            if first < last
        )
        return replace(self, spans=kept)


def _inside(span: range, start: int, stop: int) -> tuple[int, int, int]:
    first = span.start + max(0, -(-(start - span.start) // span.step)) * span.step
    return first, min(span.stop, stop), span.step


def cut_holds(network: Network, cuts: Items[TapeCut], steps: int) -> tuple[Hold, ...]:
    """Return cuts as values that are held: every state as a step finds it.

    Args:
        network: What is run.
        cuts: Where its tape is cut.
        steps: Tokens of the tape.
    """
    holds = []
    for one in network.passes:
        spans = cut_spans(cuts, one.direction, steps)
        for state in one.cell.state:
            start = one.program.initial.get(state, 0.0)
            size = one.program.values[state].size
            held = tuple(map(float, one.program.view(one.flat, start))) if isinstance(start, str) else float(start)
            holds += [
                Hold(one.name, entering(state), (0, size), (span.start, span.stop), "set", held, span.step)
                for span in spans
            ]
    return tuple(holds)


def cut_spans(cuts: Items[TapeCut], direction: Direction, steps: int) -> tuple[range, ...]:
    """Return the places of a tape at which a pass reads from the states its cell begins with; some may be empty."""
    back = int(direction == "backward")  # it comes from the other side of the cut
    spans = (span for cut in cuts if cut.kind == "reset" or back for span in cut.spans(steps))
    moved = (range(span.start - back, max(span.start, span.stop) - back, span.step) for span in spans)
    return tuple(span for span in moved if span.start >= 0)  # nothing lies in front of the first token


def resets_of(one: Pass, flat: Array, holds: Iterable[Hold]) -> Resets:
    """Return where a pass reads from the states its cell begins with, of all that is held in a run."""
    spans = {hold.places for hold in holds if hold.pass_name == one.name and hold.is_reset}
    if not spans:
        return Resets()
    return Resets(tuple(sorted(spans, key=lambda span: span.start)), one.program.initial_states(flat))


def reset_clock(holds: Iterable[Hold], direction: str, places: range, steps: int) -> Array:
    """Return how many steps a pass took before its state was last set back, (n, 1) in tape order.

    Args:
        holds: What is held in the pass.
        direction: Which way it reads.
        places: The places on the tape that are asked of.
        steps: Tokens of the tape.
    """
    t = np.arange(places.start, places.stop)
    taken = np.zeros(len(t), np.int64)
    for span in {hold.places for hold in holds if hold.is_reset and hold.places}:
        if direction == "forward":
            last = span.start + (np.minimum(t, span[-1]) - span.start) // span.step * span.step
            taken = np.maximum(taken, np.where(t >= span.start, last, 0))
        else:
            nearest = span.start + np.maximum(-(-(t - span.start) // span.step), 0) * span.step
            taken = np.maximum(taken, np.where(t <= span[-1], steps - 1 - nearest, 0))
    return taken[:, None]


def counts_steps(cell: Cell) -> bool:
    """Say whether a cell has a clock, which begins anew where its states are set back."""
    parts = (node for equation in cell.equations for node in walk(equation.expression))
    return any(isinstance(node, Call) and node.function == "every" for node in parts)


def clock_of(one: Pass, holds: Items[Hold], places: range, steps: int, dtype: Any) -> dict[str, Array]:
    """Return the input that tells the clock of a pass where to begin anew; nothing where it has none or never does."""
    if not any(hold.is_reset for hold in holds) or not counts_steps(one.cell):
        return {}
    return {RESET_CLOCK: reset_clock(holds, one.direction, places, steps).astype(dtype)}


def held_sizes(program: Program) -> dict[str, int]:
    """Return how many numbers there are of everything that an edit can hold in a pass."""
    sizes = {"x": program.input_size, **{name: slot.size for name, slot in program.values.items()}}
    states = program.cell.state if program.cell else ()
    return sizes | {entering(state): sizes[state] for state in states}
