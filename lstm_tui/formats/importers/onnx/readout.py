"""What an ONNX file answers: each of its outputs, as states, as a readout, or cut with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.follow import TracedGraph
from lstm_tui.formats.importers.onnx.graph import UnsupportedNode
from lstm_tui.formats.importers.plan import WrittenReadout
from lstm_tui.formats.importers.values import Given, Joined, Reduced, State, Value, in_order, names_of, page_of, sources


@dataclass(frozen=True, eq=False)
class _Output:
    name: str
    value: Value | None
    why: str = ""
    turned: bool = False

    @property
    def states(self) -> bool:
        """Whether it is states and nothing that is made of them."""
        return self.value is not None and all(
            isinstance(one, State | Joined | Reduced) and (not isinstance(one, Reduced) or isinstance(one.of, State))
            for one in in_order(self.value)
        )


def answer(
    followed: TracedGraph, nodes: set[int], top: Sequence[State], names: Mapping[int, str], report: ImportReport
) -> WrittenReadout | None:
    """Return the readout of a chain of layers, where one is understood.

    Args:
        followed: The graph.
        nodes: Identities of the recurrent nodes of the chain.
        top: What its uppermost layer shows, in order.
        names: What a readout calls each state.
        report: Learns what was understood.
    """
    graph = followed.graph
    own = [one for node in graph.nodes if id(node) in nodes for one in node.output if one]
    outputs = [_output(followed, name, names) for name in graph.outputs if graph.depends(name, own)]
    heads = [one for one in outputs if not one.states and one.value is not None]
    lost = [one for one in outputs if one.value is None]
    there = ", ".join(f"{visible(one.name)} {_shape(followed, one.name)}".strip() for one in outputs)
    for one in lost:
        rest = "it is not shown" if heads else "there is no readout"
        report.warnings.append(f"the output {visible(one.name)} is cut: {one.why}; {rest} (the outputs are {there})")
    if heads:
        wanted = heads[0].name
        if len(heads) > 1:
            wanted = report.choose(
                "readout.output", visible(heads[0].name), [visible(one.name) for one in heads[1:]], "assumed",
                f"the file has {len(heads)} answers",
            )  # fmt: skip
        chosen = next(one for one in heads if wanted in (one.name, visible(one.name)))
        return _said(followed, chosen, top, names, report)
    series = [one for one in outputs if one.value is not None and _is(one.value, top)]
    if series or (lost and not outputs):
        if not lost:
            report.say("readout", "none", "confirmed", f"the states are the output {visible(series[0].name)}")
        _note_order(series[:1], report)
        return None
    if lost:
        return None
    if not outputs:
        report.say("readout", "none", "confirmed", "no output of the file depends on these layers")
        return None
    return _said(followed, outputs[0], top, names, report)


def _output(followed: TracedGraph, name: str, names: Mapping[int, str]) -> _Output:
    try:
        value, where = followed.said(name)
    except UnsupportedNode as error:
        return _Output(name, None, str(error))
    read = sources(value)
    if any(isinstance(one, Given) for one in read):
        return _Output(name, None, "it also reads the input, past the recurrent layers")
    if any(id(one) not in names for one in read):
        return _Output(name, None, "it joins layers that are no chain")
    rows = where.reshape(-1)
    turned = False
    if value.series:
        kept = rows[rows >= 0]
        turned = len(kept) > 1 and bool(kept[0] > kept[-1])
        if not np.array_equal(kept, np.sort(kept)[::-1] if turned else np.sort(kept)):
            return _Output(name, None, "its steps stand in another order")
    return _Output(name, value, turned=turned)


def _is(value: Value, top: Sequence[State]) -> bool:
    parts = value.parts if isinstance(value, Joined) else (value,)
    return [id(one) for one in parts] == [id(one) for one in top]


def _said(
    followed: TracedGraph, output: _Output, top: Sequence[State], names: Mapping[int, str], report: ImportReport
) -> WrittenReadout | None:
    assert output.value is not None
    try:
        page = page_of(output.value, top, lambda one: names[id(one)])
    except UserError as error:
        report.warnings.append(f"the output {visible(output.name)} is cut: {error}; there is no readout")
        return None
    ops = ", ".join(visible(one) for one in names_of(output.value))
    states = "the final states" if not output.value.series else "states"
    report.say("readout", ops or states, "confirmed", f"the graph of {visible(output.name)}, {followed.tried}")
    over = dict.fromkeys(_how(one, names) for one in in_order(output.value) if isinstance(one, Reduced))
    if over:
        report.say("readout.over", ", ".join(over), "confirmed", "the graph")
    _note_order([output], report)
    return page


def _how(reduced: Reduced, names: Mapping[int, str]) -> str:
    """Return what is taken over the steps; the last that a pass reads is its final state."""
    if isinstance(reduced.of, State):
        last = "first" if ".backward." in names[id(reduced.of)] else "last"
        return "final" if reduced.how == last else reduced.how
    return reduced.how


def _note_order(outputs: Sequence[_Output], report: ImportReport) -> None:
    if any(one.turned for one in outputs):
        report.warnings.append("the file gives its series from the end; here each vector stands at its own token")


def _shape(followed: TracedGraph, name: str) -> str:
    try:
        return "×".join(map(str, followed.first.number(name).shape))
    except UnsupportedNode:
        return ""
