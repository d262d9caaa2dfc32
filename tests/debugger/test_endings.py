"""How the program ends where a signal comes while nothing can be raised."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, os, sys, time
from lstm_tui.debugger import endings

def compare(one, other):
    if not told:
        told.append(os.kill(os.getpid(), {number}))
        time.sleep(0)  # the handler runs, and raises, in here
    return 0

told = []
with endings.watched(owned=True) as watch:
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    numbers = (ctypes.c_int * 4)(*range(4))
    try:
        ctypes.CDLL(None).qsort(numbers, 4, 4, kind(compare))
        while True:
            time.sleep(0.01)
    except (KeyboardInterrupt, SystemExit) as end:
        print("raised")
        code = endings.code_of(end)
    watch.finish(code)
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_callback_swallows_is_raised_again_and_nothing_is_printed(number: int, tmp_path: Path) -> None:
    program = [sys.executable, "-c", PROGRAM.format(number=int(number))]
    ended = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "raised\n", "")
