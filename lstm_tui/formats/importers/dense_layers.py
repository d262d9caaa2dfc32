"""What stands around recurrent layers, written as equations: before and between them a layer that keeps nothing,
above them a readout. So it is stepped, edited, differentiated and saved like everything else.

Ops at every step on plain arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.cell_states import FINAL_CELL, cell_width, hidden_width, keeps_cell_state, lower_layer
from lstm_tui.formats.importers.feature_extractor import activate, activation
from lstm_tui.formats.importers.plan import (
    Activation,
    AffineScale,
    Dense,
    Gate,
    Norm,
    Op,
    PositionEmbedding,
    Recurrent,
    Reduce,
)

_LETTERS = "ABCDEFGJKLMNOQRSTUVWYZ"
_OVER_STEPS = {"last": "last", "first": "first", "mean": "mean_steps", "max": "max_steps", "sum": "sum_steps"}


@dataclass
class DenseEquations:
    """Lines, their parameters, and how long each value is."""

    lines: list[str] = field(default_factory=list)
    given: dict[str, Array] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    number: int = 0
    states: dict[str, str] = field(default_factory=dict)

    def add(self, ops: Sequence[Op], read: str, target: str, stem: str, width: int) -> int:
        """Write ops from the value `read`, `width` long, to the value `target`, and return its length."""
        value = below = read
        for n, op in enumerate(ops):
            name = target if n == len(ops) - 1 else f"{stem}{self.number}"
            if isinstance(op, Gate):
                text = f"{below} * sigmoid({value})   # {comment(op.name)}: a gate over what it reads"
            else:
                text, width = self._one(op, value, width)
            self.sizes[name] = width
            self.lines.append(f"{name} = {text}")
            value, below = name, value
            self.number += 1
        return width

    def _one(self, op: Op, value: str, width: int) -> tuple[str, int]:
        k, label = self.number, comment(getattr(op, "name", ""))
        if isinstance(op, Dense):
            if op.w.shape[1] != width:
                raise UserError(f"{label}: reads {op.w.shape[1]} numbers, and gets {width}")
            self.given[f"V_{k}"] = op.w
            bias = "" if op.b is None else f" + b_{k}"
            if op.b is not None:
                self.given[f"b_{k}"] = op.b
            return f"V_{k} @ {value}{bias}   # {label}: a dense layer", op.w.shape[0]
        if isinstance(op, AffineScale):
            self.given |= {f"s_{k}": op.s, f"b_{k}": op.b}
            return f"s_{k} * {value} + b_{k}   # {label}: scaled and moved as in training", width
        if isinstance(op, Norm):
            return self._norm(op, value, width, label), width
        if isinstance(op, PositionEmbedding):
            return self._position(op, value, width, label), width
        if isinstance(op, Activation):
            macro = activation(op.function)
            text = f"{op.function}({value})" if macro is None else re.sub(r"\ba\b", value, macro)
            return f"{text}   # {label}: {op.function.partition('=')[0]}", width
        if isinstance(op, Gate):
            raise UserError(f"{label}: a gate stands right behind a dense layer")
        raise UserError(f"{op.how} over the steps cannot stand before a recurrent layer")

    def _position(self, op: PositionEmbedding, value: str, width: int, label: str) -> str:
        """Add the row of a place: a state with a single 1 in it, moved on by one at every step, tells the place."""
        k, count = self.number, len(op.table)
        if op.table.shape[1] != width:
            raise UserError(f"{label}: holds {op.table.shape[1]} numbers a place, and is added to {width}")
        place, dtype = f"q{k}", op.table.dtype
        start = np.zeros(count + 1, dtype)
        start[0] = 1
        rows = np.concatenate([np.zeros((width, 1), dtype), op.table.T], axis=1)
        self.given |= {f"S_{k}": np.eye(count + 1, k=-1, dtype=dtype), f"E_{k}": rows, f"{place}_0": start}
        self.states[place] = f"{place}_0"
        self.sizes[place] = count + 1
        self.lines.append(f"{place} = S_{k} @ {place}   # {label}: the place on the tape, as a single 1 that moves on")
        return f"{value} + E_{k} @ {place}   # {label}: the row of this place added"

    def _norm(self, op: Norm, value: str, width: int, label: str) -> str:
        k = self.number
        self.lines += [
            f"d{k} = {value} - mean({value})   # {label}: distance from the mean",
            f"v{k} = sqrt(mean(d{k} * d{k}) + {op.epsilon!r})   # {label}: spread",
        ]
        self.sizes |= {f"d{k}": width, f"v{k}": 1}
        text = f"d{k} / v{k}"
        if op.s is not None:
            self.given[f"s_{k}"] = op.s
            text = f"s_{k} * ({text})"
        if op.b is not None:
            self.given[f"b_{k}"] = op.b
            text = f"{text} + b_{k}"
        return f"{text}   # {label}: layer normalisation"


def steps_cell(ops: Sequence[Op], number: int, width: int) -> tuple[str, dict[str, Array], dict[str, int], int]:
    """Return a cell that takes ops at every step and keeps nothing.

    Returns:
        Its text, its parameters, the sizes of its letters and how many numbers it gives.
    """
    made = DenseEquations()
    out = made.add(ops, "x", "h", "u", width)
    title = ", ".join(dict.fromkeys(comment(op.name) for op in ops if not isinstance(op, Reduce)))
    text, sizes = steps_text(title, made.lines, made.sizes, made.states, number)
    return text, made.given, sizes, out


def steps_text(
    title: str, lines: Sequence[str], sizes: Mapping[str, int], states: Mapping[str, str], number: int
) -> tuple[str, dict[str, int]]:
    """Return the text of a cell whose equations from `x` to `h` are written, and the sizes of its letters.

    Args:
        title: What is computed.
        lines: The equations.
        sizes: How long each value is.
        states: What keeps the place on the tape, and the name of its first value.
        number: Of the layer.
    """
    values = [value for value in sizes if value != "h"]
    letters = {value: letter for letter, value in zip(_LETTERS, values, strict=False)}
    said = ", ".join(f'{value} = "{letters[value]}"' if value in letters else f"{value} = {sizes[value]}"
                     for value in values)  # fmt: skip
    kept = ", ".join(f'"{state}"' for state in ("h", *states))
    starts = ", ".join(f'{state} = "{name}"' for state, name in states.items())
    keeps = "it keeps the place" if states else "it keeps nothing"
    text = (
        f'name = "steps_{number}"\ntitle = "{title[:200]}"\nsource = "what the file has there; {keeps}"\n'
        f"state = [{kept}]\nsizes = {{ {said} }}\n"
        + (f"initial = {{ {starts} }}\n" if starts else "")
        + "equations = '''\n"
        + "\n".join(lines)
        + "\n'''\n"
    )
    return text, {letter: sizes[value] for value, letter in letters.items()}


def readout_text(ops: Sequence[Op], top: Recurrent | None, width: int) -> tuple[str, dict[str, Array], int]:
    """Return a readout that does ops above the last layer, its parameters and how many numbers it says."""
    over = next((n for n, op in enumerate(ops) if isinstance(op, Reduce)), None)
    made = DenseEquations()
    head = 'title = "what the file has above the recurrent layers"\nsource = "the file"\n'
    if over is None:
        out = made.add(ops, "h", "y", "k", width)
        body = f"each = '''\n{chr(10).join(made.lines)}\n'''\n"
    else:
        op, before, after = ops[over], ops[:over], ops[over + 1 :]
        assert isinstance(op, Reduce)
        lower = lower_layer(op.how)
        if op.how == FINAL_CELL or lower is not None:  # one vector, so that all else is made of it
            before, after = [], [*before, *after]
        value, reads = "h", ""
        if before:
            width, value = made.add(before, "h", "k", "k", width), "k"
        each = f"each = '''\n{chr(10).join(made.lines)}\n'''\n" if before else ""
        pooled = f"{_OVER_STEPS.get(op.how, '')}({value})"
        if op.how == "final":
            pooled, reads = _final(top, value, width)
        elif op.how == FINAL_CELL:
            if top is None or not keeps_cell_state(top):
                raise UserError("the layer below the readout keeps no cell state")
            width = cell_width(top)
            pooled, reads = _of_each_pass(top, "c")
        elif lower is not None and top is not None:
            width = hidden_width(top)
            pooled, reads = _of_each_pass(top, "h", lower)
        target = "q" if after else "y"
        made.lines = [f"{target} = {pooled}   # {op.how}: from all steps to one vector"]
        made.sizes[target] = width
        out = made.add(after, "q", "y", "m", width) if after else width
        body = f"{reads}{each}whole = '''\n{chr(10).join(made.lines)}\n'''\n"
    sizes = ", ".join(f"{value} = {chr(34) + 'K' + chr(34) if value == 'y' else n}" for value, n in made.sizes.items())
    return f'{head}{body}result = "y"\nsizes = {{ {sizes} }}\n', made.given, out


def _final(top: Recurrent | None, value: str, width: int) -> tuple[str, str]:
    """Return what every pass says where it has read everything, and what the readout has to read for it."""
    directions = [] if top is None else [*top.directions]
    if directions == ["forward"]:
        return f"last({value})", ""
    if directions == ["backward"]:
        return f"first({value})", ""
    halves = top is not None and top.merge == "concat" and width == 2 * top.sizes.get("P", top.hidden)
    shown = value != "h" or (top is not None and top.second is not None)  # what a residual adds is no state of a pass
    if halves and shown and directions == ["forward", "backward"]:
        return f"concat(part(last({value}), 0, 2), part(first({value}), 1, 2))", ""
    if top is None or value != "h":
        raise UserError("the final states of two directions are taken from the passes themselves")
    return _of_each_pass(top, "h")


def _of_each_pass(top: Recurrent, state: str, layer: str = "top") -> tuple[str, str]:
    """Return a state of every pass where it has read everything, and what the readout has to read for it.

    Args:
        top: The top layer; a lower one of its module has the same directions.
        state: h or c.
        layer: Which layer is read.
    """
    last = {"forward": f"last({state}f)", "backward": f"first({state}b)"}
    read = ", ".join(f'{state}{one[0]} = "{layer}.{one}.{state}"' for one in top.directions)
    ends = [last[one] for one in top.directions]
    if len(ends) == 1:
        return ends[0], f"reads = {{ {read} }}\n"
    both = {"concat": f"concat({', '.join(ends)})", "sum": " + ".join(ends), "mul": " * ".join(ends)}
    return both.get(top.merge, f"({' + '.join(ends)}) / 2"), f"reads = {{ {read} }}\n"


def comment(name: str) -> str:
    """Return a layer's name as it may stand in a comment or a title of a page of equations."""
    return "".join(sign if sign.isprintable() and sign not in "'\":#\\" else " " for sign in name)[:60] or "layer"


def apply_op(x: Array, op: Op) -> Array:
    """Return what an op makes of every step of (T, n), or of one vector (n,)."""
    if isinstance(op, Dense):
        y = x @ op.w.T
        return np.asarray(y if op.b is None else y + op.b)
    if isinstance(op, AffineScale):
        return np.asarray(op.s * x + op.b)
    if isinstance(op, Activation):
        return activate(x, op.function)
    assert isinstance(op, Norm)
    centre = x - x.mean(axis=-1, keepdims=True)
    y = centre / np.sqrt((centre * centre).mean(axis=-1, keepdims=True) + op.epsilon)
    y = y if op.s is None else y * op.s
    return np.asarray(y if op.b is None else y + op.b)
