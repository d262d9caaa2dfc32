"""The states a recurrent node of a program begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, attribute
from lstm_tui.formats.importers.program.layers import Read

_NOTHING = np.zeros(0)


def initial_states_of(
    node: Any, graph: ProgramGraph, directions: Sequence[str], key: str, report: ImportReport, read: Read,
    constant: Callable[[ProgramGraph, str, Mapping[str, Array]], Array], sizes: Mapping[str, int],
) -> dict[str, dict[str, Array]]:  # fmt: skip
    """Return states before the first step by direction, where the file has other than zeros.

    Args:
        node: The node.
        graph: Where it stands.
        directions: What its directions read from, in its own order.
        key: Of the layer in the report.
        report: Learns how they are known.
        read: How the node reads the tape.
        constant: Returns a tensor that depends on no number of the inputs, given what it may ask for sizes; raises
            UnsupportedNode.
        sizes: How many numbers each state has.
    """
    states: dict[str, dict[str, Array]] = {}
    names = [*node.input, *[""] * 8][5:7]
    for state, name in zip("hc" if node.op_type == "LSTM" else "h", names, strict=False):
        if not name:
            report.say(f"{key}.initial_{state}", "zeros", "confirmed", "it is not given")
            continue
        given = next((one for one in graph.inputs if graph.depends(name, [one])), name)
        if read.carried and graph.depends(name, graph.inputs):
            report.say(f"{key}.initial_{state}", "zeros", "assumed", f"carried from step to step as {visible(given)}")
            continue
        if graph.depends(name, read.computed):
            report.say(f"{key}.initial_{state}", "zeros", "assumed", f"{visible(name)} is computed: --initial")
            report.warn(
                f"{key} begins with {state} of {visible(name)}, which other layers compute: zeros here, --initial "
                "gives others"
            )
            continue
        if graph.depends(name, graph.inputs):
            both = graph.depends(node.input[0], [given], known=dict.fromkeys(read.computed, _NOTHING))
            said = f"of {visible(given)}, " + ("by what the file computes of it" if both else "given from outside")
            report.say(f"{key}.initial_{state}", "zeros", "assumed", f"{said}: --initial")
            remark = f"{key} begins with {state} {said}: zeros here, --initial gives others"
            if both:
                report.warn(remark)
            else:
                report.warnings.append(remark)
            continue
        try:
            whole = constant(graph, name, read.sized)
            if attribute(node, "layout", 0) and whole.ndim == 3:
                whole = whole.transpose(1, 0, 2)
            if whole.shape[-1:] != (sizes[state],):
                said = "×".join(map(str, whole.shape)) or "one number"
                report.doubt(key, f"{visible(name)}, the {state} it begins with, is {said} for {sizes[state]} units")
            every = whole.reshape(len(directions), -1, whole.shape[-1])
            array = every[:, 0]
            if (every != every[:, :1]).any():
                report.warnings.append(
                    f"{key} begins each sequence of a batch with its own {state}: here with the first"
                )
        except (UnsupportedNode, ValueError, IndexError):
            report.warn(f"{key} begins with {state} of {visible(name)}, which is not known: zeros here")
            continue
        if array.any():
            report.say(f"{key}.initial_{state}", "learned", "confirmed", "a tensor of the file")
            for n, direction in enumerate(directions):
                states.setdefault(direction, {})[state] = array[n].astype(np.float32)
        else:
            report.say(f"{key}.initial_{state}", "zeros", "confirmed", "computed as zeros")
    return states
