"""Attacks the debugger through every door it has and prints a table: `python -m tests.attack --seconds 600`.

Ends with 1 where a promise was broken. A finding is tried again, alone, before it counts; how to see it once more
stands beside it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path

from .harness import HARNESSES, Finding, Tally, attacked, harness
from .room import in_a_room

BEGIN, END = "<!-- attack table -->", "<!-- /attack table -->"
"""What stands around the table in a document."""
LONG_RUN = Path(__file__).with_name("long_run.md")
"""The table of the run that a document shows, as it was written: no digit of it is changed there by hand."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    made.add_argument("harness", nargs="*", help=f"of: {', '.join(HARNESSES)} (default: all)")
    made.add_argument("--seconds", type=float, default=60.0, help="for all harnesses together (default: 60)")
    made.add_argument("--seed", type=int, default=0, help="the same seed tries the same inputs (default: 0)")
    made.add_argument("--case", help="try one input of one harness again, as its finding says")
    made.add_argument("--table", type=Path, metavar="FILE", help=f"write the table too, between {BEGIN} and {END}")
    return made


def main() -> int:
    """Run the harnesses asked for, each for its part of the seconds."""
    reader = parser()
    given = reader.parse_args()
    names = given.harness or list(HARNESSES)
    for name in names:
        if name not in HARNESSES:
            reader.error(f"there is no harness {name}: {', '.join(HARNESSES)}")
    if given.case is not None:
        if len(given.harness) != 1:
            reader.error("--case takes the name of the harness")
        return try_again(names[0], given.case)
    tallies = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        share = given.seconds * HARNESSES[name] / sum(HARNESSES[one] for one in names)
        tallies[name] = in_a_room(partial(attacked, name, share, given.seed), share)
    made = table(tallies, f"python -m tests.attack {shlex.join(sys.argv[1:])}".strip())
    print(made)
    for name, tally in tallies.items():
        for finding in tally.findings:
            print(told(name, finding, "BROKEN"))
        for finding in tally.once:
            print(told(name, finding, "seen once, not again when it was tried alone"))
    if given.table is not None:
        put(made, given.table)
        LONG_RUN.write_text(f"{made}\n", encoding="utf-8")
    return 1 if any(tally.findings for tally in tallies.values()) else 0


def try_again(name: str, case: str) -> int:
    """Try one input; say what is wrong with it, and its smallest form where the harness can make it smaller."""

    def tried() -> Tally:
        module = harness(name)
        wrong = module.again(case)
        print(wrong or "as it should be")
        if wrong and hasattr(module, "smaller"):
            print(module.smaller(case))
        return Tally(findings=[Finding("", wrong, case)] if wrong else [])

    return 1 if in_a_room(tried, 3600.0).findings else 0


def table(tallies: dict[str, Tally], command: str) -> str:
    """Return the Markdown table of a run, under the command that made it."""
    rows = [f"`{command}`", "", "| harness | promise | what it tries | inputs | seconds | broken | figures |"]
    rows.append("|---|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        figures = ", ".join(f"{what}: {figure}" for what, figure in tally.figures.items())
        module = harness(name)
        rows.append(
            f"| {name} | {module.PROMISE} | {module.TRIES} | {tally.inputs:,} | {tally.seconds:.0f} "
            f"| {tally.broken} | {figures} |"
        )
    inputs, seconds, broken = (
        sum(getattr(one, name) for one in tallies.values()) for name in ("inputs", "seconds", "broken")
    )
    rows.append(f"| all | | | {inputs:,} | {seconds:.0f} | {broken} | |")
    return "\n".join(rows)


def put(made: str, file: Path) -> None:
    """Write a table into a document, in the place of the one that stands there."""
    text = file.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    file.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def told(name: str, finding: Finding, how: str) -> str:
    """Return what is said of a finding."""
    again = f"python -m tests.attack {name} --case {shlex.quote(finding.case)}" if finding.case else "the same command"
    return f"\n{name}: {finding.kind}: {how}\n  seen:  {finding.seen}\n  again: {again}"


if __name__ == "__main__":
    sys.exit(main())
