"""Makes every n-th call of the system fail, and looks at what is left: the old file or the new one, and why it says.

Each case is a forked child that runs the real command with one call (open, write, fsync, replace, …) failing once, or
from then on, where it concerns a file of the folder given. A promise is broken by half a file, a traceback, a file
that is left beside another, a message with another cause, or work that stopped where the file only made it nicer.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import io
import json
import os
import pkgutil
import random
import re
import select
import shutil
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import lstm_tui

from .harness import Clock, Tally

PROMISE = 4
TRIES = "the n-th open, write, read, fsync … of every command that writes, failing once or from then on"
CALLS = ("open", "write", "read", "fsync", "replace", "chmod", "unlink", "mkdir", "stat")
CAUSES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EMFILE)
SMALL = ("--cell", "lstm", "--hidden", "3", "--interpreter", "numpy")
NICER = ("state", "cache")
"""Folders of what only makes it nicer or faster."""
_SECONDS = 60.0
_MOST = 40


@dataclass(frozen=True)
class Work:
    """A command that writes files.

    Attributes:
        words: Its arguments.
        typed: What stands on its standard input.
        target: The file it makes, in the place of an old one; empty where it makes none.
    """

    words: tuple[str, ...]
    typed: str = ""
    target: str = ""


SCRIPT = "remove 0\nbreak token == 1\nprint 1\nundo\nprint 2\n"
WORKS = {
    "trace to json": Work(("trace", "t.txt", *SMALL, "-o", "o.json"), target="o.json"),
    "trace to npz": Work(("trace", "t.txt", *SMALL, "-o", "o.npz"), target="o.npz"),
    "report": Work(("report", "t.txt", *SMALL, "-o", "o.html"), target="o.html"),
    "worksheet": Work(("worksheet", "t.txt", *SMALL, "-o", "o.html"), target="o.html"),
    "figure": Work(("figure", "t.txt", *SMALL, "-o", "o.svg"), target="o.svg"),
    "convert": Work(("convert", "sentiment", "-o", "o.safetensors"), target="o.safetensors"),
    "print > FILE": Work(("run", "t.txt", *SMALL, "--plain"), "print 1 > o.txt over\n", "o.txt"),
    "print >> FILE": Work(("run", "t.txt", *SMALL, "--plain"), "print 1 >> o.txt\n", "o.txt"),
    "save-session": Work(("run", "t.txt", *SMALL, "--plain"), "remove 0\nsave-session o.ltui over\n", "o.ltui"),
    "save-edits": Work(("run", "t.txt", *SMALL, "--plain"), "remove 0\nsave-edits o.txt over\n", "o.txt"),
    "save-model": Work(("run", "t.txt", *SMALL, "--plain"), "save-model o.safetensors over\n", "o.safetensors"),
    "convert --into": Work(("convert", "tiny", "--into", "o.safetensors", "--over"), target="o.safetensors"),
    "journal and history": Work(("run", "t.txt", *SMALL, "--plain"), SCRIPT),
}


class Fault:
    """One call that fails, the n-th that concerns a folder."""

    def __init__(self, call: str, number: int, cause: int, folder: str, lasting: bool) -> None:
        self.call, self.left, self.cause, self.folder, self.lasting = call, number, cause, folder, lasting
        self.happened = ""

    def strike(self, what: object) -> None:
        """Fail, where it is this call's turn.

        Raises:
            OSError: It is.
        """
        try:
            where = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.fsdecode(what)  # type: ignore[arg-type]
        except (OSError, TypeError):
            return
        if not _REAL.path.abspath(where).startswith(self.folder) or (where.endswith(".txt") and "o.txt" not in where):
            return
        self.left -= 1
        if self.left == 0 or (self.left < 0 and self.lasting):
            self.happened = self.happened or where
            raise OSError(self.cause, os.strerror(self.cause), where if isinstance(what, str) else None)


class _REAL:
    path = os.path
    open, fsync, replace = os.open, os.fsync, os.replace


def install(fault: Fault) -> None:
    """Have this process suffer a fault."""

    def failing(module: Any, name: str) -> None:
        real = getattr(module, name)

        def call(what: Any, *others: Any, **named: Any) -> Any:
            fault.strike(what)
            return real(what, *others, **named)

        setattr(module, name, call)

    if fault.call in ("write", "read"):

        class File(io.FileIO):
            """A file of which a piece cannot be written or read."""

            def write(self, data: Any) -> int:
                if fault.call == "write":
                    fault.strike(self.fileno())
                return super().write(data)

            def readinto(self, buffer: Any) -> int | None:
                if fault.call == "read":
                    fault.strike(self.fileno())
                return super().readinto(buffer)

            def readall(self) -> bytes:
                if fault.call == "read":
                    fault.strike(self.fileno())
                return super().readall()

        real_open = builtins.open

        def opened(file: Any, mode: str = "r", *others: Any, **named: Any) -> Any:
            if "b" not in mode or "+" in mode or others:
                return real_open(file, mode, *others, **named)
            raw = File(file, mode.replace("b", ""), closefd=named.get("closefd", True))
            return io.BufferedReader(raw) if "r" in mode else io.BufferedWriter(raw)

        builtins.open = io.open = opened
    elif fault.call == "open":
        failing(os, "open")
        failing(builtins, "open")
        io.open = builtins.open
    else:
        failing(os, fault.call)


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Try faults at random until the time is over."""
    tally = Tally()
    struck: Counter[bool] = Counter()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        rounds = [(work, call) for work in WORKS for call in CALLS]
        while clock or not tally.inputs:
            for work, call in rng.sample(rounds, len(rounds)):
                number = 0
                happened = "the first"
                while happened and (clock or not tally.inputs) and number < _MOST:  # every n-th, until there is none
                    number += 1
                    case = Case(work, call, number, rng.choice(CAUSES), rng.random() < 0.3)
                    happened, wrong = bench.tried(case)
                    struck[bool(happened)] += 1
                    tally.tried[f"{work}, {call}"] += 1
                    if wrong:
                        tally.found(f"{work}, {call}", wrong, json.dumps(astuple(case)))
    tally.figures["calls that failed"] = str(struck[True])
    return tally


