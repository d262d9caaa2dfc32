"""What one visitor may take: each limit imposed on a process that goes beyond it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from lstm_tui.serving.limits import Limits, may_have_another

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits are imposed from outside on Linux alone")
HOLDS = "import sys; sys.stdin.read(1); bytearray(700 << 20); print('held')"
WORKS = "import sys; sys.stdin.read(1)\nwhile True: pass"


def _limited(script: str, limits: Limits) -> tuple[int, str, str]:
    """Run a script under limits that are imposed before it goes on."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    before = os.getpriority(os.PRIO_PROCESS, 0)
    limits.impose(process.pid)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) > before
    out, errors = process.communicate("x")
    return process.returncode, out, errors


@LINUX
def test_memory() -> None:
    assert _limited(HOLDS, Limits(memory=2))[:2] == (0, "held\n")
    limits = Limits(memory=0.5)
    code, out, errors = _limited(HOLDS, limits)
    assert (code, out) == (1, "")
    assert limits.say_ended(code, errors) == (
        "Ended: it needed more than 0.5 GB of memory, the most a visitor may have."
    )


@LINUX
def test_processor_time() -> None:
    limits = Limits(processor=1 / 60)
    code, _, errors = _limited(WORKS, limits)
    assert code == -signal.SIGXCPU
    assert "0.01667 minutes of processor time" in limits.say_ended(code, errors)


def test_a_process_that_has_ended_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    Limits().impose(process.pid)


@pytest.mark.parametrize("code", [0, 130, 143, -15])
def test_who_leaves_is_told_nothing_more(code: int) -> None:
    assert Limits().say_ended(code, "") == ""


def test_a_users_mistake_is_told_and_a_traceback_is_not() -> None:
    assert Limits().say_ended(1, "note\nlstm-tui: a.txt: no such file\n") == "lstm-tui: a.txt: no such file"
    assert Limits().say_ended(1, "Traceback\nKeyError: 'x'\n") == "The debugger ended by an error of its own."


@pytest.mark.parametrize("places", [1, 2, 3, 8, 20])
def test_one_address_leaves_places_to_others(places: int) -> None:
    held = 0
    while may_have_another(held, places, alone=False):
        held += 1
    assert 1 <= held <= places
    assert places == 1 or held < places
    assert may_have_another(places, places, alone=True)  # whether one is free is another question
