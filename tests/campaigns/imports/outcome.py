"""What becomes of one network of a campaign, and the table of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CLOSE = 1e-4
Verdict = Literal["right", "warned", "refused", "SILENT"]
VERDICTS: tuple[Verdict, ...] = ("right", "warned", "refused", "SILENT")


@dataclass(frozen=True)
class Outcome:
    """One network.

    Attributes:
        seed: Makes it again.
        made_of: Words for the table.
        verdict: What became of it.
        detail: How it is wrong, and how that is warned of.
        unnamed: What it was made of that no file of its kind records and no warning names; no part of the verdict.
    """

    seed: int
    made_of: tuple[str, ...]
    verdict: Verdict
    detail: str = ""
    unnamed: tuple[str, ...] = ()


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    """Return a row of Markdown: how many networks there were, and what became of them."""
    counts = Counter(one.verdict for one in outcomes)
    return f"| {' | '.join([name, *(str(count) for count in (len(outcomes), *(counts[one] for one in VERDICTS)))])} |"


def table(outcomes: Sequence[Outcome]) -> list[str]:
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
    unnamed = Counter(part for one in outcomes if one.verdict == "warned" for part in one.unnamed)
    if unnamed:
        lines.append(
            "warned of, not by the name of: " + ", ".join(f"{name} {n}" for name, n in sorted(unnamed.items()))
        )
    return lines
