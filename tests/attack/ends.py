"""Ends the program in every way that is not `quit`, in every state it can be in, and looks at what is left.

A promise is broken when the exit code is another than 128 + signal, the process is there after two seconds, the
terminal is not as it was, a file is left half written, or more than a second of what was typed is not in the journal.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import pkgutil
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import pyte

import lstm_tui
from lstm_tui.cli.main import main
from lstm_tui.debugger.endings import SIGNALS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.blas import prefer_one_thread
from lstm_tui.formats.importers.native import load
from lstm_tui.formats.importers.torch.resume import load_checkpoint
from lstm_tui.tui.commands import COMMANDS

from .harness import Clock, Tally, busy

ROOT = Path(__file__).parents[2]
PROMISE = 3
TRIES = "every signal, `kill -9` and closed terminal or pipe, in every state and behind every key"
GONE, LOST, PATIENCE = 2.0, 1.0, 60.0  # seconds
SMALL = ("--cell", "lstm", "--hidden", "4")
SIZE = (80, 24)
LARGE = ("--cell", "lstm", "--hidden", "200")
EDITS = 3
_WARM = 0.8  # of the runs that are ended after their start have all imported when they begin
_SWITCHES = {b"1049": b"l", b"25": b"h", b"1000": b"l", b"1003": b"l", b"2004": b"l", b"1004": b"l", b"7": b"h"}
"""Private modes of a terminal, and how each is to stand at the end."""
_BY_ITSELF = (0, 1, 3)
"""Exit codes of what was done, or could not be, before anything ended it."""
_LAST = 0.1
"""Seconds that a command whose work is done may take to be gone."""
_MARK = b"\x00the end\x00"


@dataclass(frozen=True)
class State:
    """What the program is doing when it is ended.

    Attributes:
        words: The arguments.
        ready: Words on its output that say it is there; empty: it is ended `delay` seconds after it was started.
        keys: Typed then.
        edits: How an edit is typed, `{}` its number; empty when nothing is edited.
        cold: Whether Numba has to compile anew.
        screen: Whether it draws on a terminal; else its streams are pipes.
        talks: Whether SIGINT is an interruption and no end.
    """

    words: tuple[str, ...]
    ready: bytes = b""
    keys: bytes = b""
    edits: bytes = b""
    cold: bool = False
    screen: bool = True
    talks: bool = False


def states() -> dict[str, State]:
    """Return every state by name: the views are those of the table of keys."""
    run = ("run", "t.txt", *SMALL)
    edit = b":remove 0\r"
    found = {
        "start-up": State(run),
        "first frame": State(run, b"layer0.forward", edits=edit),
        "in a prompt": State(run, b"layer0.forward", b":print c", edit),
        "numba compiles": State((*run, "--line", "1"), b"layer0.forward", edits=edit, cold=True),
        "a long run computes": State(("run", "long.txt", "--cell", "lstm", "--hidden", "256"), b"\x1b[?1049h"),
        "compare": State(("compare", "t.txt", "--line", "1", "--edits", "e.txt"), b"\x1b[?1049h"),
        "plain": State((*run, "--plain"), b"(ltui) ", edits=b"remove 0\n", talks=True),
        "plain, compiling": State((*run, "--plain", "--interpreter", "numba"), b"", cold=True),
        "plain, piped": State((*run, "--plain"), b"lists the verbs", screen=False),
        "train": State(("train", "t.txt", "--epochs", "4000", "-o", "n.safetensors"), b"epoch   1", screen=False),
        "train, compiling": State(
            ("train", "t.txt", "--epochs", "4000", "-o", "n.safetensors"), b"", cold=True, screen=False
        ),
        "serve": State(("serve", "t.txt", *SMALL, "--port", "0"), b"http://", screen=False),
    }
    for command in COMMANDS:
        if command.action != "app.quit" and len(command.keys[0]) == 1:
            found[f"key {command.keys[0]}"] = State(run, b"layer0.forward", command.keys[0].encode(), edit)
    return found | {f"command {name}": state for name, state in commands().items()}


def commands() -> dict[str, State]:
    """Return of every sub-command what keeps it busy: long inputs, cold kernels, a pipe to which nobody writes."""
    model = "pipe.safetensors"
    return {
        "run": State(("run", "lines.txt", "--carry", "--line", "4000"), b"\x1b[?1049h"),
        "check": State(("check", "lines.txt", "--assert", "max(c) < 9"), screen=False),
        "find": State(("find", "lines.txt", "--where", "c[0] > 0"), screen=False),
        "trace": State(("trace", "long.txt", *LARGE, "-o", "o.json"), screen=False),
        "open": State(("open", "pipe.json"), screen=False),
        "recover": State(("recover",)),
        "compare": State(("compare", "long.txt", "--edits", "e.txt", "--plain"), screen=False),
        "models": State(("models", model), screen=False),
        "cells": State(("cells", "check", "pipe.toml"), screen=False),
        "config": State(("config", "pipe.toml"), screen=False),
        "train": State(
            ("train", "t.txt", "--cells", "lstm,gru", "--seeds", "9", "--epochs", "99", "-o", "n.safetensors"),
            screen=False,
        ),
        "inspect": State(("inspect", model), screen=False),
        "verify": State(("verify", model, "--reference", "pipe.npz"), screen=False),
        "stream": State(("stream", "pipe.npz", "--model", "tiny"), screen=False),
        "convert": State(("convert", model, "-o", "n.safetensors"), screen=False),
        "stats": State(("stats", "lines.txt", "--interpreter", "numba"), screen=False, cold=True),
        "reach": State(("reach", "long.txt", *LARGE), screen=False),
        "worksheet": State(("worksheet", "long.txt", *LARGE, "-o", "o.html"), screen=False),
        "report": State(("report", "long.txt", *LARGE, "-o", "o.html"), screen=False),
        "figure": State(("figure", "long.txt", *LARGE, "--steps", "0:50", "-o", "o.html"), screen=False),
        "tour": State(("tour", "--check"), screen=False),
        "serve": State(("serve", "long.txt", *LARGE, "--port", "0"), screen=False),
        "info": State(("info",), screen=False),
        "help": State(("help",), screen=False),
        "completion": State(("completion", "bash"), screen=False),
        "dap": State(("dap",), screen=False),
    }


class Forked:
    """The program in a child that finds all imported: a run that begins at once.

    It stands for what is tried after the start; what happens while Python starts takes a fresh process.
    """

    def __init__(
        self, streams: tuple[int, ...], prepare: Callable[[], None], words: list[str], folder: Path,
        environment: dict[str, str],
    ) -> None:  # fmt: skip
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            self._be_child(streams, prepare, words, folder, environment)

    def _be_child(
        self, streams: tuple[int, ...], prepare: Callable[[], None], words: list[str], folder: Path,
        environment: dict[str, str],
    ) -> None:  # fmt: skip
        code = 1
        try:
            os.setsid()
            weakref.finalize._registry.clear()  # type: ignore[attr-defined] # else it takes away our folders
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
            os.closerange(3, 256)
            prepare()
            os.chdir(folder)
            os.environ.clear()
            os.environ |= environment
            sys.argv = ["lstm-tui", *words[3:]]
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
            try:
                code = main()
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
            except BaseException:
                traceback.print_exc()
            threading._shutdown()  # type: ignore[attr-defined] # as Python does at its end
            atexit._run_exitfuncs()
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
        finally:
            os._exit(code)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> None:
        """Wait until it has ended."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Program:
    """One run of the program, in a terminal of its own or between pipes."""

    def __init__(self, state: State, folder: Path, warm: bool = False) -> None:
        self.state, self.raw = state, b""
        self.picture = pyte.Screen(*SIZE)
        self.stream = pyte.ByteStream(self.picture)
        environment = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        environment |= {
            "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
        }  # fmt: skip
        if state.cold:
            environment["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(dir=folder)
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *reversed(SIZE), 0, 0))
        self.before = termios.tcgetattr(self.slave)
        words = [sys.executable, "-m", "lstm_tui", *state.words]
        self.pipes: tuple[int, ...] = ()  # our ends: to its standard input, from its standard output
        theirs = (self.slave,) * 3
        if not state.screen:
            (reads, writes), (out, into) = os.pipe(), os.pipe()
            self.pipes, theirs = (writes, out), (reads, into, into)

        def prepare() -> None:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)  # a background shell has SIGINT ignored
            if state.screen:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        if warm:
            self.process: subprocess.Popen[bytes] | Forked = Forked(theirs, prepare, words, folder, environment)
        else:
            self.process = subprocess.Popen(
                words, stdin=theirs[0], stdout=theirs[1], stderr=theirs[2], cwd=folder, env=environment,
                start_new_session=True, preexec_fn=prepare,
            )  # fmt: skip
        for descriptor in set(theirs) - {self.slave}:
            os.close(descriptor)
        self.out = self.pipes[1] if self.pipes else self.master
        self.open: tuple[int, ...] = (self.slave, self.master, *self.pipes)
        self.began = time.monotonic()

    def read(self, seconds: float) -> bool:
        """Take in what it writes; return whether there was anything."""
        if self.out < 0 or not select.select([self.out], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.out, 1 << 16)
        except OSError:
            return False
        self.raw += piece
        if self.state.edits:
            self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*\$?[pqu]", b"", piece))  # pyte knows no such modes
        return bool(piece)

    def has_edits(self, number: int) -> bool:
        """Say whether it has answered to so many edits."""
        if "--plain" in self.state.words:
            return self.raw.count(b"(ltui) ") > number
        return f"◆ {number}" in self.picture.display[0]

    def until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Read until something holds; return whether it does."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                return False
            if not self.read(0.02):
                time.sleep(0.005)
        return True

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self.pipes[0] if self.pipes else self.master, keys)

    def ended(self) -> bool:
        """Say whether the process is gone."""
        return self.process.poll() is not None

    def close_terminal(self) -> None:
        """Take the terminal away, or the other ends of the pipes."""
        for descriptor in self.open:
            os.close(descriptor)
        self.open, self.out = (), -1

    def disorder(self) -> list[str]:
        """Return what of the terminal is not as it was."""
        wrong = ["its modes"] if termios.tcgetattr(self.slave) != self.before else []
        for mode, rest in _SWITCHES.items():
            last = re.findall(rb"\x1b\[\?" + mode + rb"([hl])", self.raw)
            if last and last[-1] != rest:
                wrong.append(f"?{mode.decode()}{last[-1].decode()}")
        return wrong

    def done(self) -> None:
        """Leave nothing behind."""
        if not self.ended():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.close_terminal()


