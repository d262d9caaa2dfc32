"""A graph of values written as equations: the readout of a network, or a page that computes them at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.dense_layers import DenseEquations, comment
from lstm_tui.formats.importers.plan import Dense, PositionEmbedding, WrittenReadout
from lstm_tui.formats.importers.values import (
    COMBINE,
    MOST_VALUES,
    SAID,
    Combined,
    Joined,
    Lookup,
    OpValue,
    PartValue,
    Reduced,
    Spread,
    StepOp,
    StepsSoftmax,
    Value,
    in_order,
    read_by,
)

_OVER: Mapping[str, str] = {
    "last": "last({})", "first": "first({})", "mean": "mean_steps({})", "max": "max_steps({})",
    "sum": "sum_steps({})", "min": "0 - max_steps(0 - {})",
}  # fmt: skip


@dataclass
class ReadoutWriting:
    """The equations of a readout while they grow."""

    named: Mapping[int, str]
    top: tuple[Value, ...]
    made: DenseEquations = field(default_factory=DenseEquations)
    each: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    reads: dict[str, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)  # what needs all steps to be there

    def lines(self, value: Value) -> list[str]:
        """Return the equations among which that of a value stands: at each step, or once all are there."""
        if not value.series or isinstance(value, Spread | StepsSoftmax) or self.late.intersection(
            map(id, read_by(value))
        ):  # fmt: skip
            self.late.add(id(value))
        return self.whole if id(value) in self.late else self.each

    def line(self, value: Value, text: str, label: str) -> str:
        """Write one equation and return the name of its value."""
        name = self.name(value)
        self.lines(value).append(f"{name} = {text}   # {label}")
        self.made.sizes[name] = value.width
        return name

    def name(self, value: Value) -> str:
        """Return what a value is called."""
        return self.names.setdefault(id(value), f"k{len(self.names)}")


def page_of(value: Value, top: Sequence[Value], named: Mapping[int, str]) -> WrittenReadout:
    """Return a readout that computes a value.

    Args:
        value: What the network says.
        top: What the top layer shows, end to end: the states of its passes, or one value where it adds them.
        named: By its identity, what `reads` of a readout calls a state, such as `layer0.forward.h`, or what enters the
            lowest layer.

    Raises:
        UserError: There is too much of it, or something has no equation.
    """
    writing = ReadoutWriting(named, tuple(top))
    writing.names[id(value)] = "y"
    leaves = {*named, *([id(one) for one in top] if len(top) == 1 else [])}
    for one in in_order(value, leaves):
        write(writing, one, one is value)
    if value.series and id(value) in writing.late:
        raise UserError("it gives a number for each token that needs all of them, which is not shown here")
    if len(writing.each) + len(writing.whole) > MOST_VALUES:
        raise UserError("it has more equations than a readout may have")
    lines = "\n".join(writing.each)
    each = f"each = '''\n{lines}\n'''\n" if writing.each else ""
    lines = "\n".join(writing.whole)
    whole = f"whole = '''\n{lines}\n'''\n" if writing.whole else ""
    reads = ", ".join(f'{name} = "{said}"' for name, said in writing.reads.items())
    reads = f"reads = {{ {reads} }}\n" if reads else ""
    sizes = ", ".join(f'{name} = "K"' if name == "y" else f"{name} = {n}" for name, n in writing.made.sizes.items())
    head = 'title = "what the file has above the recurrent layers"\nsource = "the file"\n'
    text = f'{head}{reads}{each}{whole}result = "y"\nsizes = {{ {sizes} }}\n'
    return WrittenReadout(text, writing.made.given, value.width)


def write(writing: ReadoutWriting, value: Value, last: bool) -> None:
    """Write the equation of one value, of which what it reads is written; `last` where it is what the network says."""
    if len(writing.top) == 1 and value is writing.top[0]:
        writing.names[id(value)] = "h"
        if last:
            writing.names[id(value)] = "y"
            writing.line(value, "h", "states: what the network says")
        return
    if id(value) in writing.named:
        alias = _alias(writing, writing.named[id(value)])
        if last:
            writing.names[id(value)] = "y"
            writing.line(value, alias, "states: what the network says")
        else:
            writing.names[id(value)] = alias
        return
    read = [writing.names[id(one)] for one in read_by(value)]
    if isinstance(value, OpValue) and isinstance(value.op, PositionEmbedding):
        raise UserError(f"{comment(value.op.name)}: the row of its place is added to each step above the layers")
    if isinstance(value, OpValue):
        apply(writing, value, value.op, read[0])
    elif isinstance(value, Reduced):
        writing.line(value, _OVER[value.how].format(read[0]), f"{value.how}: from all steps to one vector")
    elif isinstance(value, Spread):
        writing.lines(value)
        writing.names[id(value)] = read[0]
    elif isinstance(value, StepsSoftmax):
        writing.line(value, f"softmax_steps({read[0]})", "attention: how much of it each token gets")
    elif isinstance(value, Joined):
        if [id(one) for one in value.parts] == [id(one) for one in writing.top] and not last:
            writing.names[id(value)] = "h"
            return
        writing.line(value, f"concat({', '.join(read)})", "joined: values end to end")
    elif isinstance(value, PartValue) and not (value.of.width % value.width or value.start % value.width):
        number, count = value.start // value.width, value.of.width // value.width
        writing.line(value, f"part({read[0]}, {number}, {count})", "part: some of its numbers")
    elif isinstance(value, PartValue):  # `part` takes one of several equal parts
        chosen = np.eye(value.of.width, dtype=np.float32)[value.start : value.start + value.width]
        apply(writing, value, Dense("select", chosen), read[0])
    elif isinstance(value, Combined):
        label = f"{SAID.get(value.how, value.how)}: number by number"
        writing.line(value, COMBINE[value.how][0].format(*read), label)
    else:
        assert isinstance(value, Lookup), "states and inputs have names"
        raise UserError(f"{comment(value.name)}: a table stands above the recurrent layers")


def apply(writing: ReadoutWriting, value: OpValue | PartValue, op: StepOp, read: str) -> None:
    """Write what an op makes of the value that is called `read`."""
    before = len(writing.made.lines)
    writing.made.add([op], read, writing.name(value), "k", value.of.width)
    writing.lines(value).extend(writing.made.lines[before:])


def _alias(writing: ReadoutWriting, said: str) -> str:
    for alias, known in writing.reads.items():
        if known == said:
            return alias
    parts = said.split(".")
    stem = "e" if said == "embedding" else f"{parts[-1]}{parts[0].removeprefix('layer')}{parts[1][0]}"
    writing.reads[stem] = said
    return stem
