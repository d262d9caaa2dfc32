"""Kinds and sizes of files are looked at before anything is read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io import files
from lstm_tui.formats.io.files import read_bytes


def test_what_is_no_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
    os.symlink("/dev/zero", tmp_path / "link")
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(UserError, match="is a folder"):
        read_bytes(tmp_path, 10)
    with pytest.raises(UserError, match="is a socket"):
        read_bytes(tmp_path / "s", 10)
    with pytest.raises(UserError, match="cannot be read"):
        read_bytes(tmp_path / "loop", 10)
    for device in ("/dev/zero", "/dev/null", "/dev/full", "/dev/tty", tmp_path / "link"):
        with pytest.raises(UserError, match="is a device"):
            read_bytes(device, 10)


def test_a_sparse_file_is_refused_by_its_size_and_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "x.pt").open("wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(UserError, match="is larger than 1 GB"):
        read_bytes(tmp_path / "x.pt", 1 << 30)


def test_a_file_that_says_it_holds_nothing_is_read_but_not_without_end() -> None:
    assert b"\n" in read_bytes("/proc/self/maps", 1 << 30)
    with pytest.raises(UserError, match=r"cannot be read|larger than|is empty"):
        read_bytes("/proc/self/mem", 1 << 30)


def test_only_a_file_that_says_it_holds_nothing_is_held_to_the_smaller_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_UNTOLD", 10)
    (tmp_path / "told").write_bytes(bytes(range(1, 101)))
    assert read_bytes(tmp_path / "told", 100) == bytes(range(1, 101))
    with pytest.raises(UserError, match="larger than"):
        read_bytes("/proc/self/maps", 1 << 30)


@pytest.mark.parametrize("patient", [False, True])
def test_a_pipe_that_nobody_opens_is_given_up_and_the_wait_is_said(
    patient: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "SOON", 0.0)
    monkeypatch.setattr(files, "PATIENCE", 0.3)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="nothing came"):
        read_bytes(tmp_path / "pipe", 10, patient)
    assert capsys.readouterr().err == f"lstm-tui: {tmp_path / 'pipe'}: is a pipe, and is waited for\n"


def test_a_text_is_waited_for_as_long_as_somebody_may_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    held = os.open(tmp_path / "pipe", os.O_RDWR)
    said: list[bytes] = []
    reading = threading.Thread(target=lambda: said.append(read_bytes(tmp_path / "pipe", 10, patient=True)))
    reading.start()
    reading.join(0.4)  # longer than the patience for a pipe that nobody has open
    assert reading.is_alive()
    os.write(held, b"hello")
    os.close(held)
    reading.join()
    assert said == [b"hello"]
    held = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(UserError, match="nothing came"):
        read_bytes(tmp_path / "pipe", 10)
    os.close(held)


def test_a_substituted_process_is_read_whole(tmp_path: Path) -> None:
    program = (
        "import sys; from lstm_tui.formats.io.files import read_bytes; print(len(read_bytes(sys.argv[1], 9999999)))"
    )
    line = f"{sys.executable} -c '{program}' <(for i in 1 2 3; do sleep .1; head -c 100000 /dev/zero; done)"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.stdout == "300000\n", done.stderr
