"""One sequence through one recurrent module, as it was captured: its run by our engine, and its gradients.

The numbers of the gates are ours: the layer is run on what entered it, and compared with what PyTorch gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Items
from dataclasses import field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.forward import Initial, run_arrays, tape_order
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.run import input_of, is_held_in_windows, run, trace_of
from lstm_tui.engine.runtime.tables import Library
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.value_array import ValueArray
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.module_network import network_of_module
from lstm_tui.formats.captures.token_rows import TokenRows
from lstm_tui.formats.inputs.inputs import series_sequence
from lstm_tui.formats.verify.compared_run import difference
from lstm_tui.formats.verify.torch_calls import HALF
from lstm_tui.formats.verify.verification import CLOSE

_ROUNDINGS = 16
"""How many steps of its numbers a run of 16 bits may be away from ours and be called rounded."""
_GROWN = 16
"""How many times as far as our run from that in float64 PyTorch's may be away from it by rounding."""


@dataclass(frozen=True, eq=False)
class CapturedModule:
    """A recurrent module of a captured model.

    Attributes:
        name: Its path in the model; that of its class where it is the model.
        mode: LSTM, GRU, RNN_TANH or RNN_RELU.
        weights: By PyTorch's names.
        d_weights: PyTorch's gradient of the loss by them, those that are parameters; empty without a loss.
        token_rows: What enters it for each token; None where that is not certain.
        why_no_tokens: Why it is not, as a sentence's end; empty where nobody looked.
    """

    name: str
    mode: str
    weights: Mapping[str, Array]
    d_weights: Mapping[str, Array] = field(default_factory=dict)
    token_rows: TokenRows | None = None
    why_no_tokens: str = ""

    @cached_property
    def network(self) -> Network:
        """It as a network of our own, without a readout."""
        return self.network_with(())

    def network_with(self, remarks: tuple[str, ...]) -> Network:
        """Return it as a network of our own, with what should be known of it."""
        network = network_of_module(self.name, self.mode, self.weights, remarks, self.why_no_tokens)
        rows = self.token_rows
        return network if rows is None else replace(network, tokens=rows.tokens, embedding=rows.rows)


