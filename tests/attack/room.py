"""A room of its own for each harness: a process, a folder, and a look at what is left when it has ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from .harness import Finding, Tally

LATE = 120.0
"""Seconds after its own that a harness is ended by force."""
FOUND = "LSTM_TUI_FOUND"
"""Variable of the environment that names the folder for findings which are kept."""
_ROOMY = 4 << 30  # bytes that a file system in memory has to have, to be taken
_ADOPT = 36  # PR_SET_CHILD_SUBREAPER: what a harness leaves running becomes a child of ours


def in_a_room(work: Callable[[], Tally], seconds: float) -> Tally:
    """Run a harness in a child, in an empty folder; what it leaves behind is one more finding.

    Args:
        work: The harness.
        seconds: It should take.
    """
    ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    others = _children()
    room = Path(tempfile.mkdtemp(prefix="lstm-tui-attack-", dir=_place()))
    (room / "folder").mkdir()
    (room / "temporary").mkdir()
    try:
        try:
            tally = _run(work, room, seconds)
        except KeyboardInterrupt:
            _end_children(others)
            raise
        running = _end_children(others)
        left = [str(path.relative_to(room)) for path in (*room.glob("folder/*"), *room.glob("temporary/*"))]
        for kind, what in (("a process is left", running), ("a file is left", left)):
            if what:
                tally.findings.append(Finding(kind, ", ".join(what)[:400], ""))
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return tally


def _place() -> str | None:
    """Return where files cost least: in memory, where there is room; what is written whole is renamed there too."""
    memory = "/dev/shm"
    with contextlib.suppress(OSError):
        if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOMY:
            return memory
    return None


def _run(work: Callable[[], Tally], room: Path, seconds: float) -> Tally:
    answer = room / "tally"
    child = os.fork()
    if not child:
        try:
            os.chdir(room / "folder")
            os.environ |= {FOUND: tempfile.gettempdir()}  # outside, for what is kept on purpose
            os.environ |= {"TMPDIR": str(room / "temporary"), "XDG_STATE_HOME": str(room / "state")}
            tempfile.tempdir = None
            answer.write_bytes(pickle.dumps(work()))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)
    end = time.monotonic() + seconds + LATE
    try:
        while not os.waitpid(child, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Tally(findings=[Finding("the harness does not end", f"{LATE:g} s after its time", "")])
            time.sleep(0.01)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    if not answer.exists():
        return Tally(findings=[Finding("the harness has failed", "its traceback stands above", "")])
    tally: Tally = pickle.loads(answer.read_bytes())  # written by our own child
    return tally


def _children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def _end_children(others: set[int]) -> list[str]:
    """End what is still running of a harness, and return its command lines; `others` were there before."""
    found: list[str] = []
    while children := _children() - others:
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if words:  # else it has ended, and nobody has waited for it
                found.append(words.strip())
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
    return found
