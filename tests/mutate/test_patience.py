"""What ends the tests of a break: their own processor time, or that nothing runs; never the clock of a busy machine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import patience
from .patience import Patience, end_group

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell what runs")
WORKS = "while True: pass"
WAITS = "import time; time.sleep(60)"
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}], start_new_session={})"


@contextmanager
def _running(code: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        yield process.pid
    finally:
        for pid in [process.pid, *patience._family_of(process.pid)]:
            end_group(pid)
        process.wait()


def _turns(process: int, seconds: float, most: int = 400) -> int:
    """Return after how many short turns it ends; 0 where it does not."""
    waiting = Patience(process, seconds)
    for turn in range(1, most):
        time.sleep(0.02)
        if waiting.ends():
            return turn
    return 0


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TURN", 0.02)


@pytest.mark.parametrize("code", [WORKS, STARTS.format(WORKS, False), STARTS.format(WORKS, True)])
def test_what_works_ends_by_its_processor_time_in_whatever_session(code: str) -> None:
    with _running(code) as process:
        assert _turns(process, 0.3) > 0


def test_turns_in_which_something_works_are_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "IDLE", 25)  # Python takes some to begin
    with _running(WORKS) as process:
        assert _turns(process, 1e9, most=40) == 0


@pytest.mark.parametrize("code", [WAITS, STARTS.format(WAITS, True)])
def test_what_waits_for_what_never_comes_ends_by_turns(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "IDLE", 10)
    with _running(code) as process:
        assert 10 <= _turns(process, 1e9) <= 390