@dataclass
class Figures:
    """The worst that was seen."""

    gone: float = 0.0
    lost: float = 0.0
    edits: int = 0
    ends: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One end.

    Attributes:
        state: Its name.
        end: Its name.
        delay: Seconds from the start, or from when it is there, to the end.
        pace: Seconds between edits.
        warm: Whether the program finds all imported.
    """

    state: str
    end: str
    delay: float = 0.5
    pace: float = 0.45
    warm: bool = False


def attack(rng: random.Random, clock: Clock) -> Tally:
    """End it at random, every state and every end in turn."""
    tally, figures = Tally(), Figures()
    _import_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _inputs(folder)
        for case in _cases(rng):
            if not clock and tally.inputs:
                break
            seen = try_case(case, folder, figures, clock if tally.inputs else None)
            tally.tried[f"{case.state}, {case.end}"] += 1
            if seen:
                tally.found(f"{case.state}, {case.end}", seen, json.dumps(astuple(case)))
    tally.figures |= {
        "seconds to be gone, at most": f"{figures.gone:.2f}",
        "seconds lost, at most": f"{figures.lost:.2f} of {figures.edits} edits",
    }
    return tally


def again(case: str) -> str:
    """Try one end again, in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        _inputs(Path(name))
        return try_case(replace(Case(*json.loads(case)), warm=False), Path(name), Figures())


