"""Whatever happens to a file of the kernel cache: the kernel is compiled again, and it is said once."""

from __future__ import annotations

import errno
import importlib.util
import os
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lstm_tui.engine import setbacks
from lstm_tui.engine.runtime.kernel_cache import SealedFiles

KERNEL = """
from lstm_tui.engine.runtime.kernels import _EXACT, _compiled

@_compiled(_EXACT)
def twice(x):
    return x + x
"""


@pytest.fixture(autouse=True)
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    with setbacks.told_by(lines.append):
        yield lines


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from numba import config

    (tmp_path / "made.py").write_text(KERNEL)
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def fresh(folder: Path) -> ModuleType:
    """Import the kernel as a new process would."""
    spec = importlib.util.spec_from_file_location("made", folder / "made.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hits(module: ModuleType) -> int:
    return int(sum(module.twice.stats.cache_hits.values()))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "cache").rglob("*") if path.is_file())


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.Random(1).randrange(len(content))] ^= 4
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "a bit flipped": _flipped,
    "something else": lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n(S'false'\ntR." * 9),
    "a folder": _as_folder,
}


def test_a_kernel_that_was_kept_is_not_compiled_again(folder: Path, said: list[str]) -> None:
    assert fresh(folder).twice(2.0) == 4.0
    assert [path.suffix for path in files(folder)] == [".kernel"]
    again = fresh(folder)
    assert again.twice(2.0) == 4.0
    assert hits(again) == 1
    assert said == []


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_a_kernel_to_compile(folder: Path, said: list[str], damage: Callable[[Path], object]) -> None:
    fresh(folder).twice(2.0)
    (path,) = files(folder)
    damage(path)
    again = fresh(folder)
    assert again.twice(2.0) == 4.0
    assert again.twice(2) == 4
    assert hits(again) == 0
    assert len(said) == 1
    assert said[0].startswith("the cache of compiled kernels cannot be used (")
    if path.is_file():  # it has healed
        healed = fresh(folder)
        assert healed.twice(2.0) == 4.0
        assert hits(healed) == 1
        assert len(said) == 1


def test_every_byte_is_under_the_seal(tmp_path: Path) -> None:
    kept = SealedFiles(str(tmp_path), "one", ("1", 2), pickle.dumps)
    kept.save("key", [1, 2])
    path = kept.path("key")
    whole = path.read_bytes()
    assert kept.load("key") == [1, 2]
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Exception, match="damaged"):
            kept.load("key")
        path.write_bytes(whole[:place])
        with pytest.raises(Exception, match="damaged"):
            kept.load("key")


def test_a_kernel_of_another_version_or_source_is_not_taken(tmp_path: Path) -> None:
    dump = pickle.dumps
    SealedFiles(str(tmp_path), "one", ("1", 2), dump).save("key", 1)
    assert SealedFiles(str(tmp_path), "one", ("1", 3), dump).load("key") is None
    assert SealedFiles(str(tmp_path), "one", ("2", 2), dump).load("key") is None
    assert SealedFiles(str(tmp_path), "one", ("1", 2), dump).load("key") == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("call", ["replace", "write_bytes", "read_bytes"])
def test_what_the_system_refuses_is_said_by_its_own_cause(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    fresh(folder).twice(2.0) if call == "read_bytes" else None
    monkeypatch.setattr(os if call == "replace" else Path, call, refuse)
    assert fresh(folder).twice(2.0) == 4.0
    assert len(said) == 1
    assert os.strerror(number).lower() in said[0]
    monkeypatch.undo()
    assert not [path for path in files(folder) if path.suffix == ".part"]


def test_where_nothing_can_be_kept_it_runs(folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import config

    (folder / "file").write_text("")
    monkeypatch.setattr(config, "CACHE_DIR", str(folder / "file" / "in it"))
    assert fresh(folder).twice(2.0) == 4.0
