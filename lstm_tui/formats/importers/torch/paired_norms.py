"""Norms of which a bag of weights has one for each recurrent layer: which belongs to which, and a residual around both.

Xiong et al. 2020 tell the two orders apart: before the layer, inside of its residual, and behind the sum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.plan import Norm, Recurrent
from lstm_tui.formats.importers.torch.joins import Stage
from lstm_tui.formats.importers.torch.modules import Module
from lstm_tui.formats.verify.alternatives import cell_text, with_normed_input, with_residual

Side = Literal["before", "behind", "residual"]
"""Where a norm stands: before its layer, behind it (and behind a residual), or before it inside of its residual."""


def paired_norms(modules: Sequence[Module], stages: Sequence[Stage]) -> dict[str, int]:
    """Return the stage that each norm belongs to, by its path; empty where not every stage has exactly one.

    A norm belongs to the layer of its own block, or to the one of its own number.

    Args:
        modules: What is not recurrent.
        stages: The layers from the lowest up.
    """
    norms = [one for one in modules if one.matrix is None and one.reads is not None and not one.is_batch_norm]
    widths = {stage.inputs for stage in stages} | {stage.outputs for stage in stages}
    for named in (_block, _number):
        own = [named(stage.forward.prefix) for stage in stages]
        if None in own or len(set(own)) < len(stages) or any(stage.backward is not None for stage in stages):
            continue
        found = [(one.stem, own.index(where)) for one in norms
                 if one.reads in widths and (where := named(one.stem)) in own]  # fmt: skip
        if sorted(place for _, place in found) == list(range(len(stages))) and (len(stages) > 1 or named is _block):
            return dict(found)
    return {}


def sides(module: Module, stages: Sequence[Stage], number: int) -> dict[Side, str]:
    """Return on which sides of its layer a norm can stand by its width, with what the place is called by itself.

    Args:
        module: The norm.
        stages: The layers from the lowest up.
        number: The one it belongs to.
    """
    layer, top = stages[number], len(stages)
    found: dict[Side, str] = {}
    if module.reads == layer.inputs:
        found["before"] = f"below_{number}"
    if module.reads == layer.outputs:
        found["behind"] = "readout" if number + 1 == top else f"below_{number + 1}"
    if _can_go_around(layer, module.reads):
        found["residual"] = f"residual_{number}"
    return found


def sides_of_all(each: Sequence[Mapping[Side, str]]) -> list[Side]:
    """Return on which side all norms can stand at once; of a residual it is enough that one can stand inside of it."""
    found: list[Side] = [side for side in ("before", "behind") if all(side in one for one in each)]
    return [*found, "residual"] if found and any("residual" in one for one in each) else found


def _can_go_around(stage: Stage, width: int | None) -> bool:
    """Say whether a residual around a norm of this width and one layer, or two of one direction, adds what fits."""
    deep = stage.forward.depth == 1 or (stage.forward.depth == 2 and not stage.forward.both)
    return stage.backward is None and deep and stage.inputs == stage.outputs == width


def around(parts: Sequence[Recurrent], norm: Norm) -> list[Recurrent]:
    """Return layers of which the lowest reads its input normalised, and the top one adds that input as it was.

    Args:
        parts: One layer, or two of one direction.
        norm: The norm.
    """
    if len(parts) == 2:
        low, high = parts
        text = with_normed_input(cell_text(replace(low, initial={})), low.inputs, norm.s is not None)
        direction, given = low.passes[0]
        read = replace(low, cell=text, passes=[(direction, {**given, **_scaled(norm)})], functions={}, bound=None)
        return added_over(read, high)
    halves = [_half(parts[0], norm, n) for n in range(len(parts[0].passes))]
    if len(halves) == 1:
        return halves
    one, other = halves
    return [replace(one, second=other)]


def added_over(low: Recurrent, high: Recurrent) -> list[Recurrent]:
    """Return two layers, of which the upper one adds what the lower one reads, as wide, to what it shows."""
    wide = replace(high, inputs=2 * high.inputs, beside=high.inputs)
    text = with_residual(cell_text(replace(wide, initial={})), "part(x, 1, 2)")
    return [low.passed_on("joined"), replace(wide, cell=text, beside=0, functions={}, bound=None)]


def _half(part: Recurrent, norm: Norm, n: int) -> Recurrent:
    count = len(part.passes)
    text = with_normed_input(cell_text(part), part.inputs, norm.s is not None)
    text = with_residual(text, "x" if count == 1 else f"part(x, {n}, {count})")
    direction, given = part.passes[n]
    return replace(part, cell=text, passes=[(direction, {**given, **_scaled(norm)})], functions={}, bound=None)


def _scaled(norm: Norm) -> dict[str, Array]:
    return {} if norm.s is None or norm.b is None else {"s_x": norm.s, "b_x": norm.b}


def _block(path: str) -> str | None:
    return path.rpartition(".")[0] or None


def _number(path: str) -> str | None:
    numbers = re.findall(r"\d+", path)
    return numbers[-1] if numbers else None
