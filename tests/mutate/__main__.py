"""Breaks the program in small ways, one at a time, and says which no test notices.

`python -m tests.mutate --record` runs the suite once on a marked copy, to know which tests reach which line; then
`python -m tests.mutate --seed 1 --count 200 [--package engine]` breaks a copy of the project and runs those tests.
`--path FILE` breaks a file that was just written. What changes later is found in the record where it stands then;
`--record --tests tests/room` adds tests to it.
Ends with 1 where a break lived that has no verdict in `tests/mutate/ledger.jsonl`, or is called a hole there.

What was noticed is kept in the folder of the record: the same command goes on where it was stopped, and after a hole
was closed tries only what lived. A hole that is noticed then is called mended, and never counted among those that were
noticed at once.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from . import ledger
from .breaks import ROOT, Break, chosen, packages
from .reached import ONLY, Reached, copied, environment, record, recorded
from .warm import Asked, Warm

FOLDER = Path(tempfile.gettempdir()) / f"lstm-tui-reached-{os.getuid() if hasattr(os, 'getuid') else 0}"
NOTICED, LIVED, LATE, UNREACHED = "noticed", "lived", "late", "unreached"
BEGIN, END = "<!-- mutate table -->", "<!-- /mutate table -->"
"""What stands around the table in a document."""
CAMPAIGN = Path(__file__).with_name("campaign.md")
"""The table that a document shows, as it was written: no digit of it is changed there by hand."""
START = 60.0
"""Seconds that pytest may take to begin, beside the tests themselves."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    made.add_argument("--record", action="store_true", help="run the suite on a marked copy first")
    made.add_argument(
        "--tests",
        nargs="*",
        default=[],
        metavar="PATH",
        help="what --record runs, beside what is there (default: all)",
    )
    made.add_argument("--folder", type=Path, default=FOLDER, help="where the record is kept")
    made.add_argument("--package", choices=packages(), help="break this package alone")
    made.add_argument("--path", nargs="*", type=Path, default=[], metavar="FILE", help="break these files alone")
    made.add_argument("--part", nargs="*", choices=packages(), help="of what is chosen try now what is in these alone")
    made.add_argument("--seed", type=int, default=0, help="the same seed breaks the same lines (default: 0)")
    made.add_argument("--count", type=int, default=0, help="how many breaks (default: 0)")
    made.add_argument("--budget", type=float, default=20.0, help="seconds of tests a break, at most (default: 20)")
    made.add_argument("--table", type=Path, metavar="FILE", help=f"write the table too, between {BEGIN} and {END}")
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
    found = Found(given.folder / f"noticed-{given.seed}-{given.package or 'all'}.jsonl")
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder, Warm(copied(Path(folder))) as warm:
        for one in chosen(given.seed, given.count, given.package, [one.resolve() for one in given.path]):
            if given.part and one.package not in given.part:
                continue
            entry = ledger.of(one, entries)
            end, by = found.of(one) or tried(one, warm, reached, given.budget)
            if end in (NOTICED, LATE):
                found.keep(one, end, by)
                if entry.key in entries and entry.verdict in ("hole", "mended"):
                    end, entries[entry.key] = "mended", replace(entry, verdict="mended")
            else:
                end, entries[entry.key] = entry.verdict, entry
                by = f"{'no test reaches it' if end == UNREACHED else 'lived'} · {by}"
            ends[one.package][NOTICED if end == LATE else end] += 1
            print(f"{end}: {one.path}:{one.line}: {one.old!r} → {one.new!r} in {one.text} · {by}", flush=True)
    ledger.write(entries)
    package = f" --package {given.package}" if given.package else "".join(f" --path {one}" for one in given.path[:1])
    made = table(ends, f"python -m tests.mutate --seed {given.seed} --count {given.count}{package}")
    print(made)
    if given.table:
        put(made, given.table)
        CAMPAIGN.write_text(f"{made}\n", "utf-8")
    return 1 if any(counts["open"] + counts["hole"] for counts in ends.values()) else 0


