"""The program in a real terminal: it opens, takes its keys, and leaves the terminal as it was."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pty_screen import Screen
from registries import sampled

import lstm_tui

if TYPE_CHECKING:
    from pexpect import spawn

pexpect = pytest.importorskip("pexpect", reason="needs a pseudo-terminal")
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
PROGRAM = f"{sys.executable} -m lstm_tui"
CELL = "--cell lstm --hidden 4"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("The movie was not bad.\nIt was [/nope] \x1b]52;c;aGk=\x07 good.\n")
    return tmp_path


@contextmanager
def shell(command: str, size: tuple[int, int] = (45, 160), **variables: str) -> Iterator[spawn]:
    """Run a shell command in a terminal of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent), "TERM": "xterm-256color"}
    child = pexpect.spawn(
        "/bin/sh", ["-c", command], env={**environment, **variables}, dimensions=size, encoding="utf-8", timeout=60
    )
    child.delaybeforesend = 0
    try:
        yield child
    finally:
        child.close(force=True)


def finish(child: spawn) -> tuple[int | None, str]:
    """Return the exit code and what was still written."""
    child.expect(pexpect.EOF)
    rest: str = child.before
    child.close()
    return child.exitstatus, rest


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    sampled(
        [
            f"{PROGRAM} run t.txt {CELL}",
            f"{PROGRAM} run t.txt {CELL} --line 2",
            f"cat t.txt | {PROGRAM} run - {CELL}",
            f"{PROGRAM} run t.txt {CELL} </dev/null",
            f"{PROGRAM} trace t.txt {CELL} -o o.json 2>/dev/null; {PROGRAM} open o.json",
        ],
        2,
    ),
)
def test_it_opens_and_q_leaves(command: str) -> None:
    with shell(command) as child:
        child.expect_exact(ENTERED)
        child.expect_exact("layer0.forward")
        child.send("q")
        code, rest = finish(child)
    assert code == 0
    assert LEFT in rest
    assert "Traceback" not in rest


@pytest.mark.long
def test_two_runs_stand_side_by_side() -> None:
    with shell(f"{PROGRAM} compare t.txt --model sentiment --model sentiment-forward") as child:
        child.expect_exact(ENTERED)
        child.expect_exact("sentiment-forward")
        child.send("nnq")
        code, rest = finish(child)
    assert code == 0
    assert LEFT in rest
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    "command",
    [
        f"{PROGRAM} run t.txt {CELL}",
        *(
            pytest.param(command, marks=pytest.mark.slow)
            for command in (
                f"{PROGRAM} tour forget",
                f"{PROGRAM} compare t.txt --model sentiment --model sentiment-forward",
                f"{PROGRAM} trace t.txt {CELL} -o o.json 2>/dev/null; {PROGRAM} open o.json",
                f"{PROGRAM} run t.txt {CELL} -x s --batch >/dev/null; {PROGRAM} open o.ltui",
            )
        ),
    ],
)
def test_light_begins_with_the_light_theme(command: str, folder: Path) -> None:
    (folder / "s").write_text("save-session o.ltui\n")
    with shell(f"{command} --light", COLORTERM="truecolor") as child:
        child.expect_exact(ENTERED)
        child.expect_exact("48;2;251;251;249")  # its ground
        child.send("\x03\x03")
        assert finish(child)[0] == 130


def test_a_hostile_token_does_not_reach_the_terminal() -> None:
    with shell(f"{PROGRAM} run t.txt {CELL} --line 2") as child:
        child.expect_exact(ENTERED)
        child.expect_exact("layer0.forward")
        before = child.before
        child.send("nnnnq")
        code, rest = finish(child)
    assert code == 0
    assert "\x1b]52" not in before + rest


@pytest.mark.parametrize(("number", "expected"), sampled([(signal.SIGHUP, 129), (signal.SIGTERM, 143)], 2))
def test_a_signal_leaves_the_terminal_as_it_was(number: int, expected: int) -> None:
    with shell(f"exec {PROGRAM} run t.txt {CELL}") as child:
        child.expect_exact(ENTERED)
        child.expect_exact("layer0.forward")
        child.kill(number)
        code, rest = finish(child)
    assert code == expected
    assert LEFT in rest


@pytest.mark.long
def test_ctrl_c_leaves_with_130() -> None:
    with shell(f"{PROGRAM} run t.txt {CELL}") as child:
        child.expect_exact(ENTERED)
        child.expect_exact("layer0.forward")
        child.send("\x03\x03")
        code, rest = finish(child)
    assert code == 130
    assert LEFT in rest


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        (f"{PROGRAM} run t.txt {CELL}", {"TERM": "dumb"}),
        (f"{PROGRAM} run t.txt {CELL} 2>err; cat err; exit 1", {}),
    ],
)
def test_without_a_screen_it_says_so_in_one_line(command: str, variables: dict[str, str]) -> None:
    with shell(command, (45, 160), **variables) as child:
        code, text = finish(child)
    assert code == 1
    assert ENTERED not in text
    assert text.startswith("lstm-tui: ")
    assert text.count("\n") == 1
    assert "lstm-tui run FILE --plain" in text


def test_a_terminal_of_20_by_5() -> None:
    with shell(f"{PROGRAM} run t.txt {CELL}", size=(5, 20)) as child:
        child.expect_exact(ENTERED)
        child.expect("q|n|t")
        child.send("q")
        code, rest = finish(child)
    assert code == 0
    assert LEFT in rest
    assert "Traceback" not in rest


@pytest.mark.slow
def test_a_long_export_shows_a_bar_and_takes_it_away(folder: Path) -> None:
    (folder / "long.txt").write_text("word " * 4000)
    command = f"{PROGRAM} trace long.txt --cell lstm --hidden 128 --interpreter numpy -o o.json"
    with shell(command) as child:
        child.expect("running|writing")
        child.expect("%")
        code, _ = finish(child)
    assert code == 0
    assert (folder / "o.json").stat().st_size > 1_000_000


@pytest.mark.long
@pytest.mark.parametrize("line", sampled(["let f = 0", "let g = 1 - 1", "let h = 20"], 3))
def test_a_value_that_became_constant_does_not_end_it(line: str) -> None:
    screen = Screen([*shlex.split(PROGRAM), "run", "t.txt", *shlex.split(CELL)], (120, 36))
    screen.until("layer0.forward")
    screen.child.send(f":{line}\r")
    screen.until("1 edit")
    screen.child.send("R")
    screen.until("gradient through time")
    screen.child.send("\x1b")
    screen.until("gradient through time", gone=True)
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()
    assert b"Traceback" not in screen.raw
