"""Breaks the program in small ways, one at a time, and says which no test notices.

`python -m tests.mutate --record` runs the suite once on a marked copy, to know which tests reach which line; then
`python -m tests.mutate --seed 1 --count 200 [--package engine]` breaks a copy of the project and runs those tests.
Ends with 1 where a break lived that has no verdict in `tests/mutate/ledger.jsonl`, or is called a hole there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from . import ledger
from .breaks import ROOT, Break, chosen, packages
from .reached import ONLY, Reached, copied, environment, record, recorded

FOLDER = Path(tempfile.gettempdir()) / f"lstm-tui-reached-{os.getuid() if hasattr(os, 'getuid') else 0}"
NOTICED, LIVED, LATE, UNREACHED = "noticed", "lived", "late", "unreached"
START = 60.0
"""Seconds that pytest may take to begin, beside the tests themselves."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    made.add_argument("--record", action="store_true", help="run the suite on a marked copy first")
    made.add_argument("--tests", nargs="*", default=[], metavar="PATH", help="what --record runs (default: all)")
    made.add_argument("--folder", type=Path, default=FOLDER, help="where the record is kept")
    made.add_argument("--package", choices=packages(), help="break this package alone")
    made.add_argument("--seed", type=int, default=0, help="the same seed breaks the same lines (default: 0)")
    made.add_argument("--count", type=int, default=0, help="how many breaks (default: 0)")
    made.add_argument("--budget", type=float, default=20.0, help="seconds of tests a break, at most (default: 20)")
    made.add_argument("--table", type=Path, metavar="FILE", help="write the table to a file too")
    return made


def main() -> int:
    """Record, break, and say what lived."""
    given = parser().parse_args()
    if given.record:
        record(given.folder, given.tests)
    if not given.count:
        return 0
    try:
        reached = recorded(given.folder)
    except FileNotFoundError:
        print("there is no record of which tests reach what: begin with --record", file=sys.stderr)
        return 2
    entries = ledger.read()
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for one in chosen(given.seed, given.count, given.package):
            end, by = tried(one, copy, reached, given.budget)
            if end in (LIVED, UNREACHED):
                entry = ledger.of(one, entries)
                entries[entry.key] = entry
                wrong += entry.verdict in ("open", "hole")
                ends[one.package][entry.verdict] += 1
                by = f"{entry.verdict} · {by}"
            else:
                ends[one.package][NOTICED] += 1
            print(f"{end}: {one.path}:{one.line}: {one.old!r} → {one.new!r} in {one.text} · {by}", flush=True)
    ledger.write(entries)
    made = table(ends, f"python -m tests.mutate --seed {given.seed} --count {given.count}")
    print(made)
    if given.table:
        given.table.write_text(made + "\n", "utf-8")
    return 1 if wrong else 0


def tried(one: Break, copy: Path, reached: Reached, budget: float) -> tuple[str, str]:
    """Break one line of the copy, run what reaches it, and mend it again; say how that ended, and by what."""
    tests = reached.of(one.path, one.line, one.line + one.old.count("\n")) or reached.near(one.path)
    asked: list[str] = []
    for name in tests:
        if sum(reached.seconds.get(each, 1.0) for each in asked) > budget:
            break
        asked.append(name)
    if not asked:
        return UNREACHED, "no test in this process reaches it"
    file, source = copy / one.path, (ROOT / one.path).read_text("utf-8")
    compiled = Path(importlib.util.cache_from_source(str(file)))  # else Python may take what it compiled of the other
    file.write_text(one.broken(source), "utf-8")
    compiled.unlink(missing_ok=True)
    try:
        return _ran(asked, copy, budget, f"{len(asked)} of {len(tests)} tests")
    finally:
        file.write_text(source, "utf-8")
        compiled.unlink(missing_ok=True)


def _ran(asked: list[str], copy: Path, budget: float, how_many: str) -> tuple[str, str]:
    only = copy / "only.txt"
    only.write_text("\n".join(asked), "utf-8")
    files = sorted({name.partition("::")[0] for name in asked}, key=[n.partition("::")[0] for n in asked].index)
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "tests.mutate.reached",
               "--assert=plain", "-p", "no:cacheprovider", "--tb=line", *files]  # fmt: skip
    try:
        ran = subprocess.run(
            command,
            cwd=copy,
            env=environment(copy, **{ONLY: str(only)}),
            capture_output=True,
            text=True,
            timeout=START + 5 * budget,
        )
    except subprocess.TimeoutExpired:
        return LATE, "the tests did not end"
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (LIVED, how_many) if ran.returncode == 0 else (NOTICED, failed[0][:160] if failed else how_many)


def table(ends: dict[str, Counter[str]], command: str) -> str:
    """Return the Markdown table of a run, under the command that made it."""
    rows = [f"`{command}`", "", "| package | broken | noticed | equivalent | cosmetic | hole | open |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    whole: Counter[str] = sum(ends.values(), Counter())
    for name, counts in [*sorted(ends.items()), ("all", whole)]:
        cells = [str(counts[end]) for end in (NOTICED, *ledger.VERDICTS)]
        rows.append(f"| {name} | {counts.total()} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
