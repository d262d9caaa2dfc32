"""What else a file could have meant: every decision taken otherwise, for all layers or for one, then two at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from lstm_tui.formats.report import Fact, Report

_ELSEWHERE = ("network", "container", "description")
"""Decisions that take another network, and not this one in another way."""


@dataclass(frozen=True)
class _Other:
    """One decision taken otherwise, in every layer that could have it so."""

    kind: str
    value: str
    keys: tuple[str, ...]
    met: bool = True

    @property
    def settings(self) -> dict[str, str]:
        return dict.fromkeys(self.keys, self.value)


def other_readings(report: Report, first: str) -> Iterator[dict[str, str]]:
    """Iterate over other readings of a file, the simplest first.

    Args:
        report: What was understood of it.
        first: Name of the first value that differs; what stands above it cannot be the reason.
    """
    inside = "/" in first and not first.startswith("readout/")
    facts = [fact for fact in (*report.facts, *report.offered) if fact.others and fact.key not in _ELSEWHERE]
    facts = [fact for fact in facts if not (inside and fact.key.startswith("readout"))]
    others = _others(facts)
    yield from (one.settings for one in others)
    yield from ({key: one.value} for one in others for key in one.keys if one.met and len(one.keys) > 1)
    for one, other in combinations([one for one in others if one.met], 2):
        if one.kind != other.kind:
            yield one.settings | other.settings


def _others(facts: list[Fact]) -> list[_Other]:
    keys: dict[tuple[str, str], list[str]] = {}
    met: dict[tuple[str, str], bool] = {}
    for fact in facts:
        kind = fact.key.rpartition(".")[2] if fact.key.startswith("layer") else fact.key
        rare = ["".join(one) for one in permutations(sorted(fact.value))] if kind == "gate_order" else []
        for value in dict.fromkeys((*fact.others, *rare)):
            if value != fact.value:
                given = keys.setdefault((kind, value), [])
                given += [] if fact.key in given else [fact.key]
                met[kind, value] = met.get((kind, value), False) or value in fact.others
    found = [_Other(kind, value, tuple(given), met[kind, value]) for (kind, value), given in keys.items()]
    return sorted(found, key=lambda one: not one.met)
