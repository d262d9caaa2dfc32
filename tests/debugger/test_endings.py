"""How the program ends where a signal comes while nothing can be raised."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
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


STUCK = """
import os, threading, time, tty
from lstm_tui.debugger import endings

def draw(times):
    for _ in range(times):
        os.write(2, b"\\x1b[?1049h\\x1b[?25l\\x1b[38;2;1;2;3m" + b"x" * 5000)

with endings.watched(owned=True) as watch:
    with watch.screen(lambda code: None, 0, 2):
        tty.setraw(0)
        thread = threading.Thread(target=draw, args=({times},), daemon=True)
        thread.start()
        thread.join()  # as the screen waits, when it is left, for what it has drawn
    watch.finish(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("times", [4, 10**9])
def test_a_terminal_that_takes_nothing_is_put_right_all_the_same(times: int, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    program = subprocess.Popen(
        [sys.executable, "-c", STUCK.format(times=times)], stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path
    )
    try:
        drawn = os.read(master, 100)  # and no more: the terminal is soon full
        while select.select([], [slave], [], 0.05)[1]:
            pass
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 128 + signal.SIGTERM
        assert termios.tcgetattr(slave) == before
        os.set_blocking(slave, False)
        while not drawn.endswith(b"the end"):
            with contextlib.suppress(BlockingIOError):  # until there is room
                os.write(slave, b"the end")
            drawn += os.read(master, 1 << 16)
        for mode, rest in ((b"1049", b"l"), (b"25", b"h"), (b"1004", b"l")):
            assert re.findall(rb"\x1b\[\?" + mode + rb"([hl])", drawn)[-1] == rest
    finally:
        program.kill()
        os.close(master)
        os.close(slave)


BEHIND = """
import os, sys
from lstm_tui.debugger import endings
with endings.watched(owned=True) as watch:
    if sys.argv[1] == "behind":
        endings.leave_behind()
    watch.finish(7)
    print("taken down in its order", flush=True)
"""


@pytest.mark.parametrize(("how", "said"), [("behind", b""), ("alone", b"taken down in its order\n")])
def test_a_thread_that_is_left_behind_has_nothing_taken_down_below_it(how: str, said: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", BEHIND, how], capture_output=True, timeout=60, check=False)
    assert done.stdout == said
    assert done.returncode == (7 if how == "behind" else 0)
