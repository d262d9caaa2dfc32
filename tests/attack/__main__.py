"""Attacks the debugger through every door it has and prints a table: `python -m tests.attack --seconds 600`.

Ends with 1 where a promise was broken; each finding says how to see it again.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys

from .harness import HARNESSES, Clock, Tally, attack_of


def main() -> int:
    """Runs the harnesses asked for, each for its part of the seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("harness", nargs="*", default=list(HARNESSES), help=f"one of: {', '.join(HARNESSES)}")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all harnesses together (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed tries the same inputs (default: 0)")
    given = parser.parse_args()
    for name in given.harness:
        if name not in HARNESSES:
            parser.error(f"there is no harness {name}: {', '.join(HARNESSES)}")
    tallies = {name: run(name, given.seconds / len(given.harness), given.seed) for name in given.harness}
    print_table(tallies, given.seconds, given.seed)
    return 1 if any(tally.findings for tally in tallies.values()) else 0


def run(name: str, seconds: float, seed: int) -> Tally:
    """One harness; its random numbers depend on the seed and on its name alone."""
    print(f"{name} …", file=sys.stderr, flush=True)
    attack = attack_of(importlib.import_module(f"tests.attack.{name}"))
    return attack(random.Random(f"{name} {seed}"), Clock(seconds))


def print_table(tallies: dict[str, Tally], seconds: float, seed: int) -> None:
    """The table for CONTRIBUTING, then each finding with how to see it again."""
    print(f"python -m tests.attack --seconds {seconds:g} --seed {seed}\n")
    print("| harness | inputs | kinds of input | promises broken | figures |\n|---|---|---|---|---|")
    for name, tally in tallies.items():
        figures = ", ".join(f"{what} {figure}" for what, figure in tally.figures.items())
        print(f"| {name} | {tally.inputs} | {len(tally.tried)} | {len(tally.findings)} | {figures} |")
    for name, tally in tallies.items():
        for finding in tally.findings:
            print(f"\n{name}: {finding.kind}\n  seen:  {finding.seen}\n  again: {finding.again}")


if __name__ == "__main__":
    sys.exit(main())
