"""What the README and the manual say is so: their keys, verbs, networks, commands and files.

`python tests/test_readme.py` fills their lists, and the numbers that an expression beside them computes.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import pytest
from claims import documents
from claims.numbers import filled_numbers
from claims.stand_ins import scratch
from claims.tables import MEASURED

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.debugger import manual
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.debugger.commands.help import EXPRESSIONS, GROUPS
from lstm_tui.tui.commands import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = (README, *sorted(manual.folder().glob("*.md")))
FILLED = (*DOCUMENTS, ROOT / "CONTRIBUTING.md")
"""Those with lists that the program, a page of it or a benchmark fills."""
FIRST_KEYS = ("n", "s", "]", "}", "p", "0", "e", "d", ":", "?")
"""The ten keys to begin with; every one is in the manual."""


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def keys() -> str:
    """Return the command table of the screen."""
    rows, group = ["| | key | |", "|---|---|---|"], ""
    for command in COMMANDS:
        key = " ".join(f"`{part}`" for part in command.key.replace("|", "\\|").split())
        heading = f"**{command.group}**" if command.group != group else ""
        rows.append(f"| {heading} | {key} | {command.help} |")
        group = command.group
    return "\n".join(rows) + "\n"


def first_keys() -> str:
    """Return ten keys of that table."""
    by_key = {command.key: command for command in COMMANDS}
    return "\n".join(("| key | |", "|---|---|", *(row([f"`{key}`", by_key[key].help]) for key in FIRST_KEYS))) + "\n"


def models() -> str:
    """Return what `lstm-tui models` prints, up to its notes."""
    return f"```console\n$ lstm-tui models\n{printed('models').split(chr(10) * 2)[0]}\n```\n"


def commands() -> str:
    """Return the commands of the command line as its help lists them."""
    told = re.findall(r"^    ([a-z]+) +(.+(?:\n {6,}\S.*)*)|^    ([a-z]+)\n +(\S.*)", printed("--help"), re.MULTILINE)
    rows = [row([f"`{one or two}`", " ".join((help or more).split())]) for one, help, two, more in told]
    return "\n".join(("| command | |", "|---|---|", *rows)) + "\n"


def verbs() -> str:
    """Return every verb by what it is for."""
    lines = []
    for group, names in GROUPS.items():
        lines += [f"**{group}**", "", "| | |", "|---|---|"]
        lines += [*(row([f"`{VERBS.named(name).usage}`", VERBS.named(name).help]) for name in names), ""]
    return "\n".join(lines[:-1]) + "\n"


def expressions() -> str:
    """Return what an expression may hold."""
    return "\n".join(("```", *EXPRESSIONS, "```")) + "\n"


def python_names() -> str:
    """Return every public name of Python: its signature and what its docstring says; of a class its methods too."""
    parts = []
    for name in sorted(lstm_tui.__all__, key=lambda one: (one[0].isupper(), one)):
        given = getattr(lstm_tui, name)
        if name == "__version__":
            continue
        parts.append(f"{name}{'' if inspect.isclass(given) else _arguments(given)}\n{_indented(inspect.getdoc(given))}")
        for method, own in sorted(_own(given).items()) if inspect.isclass(given) else ():
            if not method.startswith("_") and inspect.isfunction(own):
                parts.append(f"{name}.{method}{_arguments(own)}\n{_indented(inspect.getdoc(own))}")
            if not method.startswith("_") and isinstance(own, property | cached_property):
                parts.append(f"{name}.{method}\n{_indented(inspect.getdoc(own))}")
    return "\n".join(("```", "\n\n".join(parts), "```")) + "\n"


def _own(given: type) -> dict[str, object]:
    """Return what a class and those of ours below it define, the class before them."""
    ours = [one for one in given.__mro__ if one.__module__.startswith("lstm_tui.")]
    return {name: own for one in reversed(ours) for name, own in vars(one).items()}


def _arguments(function: Callable[..., object]) -> str:
    """Return the arguments of a function by name, with what they are where nothing is given."""
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in inspect.signature(function).parameters.values()]
    return str(inspect.Signature([one for one in plain if one.name != "self"]))


def _indented(text: str | None) -> str:
    assert text, "every public name has a docstring"
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


LISTS: dict[str, Callable[[], str]] = {
    "keys": keys, "first keys": first_keys, "models": models, "commands": commands, "verbs": verbs,
    "expressions": expressions, "python names": python_names, **MEASURED,
}  # fmt: skip


def printed(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main(list(arguments))
    return told.getvalue()


def filled(text: str) -> str:
    """Return a document with its lists as the program has them now."""
    for name in re.findall(r"^<!-- ([a-z ]+) -->$", text, re.MULTILINE):
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        _, mark, after = rest.partition(f"<!-- /{name} -->")
        assert mark, f"no end of {name}"
        text = f"{before}<!-- {name} -->\n{LISTS[name]()}{mark}{after}"
    return text


@pytest.mark.parametrize("path", FILLED, ids=lambda path: path.stem)
def test_its_lists_are_those_of_the_program(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text == filled(text), "run: python tests/test_readme.py"


def test_every_list_has_a_place() -> None:
    told = "".join(path.read_text("utf-8") for path in FILLED)
    assert [name for name in LISTS if told.count(f"<!-- {name} -->") != 1] == []


def typed(path: Path) -> list[tuple[str, str]]:
    """Return every command that a document has its reader type, and what stands behind it."""
    text = path.read_text("utf-8")
    fenced = re.findall(r"^```\w*\n(.+?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.+?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line.partition("  #")[0] for block in (*fenced, *inline) for line in block.splitlines()]
    return [found for line in lines for found in re.findall(r"lstm-tui ([a-z]\w*)([^|]*)", line)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_its_commands_exist(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {command for command, _ in typed(path)} - {"COMMAND"}
    assert path != README or "run" in names
    for name in sorted(names):
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0, name
    capsys.readouterr()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_its_files_are_there(path: Path) -> None:
    text = path.read_text("utf-8")
    for link, sample, inside in re.findall(r"\]\(([^)]+)\)|(samples/[a-z./-]+)|(lstm_tui/[a-z_/.]+)", text):
        assert (ROOT / (link or sample or inside).rstrip(".")).exists(), link or sample or inside


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_topics_it_points_to_are_there(path: Path) -> None:
    for name in re.findall(r"lstm-tui help ([a-z][a-z-]+)", path.read_text("utf-8")):
        assert any(one.name == name for one in manual.topics()), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_options_it_names_exist(path: Path) -> None:
    """An option stands in the help of the command that its line begins with."""
    for command, rest in typed(path):
        if command == "COMMAND":
            continue
        for option in re.findall(r"(?<= )(--[a-z][a-z-]+)", rest):
            assert option in printed(command, "--help-all"), f"{command} {option}"


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = [part for path in DOCUMENTS for part in re.findall(r"```python\n(.+?)```", path.read_text("utf-8"), re.S)]
    assert code
    for part in code:
        names: dict[str, object] = {}
        if part.startswith("import torch") and find_spec("torch") is None:
            continue
        with scratch():
            exec(part, names)
        said = re.findall(r"^(\S.*?)  # (\d+):", part, re.MULTILINE)
        assert [str(eval(line, names)) for line, _ in said] == [number for _, number in said]
    assert capsys.readouterr().out


def test_the_readme_is_a_page() -> None:
    seen = re.sub(r"<!--.*?-->", "", README.read_text("utf-8"))  # comments are for the tests, and not shown
    assert len(seen.split()) <= 950


def refreshed(path: Path) -> str:
    """Return a document with its lists and numbers as the program has them now."""
    text = path.read_text("utf-8")
    return filled_numbers(documents.name_of(path), filled(text) if path in FILLED else text)


if __name__ == "__main__":
    for one in documents.DOCUMENTS:
        one.write_text(refreshed(one), "utf-8")
