"""What a shell completes: commands, options, the values that an option takes, networks and files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lstm_tui.cli.arguments import SHELLS, command_names, whole_parser
from lstm_tui.cli.main import main
from lstm_tui.models import bundled_names

pytest.importorskip("shtab")


def completed(folder: Path, script: str, *words: str) -> list[str]:
    """Return what bash offers for the last of some words."""
    (folder / "script").write_text(script)
    typed = " ".join(f"'{word}'" for word in words)
    asked = f"source ./script; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _shtab_lstm_tui; "
    told = asked + 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", told], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def script_of(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_of("bash", capsys)
    (tmp_path / "mine.txt").touch()
    assert set(command_names()) <= set(completed(tmp_path, script, "lstm-tui", ""))
    assert completed(tmp_path, script, "lstm-tui", "wor") == ["worksheet"]
    assert "--dtype" in completed(tmp_path, script, "lstm-tui", "run", "--dt")
    assert completed(tmp_path, script, "lstm-tui", "run", "--dtype", "") == ["float32", "float64"]
    assert set(bundled_names()) <= set(completed(tmp_path, script, "lstm-tui", "run", "--model", ""))
    assert completed(tmp_path, script, "lstm-tui", "run", "mi") == ["mine.txt"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_there_for_every_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_of(shell, capsys)
    for name, parser in whole_parser().commands.items():
        assert name in script
        for option in set(re.findall(r"^  +(?:-\w, )?--([a-z][a-z-]*)", parser.format_help(), re.MULTILINE)):
            assert option in script, (name, option)
