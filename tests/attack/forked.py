"""The real `main` in a forked child, under limits, with all that it says and writes looked at."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lstm_tui.cli.main import FAULT, main

SECONDS, BYTES = 10, 2 << 30
CODES = (0, 1, 2, 3, 130)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


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


def run_forked(arguments: list[str], folder: Path, written: frozenset[str] = frozenset()) -> Ended:
    """Run a command in a child whose current folder, home and state lie in `folder`.

    Args:
        arguments: Of the command.
        folder: Where it runs; what it writes there is looked at and taken away.
        written: Names that it may write.
    """
    before = _listing(folder)
    out, err = folder.parent / "out", folder.parent / "err"
    child = os.fork()
    if child == 0:
        _child(arguments, folder, out, err)
    status, usage, late = _waited(child)
    said = err.read_bytes().decode("utf-8", "replace")
    printed = out.read_bytes()[: 1 << 20].decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    # a line of a script, an expression or a lesson stands over or under what is said of it
    scripted = arguments[0] in ("check", "tour") or "-x" in arguments
    broken = _judged(code, printed, said, late or seconds > SECONDS, megabytes, scripted)
    after = _listing(folder)
    more = [name for name in after if after[name] != before.get(name) and not _may(name, written)]
    gone = [name for name in before if name not in after]
    _tidy(folder, before)
    if (more or gone) and not broken:
        return Ended("wrote elsewhere", f"{more[:3]} {gone[:3]}", seconds, megabytes, code)
    return Ended(broken, (said or printed)[-600:], seconds, megabytes, code)


def _waited(child: int) -> tuple[int, resource.struct_rusage, bool]:
    end = time.monotonic() + 4 * SECONDS  # by the clock on the wall; other work may share the processor
    while time.monotonic() < end:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return status, usage, False
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return status, usage, True


def _child(arguments: list[str], folder: Path, out: Path, err: Path) -> None:
    """Be the child; never returns."""
    code = 70
    try:
        os.setpgid(0, 0)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + BYTES,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 2, SECONDS + 3))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, path, flags in (
            (0, Path(os.devnull), os.O_RDONLY), (1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):  # fmt: skip
            os.dup2(os.open(path, flags, 0o600), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the child
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        os.environ.update(HOME=str(folder), XDG_STATE_HOME=str(folder / "state"), XDG_CACHE_HOME=str(folder / "state"))
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


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


def _may(name: str, written: frozenset[str]) -> bool:
    return name.split("/")[0] in written or name.startswith("state/")


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for path in folder.rglob("*"):
        if not path.is_symlink() and path.is_file():
            status = path.stat()
            found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns)
    return found


def _tidy(folder: Path, before: dict[str, tuple[int, int]]) -> None:
    for name in _listing(folder):
        if name not in before:
            (folder / name).unlink(missing_ok=True)
