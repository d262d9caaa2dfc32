"""The same asked of many texts: files and folders cut into parts, each done by whichever process is free.

What a part comes to depends on nothing but the part, and parts are put together in their order: the answer is the same,
bit for bit, by one process, by several, or by a cluster, whatever is killed meanwhile. Parts that are done can be kept
in a file, so that the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.cli.printing import Bar
from lstm_tui.cli.source import say, source_of
from lstm_tui.debugger.endings import USAGE
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.source import Source, needed
from lstm_tui.engine.doors import STANDARD_INPUT
from lstm_tui.engine.errors import UsageError, UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.cores import usable_cores
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import SERIES
from lstm_tui.formats.io.files import reason
from lstm_tui.formats.io.progress_file import ProgressFile

ENDINGS = (".txt", *SERIES)
MOST_FILES = 10_000
PART_LINES, PART_STEPS = 256, 1 << 15
"""A part ends behind so many sequences or steps, or with its file."""
_WORTH = 1 << 17
"""Steps from which on other processes are worth their start."""
_MOST_BROKEN = 3
"""How often processes are begun again after one was killed."""
_AHEAD = 4
"""Parts that are handed out before they are asked for, for each process."""


class OpenedFiles(NamedTuple):
    """What is read, a file each, and what is left out.

    Attributes:
        files: Their names.
        sources: What they hold, in the same order.
        left_out: What is said of each file of a folder that cannot be read.
    """

    files: list[str]
    sources: list[Source]
    left_out: list[str]


def files_of(given: Sequence[str], left_out: list[str] | None = None) -> Iterator[str]:
    """Yield the files that are meant: of a folder every text, or every series, in it.

    Args:
        given: Files and folders.
        left_out: Takes what is said of each name in a folder that ends like them and is no file.

    Raises:
        UserError: A folder holds neither, both, or too many of them.
    """
    for name in given:
        folder = Path(name)
        if not os.path.isdir(name):
            yield name
            continue
        try:
            named = sorted(one for one in _under(folder) if one.suffix.lower() in ENDINGS)
            inside = [one for one in named if one.is_file()]
        except OSError as error:
            place = visible(str(error.filename or name))
            raise UserError(
                f"{place}: cannot be read: {reason(error)}; change its permissions, or name files"
            ) from error
        if left_out is not None:
            left_out += (_no_file(one) for one in named if one not in set(inside))
        kinds = {one.suffix.lower() in SERIES for one in inside}
        if not inside or len(kinds) > 1:
            what = "both texts and numbers" if inside else f"no file that ends with {', '.join(ENDINGS)}"
            raise UserError(f"{visible(name)}: holds {what}; name the files")
        if len(inside) > MOST_FILES:
            raise UserError(f"{visible(name)}: holds {len(inside)} files; {MOST_FILES} is the most")
        yield from map(str, inside)


def _no_file(path: Path) -> str:
    """Say what a name in a folder is that is no file."""
    is_link = path.is_symlink() and not path.exists()
    what = "is a link to what is not there" if is_link else "is no file"
    return f"{visible(str(path))}: {what}; it is left out"


def _under(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder and in those below; links to folders are not followed.

    Raises:
        OSError: A folder cannot be read: what it holds would be left out, and nobody told.
    """

    def refuse(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(place, one) for one in names)


def open_files(options: Namespace, given: Sequence[str]) -> OpenedFiles:
    """Open files, and those of folders; what should be known of the network is said once.

    A file of a folder that cannot be read is left out, and said; one that was named is refused.

    Raises:
        UserError: As `files_of` and `source_of`; or none of them can be read.
    """
    said, left_out = set[str](), list[str]()
    files, sources, failed = list[str](), list[Source](), list[tuple[str, UserError]]()
    for file in files_of(given, left_out):
        try:
            sources.append(source_of(_with_file(options, file), said))
        except UserError as error:
            if file in given:
                raise
            failed.append((file, error))
            continue
        files.append(file)
    if failed and not sources:
        raise failed[0][1]  # the network, or all of them
    left_out += (told_of(*one) for one in failed)
    for text in left_out:
        say(text)
    return OpenedFiles(files, sources, left_out)


