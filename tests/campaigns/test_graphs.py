"""The campaign of graphs runs: a handful of networks of each framework that is installed, none silently wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .graphs import FAMILIES
from .verdicts import CRASHED, CUT, REFUSED, RIGHT, WRONG, Case, judged

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_handful_of_each_framework(family: str) -> None:
    if any(importlib.util.find_spec(one) is None for one in FAMILIES[family][1]):
        pytest.skip(f"needs {', '.join(FAMILIES[family][1])}")
    command = [sys.executable, "-m", "tests.campaigns.graphs", family, "--count", "8", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout
    assert f"| {family} | " in done.stdout


def test_a_number_that_is_off_is_silently_wrong_and_a_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    import numpy as np

    whole = Path(__file__).parents[1] / "formats" / "files" / "graphs" / "clip_lstm.onnx"
    pytest.importorskip("onnx")
    arrays = dict(np.load(whole.with_suffix(".npz")))

    def case(wanted: np.ndarray) -> Case:
        def write(folder: Path) -> Path:
            (folder / "m.onnx").write_bytes(whole.read_bytes())
            return folder / "m.onnx"

        return Case("onnx", write, {"X": arrays["x"]}, {"Y": wanted})

    assert judged(case(arrays["want_Y"]))[0] == RIGHT
    assert judged(case(arrays["want_Y"] + 0.001))[0] == WRONG
    broken = Case("onnx", lambda folder: _written(folder, b"\x08nothing"), {"X": arrays["x"]}, {})
    assert judged(broken)[0] == REFUSED
    assert len({RIGHT, CUT, REFUSED, WRONG, CRASHED}) == 5


def _written(folder: Path, data: bytes) -> Path:
    (folder / "m.onnx").write_bytes(data)
    return folder / "m.onnx"
