"""What a program answers: its outputs as values, as far as two sequences agree on them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.answers import FileOutput
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import UnsupportedNode


def answers_of(followed: TracedGraph, nodes: Iterable[int]) -> list[FileOutput]:
    """Return the outputs that depend on recurrent nodes, which are given by their identities."""
    graph, wanted = followed.graph, set(nodes)
    own = [one for node in graph.nodes if id(node) in wanted for one in node.output if one]
    return [_answer(followed, name) for name in graph.outputs if graph.depends(name, own)]


def _answer(followed: TracedGraph, name: str) -> FileOutput:
    shape = _shape(followed, name)
    try:
        value, where = followed.said(name)
    except UnsupportedNode as error:
        return FileOutput(name, None, str(error), shape=shape)
    rows = where.reshape(-1)
    turned = False
    there = rows >= 0
    if not there.all() and not _ends_early(followed, there):
        return FileOutput(name, None, "steps of zeros stand beside those of the layers", shape=shape)
    if value.series:
        kept = rows[rows >= 0]
        turned = len(kept) > 1 and bool(kept[0] > kept[-1])
        if not np.array_equal(kept, np.sort(kept)[::-1] if turned else np.sort(kept)):
            return FileOutput(name, None, "its steps stand in another order", shape=shape)
    return FileOutput(name, value, turned=turned, shape=shape)


def _ends_early(followed: TracedGraph, there: Array) -> bool:
    """Say whether what is missing of a series are the steps behind the last that some layer reads."""
    count = int(there.sum())
    behind = bool(there[:count].all() or there[-count:].all())
    return behind and any(one.limit is not None for one in followed.first.readings.values())


def _shape(followed: TracedGraph, name: str) -> str:
    try:
        return "×".join(map(str, followed.first.number(name).shape))
    except UnsupportedNode:
        return ""
