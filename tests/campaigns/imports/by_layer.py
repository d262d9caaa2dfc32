"""One chain that is found in a file of weights, compared by its layers from the lowest up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

import lstm_tui
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported
from lstm_tui.formats.verify.compared_run import recurrent_layers

from . import warned
from .implied import Implied
from .outcome import CLOSE, Outcome
from .warned import Off


def judged(
    seed: int, path: Path, made_of: tuple[str, ...], x: Any, wanted: Mapping[str, Array], unrecorded: Mapping[str, str],
    implied: Implied,
) -> Outcome:  # fmt: skip
    """Return what became of a file.

    Args:
        seed: Makes it again.
        path: The file.
        made_of: Words for the table.
        x: What the model is given: ids, or (T, I).
        wanted: What its framework computed, by name, (T, H): `layer0.forward/h` with recurrent layers counted alone,
            and the answer last: `output` of each step or `result` of a sequence.
        implied: What its maker would decide.
        unrecorded: By part that no file of this kind records: what a warning of just that says.
    """
    try:
        again = warned.opener(path)
        remarks = again({}, None).network.remarks
    except UserError as error:
        return Outcome(seed, made_of, "refused", str(error)[:160])
    opened = warned.Opened(
        lambda settings, _: replace(again(settings, None), names=()),
        lambda one: first_off(one, x, wanted),
        implied=implied,
    )
    made = warned.judged(seed, made_of, opened)
    unnamed = [part for part in made_of if part in unrecorded
               and not any(re.search(unrecorded[part], one) for one in remarks)]  # fmt: skip
    return replace(made, unnamed=tuple(unnamed))


def first_off(opened: Imported, x: Any, wanted: Mapping[str, Array]) -> Off | None:
    """Return what differs first of what a framework computed; None where nothing does."""
    network = opened.network
    try:
        trace = lstm_tui.trace(x, network)
    except UserError as error:
        return Off("input", str(error)[:160])
    keys = dict(enumerate(recurrent_layers(network)))
    named = {one.key: one.value for one in opened.report.facts}
    computed: dict[str, Any] = {
        f"layer{n}.{one.direction}/h": trace[one.name]["h"]
        for n, layer in keys.items()
        for one in network.layers[layer].passes
    }
    computed |= {"output": trace.output, "result": trace.result}
    kept = np.flatnonzero(np.asarray(x) != 0) if named.get("masking") == "0" else np.arange(len(x))
    for rank, (name, whole) in enumerate(wanted.items(), 1):
        mine, want = computed.get(name), whole[kept] if whole.ndim == 2 else whole
        fits = mine is not None and mine.shape == want.shape
        if fits and np.abs(mine - want).max(initial=0) <= CLOSE:
            continue
        layer = re.match(r"layer(\d+)", name)
        part = f"layer{keys.get(int(layer[1]), layer[1])}" if layer else "readout"
        shown = mine is not None or (part == "readout" and network.readout is not None)
        how = f"off {np.abs(mine - want).max():.2g}" if fits else "missing" if mine is None else f"{mine.shape}"
        return Off(part, f"{name} {how}", shown, fits, named.get(f"{part}.name", ""), rank, _unseen(part, wanted, keys))
    return None


def _unseen(part: str, wanted: Mapping[str, Array], keys: Mapping[int, int]) -> tuple[str, ...]:
    """Return the recurrent layers right below a part of which a framework recorded nothing, from the top down."""
    recorded = {int(found[1]) for one in wanted if (found := re.match(r"layer(\d+)", one))}
    below = [(n, layer) for n, layer in keys.items() if part == "readout" or layer < int(part.removeprefix("layer"))]
    return tuple(f"layer{layer}" for _, layer in takewhile(lambda one: one[0] not in recorded, reversed(below)))