def _import_all() -> None:
    """Import what the screen and the commands use, once for all children."""
    prefer_one_thread()
    for module in pkgutil.walk_packages(lstm_tui.__path__, "lstm_tui."):
        if not re.search(r"__main__|tokenizer_child|serving\.visitor", module.name):
            importlib.import_module(module.name)


def ends() -> tuple[str, ...]:
    """Return every end by name."""
    return (*(number.name for number in SIGNALS), "SIGKILL", "closed")


def _cases(rng: random.Random) -> Iterator[Case]:
    """Yield states and ends; every round has every state, and start-up before it is one of three."""
    found = states()
    while True:
        for state in rng.sample(list(found), len(found)):
            delay, pace = round(rng.uniform(0.0, 1.6), 2), rng.choice((0.02, 0.02, 0.45))
            warm = bool(found[state].ready) and not found[state].cold and rng.random() < _WARM
            yield Case(state, rng.choice(ends()), delay, pace, warm)
            if rng.random() < 0.3:
                yield Case("start-up", rng.choice(("closed", "SIGINT", "SIGTERM", "SIGHUP")), delay)


def _inputs(folder: Path) -> None:
    (folder / "t.txt").write_text("The movie was not bad at all .\nIt was good .\n")
    (folder / "long.txt").write_text("the movie was not bad " * 4000)
    (folder / "lines.txt").write_text("the movie was not bad\n" * 4000)
    (folder / "e.txt").write_text("remove 0\n")
    for ending in ("json", "toml", "npz", "safetensors"):
        os.mkfifo(folder / f"pipe.{ending}")


def try_end(state: State, end: str, delay: float, folder: Path, figures: Figures) -> str:
    """End a fresh program once; return what was wrong, or nothing."""
    return _end(state, Case("", end, delay), folder, figures, None)


def try_case(case: Case, folder: Path, figures: Figures, clock: Clock | None = None) -> str:
    """End the program once; return what was wrong, or nothing, also where the clock ends before it is there."""
    return _end(states()[case.state], case, folder, figures, clock)


