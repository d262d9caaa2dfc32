"""Closed and full standard streams, signals and missing packages, over every command: a result or one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from registries import sampled

import lstm_tui
from lstm_tui.cli.arguments import _COMMANDS

ROOT = Path(lstm_tui.__file__).parent.parent
SMALL = "--cell lstm --hidden 3"
COMMANDS = {
    "run": f"run t.txt --plain {SMALL}",
    "check": f"check t.txt {SMALL} --assert 'mean(c) < 9'",
    "find": f"find t.txt {SMALL} --where 'c[0] < 9'",
    "trace": f"trace t.txt {SMALL}",
    "open": "open t.json --plain",
    "recover": "recover",
    "compare": "compare t.txt --edits e.txt --plain",
    "models": "models",
    "cells": "cells",
    "train": f"train t.txt --epochs 1 {SMALL} --interpreter numpy -o n.safetensors",
    "inspect": "inspect sentiment",
    "verify": "verify sentiment --reference r.npz",
    "stream": "stream r.npz --model tiny",
    "convert": "convert sentiment -o c.safetensors",
    "stats": f"stats t.txt {SMALL}",
    "reach": "reach t.txt",
    "worksheet": "worksheet --model tiny",
    "report": f"report t.txt {SMALL} -o r.html",
    "figure": f"figure t.txt {SMALL}",
    "tour": "tour nothing-of-the-kind",
    "serve": "serve gone.txt",
    "info": "info",
    "help": "help keys",
    "completion": "completion bash",
    "dap": "dap",
    "config": "config",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "t.txt").write_text("the movie was not bad\n")
    (folder / "e.txt").write_text("delete 0\n")
    assert shell(folder, f"trace t.txt {SMALL} -o t.json").returncode == 0
    return folder


def shell(folder: Path, line: str, streams: str = "") -> subprocess.CompletedProcess[bytes]:
    program = f"{sys.executable} -m lstm_tui {line} {streams}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        ["/bin/sh", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_every_command_is_tried() -> None:
    assert set(COMMANDS) == set(_COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_closed_and_full_streams_are_no_traceback(folder: Path, command: str) -> None:
    for streams in (">&-", "<&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", "<&- >/dev/full 2>/dev/full"):
        for file in folder.glob("*.checkpoint"):
            file.unlink()
        done = shell(folder, COMMANDS[command], streams)
        assert done.returncode in (0, 1, 3), (streams, done)
        assert b"Traceback" not in done.stderr, (streams, done.stderr)
        assert b"Exception ignored" not in done.stderr, (streams, done.stderr)
        if done.returncode == 1 and "2>" not in streams:
            remarks = done.stderr.count(b"too little to hold something out")  # of training, before it begins
            assert done.stderr.count(b"lstm-tui: ") - remarks == 1, (streams, done.stderr)


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        (">&-", "standard output: cannot be written: it is closed"),
        ("> /dev/full", "standard output: cannot be written: no space left on device"),
    ],
)
@pytest.mark.parametrize("command", ["models", "--help"])
def test_what_cannot_be_printed_is_said(folder: Path, command: str, streams: str, said: str) -> None:
    done = shell(folder, command, streams)
    assert (done.returncode, done.stderr.decode()) == (1, f"lstm-tui: {said}\n")


def test_a_stream_that_is_not_needed_is_not_missed(folder: Path) -> None:
    assert shell(folder, f"trace t.txt {SMALL} -o o.json", "<&- >&- 2>&-").returncode == 0
    assert (folder / "o.json").read_bytes() == (folder / "t.json").read_bytes()


def test_a_closed_stream_is_not_another_file(folder: Path) -> None:
    """What is printed would go into the first file that is opened, since that takes the stream's number."""
    assert shell(folder, f"trace t.txt {SMALL} -o o.json", ">&- 2>&-").returncode == 0
    assert (folder / "o.json").read_bytes() == (folder / "t.json").read_bytes()


WITHOUT = """
import sys
package, sys.argv = sys.argv[1], ["lstm-tui", *sys.argv[2:]]
class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuses())
from lstm_tui.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    "package", sampled(["numba", "llvmlite", "h5py", "onnx", "tokenizers", "torch", "textual_serve"], 2)
)
def test_info_tells_of_an_installation_that_lacks_something(folder: Path, package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, "info"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0
    assert done.stderr == ""
    if package in ("numba", "llvmlite"):
        assert "engine         numpy; numba cannot be used: No module named" in done.stdout


IN_PYTHON = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = None
import lstm_tui
session = lstm_tui.session("the movie was not bad " * 400, "sentiment", whole=True)
session.edit("set f[3] @ 1 = 0", "remove 4")
print(session.frame.trace.interpreter, session.value("mean(f)"), session.ledger().at("not")[0])
lstm_tui.trace("the movie was not bad " * 400, "sentiment", whole=True)
"""


@pytest.mark.slow
def test_without_numba_python_is_told_once_and_has_the_bits_of_numpy() -> None:
    done = subprocess.run([sys.executable, "-c", IN_PYTHON], capture_output=True, text=True, timeout=120)
    assert done.stderr.count("Numba cannot be used") == done.stderr.count("\n") == 1
    there = [line for line in IN_PYTHON.splitlines() if "llvmlite" not in line]
    with_it = "\n".join(there).replace("whole=True", 'whole=True, interpreter="numpy"')
    again = subprocess.run([sys.executable, "-c", with_it], capture_output=True, text=True, timeout=120)
    assert (done.stdout, again.stderr) == (again.stdout, "")
    assert done.stdout.startswith("numpy ")


@pytest.mark.long
def test_without_numba_a_long_run_goes_on_in_numpy_and_says_so(folder: Path) -> None:
    (folder / "long.txt").write_text("the movie was not bad " * 2000)
    words = ["trace", "long.txt", *SMALL.split(), "--whole"]
    done = without_numba(folder, words)
    assert done.returncode == 0
    price = "NumPy makes every run; long texts, edits of them and training take many times as long"
    assert done.stderr == f"lstm-tui: Numba cannot be used (No module named 'numba'): {price}\n"
    assert done.stdout == shell(folder, " ".join([*words, "--interpreter", "numpy"])).stdout.decode()


def test_without_numba_it_is_not_taken_for_numpy_when_it_is_asked_for(folder: Path) -> None:
    done = without_numba(folder, ["trace", "t.txt", *SMALL.split(), "--interpreter", "numba"])
    assert done.returncode == 1
    assert done.stderr.startswith("lstm-tui: numba cannot be loaded here (No module named 'numba'): pip install numba")
    assert len(done.stderr.splitlines()) == 1


def without_numba(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, "numba", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    "number", sampled([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1], 4)
)
def test_a_signal_ends_what_reads_a_pipe(folder: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", "run", "t.txt", "--plain", *SMALL.split()],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL) and None,
    ) as process:
        assert process.stdout is not None
        assert b"lists the verbs" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        assert process.stderr is not None
        assert process.stderr.read() == b""
