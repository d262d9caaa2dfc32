"""What the README says is so: its keys, networks, commands and files. `python tests/test_readme.py` fills its lists."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from lstm_tui.cli import main
from lstm_tui.tui.commands import COMMANDS

README = Path(__file__).parents[1] / "README.md"


def keys() -> str:
    """Return the command table of the screen."""
    rows, group = ["| | key | |", "|---|---|---|"], ""
    for command in COMMANDS:
        key = " ".join(f"`{part}`" for part in command.key.replace("|", "\\|").split())
        heading = f"**{command.group}**" if command.group != group else ""
        rows.append(f"| {heading} | {key} | {command.help} |")
        group = command.group
    return "\n".join(rows) + "\n"


def models() -> str:
    """Return what `lstm-tui models` prints, up to its notes."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["models"]) == 0
    table = printed.getvalue().split("\n\n")[0]
    return f"```console\n$ lstm-tui models\n{table}\n```\n"


def filled(text: str) -> str:
    """Return the README with its lists as the program has them now."""
    for name, made in (("keys", keys()), ("models", models())):
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        _, mark, after = rest.partition(f"<!-- /{name} -->")
        assert mark, f"no place for {name}"
        text = f"{before}<!-- {name} -->\n{made}{mark}{after}"
    return text


def test_its_lists_are_those_of_the_program() -> None:
    text = README.read_text("utf-8")
    assert text == filled(text), "run: python tests/test_readme.py"


def test_its_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    commands = set(re.findall(r"bin/lstm-tui (\w+)|(?<=[`$])\s?lstm-tui (\w+)", README.read_text("utf-8")))
    names = {one or other for one, other in commands}
    assert "run" in names
    for name in sorted(names):
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0, name
    capsys.readouterr()


def test_its_files_are_there() -> None:
    for link, sample in re.findall(r"\]\(([^)]+)\)|(samples/[a-z.]+)", README.read_text("utf-8")):
        assert (README.parent / (link or sample)).exists(), link or sample


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