class Found:
    """What was noticed in earlier runs of a campaign, and by what: a file of lines."""

    def __init__(self, file: Path) -> None:
        """Read the file, if there is one."""
        self._file = file
        self._noticed: dict[str, tuple[str, str]] = {}
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            which, end, by = json.loads(line)
            self._noticed[which] = end, by

    def of(self, one: Break) -> tuple[str, str] | None:
        """Return how a break ended and by what it was noticed; None where it has to be tried."""
        return self._noticed.get(self._name(one))

    def keep(self, one: Break, end: str, by: str) -> None:
        """Keep that a break was noticed."""
        if self.of(one) is None:
            self._noticed[self._name(one)] = end, by
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([self._name(one), end, by], ensure_ascii=False) + "\n")

    def _name(self, one: Break) -> str:
        return "\n".join((one.path, one.scope, one.text, str(one.start), one.old, one.new))


def tried(one: Break, warm: Warm, reached: Reached, budget: float) -> tuple[str, str]:
    """Break one line of the copy, run what reaches it, and mend it again; say how that ended, and by what."""
    tests = reached.of(one.path, *chosen_by(one)) or reached.near(one.path)
    asked: list[str] = []
    for name in tests:
        if sum(reached.seconds.get(each, 1.0) for each in asked) > budget:
            break
        asked.append(name)
    if not asked:
        return UNREACHED, "no test in this process reaches it"
    file, source = warm.copy / one.path, (ROOT / one.path).read_text("utf-8")
    compiled = Path(importlib.util.cache_from_source(str(file)))  # else Python may take what it compiled of the other
    how_many = f"{len(asked)} of {len(tests)} tests"
    try:
        if is_replaceable(one, reached) and (ended := _ran_warm(one, source, asked, warm, budget, how_many)):
            return ended
        file.write_text(one.broken(source), "utf-8")
        compiled.unlink(missing_ok=True)
        return _ran(asked, warm.copy, budget, how_many)
    finally:
        file.write_text(source, "utf-8")
        compiled.unlink(missing_ok=True)


def is_replaceable(one: Break, reached: Reached) -> bool:
    """Say whether a break may be put into a program that is imported: nothing that it changes has run by then."""
    if chosen_by(one)[0] != one.line or reached.runs_early(one.path, one.line):
        return False
    tree = ast.parse((ROOT / one.path).read_text("utf-8"))
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno < one.line <= (node.end_lineno or 0)
        for node in ast.walk(tree)
    )


def _ran_warm(
    one: Break, source: str, asked: list[str], warm: Warm, budget: float, how_many: str
) -> tuple[str, str] | None:
    """Run tests in a child that has collected them; None where the break cannot be put into it."""
    file = warm.copy / one.path
    while asked:
        warm.begin()  # before the file is broken
        file.write_text(one.broken(source), "utf-8")
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
        answer = warm.ask(Asked(one.path, source, one.broken(source), asked, START + 5 * budget))
        if answer is None or not (answer.replaced or answer.late):
            return None
        if answer.late:
            return LATE, "the tests did not end"
        if not answer.failed:
            return LIVED, how_many
        file.write_text(source, "utf-8")
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
        whole = warm.ask(Asked(one.path, source, source, [answer.failed], START + 5 * budget))
        if whole is not None and not whole.failed:
            return NOTICED, f"FAILED {answer.failed}"[:160]
        asked = asked[asked.index(answer.failed) + 1 :]  # it fails beside any break, and has noticed nothing
    return LIVED, how_many


def chosen_by(one: Break) -> tuple[int, int]:
    """Return the first and the last line by which a test is chosen: what a function is defined with, by its body."""
    for node in ast.walk(ast.parse((ROOT / one.path).read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[-1] if len(node.body) < 2 else node.body[ast.get_docstring(node) is not None]
            if node.lineno <= one.line < first.lineno:
                return first.lineno, first.lineno
    return one.line, one.line + one.old.count("\n")


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
    columns = ("broken", NOTICED, *ledger.VERDICTS)
    rows = [f"`{command}`", "", f"| package | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    whole: Counter[str] = sum(ends.values(), Counter())
    for name, counts in [*sorted(ends.items()), ("all", whole)]:
        cells = [str(counts[end]) for end in (NOTICED, *ledger.VERDICTS)]
        rows.append(f"| {name} | {counts.total()} | {' | '.join(cells)} |")
    return "\n".join(rows)


def put(made: str, file: Path) -> None:
    """Write a table into a document, in the place of the one that stands there."""
    text = file.read_text("utf-8")
    before, rest = text.split(BEGIN)
    file.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
