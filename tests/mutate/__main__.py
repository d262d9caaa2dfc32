"""Breaks the program in small ways, one at a time, and says which no test notices.

`python -m tests.mutate --record` runs the suite once on a marked copy, to know which tests reach which line; then
`python -m tests.mutate --seed 1 --count 200 [--package engine]` breaks a copy of the project and runs those tests.
`--path FILE` breaks a file that was just written. What changes later is found in the record where it stands then;
`--record --tests tests/room` adds tests to it.
Ends with 1 where a break lived that has no verdict in `tests/mutate/ledger.jsonl`, or is called a hole there.

What was noticed is kept in the folder of the record: the same command goes on where it was stopped, and after a hole
was closed tries only what lived and is neither equivalent nor cosmetic. A hole that is noticed then is called mended,
and never counted among those that were noticed at once.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from . import ledger
from .breaks import Break, chosen, packages
from .patience import TURN, Patience, end_group
from .reached import ONLY, Reached, copied, environment, record, recorded
from .warm import Answer, Asked, Warm

FOLDER = Path(tempfile.gettempdir()) / f"lstm-tui-reached-{os.getuid() if hasattr(os, 'getuid') else 0}"
NOTICED, LIVED, LATE, UNREACHED = "noticed", "lived", "late", "unreached"
BEGIN, END = "<!-- mutate table -->", "<!-- /mutate table -->"
"""What stands around the table in a document."""
CAMPAIGN = Path(__file__).with_name("campaign.md")
"""The table that a document shows, as it was written: no digit of it is changed there by hand."""
START = 60.0
"""Seconds of processor time that pytest may take to begin, beside the tests themselves."""


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
    made.add_argument("--budget", type=float, default=20.0, help="processor seconds of tests, at most (default: 20)")
    made.add_argument("--table", type=Path, metavar="FILE", help=f"write the table too, between {BEGIN} and {END}")
    return made


def main() -> int:
    """Record, break, and say what lived."""
    given = parser().parse_args()
    if given.record:
        record(given.folder, given.tests)
    if not given.count:
        return 0
    breaks = [
        one
        for one in chosen(given.seed, given.count, given.package, [one.resolve() for one in given.path])
        if not given.part or one.package in given.part
    ]
    try:
        reached = recorded(given.folder, {one.path for one in breaks})
    except FileNotFoundError:
        print("there is no record of which tests reach what: begin with --record", file=sys.stderr)
        return 2
    entries, changed = ledger.read(), dict[ledger.Key, ledger.Entry]()
    found = Found(given.folder / f"noticed-{given.seed}-{given.package or 'all'}.jsonl")
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder, Warm(copied(Path(folder))) as warm:
        for one in breaks:
            entry = ledger.of(one, entries)
            is_judged = entry.verdict in ("equivalent", "cosmetic")  # which no test changes
            end, by = found.of(one) or (
                (LIVED, entry.why) if is_judged else tried(one, warm, reached, given.budget, entry.why)
            )
            if end in (NOTICED, LATE):
                found.keep(one, end, by)
                if entry.key in entries and entry.verdict in ("hole", "mended"):
                    end, changed[entry.key] = "mended", replace(entry, verdict="mended")
            else:
                entry = replace(entry, verdict="hole") if entry.verdict == "mended" else entry  # it is open again
                end, changed[entry.key] = entry.verdict, entry
                by = f"{'no test reaches it' if end == UNREACHED else 'lived'} · {by}"
            ends[one.package][NOTICED if end == LATE else end] += 1
            print(f"{end}: {one.path}:{one.line}: {one.old!r} → {one.new!r} in {one.text} · {by}", flush=True)
    now = ledger.read()  # somebody may have judged meanwhile
    ledger.write(now | {key: made for key, made in changed.items() if now.get(key) == entries.get(key)})
    package = f" --package {given.package}" if given.package else "".join(f" --path {one}" for one in given.path[:1])
    budget = f" --budget {given.budget:g}" if given.budget != parser().get_default("budget") else ""
    made = table(ends, f"python -m tests.mutate --seed {given.seed} --count {given.count}{package}{budget}")
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
        return "\n".join((one.path, one.scope, one.text, one.old, one.new))  # as in the ledger: wherever it stands now


def tried(one: Break, warm: Warm, reached: Reached, budget: float, why: str = "") -> tuple[str, str]:
    """Break one line of the copy, run what reaches it, and mend it again; say how that ended, and by what.

    What closed a hole is tried first: the words of the ledger name it.
    """
    file = warm.copy / one.path  # and not the project, which may be worked on meanwhile
    source = file.read_text("utf-8")
    place = chosen_by(one, source)
    tests = reached.of(one.path, *place) or reached.near(one.path)
    tests.sort(key=lambda name: name.partition("::")[2].partition("[")[0] not in re.findall(r"\w+", why))
    asked: list[str] = []
    for name in tests:
        if sum(reached.seconds.get(each, 1.0) for each in asked) > budget:
            break
        asked.append(name)
    if not asked:
        return UNREACHED, "no test in this process reaches it"
    seconds = START + 5 * budget
    how_many = f"{len(asked)} of {len(tests)} tests"

    def in_a_child(text: str, names: list[str]) -> Answer | None:
        warm.begin()  # before the file is broken
        with _standing(file, text, source):
            return warm.ask(Asked(one.path, source, text, names, seconds))

    def by_itself(text: str, names: list[str]) -> Answer:
        with _standing(file, text, source):
            return _ran(names, warm.copy, seconds)

    broken = one.broken(source)
    if is_replaceable(one, source, reached) and (ended := judged(in_a_child, source, broken, asked, how_many)):
        return ended
    return judged(by_itself, source, broken, asked, how_many) or (LIVED, how_many)


@contextlib.contextmanager
def _standing(file: Path, text: str, source: str) -> Iterator[None]:
    """Have a text stand in a file of the copy, and what stood there again."""
    compiled = Path(importlib.util.cache_from_source(str(file)))  # else Python may take what it compiled of the other
    try:
        file.write_text(text, "utf-8")
        compiled.unlink(missing_ok=True)
        yield
    finally:
        file.write_text(source, "utf-8")
        compiled.unlink(missing_ok=True)


def judged(
    run: Callable[[str, list[str]], Answer | None], source: str, broken: str, asked: list[str], how_many: str
) -> tuple[str, str] | None:
    """Say how a break ended, and by what; None where it cannot be tried this way.

    What fails beside the break has noticed it if it fails so once more and does not without the break: a test that
    fails now and then, or as the machine is busy, notices nothing.

    Args:
        run: Runs tests while a text stands in the file.
        source: What the file holds.
        broken: The same with the break.
        asked: The tests.
        how_many: What is said where none noticed it.
    """
    while asked:
        answer = run(broken, asked)
        if answer is None or not (answer.replaced or answer.late):
            return None
        if not answer.fails:
            return LIVED, how_many
        suspects = [answer.failed] if answer.failed in asked else asked
        whole = run(source, suspects)
        again = run(broken, suspects) if whole is not None and not whole.fails else None
        if again is not None and again.fails:
            return (LATE, "the tests did not end") if answer.late else (NOTICED, f"FAILED {answer.failed}"[:160])
        if suspects is asked:
            return LIVED, f"{how_many}, which fail without a break as well"
        asked = asked[asked.index(answer.failed) + 1 :]
    return LIVED, how_many


def is_replaceable(one: Break, source: str, reached: Reached) -> bool:
    """Say whether a break may be put into a program that is imported: nothing that it changes has run by then."""
    if chosen_by(one, source)[0] != one.line or reached.runs_early(one.path, one.line):
        return False
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno < one.line <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
    )


def chosen_by(one: Break, source: str) -> tuple[int, int]:
    """Return the first and the last line by which a test is chosen: what a function is defined with, by its body."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[-1] if len(node.body) < 2 else node.body[ast.get_docstring(node) is not None]
            if node.lineno <= one.line < first.lineno:
                return first.lineno, first.lineno
    return one.line, one.line + one.old.count("\n")


