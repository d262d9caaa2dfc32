"""The wheel that strangers install: its size, and that it holds every file of the package as it is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 4_000_000
"""Bytes of the wheel at most."""


def shipped() -> dict[str, Path]:
    """Return what the wheel is to hold, by its name there."""
    listed = subprocess.run(["git", "ls-files", "-z", "lstm_tui", "samples"], cwd=ROOT, capture_output=True, check=True)
    paths = [one for one in listed.stdout.decode().split("\0") if one]
    return {one if one.startswith("lstm_tui/") else f"lstm_tui/{one}": ROOT / one for one in paths}


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