@dataclass(frozen=True, eq=False)
class CapturedRun:
    """One sequence through one call of a recurrent module: `captured["enc.rnn", 3].f` is the forget gate, (T, H).

    Values of the top pass that reads forwards are attributes; `trace` has those of every pass.

    Attributes:
        module: The module.
        batch: Which sequence of the batch, from 0.
        call: Which call of the module, from 0; calls that go on from each other's states are one.
        x: What entered it, (T, I).
        y: What PyTorch gave, (T, n).
        initial: States it was given, (layers*directions, n) each; empty where it was given none.
        final: States PyTorch gave in the end.
        ends: Of each call that is part of this one, the step behind its last.
        linked: Of each, whether a gradient goes on from it to the one before.
        d_y: The gradient of the loss that arrived at `y`, (T, n); None without a loss.
        d_ends: The gradient that arrived at the states of each call, (P, layers*directions, n) each.
        tokens: What stands on the tape, one a step; empty where nothing is known but the numbers.
        answer: What the whole model said of this sequence, (K,), or at each step, (T, K); None where it is neither.
        target: What it should have said; None where nobody told.
        classes: Names of the K numbers; may be empty.
        broken: A cell was given a state of another making behind this step, so that it ends here; or None.
        dtype: Numbers of 16 bits in which PyTorch computed, bfloat16 or float16; else empty.
        dropout: The part of the numbers between its layers that PyTorch dropped, in training mode; else 0.
        ids: The ids that were read, one a step; empty where one is not known for certain.
    """

    module: CapturedModule
    batch: int
    call: int
    x: Array
    y: Array
    initial: tuple[Array, ...] = ()
    final: tuple[Array, ...] = ()
    ends: tuple[int, ...] = ()
    linked: tuple[bool, ...] = ()
    d_y: Array | None = None
    d_ends: tuple[Array, ...] = ()
    tokens: tuple[str, ...] = ()
    answer: Array | None = None
    target: Array | None = None
    classes: tuple[str, ...] = ()
    broken: int | None = None
    dtype: str = ""
    dropout: float = 0.0
    ids: tuple[int, ...] = ()

    _repr_html_ = rich_display

    def __len__(self) -> int:
        """Return the number of steps, T."""
        return len(self.x)

    @cached_property
    def sequence(self) -> Sequence:
        """What was read, with its tokens on the tape."""
        known = self.module.token_rows
        if known is not None:
            return Sequence(known.tokens.kind, self.tokens, np.array(self.ids, dtype=np.int64))
        return Sequence("numbers", self.tokens, x=self.x, names_rows=True) if self.tokens else series_sequence(self.x)

    @cached_property
    def start(self) -> Initial | None:
        """States before the first step by pass; None where it was given none."""
        if not self.initial:
            return None
        return {
            one.name: {state: rows[n].astype(np.float64) for state, rows in zip("hc", self.initial, strict=False)}
            for n, one in enumerate(self.module.network.passes)
        }

    @cached_property
    def trace(self) -> Trace:
        """The run by our engine, every value of every pass, with the answer that the whole model gave."""
        return self.answered(run(self.module.network, self.sequence, None, None, self.start))

    def answered(self, trace: Trace) -> Trace:
        """Return a run of this sequence with what the captured model said of it."""
        answer = self.answer
        if answer is None:
            return trace
        classes = self.classes if len(self.classes) == answer.shape[-1] else ()
        output, result = (answer, answer[-1]) if answer.ndim == 2 else (None, answer)
        return replace(trace, output=output, result=result, classes=classes)

    @property
    def _top(self) -> PassTrace:
        passes = list(self.trace.values())
        return next((one for one in reversed(passes) if one.direction == "forward"), passes[0])

    def __getattr__(self, name: str) -> ValueArray:
        """Return a value of the top pass that reads forwards, (T, n) in tape order."""
        if name.startswith("_"):
            raise AttributeError(name)
        top = self._top
        if name in top:
            return top[name]
        if name in top.inputs:
            return cast(ValueArray, top.inputs[name])
        near = nearest(name, [*top, *top.inputs])
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(top)}"
        if hasattr(Trace, name):
            hint = f"; its .trace has {name}"
        raise AttributeError(f"a captured run has no value {visible(name)}{hint}")

    def __getitem__(self, name: str | int) -> PassTrace:
        """Return a pass of its run: by name such as `layer0.backward`, or as a trace is asked.

        Raises:
            UserError: There is none of that name.
        """
        return self.trace[name]

    def table(self, values: Items[str] | str | None = None) -> dict[str, Array]:
        """Return its run as columns of T rows, as `Trace.table` does.

        Args:
            values: Names of values, of every pass that has them; by default all.

        Raises:
            UserError: No pass has a value of that name.
        """
        return self.trace.table(values)

    def to_frame(self, values: Items[str] | str | None = None, library: Library | None = None) -> Any:
        """Return its run as a table of pandas or polars, as `Trace.to_frame` does.

        Args:
            values: As for `table`.
            library: `pandas` or `polars`.

        Raises:
            UserError: No pass has a value of that name, or no library for it is installed.
        """
        return self.trace.to_frame(values, library)

    def __repr__(self) -> str:
        """Say in a few lines what it is of; no array."""
        shown = " ".join(visible(one) for one in self.sequence.tokens[:8]) + (" …" if len(self) > 8 else "")
        lines = [
            f"<captured {visible(self.module.name)}, sequence {self.batch}, call {self.call}: "
            f"{count_of(len(self), 'step')} “{shown}”"
        ]
        lines += [f"  {name}: {one.shapes()}" for name, one in self.trace.items()]
        lines.append(f"  {self.said}")
        return "\n".join(lines) + ">"

    @cached_property
    @quiet()
    def difference(self) -> float:
        """The largest difference of our numbers from PyTorch's: of what it gave at each step and of final states."""
        network = self.module.network
        top = [one for one in self.trace.values() if one.name.startswith(f"layer{len(network.layers) - 1}.")]
        pairs = [(np.concatenate([one[one.cell.output] for one in top], axis=1), self.y)]
        for n, one in enumerate(self.trace.values()):
            pairs += [(one.final_states[state], rows[n]) for state, rows in zip("hc", self.final, strict=False)]
        return max(float(difference(mine, theirs).max(initial=0.0)) if mine.shape == theirs.shape else np.inf
                   for mine, theirs in pairs)  # fmt: skip

    @property
    def is_as_given(self) -> bool:
        """Whether our numbers are those that PyTorch gave, but for rounding."""
        return self.difference <= CLOSE

    @property
    def said(self) -> str:
        """Whether our numbers are PyTorch's, in words."""
        if self.is_as_given:
            return f"as PyTorch computed it, within {sentence(self.difference, 2)}"
        return f"differs from what PyTorch gave by {sentence(self.difference, 3)}: {self._reason}"

    @cached_property
    @quiet()
    def grown(self) -> float:
        """How far rounding grows: the largest difference of our run from our run in float64, over all steps and states.

        Of a run in float64 nothing is known: 0.
        """
        module = self.module
        if module.network.dtype == np.float64:
            return 0.0
        weights = {name: one.astype(np.float64) for name, one in module.weights.items()}
        exact = run(
            network_of_module(module.name, module.mode, weights), series_sequence(self.x), None, None, self.start
        )
        pairs = ((one[value], exact[name][value]) for name, one in self.trace.items() for value in one.cell.state)
        return max(float(difference(mine, theirs).max(initial=0.0)) for mine, theirs in pairs)

    @property
    def _reason(self) -> str:
        """Why our numbers are others than PyTorch's, as far as is known."""
        if self.dropout:
            return f"dropout of {sentence(self.dropout, 3)} between its layers was on, in training mode"
        if not self.dtype:
            if self.difference <= _GROWN * self.grown:
                return f"rounding can do so much here: our own run in float64 differs by {sentence(self.grown, 3)}"
            return "the module does more than its class"
        size = max(1.0, float(np.abs(self.y, where=np.isfinite(self.y), out=np.zeros(self.y.shape)).max(initial=0.0)))
        if self.difference <= _ROUNDINGS * HALF[self.dtype] * size:
            return f"it computed in {self.dtype}, and rounding to 16 bits can do so much"
        return f"more than rounding to {self.dtype} is likely to do, so the module may do more than its class"

    # --- backwards ---

    @cached_property
    def gradients(self) -> dict[str, dict[str, Array]]:
        """The gradient of the loss by every value of every pass: pass name to value name to (T, n) in tape order.

        What arrived at the module in PyTorch's own backward pass is driven back through our engine.

        Raises:
            UserError: It was captured without a loss.
        """
        return self._back[0]

    @cached_property
    def d_parameters(self) -> dict[str, Array]:
        """The part of this sequence in the gradient of the loss by the parameters of each pass, flat."""
        return self._back[1]

    @cached_property
    @quiet()
    def _back(self) -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
        if self.d_y is None:
            raise UserError(
                "this was taken without a loss, so no gradient is known: give capture() loss= and targets=; "
                "a step that is watched has its gradients behind loss.backward()"
            )
        network = self.module.network
        cuts = [0, *(end for n, end in enumerate(self.ends[:-1]) if not self.linked[n + 1]), len(self)]
        parts: list[dict[str, dict[str, Array]]] = []
        flat: dict[str, Array] = {}
        for first, behind in pairwise(cuts):
            start = self.start if first == 0 else {
                name: dict(one.state_before(first)) for name, one in self.trace.items()
            }  # fmt: skip
            ran = run_arrays(network, self.x[first:behind].astype(network.dtype), None, start, keep_rows=True)
            flats, _, slots = gradients(ran, None, self._arriving(first, behind))
            flat = {name: flat[name] + one if name in flat else one for name, one in flats.items()}
            made: dict[str, dict[str, Array]] = {}
            for one in network.passes:
                rows = slots[one.name][1:]
                made[one.name] = {
                    value: tape_order(rows[:, slot.offset : slot.offset + slot.size], one.direction)
                    for value, slot in one.program.values.items()
                }
            parts.append(made)
        whole = {
            name: {value: np.concatenate([part[name][value] for part in parts]) for value in parts[0][name]}
            for name in parts[0]
        }
        return whole, flat

    def _arriving(self, first: int, behind: int) -> dict[str, dict[str, Array]]:
        """Return the gradient that arrives from outside at some steps, by pass and value, (T, n) in tape order."""
        assert self.d_y is not None
        network, steps = self.module.network, behind - first
        found = {one.name: {state: np.zeros((steps, one.program.values[state].size), network.dtype)
                            for state in one.cell.state} for one in network.passes}  # fmt: skip
        top = network.layers[-1].passes
        for one, d in zip(top, np.split(self.d_y[first:behind], len(top), axis=1), strict=True):
            found[one.name][one.cell.output] = found[one.name][one.cell.output] + d
        for piece, end in enumerate(self.ends):
            if not first < end <= behind:
                continue
            for n, one in enumerate(network.passes):
                place = end - 1 - first if one.direction == "forward" else 0
                for state, d_states in zip("hc", self.d_ends, strict=False):
                    found[one.name][state][place] += d_states[piece, n]
        return found


def run_together(runs: Iterable[CapturedRun]) -> None:
    """Run sequences of one batch by our engine, those of one module many at a time, with the bits that each has alone.

    What was run before is not run again; a run too long to be held as arrays is left to be run by itself.
    """
    waiting: dict[int, list[CapturedRun]] = {}
    for one in runs:
        if "trace" not in one.__dict__ and not is_held_in_windows(one.module.network, len(one), None, None):
            waiting.setdefault(id(one.module), []).append(one)
    for mine in waiting.values():
        network = mine[0].module.network
        name = chosen(None, sum(map(len, mine)), len(network.passes))
        asked = (ToRun(input_of(network, one.sequence, network.dtype), one.start) for one in mine)
        for one, ran in zip(mine, run_each(network, asked, name), strict=True):
            one.__dict__["trace"] = one.answered(trace_of(ran, one.sequence))
