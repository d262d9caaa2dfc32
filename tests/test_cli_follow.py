"""`run - --follow` in real pipes and a real terminal: text that comes slowly, text that floods, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pty_screen import Screen
from test_cli_terminal import LEFT, PROGRAM, finish, shell

import lstm_tui
from lstm_tui.cli.run import Plainly
from lstm_tui.debugger.source import Source
from lstm_tui.formats.inputs.stream import Incoming
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.models.bundled import open_model

if TYPE_CHECKING:
    from pexpect import spawn

pexpect = pytest.importorskip("pexpect", reason="needs a pseudo-terminal")
STORY = "Anna and Mei like music . they like music . their friend Omar enters . he likes it ."
FOLLOW = f"{PROGRAM} run - --follow --model story"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").write_text('break token == "their"\ncontinue\nprint t\nprint norm(c)\n')
    return tmp_path


def told(*arguments: str, data: bytes = b"") -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_tui", "run", *arguments],
        input=data,
        capture_output=True,
        env=environment,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["-", "--follow", "--model", "sentiment", "--plain"], 1, ("backward pass begins at the end", "sentiment-forward")),
    (["-", "--follow", "--cell", "gru", "--bidirectional", "--plain"], 1, ("backward pass begins at the end",)),
    (["-", "--follow", "--model", "story", "--plain"], 1, ("ended without a single token",)),
    (["-", "--follow", "--model", "story", "--edits", "recipe", "--plain"], 1, ("insert 0", "has not come yet")),
    (["-", "--follow", "--whole"], 2, ("--whole",)),
    (["-", "--follow", "--line", "3"], 2, ("--line",)),
    (["-", "--follow", "--carry"], 2, ("--carry",)),
    (["-", "--follow", "--cell", "gru", "--tokens", "words"], 2, ("known only at its end",)),
    (["app.log", "--follow"], 2, ("tail -f app.log | lstm-tui run - --follow",)),
    (["--follow"], 2, ("tail -f FILE | lstm-tui run - --follow",)),
])  # fmt: skip
def test_what_cannot_be_followed_is_refused_in_one_line(
    arguments: list[str], code: int, words: tuple[str, ...], folder: Path
) -> None:
    (folder / "recipe").write_text('insert 0 "and"\n')
    got, out, error = told(*arguments)
    assert (got, out) == (code, "")
    assert error.count("\n") == 1
    assert all(word in error for word in words)


def test_the_keyboard_is_nothing_to_follow() -> None:
    with shell(FOLLOW) as child:
        code, text = finish(child)
    assert code == 1
    assert "standard input is the keyboard" in text
    assert text.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments", [["--model", "story"], pytest.param([], marks=pytest.mark.slow), ["--cell", "gru", "--hidden", "4"]]
)
def test_a_script_is_obeyed_at_the_end_as_on_the_whole_text(arguments: list[str], folder: Path) -> None:
    (folder / "script").write_text("goto end\nwhere\nprint norm(h)\nlist\n")
    said = told("-", "--follow", *arguments, "--batch", "-x", "script", data=STORY.encode())
    if not arguments:
        arguments = ["--model", "sentiment-forward"]
    if "--cell" in arguments:
        arguments = [*arguments, "--tokens", "bytes"]
    assert said == told("-", "--whole", *arguments, "--batch", "-x", "script", data=STORY.encode())
    assert said[0] == 0


@pytest.mark.long
def test_a_stop_in_batch_is_3_and_an_error_1() -> None:
    code, out, _ = told("-", "--follow", "--model", "story", "--batch", "-x", "script", data=STORY.encode())
    assert code == 3
    assert "t = 10" in out
    code, _, error = told("-", "--follow", "--model", "chars", "--batch", "-x", "script", data=b"abc\xff")
    assert code == 1
    assert error == "lstm-tui: standard input: byte 4 (line 1) is 0xff, not UTF-8; save it as UTF-8\n"


def wait_for(child: spawn, words: str) -> None:
    """Type empty lines until the answer to one holds some words."""
    for _ in range(100):
        child.sendline("")
        if child.expect([words, r"\(ltui\) "], timeout=20) == 0:
            child.expect_exact("(ltui) ")
            return
    raise AssertionError(words)


def test_each_line_of_a_plain_session_takes_in_what_has_come(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with shell(f"cat pipe | {FOLLOW} --plain", TERM="dumb") as child:
        child.expect_exact("waits for text on standard input")
        with open(folder / "pipe", "w") as pipe:
            pipe.write("Anna and Mei ")
            pipe.flush()
            child.expect(r"t=2 “Mei”, layer0\.forward\r\n\(ltui\) ")
            pipe.write("like music . they ")
            pipe.flush()
            wait_for(child, "7 in all")
            child.sendline("where")
            child.expect("t=2 “Mei”")  # it goes where it is told to
            child.expect_exact("(ltui) ")
            child.sendline("next")
            child.expect("t=3 “like”")
            child.expect_exact("(ltui) ")
            child.sendline('break token == "their"')
            child.expect("breakpoint 1")
            child.expect_exact("(ltui) ")
            child.sendline("continue")  # waits for what comes
            pipe.write("like music . their friend ")
            pipe.flush()
            child.expect('breakpoint 1: token == "their"\r\nt=10 “their”')
            child.expect_exact("(ltui) ")
            child.sendline("disable 1")
            child.expect_exact("(ltui) ")
            child.sendline("continue")
            child.expect("Enter stops waiting")
            child.sendline("")
            child.expect("interrupted")
            child.expect_exact("(ltui) ")
            child.expect_exact("(ltui) ")
            child.sendline("continue")
        child.expect("end of the text")
        child.expect_exact("(ltui) ")
        child.sendline("where")
        child.expect("t=11 “friend”")
        child.sendline("quit")
        code, _ = finish(child)
    assert code == 0


def test_the_screen_follows_a_pipe_and_answers_keys(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    screen = Screen(["/bin/sh", "-c", f"cat pipe | {FOLLOW}"], (120, 36))
    screen.until("waits for text")
    with open(folder / "pipe", "w") as pipe:
        pipe.write("Anna and \x1b]52;c;aGk=\x07 Mei ")
        pipe.flush()
        screen.until("t=11 ")
        screen.child.send("N")
        screen.until("t=10 ")
        pipe.write("like music ")
        pipe.flush()
        screen.until("2 new")
        screen.child.send("G")
        screen.until("live")
    screen.until("end")
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()
    assert b"\x1b]52" not in screen.raw
    assert b"Traceback" not in screen.raw


def test_a_pipe_that_ends_without_a_token_leaves_the_terminal_and_one_line() -> None:
    with shell(f": | {FOLLOW}") as child:
        child.expect_exact(LEFT)
        code, rest = finish(child)
    assert code == 1
    assert "lstm-tui: standard input: ended without a single token" in rest


@pytest.mark.parametrize(("most", "end"), [(5, "5 tokens are all that is held"), (100, "end of the text")])
def test_it_is_said_once_why_nothing_more_comes(most: int, end: str) -> None:
    network = open_model("story")
    there, here = os.pipe()
    os.write(here, b"Anna and Mei like music . ")
    os.close(here)
    incoming = Incoming.of_descriptor(there, Arriving(network), most).start()
    growing = Plainly(Source(network, [], incoming=incoming), to_the_end=False)
    session = growing.open()
    said: list[str] = []
    for _ in range(2000):
        said += growing.arrived(session)
        if incoming.is_over:
            break
        incoming.wait(0.01)
    said += [*growing.arrived(session), *growing.arrived(session)]
    assert session.frame.steps == min(most, 6)
    assert [line.startswith(end) for line in said if " in all" not in line] == [True]
