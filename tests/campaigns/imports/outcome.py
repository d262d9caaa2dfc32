"""What becomes of one network of a campaign, and the table of many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_tui.engine.arrays import Array

CLOSE = 1e-4
Verdict = Literal["right", "warned", "refused", "SILENT"]
VERDICTS: tuple[Verdict, ...] = ("right", "warned", "refused", "SILENT")


@dataclass(frozen=True)
class Outcome:
    """One network: what it was made of, and what became of it."""

    seed: int
    made_of: tuple[str, ...]
    verdict: Verdict
    detail: str = ""


def judge(
    seed: int,
    made_of: Sequence[str],
    computed: Mapping[str, Array],
    wanted: Mapping[str, Array],
    remarks: Sequence[str],
    needed: Mapping[str, str] | None = None,
) -> Outcome:
    """Compare values in the order in which they are computed; the first that is off has to be warned of by name.

    Args:
        seed: Makes the network again.
        made_of: Words for the table.
        computed: By name, what is computed here; recurrent layers counted alone.
        wanted: By name, what the framework computed, the answer last.
        remarks: What the screen, standard error and every export warn of.
        needed: By part that no file of this kind records: what a warning of just that says.
    """
    for name, want in wanted.items():
        mine = computed.get(name)
        if mine is not None and mine.shape == want.shape and np.abs(mine - want).max(initial=0) <= CLOSE:
            continue
        off = "missing" if mine is None else f"{mine.shape}" if mine.shape != want.shape else (
            f"off {np.abs(mine - want).max():.2g}")  # fmt: skip
        about = (
            r"readout|residual|merge|join|place\."
            if name in ("output", "result")
            else r"layer\d+\.|input|join|embedding|place\."
        )
        named = [one for one in remarks if re.search(about, one)]
        kept_quiet = [part for part in made_of if part in (needed or {}) and not _told((needed or {})[part], remarks)]
        if named and not kept_quiet:
            return Outcome(seed, tuple(made_of), "warned", f"{name} {off}")
        quiet = f"; nothing said of {', '.join(kept_quiet)}" if kept_quiet else ""
        return Outcome(seed, tuple(made_of), "SILENT", f"{name} {off}{quiet}")
    return Outcome(seed, tuple(made_of), "right")


def _told(words: str, remarks: Sequence[str]) -> bool:
    """Say whether a warning names a part; what was cut as a whole needs no more."""
    cut = r"assumed to be none|ha(?:s|ve) no place|join(?:=| is assumed)"
    return any(re.search(rf"{words}|{cut}", one) for one in remarks)


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a line for each kind of part, how many networks held it, and what became of them."""
    counts: dict[str, Counter[str]] = {}
    for one in outcomes:
        for part in ("all", *one.made_of):
            counts.setdefault(part, Counter())[one.verdict] += 1
    width = max(map(len, counts), default=3)
    lines = [f"{'part':{width}}  {'networks':>8}  " + "  ".join(f"{name:>7}" for name in VERDICTS)]
    for part in sorted(counts, key=lambda name: (name != "all", name)):
        each = "  ".join(f"{counts[part][name]:>7}" for name in VERDICTS)
        lines.append(f"{part:{width}}  {sum(counts[part].values()):>8}  {each}")
    return lines