def told_of(file: str, error: UserError) -> str:
    """Return what is said of a file that cannot be read."""
    text, name = str(error), visible(file)
    return f"{text if name in text else f'{name}: {text}'}; it is left out"


def _with_file(options: Namespace, file: str) -> Namespace:
    one = copy(options)
    one.file = file
    return one


class InputPart(NamedTuple):
    """Some lines of one file.

    Attributes:
        file: Number of the file, from 0.
        start: The first line, from 0.
        stop: The line behind the last.
    """

    file: int
    start: int
    stop: int


class NotDone(NamedTuple):
    """What became of a part that could not be done.

    Attributes:
        text: Why.
        is_usage: Whether it is an option that means nothing there.
    """

    text: str
    is_usage: bool = False


Work = Callable[[Source, range, Namespace], Any]
"""What is done with some lines of a file; returns texts, numbers, arrays, and lists and mappings of them."""


def lengths_of(source: Source) -> list[int]:
    """Return how many steps each line of a file has."""
    return [len(one) for one in source.sequences]


def parts_of(
    sources: Sequence[Source], line: int | None = None, lengths: Sequence[Sequence[int]] | None = None
) -> list[InputPart]:
    """Return the parts of some files; states that go on from line to line keep a file whole.

    Args:
        sources: What is read.
        line: Where only the line that was asked for is read: not None.
        lengths: Those of every line of each file, where they are known.
    """
    parts = []
    for file, source in enumerate(sources):
        if line is not None:
            parts.append(InputPart(file, source.line, source.line + 1))
            continue
        start = steps = 0
        for n, count in enumerate(lengths_of(source) if lengths is None else lengths[file]):
            full = n - start >= PART_LINES or steps + count > PART_STEPS
            if n > start and full and not source.carry:
                parts.append(InputPart(file, start, n))
                start, steps = n, 0
            steps += count
        if source.count > start:
            parts.append(InputPart(file, start, source.count))
    return parts


def runs_in(source: Source, lines: range) -> Iterator[tuple[int, Trace]]:
    """Yield the run of each of some lines with its number, those of like length together."""
    if source.carry or source.captured:
        yield from zip(lines, source.run_lines(lines), strict=True)
        return
    held = source.sequences[lines.start : lines.stop]  # each is read once
    order = sorted(range(len(held)), key=lambda n: len(held[n]))
    runs = replace(source, sequences=held, line=0, line_numbers=()).run_lines(order)
    yield from ((lines.start + n, trace) for n, trace in zip(order, runs, strict=True))