def _ran(asked: list[str], copy: Path, seconds: float) -> Answer:
    """Run tests by a pytest of their own."""
    only = copy / "only.txt"
    only.write_text("\n".join(asked), "utf-8")
    files = sorted({name.partition("::")[0] for name in asked}, key=[n.partition("::")[0] for n in asked].index)
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-m", "not slow", "-p", "tests.mutate.reached",
               "--assert=plain", "-p", "no:cacheprovider", "--tb=line", *files]  # fmt: skip
    with tempfile.TemporaryFile("w+") as said:
        ran = subprocess.Popen(
            command,
            cwd=copy,
            env=environment(copy, **{ONLY: str(only)}),
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        code, patience = None, Patience(ran.pid, seconds)
        while code is None:
            try:
                code = ran.wait(TURN)
            except subprocess.TimeoutExpired:
                if patience.ends():
                    break
        end_group(ran.pid)
        ran.wait()
        said.seek(0)
        lines = said.read().splitlines()
    if code is None:
        return Answer(late=True)
    if code == 0:
        return Answer(replaced=1)
    told = [line.partition(" ")[2] for line in lines if line.startswith(("FAILED", "ERROR"))]
    failed = max((name for name in asked if told and told[0].startswith(name)), key=len, default="")
    return Answer(failed or (told[0] if told else "before any test"), replaced=1)


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
