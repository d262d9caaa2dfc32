"""Real use in a real terminal: it starts, answers keys, and leaves the terminal as it found it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pty_screen import Screen
from registries import sampled

HERE = Path(__file__).parent
PROGRAM = [sys.executable, str(HERE / "opened_screen.py")]
Start = Callable[..., "Screen"]


@pytest.fixture
def start() -> Iterator[Start]:
    opened: list[Screen] = []

    def make(*words: str, size: tuple[int, int] = (160, 45), **variables: str) -> Screen:
        opened.append(Screen([*PROGRAM, *words], size, None, **variables))
        return opened[-1]

    yield make
    for screen in opened:
        screen.child.close(force=True)


def test_it_starts_steps_and_quits(start: Start) -> None:
    screen = start()
    screen.until("7 output")
    screen.child.send("nnn")
    screen.until("t=3 (4 of 5)")
    screen.child.send("s")
    screen.until("t=4 (5 of 5)")
    screen.child.send("?")
    screen.until("esc closes")
    screen.child.send("\x1b")
    screen.until("4 cell")
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()


@pytest.mark.long
def test_numba_takes_over_after_the_first_frame(start: Start) -> None:
    screen = start("numba")
    screen.until("numpy f32")
    screen.until("numba f32", 60)
    screen.child.send("q")
    assert screen.end() == 0


@pytest.mark.long
def test_it_is_left_in_order_while_numba_compiles(start: Start, tmp_path: Path) -> None:
    screen = start("numba", NUMBA_CACHE_DIR=str(tmp_path))
    screen.until("numpy f32")
    screen.child.send("n")
    screen.until("t=1 (2 of 5)")
    screen.until(" f32")  # the rest of the frame, which a loaded machine may write once all is compiled
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()


@pytest.mark.parametrize("number", sampled([signal.SIGTERM, signal.SIGHUP], 2))
def test_a_signal_leaves_the_terminal_in_order(start: Start, number: signal.Signals) -> None:
    screen = start()
    screen.until("7 output")
    screen.child.kill(number)
    assert screen.end() == 128 + number
    screen.left_in_order()


@pytest.mark.long
def test_ctrl_c_twice_is_130(start: Start) -> None:
    screen = start()
    screen.until("7 output")
    screen.child.send("\x03")
    screen.until("q leaves, and so does ctrl+c again")
    screen.child.send("\x03")
    assert screen.end() == 130
    screen.left_in_order()


@pytest.mark.long
def test_hostile_tokens_do_not_reach_the_terminal(start: Start) -> None:
    screen = start("hostile")
    screen.until("[/nope]")
    screen.child.send("nn/\x1b")
    screen.until("t=2")
    screen.child.send("q")
    assert screen.end() == 0
    assert b"]52;c" in screen.raw
    assert b"\x1b]52" not in screen.raw
    assert "\u202e".encode() not in screen.raw


def test_a_terminal_of_twenty_by_five(start: Start) -> None:
    screen = start(size=(20, 5))
    screen.until("too small")
    screen.child.send("nsq")
    assert screen.end() == 0


@pytest.mark.long
def test_keys_work_when_the_text_was_piped_in(start: Start) -> None:
    line = f"echo 'The movie was bad' | {shlex.join([*PROGRAM, 'piped'])}"
    screen = Screen(["/bin/sh", "-c", line])
    try:
        screen.until("7 output")
        screen.child.send("n")
        screen.until("t=1 (2 of 4)")
        screen.child.send("q")
        assert screen.end() == 0
        screen.left_in_order()
    finally:
        screen.child.close(force=True)


def test_a_dumb_terminal_is_refused_in_one_line(start: Start) -> None:
    screen = start(TERM="dumb")
    assert screen.end() == 1
    assert screen.raw.count(b"\n") == 1
    assert b"\x1b[" not in screen.raw


def test_no_terminal_is_refused_in_one_line() -> None:
    variables = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        PROGRAM, env=variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, start_new_session=True
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert not done.stdout


def test_the_screen_is_up_before_what_is_only_asked_later_is_imported() -> None:
    later = [
        "numba",
        "llvmlite",
        *(f"lstm_tui.debugger.{name}" for name in ("commands.dispatch", "expressions.evaluator", "edits.apply")),
    ]
    code = f"import sys, lstm_tui.tui.app; print([name for name in {later} if name in sys.modules])"
    variables = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_a_word_is_replaced_a_gate_is_held_and_both_are_undone(start: Start) -> None:
    screen = start()
    screen.until("7 output")
    screen.child.send("nnn1e")
    screen.until("put another word here")
    screen.child.send("would\r")
    screen.until("◆ 1 edit")
    screen.until("token 3: “not” → “would”")
    screen.child.send("2e0")
    screen.until("→ 0.00")
    screen.child.send("\r")
    screen.until("◆ 2 edits")
    screen.until("◆ set .00 was")
    screen.child.send("zz")
    screen.until("undone: token 3")
    assert "edit" not in screen.text().split("\n")[0]
    screen.child.send(":edits\r")
    screen.until('(undone)   replace 3 "would"')
    screen.child.send("\x1b")
    screen.until("esc closes", gone=True)
    screen.child.send(":q\r")
    assert screen.end() == 0
    screen.left_in_order()
