"""A trace file finds the network that made it, or is shown by its values alone."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_captures import made_capture

import lstm_tui
from lstm_tui.cli import main, open
from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.captures.capture_file import write as write_capture
from lstm_tui.formats.importers.native import load, save
from lstm_tui.formats.importers.untrained import Untrained, untrained
from lstm_tui.formats.traces.trace_file import read, write
from lstm_tui.models import bundled_names


@pytest.fixture(autouse=True)
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trace:
    """Write a network, and the trace of a run of it."""
    monkeypatch.chdir(tmp_path)
    tokens = Tokens("words", ("<unk>", "The", "movie"))
    save(untrained(Untrained(hidden=4, bidirectional=True, layers=2), tokens), "n.safetensors")
    made = lstm_tui.trace("The movie was", "n.safetensors")
    write(made, "t.json")
    return made


def changed(**changes: Any) -> Trace:
    content = json.loads(Path("t.json").read_text())
    content.update(changes)
    Path("changed.json").write_text(json.dumps(content))
    return read("changed.json")


def test_the_network_is_found_where_it_was(trace: Trace) -> None:
    network = open.network_of(read("t.json"), Path())
    assert network is not None
    assert network.sha256 == trace.model["sha256"]


def test_the_network_is_found_beside_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert open.network_of(read("../t.json"), Path("..")) is not None


@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".npz"])
def test_an_excerpt_of_values_still_has_its_network(trace: Trace, suffix: str) -> None:
    write(trace, f"part{suffix}", values=["c", "h"])
    assert open.network_of(read(f"part{suffix}"), Path()) is not None


def test_part_of_the_units_is_shown_alone(trace: Trace) -> None:
    write(trace, "part.json", units=slice(1, 3))
    assert open.network_of(read("part.json"), Path()) is None


def test_an_edited_run_is_shown_alone() -> None:
    assert open.network_of(changed(edits=["set c[0] = 1"]), Path()) is None


def test_another_network_of_the_name_is_not_taken() -> None:
    save(untrained(Untrained(hidden=4, seed=9), None, 2), "n.safetensors")
    assert open.network_of(read("t.json"), Path()) is None
    Path("n.safetensors").write_bytes(b"damaged")
    assert open.network_of(read("t.json"), Path()) is None
    Path("n.safetensors").unlink()
    assert open.network_of(read("t.json"), Path()) is None


@pytest.mark.parametrize("key", ["tokens", "ids"])
def test_a_run_of_something_else_is_shown_alone(key: str) -> None:
    content = json.loads(Path("t.json").read_text())
    content["input"]["ids"] = [2, 1, 0] if key == "ids" else [99, 99, 99]
    assert open.network_of(changed(input=content["input"]), Path()) is None


def test_a_trace_without_a_file_is_shown_alone() -> None:
    assert open.network_of(changed(model={"name": "untrained", "file": None, "sha256": None}), Path()) is None


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_network_is_found_by_name(name: str) -> None:
    network = lstm_tui.load(name)
    source = "It was not bad" if network.tokens else np.zeros((5, network.input_size))
    write(lstm_tui.trace(source, name), "b.json")
    found = open.network_of(read("b.json"), Path())
    assert found is not None
    assert found.file is None


@pytest.mark.parametrize(
    "part",
    [
        {"values": ["h"]},
        {"values": ["f"]},
        {"values": ["i", "g"]},
        {"values": ["c", "o"], "steps": slice(1, 3)},
        {"units": slice(2, 3), "steps": slice(0, 1)},
    ],
)
def test_every_excerpt_opens_on_the_screen(trace: Trace, part: dict[str, Any]) -> None:
    from lstm_tui.tui.app import LstmApp

    write(trace, "part.json", **part)
    app = LstmApp(Source.of_trace(read("part.json")))

    async def step_through() -> None:
        async with app.run_test(size=(160, 45)) as pilot:
            await pilot.press("o", "o", "n", "o", "s", "N", "p", "escape", "o", "o", "i", "G", "g")
            await pilot.pause()

    asyncio.run(step_through())
    assert app.return_code is None


@pytest.mark.parametrize("found", [True, False])
def test_the_screen_gets_the_network_or_the_trace(found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_tui.tui import app

    calls: list[Source] = []

    def run_app(source: Source, **options: Any) -> int:
        calls.append(source)
        return 7

    monkeypatch.setattr(app, "run_app", run_app)
    if not found:
        Path("n.safetensors").unlink()
    assert main(["open", "t.json"]) == 7
    (call,) = calls
    if found:
        assert call.network is not None
        assert call.network.sha256 == load("n.safetensors").sha256
        assert call.sequences[0].tokens == ("The", "movie", "was")
        assert call.interpreter == "numpy"
    else:
        assert call.recorded is not None
        assert call.recorded.sequence.tokens == ("The", "movie", "was")


def test_a_session_of_a_capture_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_capture(made_capture(), "run.npz")
    (tmp_path / "script").write_text("goto 1\nset layer0.forward.h[0] @ 1 = 0\nprint h[0]\nsave-session work.ltui\n")
    assert main(["open", "run.npz", "--plain", "--batch", "-x", "script", "--sequence", "1"]) == 0
    told = next(line for line in capsys.readouterr().out.splitlines() if " = h[0] = " in line)
    (tmp_path / "again").write_text("edits\nprint h[0]\n")
    assert main(["open", "work.ltui", "--plain", "--batch", "-x", "again"]) == 0
    said = capsys.readouterr().out
    assert told in said
    assert "1 edit" in said
    text = (tmp_path / "work.ltui").read_text()
    (tmp_path / "loop.ltui").write_text(re.sub(r"# command: .*", "# command: open work.ltui", text))
    assert main(["open", "loop.ltui", "--plain"]) == 1  # a session opens no other
    assert capsys.readouterr().err.count("\n") == 1
