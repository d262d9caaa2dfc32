"""What a killed process left half written is taken away by the next that writes there; nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_tui.formats.io.files import replacing
from lstm_tui.formats.io.journal import cut_off, journal_folder

WRITES = """
import sys
from lstm_tui.formats.io.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


def begun(target: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


@pytest.mark.parametrize("name", ["out.json", "é" * 120, "[a*b].npz"])
def test_what_was_half_written_is_taken_away_by_the_next(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("old")
    with begun(target) as process:
        process.send_signal(signal.SIGKILL)
    assert target.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    with replacing(target) as stream:
        stream.write(b"new")
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == [name]


def test_what_another_process_still_writes_stays_and_comes_through(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    with begun(target) as process:
        with replacing(target) as stream:
            stream.write(b"mine")
        assert target.read_text() == "mine"
        assert len(os.listdir(tmp_path)) == 2
        process.communicate(b"")
        assert process.returncode == 0
    assert target.read_text() == "half"
    assert os.listdir(tmp_path) == ["out.json"]


def test_nothing_that_is_not_ours_is_taken_away(tmp_path: Path) -> None:
    others = {
        "out.json.part",
        ".out.json.part",
        ".out.json.notes123.part",
        ".out.json.0123456.part",
        "x.out.json.01234567.part",
        ".out.json.01234567.part.bak",
        ".other.json.01234567.part",
        ".outXjson.01234567.part",
    }
    for name in others:
        (tmp_path / name).write_text(name)
    (tmp_path / ".out.json.01234567.part").mkdir()
    (tmp_path / ".out.json.89abcdef.part").symlink_to(tmp_path / "out.json.part")
    os.mkfifo(tmp_path / ".out.json.aaaaaaaa.part")
    kept = set(os.listdir(tmp_path))
    with replacing(tmp_path / "out.json") as stream:
        stream.write(b"new")
    assert set(os.listdir(tmp_path)) == kept | {"out.json"}
    assert all((tmp_path / name).read_text() == name for name in others)


def test_a_journal_that_was_never_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code = WRITES.replace(
        "with replacing(sys.argv[1]) as",
        "from lstm_tui.formats.io.journal import Journal\njournal = Journal.begin()\nwith replacing(journal.path) as",
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        assert cut_off() == []
        assert len(list(journal_folder().iterdir())) == 2
        process.send_signal(signal.SIGKILL)
    assert cut_off() == []
    assert list(journal_folder().iterdir()) == []
