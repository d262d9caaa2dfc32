"""Compares our numbers with other frameworks', and says what was not compared and why: `python -m tests.references`.

The frameworks are those of the extra `[reference]`; the comparisons are the tests that ask for one of them. Without it
they are skipped. Ends with 1 where a number differs, with 3 where nothing could be compared.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from re import match

import pytest

ROOT = Path(__file__).parents[1]
_NOTHING = 3


def frameworks() -> dict[str, str]:
    """Return the packages of the extra, each with the versions that it may be of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = [match(r"([A-Za-z0-9_-]+)(.*)", one) for one in project["optional-dependencies"]["reference"]]
    return {one[1]: one[2] for one in found if one}


def asked_for(tree: ast.Module, names: set[str]) -> dict[str, set[str]]:
    """Return by each function of a file which of some packages it asks for; "" is the file itself."""
    found: dict[str, set[str]] = defaultdict(set)
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    own = [one for one in tree.body if not isinstance(one, ast.FunctionDef | ast.ClassDef)]
    for name, parts in [("", own), *((one.name, one.body) for one in functions)]:
        for node in (node for part in parts for node in ast.walk(part)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("importorskip") and node.args:
                library = getattr(node.args[0], "value", None)
                if library in names:
                    found[name].add(str(library))
    return found


class Comparisons:
    """A plugin of pytest: keeps the tests that compare, and counts how each of them ended."""

    def __init__(self, asked: Mapping[Path, Mapping[str, set[str]]]) -> None:
        """Keep which functions of which files ask for what."""
        self._asked = asked
        self._of: dict[str, set[str]] = {}
        self.ended: dict[str, Counter[str]] = defaultdict(Counter)
        self.reasons: dict[str, Counter[str]] = defaultdict(Counter)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out every test that compares with nobody."""
        for item in items:
            asked = self._asked.get(item.path, {})
            names = {"", item.originalname if isinstance(item, pytest.Function) else item.name}
            names.update(getattr(item, "fixturenames", ()))
            self._of[item.nodeid] = set().union(*(asked.get(name, set()) for name in names))
        config.hook.pytest_deselected(items=[one for one in items if not self._of[one.nodeid]])
        items[:] = [one for one in items if self._of[one.nodeid]]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the end of a test for each framework that it asks for."""
        if report.when == "call" or report.outcome != "passed":
            for name in self._of.get(report.nodeid, ()):
                self.ended[name][report.outcome] += 1
                if report.skipped and isinstance(report.longrepr, tuple):
                    self.reasons[name][report.longrepr[2].removeprefix("Skipped: ")] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that is skipped as a whole."""
        if report.skipped and isinstance(report.longrepr, tuple):
            for name in self._asked.get(ROOT / report.nodeid, {}).get("", set()):
                self.ended[name]["skipped"] += 1
                self.reasons[name][f"{report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}"] += 1


def installed(name: str) -> str:
    """Return the version of a package that is here; empty without one."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def main(arguments: list[str]) -> int:
    """Compare, and print a line for each framework."""
    wanted = frameworks()
    asked = {
        path: found
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if (found := asked_for(ast.parse(path.read_text("utf-8")), set(wanted)))
    }
    counted = Comparisons(asked)
    options = ["-n", "0", "-q", "--no-header", "-m", "slow or not slow", *arguments]
    code = pytest.main([*options, *map(str, asked)], plugins=[counted])
    for name, versions in wanted.items():
        ends, here = counted.ended[name], installed(name)
        what = (
            f"{name} {here}"
            if here
            else f"{name} is not installed (pip install 'lstm-tui[reference]': {name}{versions})"
        )
        print(f"{what}: {ends['passed']} compared, {ends['failed']} differ, {ends['skipped']} skipped")
        for reason, count in counted.reasons[name].most_common():
            print(f"    {count} skipped: {reason}")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return 1
    return 0 if any(ends["passed"] for ends in counted.ended.values()) else _NOTHING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