def again(case: str) -> str:
    """Try one fault again."""
    with tempfile.TemporaryDirectory() as name:
        return Bench(Path(name)).tried(Case(*json.loads(case)))[1]


def _import_all() -> None:
    """Import what the commands use, once for all children; neither the screen nor Numba, which none of them needs."""
    for module in pkgutil.walk_packages(lstm_tui.__path__, "lstm_tui."):
        if not re.match(r"lstm_tui\.(tui|serving|engine\.kernels$|formats\.tokenizer_child|__main__)", module.name):
            importlib.import_module(module.name)


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        work: The name of the command.
        call: Which fails.
        number: Which of those that concern the folder, from 1.
        cause: The number of the error.
        lasting: Whether all later ones fail too.
    """

    work: str
    call: str
    number: int
    cause: int
    lasting: bool


class Bench:
    """A folder where commands run, and what each writes when nothing fails."""

    def __init__(self, folder: Path) -> None:
        _import_all()
        self.folder = folder
        self.whole = {name: self._undisturbed(work) for name, work in WORKS.items()}

    def _undisturbed(self, work: Work) -> bytes:
        place = self._place()
        _child(place, work, None)
        return (place / work.target).read_bytes() if work.target else b""

    def _place(self) -> Path:
        place = self.folder / "here"
        shutil.rmtree(place, ignore_errors=True)
        (place / "state").mkdir(parents=True)
        (place / "t.txt").write_text("the movie was not bad\n")
        return place

    def tried(self, case: Case) -> tuple[str, str]:
        """Run a command with one fault; return where it struck, and what was wrong with what came of it."""
        place, todo, whole = self._place(), WORKS[case.work], self.whole[case.work]
        old = b"old\n"
        if todo.target:
            (place / todo.target).write_bytes(old)
            whole = old + whole.removeprefix(old) if ">>" in case.work else whole
        fault = Fault(case.call, case.number, case.cause, str(place), case.lasting)
        code, said = _child(place, todo, fault)
        happened = (place / "happened").read_text() if (place / "happened").exists() else ""
        return happened, "; ".join(_wrong(place, todo, code, said, happened, case.cause, old, whole))


def _wrong(
    place: Path, work: Work, code: int, said: str, happened: str, cause: int, old: bytes, whole: bytes
) -> list[str]:
    wrong = []
    if code not in (0, 1):
        wrong.append(f"exit code {code}")
    if "Traceback" in said or "Exception ignored" in said:
        wrong.append("a traceback: " + said.strip().splitlines()[-1])
    if "standard output" in said:
        wrong.append("it blames standard output")
    if work.target:
        found = (place / work.target).read_bytes() if (place / work.target).exists() else b""
        if found not in (old, whole) and not _alike(found, whole):
            wrong.append(f"half a file: {len(found)} of {len(whole)} bytes")
    left = [path.name for path in place.rglob("*.part")]
    if left and not happened.endswith(".part"):
        wrong.append(f"left behind: {left[0]}")
    failed = code == 1 or "cannot be" in said
    if happened and not failed and work.target and (place / work.target).read_bytes() == old:
        wrong.append("nothing was written, and nothing said")
    if happened and any(f"{place}/{folder}" in happened for folder in NICER) and code != 0:
        wrong.append(f"it stops for want of {Path(happened).name}")
    if happened and failed and os.strerror(cause).lower() not in said.lower():
        wrong.append(f"the cause is {os.strerror(cause).lower()}, and it says: {said.strip()[-200:]}")
    return wrong


def _alike(found: bytes, whole: bytes) -> bool:
    """Say whether two files differ in nothing but what changes from run to run, such as times."""
    return len(found) == len(whole) or re.sub(rb"\d+", b"", found) == re.sub(rb"\d+", b"", whole)


def _child(place: Path, work: Work, fault: Fault | None) -> tuple[int, str]:
    """Run the real command in a forked child; return its exit code and what it said."""
    said, typed = place.parent / "said", place.parent / "typed"
    typed.write_text(work.typed)
    process = os.fork()
    if not process:
        code = 70
        try:
            code = _command(place, work, fault, said, typed)
        finally:
            os._exit(code)
    descriptor = os.pidfd_open(process)
    ended = bool(select.select([descriptor], [], [], _SECONDS)[0])
    os.close(descriptor)
    if not ended:
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    return (os.waitstatus_to_exitcode(status), said.read_text(errors="replace")) if ended else (-1, "it hangs")


def _command(place: Path, work: Work, fault: Fault | None, said: Path, typed: Path) -> int:
    os.chdir(place)
    os.environ |= {"XDG_STATE_HOME": str(place / "state"), "NUMBA_CACHE_DIR": str(place / "cache")}
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    keys = os.open(typed, os.O_RDONLY)
    for number, descriptor in enumerate((keys, out, out)):
        os.dup2(descriptor, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    import lstm_tui.cli.plain
    from lstm_tui.cli import main

    if not work.target:  # the journal and the history are kept for whoever types on a terminal
        sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
        lstm_tui.cli.plain._typed = lambda options, console: iter(work.typed.splitlines())
    code = 70
    if fault is not None:
        install(fault)
    try:
        code = main(list(work.words))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    if fault is not None:
        fault.left, fault.lasting = 1 << 30, False
        (place / "happened").write_text(fault.happened)
    return code
