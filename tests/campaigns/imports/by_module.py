"""Every network that is found in a file of weights, compared by the names of its own modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported
from lstm_tui.formats.verify.compared_run import recurrent_layers

from . import warned
from .implied import Implied
from .outcome import CLOSE, Outcome
from .warned import Off


def judged(
    seed: int, path: Path, made_of: tuple[str, ...], read: Mapping[str, Any], gave: Mapping[str, Any],
    answers: Mapping[str, Any], implied: Implied,
) -> Outcome:  # fmt: skip
    """Return what became of a file, by what its modules read and gave.

    Args:
        seed: Makes it again.
        path: The file.
        made_of: What the model is made of.
        read: By path of a module: what it was given, ids or (T, I).
        gave: By path: what it gave.
        answers: What the model answers, by the path of the last module that makes it.
        implied: What its maker would decide.
    """
    look = partial(first_off, read=read, gave=gave, answers=answers)
    return warned.judged(
        seed, made_of, warned.Opened(warned.opener(path), look, tuple(answers), _last, implied=implied)
    )


def second(name: str) -> str:
    """Return the path under which stands what a module gave where it was called a second time."""
    return f"{name}, called again"


def _last(opened: Imported) -> str:
    facts = {one.key: one.value for one in opened.report.facts}
    return facts.get("readout", "").split(", ")[-1]


def first_off(
    opened: Imported, read: Mapping[str, Any], gave: Mapping[str, Any], answers: Mapping[str, Any]
) -> Off | None:
    """Return what differs first in a network, given what its lowest module read; None where nothing does."""
    network = opened.network
    facts = {one.key: one.value for one in opened.report.facts}
    named = {n: facts[f"layer{n}.name"] for n in range(len(network.layers)) if f"layer{n}.name" in facts}
    table = facts["embedding"].split(" (")[0].split(",")[0] if "embedding" in facts else None
    around = re.fullmatch(r"around (.*) and the layer", facts.get("layer0.residual", ""))
    begins = around[1] if around else named.get(0, facts.get("input_layers", ""))
    first = str(table) if network.embedding is not None else begins.split(", ")[0].split(" + ")[0]
    if network.embedding is not None and first not in read:
        first = next(name for name, one in read.items() if one.dtype.kind == "i")
    first = first if first in read else re.sub(r"\.l\d+\Z", "", first)
    try:
        trace = lstm_tui.trace(read[first], network)
    except UserError as error:
        return Off("input", str(error)[:160])
    right = 0
    for n in recurrent_layers(network):
        names = named[n].split(" + ")
        called = second if named[n] in [name for layer, name in named.items() if layer < n] else str
        wanted = [gave[called(one)] for one in names if called(one) in gave]
        top = re.fullmatch(r"(.*)\.l1", named[n])
        wanted = [gave[called(top[1])]] if not wanted and top and called(top[1]) in gave else wanted
        if not wanted:
            continue
        mine = np.concatenate([trace[one.name]["h"] for one in network.layers[n].passes], axis=1)
        want = np.concatenate(wanted, axis=-1)
        turned = [one.direction for one in network.layers[n].passes] == ["backward"]
        if want.ndim == 1:  # of its last step alone
            mine = mine[0 if turned else -1]
        elif turned:  # such a series is given in the order in which it was read
            want = min((want, want[::-1]), key=lambda one: np.abs(mine - one).max() if mine.shape == one.shape else 0)
        if mine.shape != want.shape or np.abs(mine - want).max() > CLOSE:
            fits = mine.shape == want.shape
            text = f"{named[n]} (layer{n}) of shape {mine.shape} for {want.shape}, off"
            return Off(f"layer{n}", text, True, fits, named[n], right + 1)
        right += 1
    if network.readout is None:
        return None
    last = _last(opened)
    meant = answers.get(last, gave.get(last))
    said = trace.result if meant is not None and meant.ndim == 1 else trace.output
    fits = meant is not None and said is not None and said.shape == meant.shape
    if not fits or said is None or np.abs(said - meant).max() > CLOSE:
        return Off("readout", f"the answer of {last or 'no module'} off", True, fits, last, right + 1)
    return None
