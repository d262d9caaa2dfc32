"""The steps of two runs of one page, side by side in one thread: of both directions of a small layer.

The signature is `both` of two times the arrays of `named`, whether the matrices are packed, how many steps, and the
clock. Each op waits for the one before it, and a step of a few units is nothing but waiting: what one run waits for is
hidden behind the other, as the ops of both stand beside each other. Each number is computed as `named` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstm_tui.engine.runtime.fused.assembly import Assembly, Procedure, Value
from lstm_tui.engine.runtime.fused.forward_step import (
    bases_of,
    named_places,
    units_written,
    vector_at,
    write_alone,
    write_copies,
)
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import lanes_for
from lstm_tui.engine.runtime.fused.schedule import Together

_RUNS = ("1", "2")
_ARRAYS = "ptr noalias %given{0}, ptr %out{0}, ptr noalias %scratch{0}, ptr noalias %flat{0}, ptr noalias %packed{0}"
SIGNATURE = f"{', '.join(_ARRAYS.format(run) for run in _RUNS)}, i1 %is_packed, i64 %steps, i64 %clock"


def is_small(made: list[Together], vector: int) -> bool:
    """Say whether a step is so small that two take little longer than one: each loop has one vector of units."""
    return all(one.size <= vector for one in made if one.elementwise)


def write_both(assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
    """Write the function `both`; its arguments are those of `write_named`."""
    function = Procedure(assembly, "both", SIGNATURE)
    bases = [bases_of(function, made, vector, run) for run in _RUNS]

    def step(number: Value, _: list[Value]) -> Sequence[Value]:
        places = [named_places(function, layout, number, run) for run in _RUNS]
        for n, together in enumerate(made):
            if together.elementwise:
                lanes = lanes_for(together.size, vector)
                body = units_written(function, places, together, lanes, number, layout.keeps)
                for first in range(-(-together.size // lanes)):
                    body([(run, vector_at(function, str(first), 0, together.size, lanes)) for run in range(len(_RUNS))])
                continue
            for where, own in zip(places, bases, strict=True):
                write_alone(function, where, together.takes[0], own.get(n, ""), vector, number)
        for where in places:
            write_copies(where, vector)
        return ()

    function.loop("0", "%steps", step)
    function.end()
