"""Every network that is found in a file of weights, compared by the names of its own modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .outcome import CLOSE, Outcome

JOINED = r"join|network|place\.|no place here|stands beside|could stand above"
"""What every warning says that tells how modules were put together."""
OF_A_LAYER = ("relu cell", "turned", "decoder", "own table")
"""What changes a layer that is given what it read in its model."""
SAID = {
    "lowest": r"directions|embedding", "below": JOINED + r"|input_layers|below|embedding|directions",
    "layer": JOINED, "answer": JOINED + "|readout",
}  # fmt: skip
"""By what is off: what a warning of just that says. The lowest layer reads what it read in its model."""


def judged(
    seed: int, path: Path, made_of: tuple[str, ...], read: Mapping[str, Any], gave: Mapping[str, Any],
    answers: Mapping[str, Any], explained: Mapping[str, str],
) -> Outcome:  # fmt: skip
    """Return what became of a file, by what its modules read and gave.

    Args:
        seed: Makes it again.
        path: The file.
        made_of: What the model is made of, some of which `explained` has a warning for.
        read: By path of a module: what it was given, ids or (T, I).
        gave: By path: what it gave.
        answers: What the model answers, by the path of the last module that makes it.
        explained: By what no file of this kind records: what a warning of just that says.
    """
    from lstm_tui.engine.errors import UserError
    from lstm_tui.formats.importers.open import ImportOptions, open_file

    try:
        names = open_file(path).names
    except UserError as error:
        return Outcome(seed, made_of, "refused", str(error)[:160])
    verdict = Outcome(seed, made_of, "right")
    for name in names:
        try:
            opened = open_file(path, ImportOptions(network=name if len(names) > 1 else None))
        except UserError as error:
            return Outcome(seed, made_of, "refused", str(error)[:160])
        place, off = _first_off(opened, read, gave, answers)
        if not off:
            continue
        remarks = opened.network.remarks
        own = {"lowest": (True,), "below": (True,), "layer": (True, False), "answer": (False,)}[place]
        parts = [one for one in made_of if one in explained and (one in OF_A_LAYER) in own]
        missing = [one for one in parts if not any(re.search(explained[one], said) for said in remarks)]
        told = any(re.search(SAID[place], said) for said in remarks)
        told = (told and place in ("lowest", "below")) if missing else (told or bool(parts))
        said = f"{off}; {f'nothing said of {missing}; ' if missing else ''}{list(remarks)}"
        if not told:
            return Outcome(seed, made_of, "SILENT", said)
        verdict = Outcome(seed, made_of, "warned", said[:400])
    return verdict


def _first_off(
    opened: Any, read: Mapping[str, Any], gave: Mapping[str, Any], answers: Mapping[str, Any]
) -> tuple[str, str]:
    """Return what is off first in a network, given what its lowest module read, and how; empty where nothing is."""
    import lstm_tui
    from lstm_tui.engine.errors import UserError
    from lstm_tui.formats.verify.compared_run import recurrent_layers

    network = opened.network
    facts = {one.key: one.value for one in opened.report.facts}
    named = {n: facts[f"layer{n}.name"] for n in range(len(network.layers)) if f"layer{n}.name" in facts}
    table = facts["embedding"].split(" (")[0].split(",")[0] if "embedding" in facts else None
    begins = named.get(0, facts.get("input_layers", ""))
    first = str(table) if network.embedding is not None else begins.split(", ")[0].split(" + ")[0]
    if network.embedding is not None and first not in read:
        first = next(name for name, one in read.items() if one.dtype.kind == "i")
    first = first if first in read else re.sub(r"\.l\d+\Z", "", first)
    try:
        trace = lstm_tui.trace(read[first], network)
    except UserError as error:
        return "below", str(error)[:160]
    lowest = True
    for n in recurrent_layers(network):
        wanted = [gave[one] for one in named[n].split(" + ") if one in gave]
        top = re.fullmatch(r"(.*)\.l1", named[n])
        wanted = [gave[top[1]]] if not wanted and top and top[1] in gave else wanted
        if not wanted:
            lowest = False
            continue
        mine = np.concatenate([trace[one.name]["h"] for one in network.layers[n].passes], axis=1)
        want = np.concatenate(wanted, axis=-1)
        turned = [one.direction for one in network.layers[n].passes] == ["backward"]
        if want.ndim == 1:  # of its last step alone
            mine = mine[0 if turned else -1]
        elif turned and "." not in named[n]:  # Keras gives such a series in the order in which it was read
            want = min((want, want[::-1]), key=lambda one: np.abs(mine - one).max() if mine.shape == one.shape else 0)
        if mine.shape != want.shape or np.abs(mine - want).max() > CLOSE:
            place = "layer" if not lowest else "below" if n or network.embedding is not None else "lowest"
            return place, f"{named[n]} (layer{n}) of shape {mine.shape} for {want.shape}, off"
        lowest = False
    if network.readout is None:
        return "", ""
    last = facts.get("readout", "").split(", ")[-1]
    said, meant = trace.output if trace.output is not None else trace.result, answers.get(last)
    if meant is None or said is None or said.shape != meant.shape or np.abs(said - meant).max() > CLOSE:
        return "answer", f"the answer of {last or 'no module'} off"
    return "", ""
