"""What a shell completes: commands, options, the values that an option takes, networks and files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from lstm_tui.cli.arguments import SHELLS, command_names, whole_parser
from lstm_tui.cli.completion import named_values
from lstm_tui.cli.main import main

pytest.importorskip("shtab")
VALUES = named_values()
OFFERED = {
    "run --model": VALUES["MODEL"], "train --cell": VALUES["CELL"], "tour": VALUES["LESSON"], "help": VALUES["TOPIC"],
}  # fmt: skip
"""What is typed before a value, and what is offered there: its names, and whether files too."""


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
    for before, (names, files) in OFFERED.items():
        offered = set(completed(tmp_path, script, "lstm-tui", *before.split(), ""))
        assert offered >= set(names) | ({"mine.txt"} if files else set())
    assert completed(tmp_path, script, "lstm-tui", "run", "mi") == ["mine.txt"]


def test_every_kind_of_name_is_tried() -> None:
    assert sorted(OFFERED.values()) == sorted(VALUES.values())


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_there_for_every_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = script_of(shell, capsys)
    for name, parser in whole_parser().commands.items():
        assert name in script
        for option in set(re.findall(r"^  +(?:-\w, )?--([a-z][a-z-]*)", parser.format_help(), re.MULTILINE)):
            assert option in script, (name, option)


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def offered(line: str) -> set[str]:
        asked = f"source script; complete -C {shlex.quote(line)}"
        done = subprocess.run(["fish", "-N", "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return {one.partition("\t")[0] for one in done.stdout.splitlines()}

    (tmp_path / "script").write_text(script_of("fish", capsys))
    (tmp_path / "mine.txt").touch()
    assert set(command_names()) <= offered("lstm-tui ")
    assert offered("lstm-tui wor") == {"worksheet"}
    assert "--dtype" in offered("lstm-tui run --dt")
    assert offered("lstm-tui run --dtype ") == {"float32", "float64"}
    assert "mine.txt" in offered("lstm-tui run mi")
    for before, (names, files) in OFFERED.items():
        assert offered(f"lstm-tui {before} ") >= set(names) | ({"mine.txt"} if files else set())


ZSH_READS = {
    "found by its name": "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D",
    "source": "autoload -U compinit; compinit -u -D; source <(cat _lstm-tui)",
    "a file": "autoload -U compinit; compinit -u -D; . ./_lstm-tui",
    "eval": 'autoload -U compinit; compinit -u -D; eval "$(cat _lstm-tui)"',
}
"""How zsh comes to the script."""
ZSH_TRIED = [("found by its name", one) for one in OFFERED] + [(way, "completion") for way in ZSH_READS]


def test_what_the_help_says_of_zsh_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["completion", "--help"])
    assert "source <(lstm-tui completion zsh)" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
@pytest.mark.parametrize(("way", "before"), dict.fromkeys(ZSH_TRIED))
def test_zsh_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str, before: str) -> None:
    (tmp_path / "_lstm-tui").write_text(script_of("zsh", capsys))
    (tmp_path / "mine.txt").touch()
    here = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "$ "}
    shell = pexpect.spawn("zsh", ["-f"], encoding="utf-8", dimensions=(80, 160), cwd=tmp_path, env=here, timeout=30)
    names, files = (SHELLS, False) if before == "completion" else OFFERED[before]
    try:
        shell.sendline(f"{ZSH_READS[way]}; LISTMAX=999; PS1='READY> '")
        for _ in range(2):  # once as it is typed
            shell.expect_exact("READY> ")
        shell.send(f"lstm-tui {before} \t")
        shell.expect_exact("READY> lstm-tui")  # once more, below what is offered
        assert set(shell.before.split()) >= set(names) | ({"mine.txt"} if files else set())
    finally:
        shell.close(force=True)