class ManyInputs:
    """The parts of some files, done by this process, by several or by a cluster.

    Attributes:
        sources: What is read.
        parts: In their order.
        lines: How many lines there are.
        steps: How many steps they have.
        done: How many of them are done.
        left_out: What was said of each file of a folder that could not be read, or run.
    """

    def __init__(self, options: Namespace, given: Sequence[str], sources: Sequence[Source] | None = None) -> None:
        """Open the files.

        Raises:
            UserError: As `open_files`.
        """
        opened = OpenedFiles(list(given), list(sources), []) if sources is not None else open_files(options, given)
        self.files, found, self.left_out = opened
        self._named = frozenset(given)
        lengths = None if options.line is not None else [lengths_of(source) for source in found]
        self.parts = parts_of(found, options.line, lengths)
        self.steps = sum(map(sum, lengths or ([len(source.sequences[source.line])] for source in found)))
        self.options = copy(options)
        if options.interpreter is None and len(self.parts) + self.parts[0].stop - self.parts[0].start > 2:
            passes = len(needed(found[0].network).passes)  # one for all parts, whoever does them
            self.options.interpreter = chosen(None, self.steps, passes)
            found = [replace(source, interpreter=self.options.interpreter) for source in found]
        self.sources = found
        self.lines = sum(part.stop - part.start for part in self.parts)
        self.done = 0
        self._refused = 0  # parts that were, for an option that means nothing there

    @property
    def code(self) -> int:
        """The exit code: 1 where a file of a folder was left out; 2 where all were, since an option means nothing."""
        if self.parts and self._refused == len(self.parts):
            return USAGE
        return 1 if self.left_out else 0

    @property
    def told(self) -> dict[str, Any]:
        """What JSON says of files that were left out; nothing where none were."""
        return {"left_out": self.left_out} if self.left_out else {}

    @property
    def stopped_words(self) -> str:
        """Say what of the work was done when it was stopped."""
        kept = self.options.resume
        again = f"; the same line with --resume {kept} goes on from there" if kept else "; --resume FILE would keep it"
        return f"stopped after {self.done} of {count_of(self.lines, 'line')}: what follows is of those{again}"

    def answers(self, work: Work, asked: str, bar: Bar) -> Iterator[tuple[InputPart, Any]]:
        """Yield each part with what it came to, in their order.

        Args:
            work: What is done with each; a function of a module, so that another process can find it.
            asked: The question, in words that differ where it does.
            bar: Told how many lines are done.

        Raises:
            UserError: A line does not fit, or a file of what is done is of other work.
        """
        with ExitStack() as stack:
            kept = self.options.resume and stack.enter_context(ProgressFile(self.options.resume, self._digest(asked)))
            known = {} if not kept else {n: one for n, one in kept.done.items() if n < len(self.parts)}
            left = [n for n in range(len(self.parts)) if n not in known]
            fresh = self._fresh(work, left, stack)
            bar(0, self.lines)
            bar.count_from(sum(self.parts[n].stop - self.parts[n].start for n in known))
            for n, part in enumerate(self.parts):
                if n in known:
                    value = known[n]
                else:
                    value = next(fresh)
                    if kept and not isinstance(value, NotDone):
                        kept.add(n, value)
                self.done += part.stop - part.start
                bar(self.done, self.lines)
                if isinstance(value, NotDone):
                    self._leave_out(part, value)
                else:
                    yield part, value

    def _leave_out(self, part: InputPart, why: NotDone) -> None:
        """Say that some lines of a file of a folder are left out.

        Raises:
            UserError: The file was named.
        """
        file = self.files[part.file]
        if file in self._named:
            raise (UsageError if why.is_usage else UserError)(why.text)
        lines = f"lines {part.start + 1} to {part.stop}: " if part.stop - part.start > 1 else ""
        self._refused += why.is_usage
        text = told_of(file, UserError(lines + why.text))
        self.left_out.append(text)
        say(text)

    def _digest(self, asked: str) -> str:
        """Return a digest of the question, the network and the files."""
        made = hashlib.sha256(repr((asked, self.parts)).encode("utf-8", "surrogatepass"))
        network = needed(self.sources[0].network)
        for name, view in sorted(network.tensors().items()):
            made.update(name.encode("utf-8", "surrogatepass"))
            made.update(np.ascontiguousarray(view).tobytes())
        options = {name: value for name, value in vars(self.options).items() if name not in _NOT_ASKED}
        made.update(repr(sorted(options.items())).encode("utf-8", "surrogatepass"))
        for file in self.files:
            made.update(repr((file, _state_of(file))).encode("utf-8", "surrogatepass"))
        return made.hexdigest()

    def _fresh(self, work: Work, left: Sequence[int], stack: ExitStack) -> Iterator[Any]:
        """Return what comes of the parts that are left, in their order."""
        handed = [self.parts[n] for n in left]
        if self.options.scheduler is not None:
            from lstm_tui.cli.scheduler import by_cluster

            self._refuse_stream("--scheduler")
            numbered = [(part.file, part) for part in handed]
            answer = partial(answer_part, work)
            return by_cluster(self.options.scheduler, answer, self.options, self.files, numbered, stack)
        jobs = self._jobs(len(handed))
        if jobs > 1:
            return _by_processes(jobs, work, self.options, self.files, handed, stack)
        return (
            done_or_not(
                work, self.sources[one.file], range(one.start, one.stop),
                _with_file(self.options, self.files[one.file]),
            )
            for one in handed
        )  # fmt: skip

    def is_shared(self, least: float) -> bool:
        """Say whether others than this process do the work; unless it is asked for, where there is so much of it.

        Args:
            least: Products of numbers, a step's parameters times the steps.
        """
        if self.options.scheduler is not None:
            return True
        network = needed(self.sources[0].network)
        each = sum(array.size for name, array in network.tensors().items() if name != "embedding")
        return (self.options.jobs is not None or self.steps * each >= least) and self._jobs(len(self.parts)) > 1

    def _refuse_stream(self, option: str) -> None:
        if STANDARD_INPUT in self.files:
            raise UserError(f"standard input is read once, by one process: leave {option} out, or give a file")

    def _jobs(self, parts: int) -> int:
        asked = self.options.jobs
        if asked is not None and asked > 1:
            self._refuse_stream("--jobs")
            return int(min(asked, parts))
        if asked == 1 or STANDARD_INPUT in self.files or parts < 2:
            return 1
        return min(usable_cores(), parts) if self.steps >= _WORTH else 1


