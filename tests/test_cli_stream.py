"""`lstm-tui stream` as an engineer uses it: a voice detector that forgets, named in one command on 80 columns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive import lstm_step, softmax
from saved_arrays import savez
from shown import is_one_safe_line

from lstm_tui.cli import main
from lstm_tui.debugger.manual import topic
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.formats.importers.native import save

CHUNK = 8


def detector() -> Network:
    """Return a voice detector by hand: it adds up how loud eight bands are, forgets slowly, and says quiet or voice."""
    layers = [{"cell": "lstm", "hidden_size": 4, "directions": ["forward"], "merge": "concat"}]
    spec: dict[str, Any] = {"name": "detector", "input_size": 8, "layers": layers, "readout": "dense",
                            "outputs": 2, "classes": ["quiet", "voice"]}  # fmt: skip
    network = build_network(spec)
    tensors = network.tensors()
    for view in tensors.values():
        view[...] = 0
    tensors["layer0.forward/b_f"][:] = [3.0, 2.5, 2.0, 3.5]
    tensors["layer0.forward/b_o"][:] = 2.0
    tensors["layer0.forward/W_g"][:] = 0.2
    tensors["layer0.forward/b_g"][:] = -0.5
    for gate in "figo":
        tensors[f"layer0.forward/U_{gate}"][:] = 0.1 + 0.1 * np.eye(4)
    tensors["readout/V_y"][:] = [[-0.3] * 4, [0.3] * 4]
    return network


def application(network: Network, frames: np.ndarray, resets: bool) -> list[np.ndarray]:
    """Return what an application says of each chunk, which forgets its state if it resets."""
    tensors = network.tensors()
    p = {name.partition("/")[2]: one.astype(np.float64) for name, one in tensors.items()}
    h = c = np.zeros(4)
    said = []
    for chunk in frames.reshape(-1, CHUNK, 8):
        if resets:
            h = c = np.zeros(4)
        for frame in chunk:
            made = lstm_step(p, frame, h, c)
            h, c = made["h"], made["c"]
        said.append(softmax(tensors["readout/V_y"] @ h + tensors["readout/b_y"]).astype(np.float32))
    return said


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    network = detector()
    save(network, tmp_path / "detector.safetensors")
    rng = np.random.default_rng(5)
    loud = np.repeat([1, *rng.integers(0, 2, 19)], CHUNK)[:, None]
    frames = np.abs(rng.normal(0.2 + loud, 0.3, (20 * CHUNK, 8)))
    for name, resets in (("forgets", True), ("right", False)):
        said = application(network, frames, resets)
        savez(tmp_path / f"{name}.npz", {"input": frames.reshape(20, CHUNK, 8), "output": np.array(said)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_detector_that_forgets_is_named_in_one_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((80, 24)))
    assert main(["stream", "forgets.npz", "--model", "detector.safetensors"]) == 3
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert all(len(line) < 80 and is_one_safe_line(line) for line in lines)
    assert "they part at chunk 1 of 20" in said
    assert "the state is zero at every chunk" in lines
    assert "give the network the states that the chunk before returned" in said


def test_a_detector_that_is_right_raises_no_alarm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stream", "right.npz", "--model", "detector.safetensors"]) == 0
    assert "is what comes of the right run" in capsys.readouterr().out


def test_json_says_the_same(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["stream", "forgets.npz", "--model", "detector.safetensors", "--json"]) == 3
    found = json.loads(capfdbinary.readouterr().out)
    assert found["same"] is False
    assert (found["first"]["chunk"], found["chunks"], found["steps"]) == (1, 20, 160)
    assert [one["kind"] for one in found["explanations"]] == ["reset"]
    assert found["explanations"][0]["largest"] < 1e-5 < found["largest"]


def test_a_network_that_reads_both_ways_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stream", "right.npz", "--model", "sentiment"]) == 1
    said = capsys.readouterr().err
    assert "reads both ways" in said
    assert said.count("\n") == 1


def test_the_example_of_the_manual_is_named_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    program = topic("streams").text.partition("```python\n")[2].partition("```")[0]
    exec(program, {})
    assert main(["stream", "calls.npz", "--model", "forecast"]) == 3
    assert "\nthe state is zero at every chunk\n" in capsys.readouterr().out
