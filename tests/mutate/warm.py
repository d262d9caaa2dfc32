"""A pytest that has collected all tests: a break is put into a child of it, which runs the tests that reach it.

Beginning pytest anew for each break takes longer than the tests that notice it. A function that is broken in its body
has its code replaced in a child process, wherever the function was imported to; its file is broken as well, for what
the tests start as programs of their own. What ran while the program was imported, what is compiled to machine code and
what a module computes at its top cannot be replaced so: those breaks are tried by a pytest of their own.

As a plugin of pytest (`-p tests.mutate.warm`) this module reads a break a line from the descriptor that
LSTM_TUI_BREAKS names and answers each with a line on the other one.
"""

from __future__ import annotations

import gc
import json
import os
import select
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType, FunctionType, TracebackType
from typing import IO, Self

import pytest

from .patience import TURN, Patience, end_group
from .reached import environment

BREAKS = "LSTM_TUI_BREAKS"


@dataclass(frozen=True)
class Asked:
    """One break for a child.

    Attributes:
        path: The file, from the root of the project.
        before: Its text.
        after: Its text with the break; the same text tries the tests without one.
        tests: What to run, in this order, up to the first that fails.
        seconds: Of processor time that it may take.
    """

    path: str
    before: str
    after: str
    tests: list[str]
    seconds: float


@dataclass(frozen=True)
class Answer:
    """How that ended.

    Attributes:
        failed: The test that failed; empty where none did.
        replaced: Functions whose code was replaced; where it is 0 the break was not there.
        ran: Tests that ran.
        late: Whether they did not end.
    """

    failed: str = ""
    replaced: int = 0
    ran: int = 0
    late: bool = False

    @property
    def fails(self) -> bool:
        """Whether a test failed, or they did not end."""
        return bool(self.failed) or self.late


