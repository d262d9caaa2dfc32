"""A captured run of a living model: every call of every recurrent module, forwards and backwards, all sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_run import CapturedModule, CapturedRun, run_together
from lstm_tui.formats.captures.module_network import network_of_module

_MOST_SHOWN = 8
"""Modules that a capture tells of itself at a prompt."""
_Number = int | np.integer[Any]
Asked = str | tuple[str, _Number] | tuple[str, _Number, _Number]


@dataclass(frozen=True, eq=False)
class CapturedBatch:
    """One run of a living model: `captured["enc.rnn", 3]` is its fourth sequence through that module.

    Attributes:
        model: Name of the model's class.
        modules: Its recurrent modules that were called, by path.
        runs: Every sequence through every call, in the order of the calls.
        sequences: How many sequences were in the batch.
        loss: What the loss was; None where none was taken.
        gradient_norm: Euclidean norm of the loss's gradient by every parameter of the model; None without a loss.
        number: Which step of a loop it was, from 0; None where it was captured by itself.
        arrays: The same run by the names of a recording, which `lstm-tui verify` compares with a file.
        unseen: What goes from step to step and was not captured, in a line; empty where all was.
        axes: Which axis of its input a module takes for the time, where that is the first; empty where none does, and
            of a capture that was opened from its file.
    """

    model: str
    modules: Mapping[str, CapturedModule]
    runs: tuple[CapturedRun, ...]
    sequences: int = 1
    loss: float | None = None
    gradient_norm: float | None = None
    number: int | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict, repr=False)
    unseen: str = ""
    axes: str = ""

    _repr_html_ = rich_display

    def __getitem__(self, asked: Asked) -> CapturedRun:
        """Return a sequence through a module: `captured[PATH]`, `captured[PATH, SEQUENCE]` or with a CALL behind.

        Raises:
            UserError: There is no such module, sequence or call.
        """
        parts = asked if isinstance(asked, tuple) else (asked,)
        whole = all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in parts[1:])
        if not 1 <= len(parts) <= 3 or not isinstance(parts[0], str) or not whole:
            paths = ", ".join(map(visible, list(self.modules)[:_MOST_SHOWN]))
            raise UserError(
                "a capture is asked for [MODULE], [MODULE, SEQUENCE] or [MODULE, SEQUENCE, CALL], "
                f"the last two as whole numbers; there are {paths}"
            )
        path, sequence, call = (*parts, 0, 0)[:3]
        path = self.path(path)
        for one in self.runs:
            if (one.module.name, one.batch, one.call) == (path, sequence, call):
                return one
        calls = 1 + max(one.call for one in self.runs if one.module.name == path)
        what = f"sequence {sequence}; the batch has {self.sequences}, from 0"
        if 0 <= sequence < self.sequences:
            what = f"call {call} of {visible(path)}; it was called {count_of(calls, 'time')}, from 0"
        raise UserError(f"there is no {what}")

    def path(self, name: str | None) -> str:
        """Return the path of a module, which may be shortened to its end; of none, that of the first.

        Raises:
            UserError: There is no such module, or there are several that end so.
        """
        if name is None:
            return next(iter(self.modules))
        if name in self.modules:
            return name
        ends = [one for one in self.modules if one.endswith(f".{name}")]
        if len(ends) == 1:
            return ends[0]
        near = nearest(name, self.modules)
        hint = f"did you mean {visible(near)}?" if near else f"there are {', '.join(map(visible, self.modules))}"
        raise UserError(f"the model has no recurrent module {visible(name)!r}; {hint}")

    def of_module(self, name: str | None = None, call: int = 0) -> tuple[CapturedRun, ...]:
        """Return all sequences through one call of a module, by default the first.

        Raises:
            UserError: There is no such module or call.
        """
        path = self.path(name)
        found = tuple(one for one in self.runs if one.module.name == path and one.call == call)
        return found or (self[path, 0, call],)

    @property
    def difference(self) -> float:
        """The largest difference of our numbers from PyTorch's, over every sequence of every call."""
        run_together(self.runs)
        return max(one.difference for one in self.runs)

    @quiet()
    def gradient_difference(self, name: str | None = None) -> float:
        """Return how far our gradient by the weights of a module is from PyTorch's own, relative to its largest number.

        Both are sums over all sequences and calls; biases, of which PyTorch keeps two, are left out.

        Raises:
            UserError: It was captured without a loss, or PyTorch gave no gradient by these weights.
        """
        module = self.modules[self.path(name)]
        own = {f"weight{key.removeprefix('weight')}" for key in module.weights if key.startswith("weight")}
        if not own <= set(module.d_weights):
            raise UserError(f"{visible(module.name)}: PyTorch gave no gradient by its weights")
        zeros = {key: np.zeros_like(one) for key, one in module.weights.items()}
        theirs = network_of_module(module.name, module.mode, {**zeros, **module.d_weights})
        total: dict[str, Array] = {}
        for run in (one for one in self.runs if one.module is module):
            for key, flat in run.d_parameters.items():
                total[key] = total[key] + flat if key in total else flat.astype(np.float64)
        largest, apart = 0.0, 0.0
        for one in theirs.passes:
            for parameter, slot in one.program.parameters.items():
                wanted = one.program.view(one.flat, parameter)
                if wanted.ndim == 2 and slot.mask is None:
                    mine = one.program.view(total[one.name], parameter)
                    largest = max(largest, float(np.abs(wanted).max(initial=0.0)))
                    apart = max(apart, float(np.abs(mine - wanted).max(initial=0.0)))
        return apart / largest if largest else apart

    def __repr__(self) -> str:
        """Say in a few lines which modules, sequences and calls there are; no array."""
        loss = "" if self.loss is None else f", loss {sentence(self.loss)}"
        norm = "" if self.gradient_norm is None else f", gradient norm {sentence(self.gradient_norm)}"
        step = "" if self.number is None else f", step {self.number}"
        lines = [f"<Capture of {visible(self.model)}{step}: {count_of(self.sequences, 'sequence')}{loss}{norm}"]
        for name, module in list(self.modules.items())[:_MOST_SHOWN]:
            mine = [one for one in self.runs if one.module is module]
            calls = 1 + max(one.call for one in mine)
            steps = sorted({len(one) for one in mine})
            span = count_of(steps[0], "step") if len(steps) == 1 else f"{steps[0]} to {steps[-1]} steps"
            units = next(iter(module.network.passes)).program.hidden_size
            lines.append(
                f"  {visible(name)}: {module.mode.partition('_')[0]}, {count_of(units, 'unit')}, "
                f"{count_of(calls, 'call')}, {span}"
            )
        if len(self.modules) > _MOST_SHOWN:
            lines.append(f"  … {len(self.modules) - _MOST_SHOWN} modules more")
        lines += [f"  {one}" for one in (self.axes, *self._remarks()) if one]
        if self.unseen:
            lines.append(f"  not captured: {visible(self.unseen)}")
        return "\n".join(lines) + ">"

    def _remarks(self) -> Iterator[str]:
        """Yield what is seen of a module's states and gradients that a right model seldom has, a line each."""
        for name, module in self.modules.items():
            mine = [one for one in self.runs if one.module is module]
            following = {(one.batch, one.call): one for one in mine}
            pairs = [
                (one, following[one.batch, one.call + 1]) for one in mine if (one.batch, one.call + 1) in following
            ]
            turned = sum(_are_exchanged(one, later) for one, later in pairs)
            if turned:
                of = f"{turned} of {len(pairs)} times" if turned < len(pairs) else "each time"
                yield f"{visible(name)}: the h of a call enters the next as c, and its c as h, {of}"
            arrived = [rows for one in mine for rows in (one.d_y, *one.d_ends) if rows is not None]
            if arrived and not any(rows.any() for rows in arrived):
                yield f"{visible(name)}: no gradient of the loss arrives there"


def _are_exchanged(one: CapturedRun, later: CapturedRun) -> bool:
    """Say whether a call begins with the states another ended with, h for c and c for h."""
    if len(one.final) != 2 or len(later.initial) != 2:
        return False
    h, c = one.final
    is_turned = np.array_equal(later.initial[0], c) and np.array_equal(later.initial[1], h)
    return is_turned and not np.array_equal(h, c)
