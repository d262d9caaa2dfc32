"""What is assumed of an imported network is said wherever it is used: by every command that takes one and in Python."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.cli.arguments import _COMMANDS
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.traces.trace_file import read, write
from lstm_tui.models import opening

TAGGER = str(Path(__file__).parent / "formats" / "files" / "torch_tagger.pt")
REMARK = "readout.after_head_0=relu"
COMMANDS: dict[str, list[str]] = {
    "run": ["IDS", "--plain", "--batch", "-x", "SCRIPT"],
    "trace": ["IDS", "-o", "OUT.json"],
    "check": ["IDS", "IDS", "--assert", "mean(h) < 9"],
    "find": ["IDS", "--where", "h[0] < 9"],
    "stats": ["IDS"],
    "report": ["IDS", "-o", "OUT.html"],
    "worksheet": ["IDS", "-o", "OUT.md"],
    "reach": ["IDS"],
    "figure": ["IDS", "-o", "OUT.svg"],
    "compare": ["IDS", "--model", TAGGER],
    "convert": ["-o", "OUT.safetensors"],
}
NOT_HERE = {
    "serve": "opens a server; its input is opened by `work` as all others",
    "models": "lists those that are bundled",
    "inspect": "is the command that tells all of it",
    "stream": "needs a recording; says them by `say_remarks` as `convert` does",
    "verify": "needs a recording; says them by `say_remarks` as `convert` does",
}


def test_every_command_that_takes_a_model_is_tried_or_told_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    takes = set()
    for name in _COMMANDS:
        with pytest.raises(SystemExit):
            main([name, "--help-all"])
        if re.search(r"--model M|MODEL", capsys.readouterr().out):
            takes.add(name)
    assert len(takes) > 8
    assert takes - NOT_HERE.keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_assumed_is_said_once(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ids.csv").write_text("3\n1\n4\n")
    (tmp_path / "script").write_text("where\n")
    words = [
        word.replace("IDS", str(tmp_path / "ids.csv")).replace("OUT", str(tmp_path / "out"))
        .replace("SCRIPT", str(tmp_path / "script")) for word in COMMANDS[command]
    ]  # fmt: skip
    model = [TAGGER] if command == "convert" else ["--model", TAGGER]
    assert main([command, *model, *words]) == 0
    said = capsys.readouterr()
    assert len(re.findall(re.escape(REMARK), said.err + said.out)) == 1
    made = next((path for path in tmp_path.glob("out.*") if path.suffix in (".html", ".md", ".json")), None)
    assert made is None or REMARK in made.read_text().replace("\\", ""), "what is handed on says it too"


def test_python_tells_it_once_and_keeps_it(caplog: pytest.LogCaptureFixture) -> None:
    opening._SAID.clear()
    with caplog.at_level(logging.WARNING, "lstm_tui"):
        network = lstm_tui.load(TAGGER)
        session = lstm_tui.session("3 1 4", TAGGER)
        lstm_tui.trace("3 1 4", TAGGER)
    assert caplog.text.count(REMARK) == 1
    assert any(REMARK in remark for remark in network.remarks)
    assert REMARK in session.execute("info frame")


def test_tensors_that_are_not_used_are_told_with_the_rest() -> None:
    network = open_file(TAGGER).network
    network.card["imported"]["unused"] = [f"extra.{n}" for n in range(6)]
    assert network.remarks[-1] == "not used of the file: extra.0, extra.1, extra.2, extra.3 and 2 more"


@pytest.mark.parametrize("ending", ["json", "ndjson", "npz"])
def test_a_trace_says_them_where_its_network_is_not_at_hand(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ids.csv").write_text("3\n1\n4\n")
    monkeypatch.setattr("lstm_tui.cli.open.network_of", lambda trace, folder: None)
    first, second = tmp_path / f"o.{ending}", tmp_path / f"again.{ending}"
    assert main(["trace", str(tmp_path / "ids.csv"), "--model", TAGGER, "-o", str(first)]) == 0
    capsys.readouterr()
    (tmp_path / "script").write_text("info frame\n")
    assert main(["open", str(first), "--plain", "--batch", "-x", str(tmp_path / "script")]) == 0
    assert REMARK in capsys.readouterr().out
    trace = read(first)
    assert trace.network is None
    write(trace, second)
    assert read(second).remarks == trace.remarks != ()