def _end(state: State, case: Case, folder: Path, figures: Figures, clock: Clock | None) -> str:
    journals = folder / "state" / "lstm-tui" / "journal"
    for old in journals.glob("*"):
        old.unlink()
    there = set(folder.iterdir())
    program = Program(state, folder, case.warm)
    try:
        wrong = list(_tried(program, case, journals, figures, clock))
        if program.ended():
            wrong += [one for path in set(folder.iterdir()) - there if (one := _half(path, case.end))]
        return "; ".join(wrong)
    finally:
        program.done()
        for path in set(folder.iterdir()) - there - {folder / "state"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _half(path: Path, end: str) -> str:
    """Return what is wrong with a file that was left, if anything is."""
    if path.suffix == ".part":
        return f"{path.name} is left" if end != "SIGKILL" else ""
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>")
        elif path.suffix == ".safetensors":
            load(path)
        elif path.suffix == ".checkpoint":
            load_checkpoint(path)
        elif not path.is_dir():
            return f"{path.name} was not asked for"
    except (ValueError, AssertionError, UserError) as error:
        return f"{path.name} is not whole: {error}"
    return ""


def _tried(program: Program, case: Case, journals: Path, figures: Figures, clock: Clock | None) -> Iterator[str]:
    state, end, delay = program.state, case.end, case.delay

    def is_there() -> bool:
        return state.ready in program.raw or program.ended()

    if state.ready and not program.until(lambda: is_there() or not (clock is None or clock)):
        yield "it never came"
        return
    if state.ready and not is_there():
        return
    typed = _typed(program, case.pace) if state.edits else []
    if state.keys:
        program.send(state.keys)
    program.until(program.ended, delay)
    if program.ended():
        if program.process.returncode not in _BY_ITSELF:
            yield f"it ended by itself with {program.process.returncode}"
        return
    early = b"\x1b[?1049h" not in program.raw and not state.ready
    began, slow = time.monotonic(), busy()
    expected = _send(program, end, early)
    if expected is None:
        return
    most = GONE * max(slow, busy())  # on a machine that others use, too, it takes its turn
    program.until(program.ended, most + 3)
    seconds = time.monotonic() - began
    figures.gone = max(figures.gone, seconds)
    if not program.ended():
        yield f"it is still there after {seconds:.1f} s"
        return
    done = seconds < _LAST and not state.screen and not state.talks  # its work was done when it was told to end
    if program.process.returncode not in expected and not (done and program.process.returncode == 0):
        yield f"exit code {program.process.returncode}, not {' or '.join(map(str, expected))}"
    if seconds > most:
        yield f"gone after {seconds:.1f} s"
    if b"Traceback" in program.raw and not (early and b"lstm_tui" not in program.raw):  # else it is Python's own start
        yield f"a traceback: {program.raw[program.raw.rindex(b'Traceback') :].decode(errors='replace')[-700:]}"
    if end not in ("SIGKILL", "closed") and state.screen:
        os.write(program.slave, _MARK)  # what it wrote last is on its way as long as this is
        program.until(lambda: program.raw.endswith(_MARK))
        yield from (f"the terminal keeps {what}" for what in program.disorder())
    if typed:
        kept = max((path.read_text().count("remove 0\n") for path in journals.glob("*.ltui")), default=0)
        lost = began - typed[kept] if kept < len(typed) else 0.0
        figures.lost, figures.edits = max(figures.lost, lost), figures.edits + len(typed)
        if lost > LOST * slow:
            yield f"{lost:.1f} s of work are lost: {kept} of {len(typed)} edits are kept"


def _typed(program: Program, pace: float) -> list[float]:
    """Type some edits, each as soon as the one before was answered; return when each was answered."""
    times: list[float] = []
    for number in range(1, EDITS + 1):
        program.send(program.state.edits)
        if not program.until(lambda number=number: program.has_edits(number), 5):  # type: ignore[misc]
            return times  # no answer, no promise
        times.append(time.monotonic())
        program.until(program.ended, pace)
    return times


def _send(program: Program, end: str, early: bool) -> tuple[int, ...] | None:
    """End it; return the exit codes that are right, or None when it is not to end."""
    if end == "closed":
        program.close_terminal()
        if program.state.screen:
            return (129, *((-1, 1) if early else ()))  # it ended before there was a handler, or found no terminal
        if program.state.words[0] == "serve" or "train" in program.state.words or "-o" in program.state.words:
            return None  # it needs neither
        return _BY_ITSELF
    number = getattr(signal, end)
    if program.ended():  # by itself, since it was looked at last: nobody is told of an end any more
        return _BY_ITSELF
    program.process.send_signal(number)
    if end == "SIGINT" and program.state.talks:
        program.until(program.ended, 0.5)
        program.process.send_signal(signal.SIGTERM)
        return (143,)
    if end == "SIGKILL":
        return (-9,)
    return (128 + number, *((-number,) if early else ()))  # Python itself is not there at once
