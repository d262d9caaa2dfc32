"""Edited networks in their own files, run by their own frameworks; and a judge who sees what differs."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from present import present

import lstm_tui
from lstm_tui.engine.arrays import Array

from .verdicts import Case
from .written_back import DIFFERS, FAMILIES, SAME, judged, numbers_changed

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).parents[1] / "formats" / "files" / "graphs" / "clip_lstm.onnx"


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_each_framework_says_of_the_written_file_what_the_edited_network_says(family: str) -> None:
    if any(importlib.util.find_spec(one) is None for one in FAMILIES[family][1]):
        pytest.skip(f"needs {', '.join(FAMILIES[family][1])}")
    command = [sys.executable, "-m", "tests.campaigns.written_back", family, "--count", "6", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout
    assert f"| {family} | " in done.stdout


@pytest.mark.parametrize("off", [0, 0.01])
def test_a_framework_that_says_something_else_is_seen(off: float) -> None:
    pytest.importorskip("onnx")
    x = np.load(FILE.with_suffix(".npz"))["x"]

    def said(path: Path) -> Array:
        return present(present(lstm_tui.trace(x, lstm_tui.load(path)).ran).merged[-1])

    def run(path: Path) -> Mapping[str, Array]:
        return {"Y": said(path) + off}

    def write(folder: Path) -> Path:
        (folder / "m.onnx").write_bytes(FILE.read_bytes())
        return folder / "m.onnx"

    case = Case("onnx", write, {"X": x}, {"Y": said(FILE)}, run=run)
    assert judged(case, random.Random(0))[0] == (DIFFERS if off else SAME)


def test_a_number_that_changed_is_counted_and_anything_else_is_not_let_pass() -> None:
    data = bytearray(b"\x10\0\0\0\0\0\0\0" + b'{"a": [0, 8]}   ' + np.array([1, 2], np.float32).tobytes())
    other = bytes(data[:-4]) + np.array([3], np.float32).tobytes()
    assert numbers_changed(bytes(data), bytes(data)) == 0
    assert numbers_changed(bytes(data), other) == 1
    with pytest.raises(AssertionError, match="header changed"):
        numbers_changed(bytes(data), other.replace(b'"a"', b'"b"'))
