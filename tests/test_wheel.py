"""The wheel that strangers install: its size, and that it holds every file of the package as it is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE, SAMPLES = ROOT / "lstm_tui", ROOT / "samples"
MADE = {"__pycache__", ".DS_Store"}
"""Names of what other programs leave in a folder; a copy of the tree has no list of its files to ask."""
MOST = 4_000_000
"""Bytes of the wheel at most."""


def shipped() -> dict[str, Path]:
    """Return what the wheel is to hold, by its name there: every file of both folders that no program made."""
    found = (one for folder in (PACKAGE, SAMPLES) for one in folder.rglob("*"))
    files = [one for one in found if one.is_file() and not MADE & set(one.parts)]
    return {
        (Path("lstm_tui") / one.relative_to(ROOT if SAMPLES in one.parents else PACKAGE)).as_posix(): one
        for one in files
    }


@pytest.mark.slow
def test_the_wheel_is_small_and_holds_every_file_as_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    (path,) = tmp_path.glob("*.whl")
    assert path.stat().st_size <= MOST
    with zipfile.ZipFile(path) as wheel:
        assert wheel.testzip() is None
        held = {one: wheel.read(one) for one in wheel.namelist() if ".dist-info/" not in one}
        modes = {one.external_attr >> 16 & 0o444 for one in wheel.infolist()}
    assert held == {name: one.read_bytes() for name, one in shipped().items()}
    assert modes == {0o444}
