"""What can be asked of a run at a position, and what is known of the answer so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.influence import Influence, Target
from lstm_tui.analysis.ledger import ledger_at
from lstm_tui.engine.visible import visible
from lstm_tui.tui.view import View

Array = NDArray[np.floating[Any]]
_MOST = 12
"""Outputs that can be asked about one after the other, the largest first."""


def outputs_of(view: View) -> tuple[Target, ...]:
    """Return a target for each of the largest outputs at the position; empty without a readout."""
    verdict, network = view.verdict, view.trace.network
    if verdict is None or network is None or network.readout is None:
        return ()
    result = view.trace.readout[network.readout.page.result]
    t = view.t if result.ndim == 2 else None
    values = result if result.ndim == 1 else result[view.t]
    order = [int(k) for k in np.argsort(-np.nan_to_num(values), kind="stable")[:_MOST]]
    if verdict.actual is not None and verdict.actual not in order:
        order.insert(1, verdict.actual)
    where = "for the whole text" if t is None else f"next after t={t}"
    names = view.trace.classes
    return tuple(
        Target(f"{f'“{visible(names[k])}”' if k < len(names) else f'output {k}'} {where}", class_index=k, t=t)
        for k in order
    )


def unit_of(view: View) -> Target:
    """Return the target of the chosen unit's memory at the position."""
    label = f"{view.letter}[{view.unit}] of {view.pass_name} at t={view.t}"
    return Target(label, t=view.t, pass_name=view.pass_name, value=view.memory_name, unit=view.unit)


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of one question.

    Attributes:
        view: The position at which it was asked.
        target: What was asked.
        found: The gradients, or None until they are there.
        effects: What leaving each token out does, (T,); NaN where it is not known or cannot be said.
        done: How many tokens have been left out so far.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
        order: Name of the column by which tokens are ordered.
        cursor: The token under the cursor.
    """

    view: View
    target: Target
    found: Influence | None = None
    effects: Array | None = None
    done: int = 0
    working: bool = True
    problem: str = ""
    order: str = "token"
    cursor: int = 0

    def but(self, **changes: Any) -> Answer:
        """Return the answer with some things changed."""
        return replace(self, **changes)

    @property
    def pass_name(self) -> str:
        """The pass whose states and ledger stand beside."""
        return self.target.pass_name or self.view.pass_name

    @cached_property
    def ledger_place(self) -> int:
        """The place of the tape after which the ledger is taken: where the question is, else the pass's last."""
        passed = self.view.trace[self.pass_name]
        return passed.tape_place(passed.steps - 1) if self.target.t is None else self.target.t

    @cached_property
    def shares(self) -> Array | None:
        """Each token's share of the memory, of the unit or of all, (T,); None where there is no ledger."""
        flow = self.view.facts.flow(self.pass_name)
        if flow is None:
            return None
        unit = self.target.unit if self.target.value is not None else None
        return ledger_at(self.view.trace[self.pass_name], flow, self.ledger_place, unit).shares()

    @cached_property
    def by_state(self) -> Mapping[str, Array]:
        """The size of the gradient by the pass's output and memory at each token, (T,) each."""
        if self.found is None:
            return {}
        cell, gradients = self.view.trace[self.pass_name].cell, self.found.by_state[self.pass_name]
        names = dict.fromkeys((cell.output, self.view.facts.memory(self.pass_name)))
        with np.errstate(all="ignore"):
            return {name: np.sqrt((gradients[name].astype(np.float64) ** 2).sum(axis=1)) for name in names}

    @cached_property
    def columns(self) -> Mapping[str, Array | None]:
        """Every column by its heading, (T,) each, None where it is not known."""
        found = self.found
        columns: dict[str, Array | None] = {
            "gradient·x": None if found is None else found.of_token,
            "by x": None if found is None else found.size,
        }
        for name, sizes in self.by_state.items():
            columns[f"by {'C' if name == 'c' else name}"] = sizes
        return {**columns, "ledger": self.shares, "left out": self.effects}

    @cached_property
    def places(self) -> list[int]:
        """The tokens in the chosen order."""
        values = self.columns.get(self.order)
        if values is None:
            return list(range(self.view.facts.length))
        return [int(t) for t in np.argsort(-np.nan_to_num(np.abs(values), nan=-1.0), kind="stable")]
