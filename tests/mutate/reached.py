"""Which tests reach which lines: the tests are run once on a copy whose compiled files note each block they run.

No tracer stands between: each block of statements in a function begins with one store into memory that every process of
a worker shares, so that what a test starts as a program of its own is seen too. The files of the copy are as they were;
only what Python compiled of them is another.

As a plugin of pytest (`-p tests.mutate.reached`) this module keeps the record, a file for each worker in the folder
that LSTM_TUI_REACHED names; or it leaves out every test but those that the file LSTM_TUI_ONLY names.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .breaks import ROOT

RECORD, ONLY = "LSTM_TUI_REACHED", "LSTM_TUI_ONLY"
_PART, _BLOCKS = "record-", "blocks.json"
_SHARED = "reached_blocks"
_SHOWN = (".ci", ".github")
"""Folders that documents name, beside what is seen."""
_LONG = 1.0
"""Seconds of a test that is tried behind the others."""
_TOGETHER = 10
"""Functions, and tests of each, that are tried before others."""
_UNSEEN = ("njit", "_compiled", "overload")
"""Decorators of what is compiled to machine code: nothing can be noted in it."""
_MODULE = '''"""Where blocks that ran are noted: a file that all processes of a worker have in memory."""

import mmap
import os

_COUNT = {count}
_folder = os.environ.get("{record}")
if _folder:
    _path = os.path.join(_folder, "noted-" + os.environ.get("PYTEST_XDIST_WORKER", "alone"))
    with open(_path, "a+b") as _file:
        _file.truncate(_COUNT)
        noted = mmap.mmap(_file.fileno(), _COUNT)
else:
    noted = bytearray(_COUNT)
'''


@dataclass(frozen=True)
class Reached:
    """Which tests reach a line, and what each test takes.

    Attributes:
        tests: The tests by file and line.
        seconds: Of processor time, by test.
        early: Lines that ran in no test: while files were imported and tests collected.
    """

    tests: dict[tuple[str, int], frozenset[str]]
    seconds: dict[str, float]
    early: frozenset[tuple[str, int]] = frozenset()

    def runs_early(self, path: str, line: int) -> bool:
        """Say whether a line may have run already when the tests begin: it has, or nothing is known of it."""
        return (path, line) in self.early or (path, line) not in self.tests

    def of(self, path: str, first: int, last: int) -> list[str]:
        """Return the tests that reach some lines of a file, in the order in which they are tried."""
        found = frozenset[str]().union(*(self.tests.get((path, line), frozenset()) for line in range(first, last + 1)))
        return self._in_order(path, found)

    def near(self, path: str) -> list[str]:
        """Return the tests that reach anything of a file: for a line that runs while it is imported."""
        return self._in_order(path, frozenset().union(*(names for (at, _), names in self.tests.items() if at == path)))

    def _in_order(self, path: str, names: frozenset[str]) -> list[str]:
        """Return tests in the order in which they are tried: what reaches most of the file first, and long ones last.

        Of a function many are tried before the next ones, as only some of its parameters may tell.
        """
        reach = Counter(name for (at, _), those in self.tests.items() if at == path for name in those & names)
        seconds = {name: self.seconds.get(name, 1.0) for name in names}
        ordered = sorted(names, key=lambda name: (-reach[name], seconds[name], name))
        functions: dict[str, list[str]] = defaultdict(list)
        for name in ordered:
            functions[name.partition("[")[0]].append(name)
        place = {
            name: (n // _TOGETHER, rank // _TOGETHER, n, rank)
            for rank, those in enumerate(functions.values())
            for n, name in enumerate(those)
        }
        return sorted(ordered, key=lambda name: (seconds[name] > _LONG, place[name]))


class Marker(ast.NodeTransformer):
    """Puts a note before every block of a function, and remembers which lines each note stands for."""

    def __init__(self, first: int) -> None:
        """Count notes from a number on."""
        self.next = first
        self.lines: dict[int, list[int]] = {}
        self._unseen: set[str] = set()

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Mark a file; what is chosen in place of another function is compiled to machine code as well."""
        chosen = (one for one in node.body if isinstance(one, ast.FunctionDef) and is_compiled(one))
        returned = (
            part.value for one in chosen for part in ast.walk(one) if isinstance(part, ast.Return) and part.value
        )
        self._unseen = {part.id for value in returned for part in ast.walk(value) if isinstance(part, ast.Name)}
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Mark a function, as far as it runs in Python."""
        if not is_compiled(node) and node.name not in self._unseen:
            node.body = self._marked(node.body)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Mark a function."""
        node.body = self._marked(node.body)
        return node

    def _marked(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Return a block with notes: at its beginning, and behind each statement that holds blocks of its own."""
        made: list[ast.stmt] = []
        lines: list[int] | None = None
        for n, one in enumerate(body):
            is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if (n == 0 and is_text) or isinstance(one, ast.Global | ast.Nonlocal):
                made.append(one)
                continue
            if lines is None:
                lines = self.lines[self.next] = []
                made.append(self._note(one))
            inner = self._blocks(one)
            defines = isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            behind = one.lineno + 1 if defines else (one.end_lineno or one.lineno) + 1
            begins = min((block[0].lineno for block in inner), default=behind)
            lines += range(one.lineno, max(begins, one.lineno + 1))
            cases = one.cases[1:] if isinstance(one, ast.Match) else []  # what each asks runs before its block
            lines += [line for case in cases for line in range(case.pattern.lineno, case.body[0].lineno)]
            for holder, name in self._holders(one):
                setattr(holder, name, self._marked(getattr(holder, name)))
            if isinstance(one, ast.ClassDef):
                self.generic_visit(one)
            elif defines:
                self.visit(one)
            made.append(one)
            lines = None if inner else lines
        return made

    def _note(self, before: ast.stmt) -> ast.stmt:
        note = ast.parse(f"{_SHARED}[{self.next}] = 1").body[0]
        self.next += 1
        for node in ast.walk(note):
            ast.copy_location(node, before)
            if isinstance(node, ast.stmt | ast.expr):
                node.end_lineno, node.end_col_offset = node.lineno, node.col_offset
        return note

    def _holders(self, one: ast.stmt) -> Iterator[tuple[Any, str]]:
        """Yield what holds the blocks of a statement, and under which name."""
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return
        for holder in (one, *getattr(one, "handlers", ()), *getattr(one, "cases", ())):
            for name in ("body", "orelse", "finalbody"):
                found = getattr(holder, name, None)
                if isinstance(found, list) and found:
                    yield holder, name

    def _blocks(self, one: ast.stmt) -> list[list[ast.stmt]]:
        return [getattr(holder, name) for holder, name in self._holders(one)]


def is_compiled(node: ast.FunctionDef) -> bool:
    """Return whether a function becomes machine code, in which nothing can be noted."""
    return any(word in ast.unparse(one) for one in node.decorator_list for word in _UNSEEN)


def marked(source: str, first: int) -> tuple[ast.Module, dict[int, list[int]]]:
    """Return a file's tree with notes, numbered from a number on, and the lines that each stands for."""
    tree, marker = ast.parse(source), Marker(first)
    marker.visit(tree)
    behind = next(
        (n for n, one in enumerate(tree.body) if not _stays_first(one, n)), len(tree.body)
    )  # where an import may stand
    if marker.lines:
        tree.body[behind:behind] = ast.parse(f"from {_SHARED} import noted as {_SHARED}").body
    return ast.fix_missing_locations(tree), marker.lines


def _stays_first(one: ast.stmt, n: int) -> bool:
    is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and n == 0
    return is_text or (isinstance(one, ast.ImportFrom) and one.module == "__future__")


def mark(copy: Path) -> list[tuple[str, list[int]]]:
    """Compile every file of a copy's package with notes; return the file and the lines that each note stands for."""
    blocks: list[tuple[str, list[int]]] = []
    for path in sorted((copy / "lstm_tui").rglob("*.py")):
        tree, lines = marked(path.read_text("utf-8"), len(blocks))
        blocks += [(str(path.relative_to(copy)), lines[n]) for n in sorted(lines)]
        compiled = Path(importlib.util.cache_from_source(str(path)))
        compiled.parent.mkdir(exist_ok=True)
        code = marshal.dumps(compile(tree, str(path), "exec", dont_inherit=True))
        # Bit 0 without bit 1: Python takes it by its name, and never looks whether the source is another.
        head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
        compiled.write_bytes(head + code)
    (copy / f"{_SHARED}.py").write_text(_MODULE.format(count=len(blocks), record=RECORD), "utf-8")
    return blocks


def copied(folder: Path) -> Path:
    """Return a copy of the project as it stands, what is not committed yet included."""
    kept = [one for one in ROOT.iterdir() if not one.name.startswith(".") or one.name in _SHOWN]  # a clone, or a copy
    for one in kept:
        if one.is_dir():
            shutil.copytree(one, folder / one.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(one, folder / one.name)
    return folder


def environment(copy: Path, **more: str) -> dict[str, str]:
    """Return the environment of tests of a copy: it comes first, and what is compiled of it is kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(copy), "CI": "true", **more}


def record(folder: Path, where: list[str]) -> None:
    """Run tests on a marked copy and keep what they reach.

    Args:
        folder: Where the records are kept: one of all tests, and beside it those of tests that were recorded since.
        where: What pytest is to run; all tests where it is empty, in place of every record there is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in () if where else _parts(folder):
        shutil.rmtree(old)
    part = folder / f"{_PART}{1 + max((_number(one) for one in _parts(folder)), default=0)}"
    part.mkdir()
    with tempfile.TemporaryDirectory() as place:
        copy = copied(Path(place))
        blocks = mark(copy)
        files = {path: (copy / path).read_text("utf-8") for path in sorted({path for path, _ in blocks})}
        (part / _BLOCKS).write_text(json.dumps({"blocks": blocks, "files": files}), "utf-8")
        # Plain assertions: pytest compiles what it rewrites by itself, and that is the whole package, for its plugin.
        command = [sys.executable, "-m", "pytest", "--assert=plain", "-m", "not slow", "-p", "tests.mutate.reached"]
        subprocess.run([*command, *where], cwd=copy, env=environment(copy, **{RECORD: str(part)}), check=False)


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PART}*"), key=_number)


def _number(part: Path) -> int:
    return int(part.name.removeprefix(_PART))


def recorded(folder: Path, paths: AbstractSet[str]) -> Reached:
    """Return what was kept of some files, of today's lines: one that has moved is found, one that is new has no tests.

    Raises:
        FileNotFoundError: Nothing was.
    """
    tests: dict[tuple[str, int], frozenset[str]] = defaultdict(frozenset)
    seconds: dict[str, float] = {}
    early: set[tuple[str, int]] = set()
    for part in reversed(_parts(folder)):  # the newest first: what it has of a test is what holds
        made = _recorded(part, paths)
        for at, names in made.tests.items():
            tests[at] |= names - seconds.keys()
        seconds = made.seconds | seconds
        early |= made.early
    if not seconds:
        raise FileNotFoundError(folder)
    return Reached({at: names for at, names in tests.items() if names}, seconds, frozenset(early))


def _recorded(part: Path, paths: AbstractSet[str]) -> Reached:
    kept_blocks = json.loads((part / _BLOCKS).read_text("utf-8"))
    moved = {
        path: lines_now(kept_blocks["files"][path], _text_now(path)) for path in paths & kept_blocks["files"].keys()
    }
    blocks = {
        number: (path, [moved[path][n] for n in lines if n in moved[path]])
        for number, (path, lines) in enumerate(kept_blocks["blocks"])
        if path in moved
    }
    by_block: dict[int, set[str]] = defaultdict(set)
    by_path: dict[str, set[str]] = defaultdict(set)
    between: set[int] = set()
    seconds: dict[str, float] = {}
    for file in sorted(part.glob("reached-*.npz")):
        with np.load(file) as kept:
            between |= blocks.keys() & np.flatnonzero(np.unpackbits(kept["between"])).tolist()
            names, ran = [str(name) for name in kept["names"]], np.ascontiguousarray(kept["ran"].T)
            seconds.update(zip(names, kept["seconds"].tolist(), strict=True))
        for number, (path, _) in blocks.items():
            reaching = [names[n] for n in np.flatnonzero(ran[number // 8] & 0x80 >> number % 8)]
            by_block[number].update(reaching)
            by_path[path].update(reaching)
    for number in between:  # whoever imported it, what it made is there for all that use the file
        by_block[number] |= by_path[blocks[number][0]]
    tests: dict[tuple[str, int], frozenset[str]] = {}
    for number, named in by_block.items():
        path, lines = blocks[number]
        found = frozenset(named)
        for line in lines:
            tests[path, line] = tests.get((path, line), frozenset()) | found
    early = frozenset((blocks[number][0], line) for number in between for line in blocks[number][1])
    return Reached(tests, seconds, early)


def _text_now(path: str) -> str:
    file = ROOT / path
    return file.read_text("utf-8") if file.exists() else ""


def lines_now(before: str, now: str) -> dict[int, int]:
    """Return where each line of a text stands in a later one, from 1; without those that were changed or taken away."""
    old, new = before.splitlines(), now.splitlines()
    if old == new:
        return {n: n for n in range(1, len(old) + 1)}
    return {
        one.a + n + 1: one.b + n + 1
        for one in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        for n in range(one.size)
    }


class _Recorder:
    """Reads after each test which blocks were noted."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._file = folder / f"reached-{worker}.npz"
        self._noted: Any = importlib.import_module(_SHARED).noted
        self._nothing = bytes(len(self._noted))
        self._ran: dict[str, np.ndarray] = {}
        self._between = np.zeros(len(self._nothing), np.uint8)  # what ran in no test: while files were imported
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()  # they would fail beside any break, and have noticed nothing

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._between |= np.frombuffer(self._noted[:], np.uint8)
        self._noted[:] = self._nothing
        began = _processor_time()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = _processor_time() - began
            self._ran[item.nodeid] = np.packbits(np.frombuffer(self._noted[:], np.uint8))
            self._noted[:] = self._nothing

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        names = [name for name in self._ran if name not in self._failed]
        if names:
            ran, seconds = np.stack([self._ran[name] for name in names]), np.array([self._seconds[n] for n in names])
            between = np.packbits(self._between)
            np.savez_compressed(self._file, names=np.array(names), ran=ran, seconds=seconds, between=between)


def _processor_time() -> float:
    """Return what this process and those that it waited for took: a test is as long on a busy machine."""
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


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