class Warm:
    """The process that waits with every test collected, begun with the first break."""

    def __init__(self, copy: Path, where: Sequence[str] = ()) -> None:
        """Take the copy of the project whose tests it runs, and which of them; all where none are named."""
        self.copy, self._where = copy, where
        self._process: subprocess.Popen[bytes] | None = None
        self._asks: IO[str]
        self._answers: IO[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._asks.close()
            self._answers.close()
            self._process.wait()

    def ask(self, one: Asked) -> Answer | None:
        """Try one break; None where the process cannot be had."""
        self.begin()
        try:
            self._asks.write(json.dumps(asdict(one)) + "\n")
            self._asks.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        return Answer(**json.loads(line)) if line else None

    def begin(self) -> None:
        """Have every test collected, once; the files of the copy must be whole by then."""
        if self._process is not None:
            return
        asked, asks = os.pipe()
        answers, answered = os.pipe()
        command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", "not slow", "-p", "tests.mutate.warm",
                   "--assert=plain", "-p", "no:cacheprovider", "--tb=line", *self._where]  # fmt: skip
        with (self.copy / "warm.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.copy,
                env=environment(self.copy, OPENBLAS_NUM_THREADS="1", **{BREAKS: f"{asked} {answered}"}),
                pass_fds=(asked, answered),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(asked)
        os.close(answered)
        self._asks, self._answers = os.fdopen(asks, "w", encoding="utf-8"), os.fdopen(answers, encoding="utf-8")
        self._answers.readline()  # it has collected them


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield what a piece of code defines, in the order of the file."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def replacements(before: str, after: str, file: str) -> dict[tuple[str, int], CodeType]:
    """Return the code of each function that a break changes, by its name and which of that name it is.

    Empty where the break adds or takes away a function.
    """
    old, new = (list(_codes(compile(text, file, "exec", dont_inherit=True))) for text in (before, after))
    if [one.co_qualname for one in old] != [one.co_qualname for one in new]:
        return {}
    counted: dict[str, int] = defaultdict(int)
    found = {}
    for was, will in zip(old, new, strict=True):
        if was != will:
            found[was.co_qualname, counted[was.co_qualname]] = will
        counted[was.co_qualname] += 1
    return found


def functions_of(root: Path) -> dict[str, dict[tuple[str, int], list[FunctionType]]]:
    """Return the functions in memory that files below a folder define, by file, name and which of that name."""
    at_line: dict[str, dict[str, dict[int, list[FunctionType]]]] = defaultdict(lambda: defaultdict(dict))
    gc.unfreeze()  # what is frozen is in no list
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename.startswith(str(root)):
            code = one.__code__
            at_line[code.co_filename][code.co_qualname].setdefault(code.co_firstlineno, []).append(one)
    found: dict[str, dict[tuple[str, int], list[FunctionType]]] = {}
    for file, named in at_line.items():
        tops = list(_codes(compile(Path(file).read_text("utf-8"), file, "exec", dont_inherit=True)))
        counted: dict[str, int] = defaultdict(int)
        found[file] = {}
        for code in tops:
            at = code.co_qualname, counted[code.co_qualname]
            counted[code.co_qualname] += 1
            found[file][at] = named.get(code.co_qualname, {}).get(code.co_firstlineno, [])
    return found


def put_in(one: Asked, file: str, functions: Mapping[tuple[str, int], list[FunctionType]]) -> int:
    """Put a break into the functions of a file that are in memory, and say into how many."""
    count = 0
    for at, code in replacements(one.before, one.after, file).items():
        for function in functions.get(at, ()):
            if function.__code__.co_freevars == code.co_freevars:
                function.__code__ = code
                count += 1
    return count


class _Waiting:
    """Runs no test by itself: a child of the process runs those that it is asked for."""

    def __init__(self, asked: int, answered: int) -> None:
        self._asked = os.fdopen(asked, encoding="utf-8")
        self._answered = os.fdopen(answered, "w", encoding="utf-8")
        self._failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        root = Path.cwd()
        functions = functions_of(root / "lstm_tui")
        gc.freeze()
        self._answered.write("\n")
        self._answered.flush()
        for line in self._asked:
            one = Asked(**json.loads(line))
            self._answered.write(json.dumps(asdict(self._tried(one, root, items, functions))) + "\n")
            self._answered.flush()
        return True

    def _tried(
        self,
        one: Asked,
        root: Path,
        items: Mapping[str, pytest.Item],
        functions: Mapping[str, Mapping[tuple[str, int], list[FunctionType]]],
    ) -> Answer:
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            self._run(one, writes, str(root / one.path), items, functions.get(str(root / one.path), {}))
        os.close(writes)
        said, patience = b"", Patience(child, one.seconds)
        while not said.endswith(b"\n"):
            if not select.select([reads], [], [], TURN)[0]:
                if patience.ends():
                    break
                continue
            piece = os.read(reads, 65536)
            if not piece:
                break
            said += piece
        os.close(reads)
        end_group(child)
        os.waitpid(child, 0)
        return Answer(**json.loads(said)) if said else Answer(late=True)

    def _run(
        self,
        one: Asked,
        writes: int,
        file: str,
        items: Mapping[str, pytest.Item],
        functions: Mapping[tuple[str, int], list[FunctionType]],
    ) -> None:
        """Run the tests in this child, tell how that ended, and be gone."""
        os.setsid()  # so that whatever the tests start ends with it
        os.set_inheritable(writes, False)
        try:
            replaced = put_in(one, file, functions)
            asked = [items[name] for name in one.tests if name in items]
            asked = asked if replaced or one.after == one.before else []
            ran = 0
            for item, behind in zip(asked, [*asked[1:], None][: len(asked)], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=behind)
                ran += 1
                if self._failed:
                    break
            if self._failed and asked:
                asked[0].session._setupstate.teardown_exact(None)  # what it made for the whole session goes with it
            os.write(writes, f"{json.dumps(asdict(Answer(self._failed, replaced, ran)))}\n".encode())
        finally:
            os._exit(0)


def pytest_configure(config: pytest.Config) -> None:
    """Wait for breaks, where this module is pytest's plugin."""
    if BREAKS in os.environ:
        asked, answered = map(int, os.environ.pop(BREAKS).split())
        os.set_inheritable(asked, False)
        os.set_inheritable(answered, False)
        config.pluginmanager.register(_Waiting(asked, answered))
