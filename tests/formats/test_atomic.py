from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.files import replacing


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(143)])
def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as stream:
            stream.write(b"half")
            raise error

    with pytest.raises((UserError, KeyboardInterrupt, SystemExit)):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_a_new_file_has_an_ordinary_mode_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    ordinary, new, old = tmp_path / "ordinary", tmp_path / "new", tmp_path / "old"
    ordinary.write_text("")
    old.write_text("")
    old.chmod(0o640)
    for target in (new, old):
        with replacing(target) as stream:
            stream.write(b"content")
    assert new.stat().st_mode == ordinary.stat().st_mode
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert old.read_bytes() == b"content"


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_directly() -> None:
    with replacing("/dev/null") as stream:
        stream.write(b"gone")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing/out.json", "there is no folder"), (".", "is a folder"), ("a\0b", "NUL"), ("x" * 300, "too long")],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as error, replacing(f"{tmp_path}/{name}"):
        pass
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_takes_no_files_is_not_called_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="files cannot be made in this folder"), replacing(tmp_path / "out.json"):
        raise FileNotFoundError(2, "No such file or directory")  # as the system says it of /proc


def test_an_end_as_soon_as_the_file_is_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal raises between any two lines, and a file was left that had no name in the program yet."""
    from lstm_tui.formats.io import files

    lock = files._lock

    def told(descriptor: int) -> bool:
        lock(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_lock", told)
    with pytest.raises(KeyboardInterrupt), files.replacing(tmp_path / "o.json"):
        raise AssertionError("it was not told")
    assert list(tmp_path.iterdir()) == []
    assert not files._unfinished
