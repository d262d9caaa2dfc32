"""The real `main` in forked children, under limits, with all that it says and writes looked at."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import resource
import select
import shutil
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_tui.cli.main import FAULT, main

SECONDS, BYTES = 10, 2 << 30
CODES = (0, 1, 2, 3, 130)
KEPT = 200
"""Megabytes that commands in one child may leave in use, before the next has a fresh one."""
FRESH = 75
"""How a child ends that leaves the rest to another."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Given:
    """A command, and what it is given.

    Attributes:
        arguments: Of the command.
        name: Of the file to be written before it runs, where there are data.
        data: The bytes of that file.
        script: Name and text of a script to be written before it runs.
        written: Names that it may write, beside those that any may.
    """

    arguments: tuple[str, ...]
    name: str = ""
    data: bytes | None = None
    script: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        broken: Which promise it broke; empty when it kept all.
        seen: What it said on standard error, or what is wrong.
        seconds: It took of the processor.
        megabytes: It held at most, what it shares with its parent included.
        code: The exit code.
    """

    broken: str
    seen: str
    seconds: float
    megabytes: float
    code: int


class Room:
    """A folder of seeds, and children that run commands in it.

    A child runs one command after another, as long as nothing is wrong with any: what they share, such as imports, is
    what `main` is promised to leave as it was. Each finds the folder as it was made, and is judged by itself.
    """

    def __init__(self, folder: Path, written: frozenset[str]) -> None:
        """Take a folder as it is.

        Args:
            folder: What a command writes there is looked at and taken away.
            written: Names that any command may write.
        """
        self.folder, self.written = folder.resolve(), written
        self.pristine = folder.parent / "pristine"
        shutil.copytree(folder, self.pristine, dirs_exist_ok=True)
        self._listing = _listing(folder)

    def run(self, todo: Sequence[Given]) -> Iterator[Ended]:
        """Run commands in one child, or in more where one ends early; yield how each has ended."""
        done = 0
        while done < len(todo):
            ended = 0
            for one in self._some(todo[done:]):
                ended += 1
                yield one
            done += ended

    def _some(self, todo: Sequence[Given]) -> Iterator[Ended]:
        """Run commands in one child until it ends; at least one, and how the last was ended where it could not say."""
        reads, writes = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(reads)
            _be_child(self, todo, writes)
        os.close(writes)
        with contextlib.suppress(OSError):  # the child does so, too; whichever is first
            os.setpgid(child, child)
        number, late, status, usage = 0, False, 0, resource.getrusage(resource.RUSAGE_SELF)
        try:
            with open(reads, "rb", buffering=0) as answers:
                while number < len(todo):
                    if not select.select([answers], [], [], 4 * SECONDS)[0]:  # on the wall; others share the processor
                        late = True
                        break
                    if (ended := _read(answers)) is None:
                        break
                    number += 1
                    yield ended
            if number < len(todo) and not late:
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has closed its end, and is about to be gone
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if number < len(todo) and (late or code != FRESH):
            said = (self.folder.parent / "err").read_bytes().decode("utf-8", "replace")
            broken = f"took more than {SECONDS} s" if late or code == -signal.SIGXCPU else f"ended with {code}"
            self._restore()
            yield Ended(broken, said[-600:], usage.ru_utime, usage.ru_maxrss / 1024, code)

    def one(self, given: Given) -> Ended:
        """Run one command in this process."""
        folder, before = self.folder, self._listing
        if given.data is not None:
            (folder / given.name).write_bytes(given.data)
        if given.script:
            (folder / given.script[0]).write_text(given.script[1], errors="surrogateescape")
        changed = {*([] if given.data is None else [given.name]), *given.script[:1]}
        at_start = _processor()
        _peak_from_now()
        code = _command(list(given.arguments), folder)
        seconds, megabytes = _processor() - at_start, _peak()
        said = (folder.parent / "err").read_bytes().decode("utf-8", "replace")
        printed = (folder.parent / "out").read_bytes()[: 1 << 20].decode("utf-8", "replace")
        # a line of a script, an expression or a lesson stands over or under what is said of it
        scripted = given.arguments[0] in ("check", "tour") or "-x" in given.arguments
        broken = _judged(code, printed, said, seconds > SECONDS, megabytes, scripted)
        after = _listing(folder)
        may = self.written | given.written | {"state"}
        differ = [name for name in {*after, *before} if after.get(name) != before.get(name) and name not in changed]
        elsewhere = sorted(name for name in differ if name.split("/")[0] not in may)
        self._restore([*differ, *changed], after)
        if elsewhere and not broken:
            broken, said = "wrote elsewhere", ", ".join(elsewhere[:3])
        return Ended(broken, (said or printed)[-600:], seconds, megabytes, code)

    def _restore(self, names: Iterable[str] | None = None, after: dict[str, tuple[int, int]] | None = None) -> None:
        """Make the folder what it was."""
        after = _listing(self.folder) if after is None else after
        for name in {*after, *self._listing} if names is None else names:
            file = self.folder / name
            assert file.parent.resolve().is_relative_to(self.folder), f"{file} is no file of the room"
            if name in self._listing:
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.pristine / name, file)
            else:
                file.unlink(missing_ok=True)


def _be_child(room: Room, todo: Sequence[Given], answers: int) -> None:
    """Be the child; never returns."""
    code = 70
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + BYTES,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(room.folder)
        home, state = str(room.folder), str(room.folder / "state")
        os.environ.update(HOME=home, XDG_STATE_HOME=state, XDG_CACHE_HOME=state)
        at_start = _held()
        for given in todo:
            resource.setrlimit(resource.RLIMIT_CPU, (int(_processor()) + SECONDS + 2, resource.RLIM_INFINITY))
            ended = room.one(given)
            told = pickle.dumps(ended)
            os.write(answers, len(told).to_bytes(4, "little") + told)  # less than a pipe takes at once
            if ended.broken or _held() > at_start + KEPT:
                break
        code = FRESH
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _command(arguments: list[str], folder: Path) -> int:
    """Run the command with streams of its own, and return its exit code."""
    made = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    places = ((Path(os.devnull), os.O_RDONLY), (folder.parent / "out", made), (folder.parent / "err", made))
    for number, (path, flags) in enumerate(places):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the command
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    code = 70
    try:
        code = main(arguments)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _read(answers: io.FileIO) -> Ended | None:
    """Return what a child has told of a command, or None where it has told all."""
    size = answers.read(4)
    if not size:
        return None
    ended: Ended = pickle.loads(answers.read(int.from_bytes(size, "little")))  # written by our own child
    return ended


def _processor() -> float:
    """Return seconds of the processor that this process and its children took."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _held() -> float:
    """Return megabytes that this process holds, what it shares included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _peak_from_now() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    """Return megabytes that this process held at most since `_peak_from_now`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _judged(code: int, printed: str, said: str, late: bool, megabytes: float, scripted: bool) -> str:
    """Return which promise is broken, empty where none is."""
    if late:
        return f"took more than {SECONDS} s"
    if code not in CODES:
        return f"ended with {code}"
    if megabytes > BYTES / (1 << 20):
        return "took more than 2 GB"
    if "Traceback" in said or "panicked" in said:
        return "a traceback"
    if FAULT in said or FAULT in printed:
        return "an exception that nothing foresaw"
    if _CONTROL.search(printed) or _CONTROL.search(said):
        return "a control character"
    lines = said.splitlines()
    if "Warning" in said or (not scripted and any(not line.startswith("lstm-tui") for line in lines)):
        return "a line that is not ours"
    return "no line says why" if code in (1, 2) and not (lines or printed) else ""


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every plain file below a folder."""
    found: dict[str, tuple[int, int]] = {}
    todo = [str(folder)]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for one in entries:
                if one.is_dir(follow_symlinks=False):
                    todo.append(one.path)
                elif one.is_file(follow_symlinks=False):
                    status = one.stat()
                    found[os.path.relpath(one.path, folder)] = (status.st_size, status.st_mtime_ns)
    return found