_NOT_ASKED = frozenset({
    "resume", "opened", "scheduler", "jobs", "debug", "json", "junit", "given", "bare", "file", "files", "output",
})  # fmt: skip
"""Options that change nothing of what a part comes to."""


def _by_processes(
    jobs: int, work: Work, options: Namespace, files: Sequence[str], parts: Sequence[InputPart], stack: ExitStack
) -> Iterator[Any]:
    """Yield what comes of each part, done by processes that begin anew, some parts ahead of what is asked for.

    Where one of them is killed, others begin, and what was not done is handed out again.
    """
    pool, broken = _pool(jobs, stack), 0
    taken: list[InputPart] = []
    handed_out: list[Future[Any]] = []  # of those that are taken; a pool may break before all are
    each = iter(parts)
    while True:
        taken += islice(each, jobs * _AHEAD - len(taken))
        if not taken:
            return
        try:
            handed_out += [_submitted(pool, work, options, files, part) for part in taken[len(handed_out) :]]
            value = handed_out[0].result()
        except BrokenProcessPool as error:
            broken += 1
            if broken > _MOST_BROKEN:
                raise UserError("processes that work are killed again and again; --jobs 1 does without them") from error
            pool, handed_out = _pool(jobs, stack), []
            continue
        del taken[0], handed_out[0]
        yield value


def _pool(jobs: int, stack: ExitStack) -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin_worker)
    stack.callback(_end, pool, frozenset(one.pid for one in active_children()))
    return pool


def _submitted(
    pool: ProcessPoolExecutor, work: Work, options: Namespace, files: Sequence[str], part: InputPart
) -> Future[Any]:
    """Hand out a part; a process that begins for it does not run the program that is `__main__` here once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        return pool.submit(answer_part, work, options, files[part.file], part)
    finally:
        sys.modules["__main__"] = main


def _end(pool: ProcessPoolExecutor, before: frozenset[int | None]) -> None:
    """Have nothing more done; a part that is being done is given up."""
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in active_children():
        if worker.pid not in before:
            worker.terminate()


def _begin_worker() -> None:
    """Leave Ctrl-C to the process that handed the work out, and end when that has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            wait([parent.sentinel])
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=watch, daemon=True).start()


def _state_of(file: str) -> tuple[int, int] | None:
    """Return what tells a file from what it was; None of what is no file, such as a bundled sample."""
    if not Path(file).is_file():
        return None
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _opened(digest: str, options: _Hashed) -> Source:
    return source_of(options.options, set(), aloud=False)


class _Hashed:
    """Options that are alike where their digest is."""

    def __init__(self, options: Namespace) -> None:
        self.options = options

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed)


def answer_part(work: Work, options: Namespace, file: str, part: InputPart) -> Any:
    """Return what comes of a part, in a process that has opened nothing yet; its file is kept open for the next.

    Raises:
        UserError: As when it is done here.
    """
    from lstm_tui.engine.arrays import quiet

    mine = _with_file(options, file)
    digest = repr((file, _state_of(file), sorted(vars(mine).items(), key=str)))
    try:
        with quiet():
            return done_or_not(work, _opened(digest, _Hashed(mine)), range(part.start, part.stop), mine)
    except ExpressionError:
        raise
    except UserError as error:  # as what travels
        raise UserError(str(error)) from None


def done_or_not(work: Work, source: Source, lines: range, options: Namespace) -> Any:
    """Return what comes of some lines, or why nothing does.

    Raises:
        ExpressionError: What is asked is wrong, of whatever lines.
    """
    try:
        return work(source, lines, options)
    except ExpressionError:
        raise
    except UserError as error:
        return NotDone(str(error), isinstance(error, UsageError))
