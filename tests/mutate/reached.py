"""Which tests reach which lines: the whole suite is run once under coverage, each test under its own name.

As a plugin of pytest (`-p tests.mutate.reached`) this module keeps the record, a file for each worker in the folder
that LSTM_TUI_REACHED names; or it leaves out every test but those that the file LSTM_TUI_ONLY names. What a test
starts as a program of its own is not seen: such tests are near their code, and `near` adds them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .breaks import ROOT

RECORD, ONLY = "LSTM_TUI_REACHED", "LSTM_TUI_ONLY"
_TOP = ""
"""The name under which coverage files what ran outside every test: imports."""


@dataclass(frozen=True)
class Reached:
    """Which tests reach a line, and how long each test takes.

    Attributes:
        tests: The tests by file and line.
        seconds: By test.
    """

    tests: dict[tuple[str, int], frozenset[str]]
    seconds: dict[str, float]

    def of(self, path: str, first: int, last: int) -> list[str]:
        """Return the tests that reach some lines of a file, nearest and quickest first."""
        found = frozenset[str]().union(*(self.tests.get((path, line), frozenset()) for line in range(first, last + 1)))
        return self._in_order(path, found)

    def near(self, path: str) -> list[str]:
        """Return the tests that reach anything of a file: for a line that runs while it is imported."""
        return self._in_order(path, frozenset().union(*(names for (at, _), names in self.tests.items() if at == path)))

    def _in_order(self, path: str, names: frozenset[str]) -> list[str]:
        room = "tests/" + "/".join(Path(path).parts[1:2])
        return sorted(names, key=lambda name: (not name.startswith(room), self.seconds.get(name, 1.0), name))


def record(folder: Path, where: list[str]) -> None:
    """Run tests under coverage and keep what they reach.

    Args:
        folder: Where the record is kept.
        where: What pytest is to run; all tests where it is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob(".coverage*"), *folder.glob("seconds*")):
        old.unlink()
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutate.reached", *where]
    subprocess.run(command, cwd=ROOT, env={**os.environ, RECORD: str(folder)}, check=False)


def recorded(folder: Path) -> Reached:
    """Return what was kept.

    Raises:
        FileNotFoundError: Nothing was.
    """
    from coverage import CoverageData

    tests: dict[tuple[str, int], set[str]] = defaultdict(set)
    files = sorted(folder.glob(".coverage*"))
    if not files:
        raise FileNotFoundError(folder)
    for file in files:
        data = CoverageData(str(file))
        data.read()
        for path in data.measured_files():
            short = str(Path(path).relative_to(ROOT))
            for line, names in data.contexts_by_lineno(path).items():
                tests[short, line].update(name for name in names if name != _TOP)
    seconds: dict[str, float] = {}
    for file in folder.glob("seconds*"):
        seconds.update(json.loads(file.read_text("utf-8")))
    return Reached({place: frozenset(names) for place, names in tests.items()}, seconds)


class _Recorder:
    """Tells coverage which test runs."""

    def __init__(self, folder: Path, worker: str) -> None:
        from coverage import Coverage

        self._seconds: dict[str, float] = defaultdict(float)
        self._file = folder / f"seconds-{worker}.json"
        self._coverage: Any = Coverage(
            data_file=str(folder / f".coverage-{worker}"), source=[str(ROOT / "lstm_tui")], config_file=False
        )
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context(_TOP)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        self._coverage.save()
        self._file.write_text(json.dumps(self._seconds), "utf-8")


class _Chooser:
    """Leaves out every test that is not asked for, and runs the rest in the order asked."""

    def __init__(self, names: list[str]) -> None:
        self._order = {name: at for at, name in enumerate(names)}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept = sorted((one for one in items if one.nodeid in self._order), key=lambda one: self._order[one.nodeid])
        config.hook.pytest_deselected(items=[one for one in items if one.nodeid not in self._order])
        items[:] = kept


def pytest_configure(config: pytest.Config) -> None:
    """Begin, where this module is pytest's plugin."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if RECORD in os.environ and (worker or not config.getoption("numprocesses", None)):
        config.pluginmanager.register(_Recorder(Path(os.environ[RECORD]), worker or "alone"))
    if ONLY in os.environ:
        config.pluginmanager.register(_Chooser(Path(os.environ[ONLY]).read_text("utf-8").splitlines()))
