"""Norms of which a bag of weights has one for each recurrent layer: which belongs to which, and a residual around both.

Xiong et al. 2020 tell the two orders apart: before the layer, inside of its residual, and behind the sum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lstm_tui.formats.importers.plan import Norm, Recurrent
from lstm_tui.formats.importers.torch.joins import Stage
from lstm_tui.formats.importers.torch.modules import Module
from lstm_tui.formats.verify.alternatives import cell_text, with_normed_input, with_residual


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


def can_go_around(stage: Stage, width: int | None) -> bool:
    """Say whether a residual around a norm of so many numbers and a layer adds what fits."""
    return stage.backward is None and stage.forward.depth == 1 and stage.inputs == stage.outputs == width


def around(part: Recurrent, norm: Norm) -> Recurrent:
    """Return a layer that reads its input normalised, and to whose states the input is added as it was."""
    halves = [_half(part, norm, n) for n in range(len(part.passes))]
    if len(halves) == 1:
        return halves[0]
    one, other = halves
    return replace(one, second=other)


def _half(part: Recurrent, norm: Norm, n: int) -> Recurrent:
    count = len(part.passes)
    text = with_normed_input(cell_text(part), part.inputs, norm.s is not None)
    text = with_residual(text, "x" if count == 1 else f"part(x, {n}, {count})")
    direction, given = part.passes[n]
    scaled = {} if norm.s is None or norm.b is None else {"s_x": norm.s, "b_x": norm.b}
    return replace(part, cell=text, passes=[(direction, {**given, **scaled})], functions={}, bound=None)


def _block(path: str) -> str | None:
    return path.rpartition(".")[0] or None


def _number(path: str) -> str | None:
    numbers = re.findall(r"\d+", path)
    return numbers[-1] if numbers else None
