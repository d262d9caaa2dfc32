"""What CONTRIBUTING says of files, harnesses and promises is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from attack.__main__ import BEGIN, END, parser
from attack.harness import HARNESSES, harness

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
PATHS = sorted(
    {one for one in QUOTED if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|\.(py|toml|md|tcss|json))", one)}
    - {"NN-name.md", ".toml"}
)


def section(heading: str) -> str:
    """Return the text of a section, without its heading."""
    return TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def exists(path: str) -> bool:
    """Say whether a path is a file or folder of the package or of the repository."""
    return any((base / path).exists() for base in (ROOT / "lstm_tui", ROOT))


@pytest.mark.parametrize("path", PATHS)
def test_what_is_named_exists(path: str) -> None:
    assert exists(path)


def test_every_room_is_on_the_map() -> None:
    rows = section("The map").split("| room |")[1]
    for folder in (ROOT / "lstm_tui").iterdir():
        if folder.is_dir() and folder.name != "__pycache__" and any(folder.glob("*.*")):
            assert f"`{folder.name}/" in rows, folder.name


def test_every_change_names_a_file_or_folder_that_exists() -> None:
    rows = [line.split(" | ") for line in section("Where a change goes").splitlines() if line.startswith("| ")][1:]
    assert rows
    for change, place, *_ in rows:
        assert any(exists(one) for one in re.findall(r"`([^`]+)`", place)), change


def test_every_harness_is_named_by_its_promise() -> None:
    said = re.findall(r"^\d\. .*?`python -m tests\.attack (\w+)`", TEXT, re.MULTILINE | re.DOTALL)
    assert sorted(said) == sorted(HARNESSES)


def test_the_table_of_a_long_run_has_every_harness_and_no_open_kind() -> None:
    table = TEXT.split(BEGIN)[1].split(END)[0].strip().splitlines()
    command, rows = table[0].strip("`"), [[cell.strip() for cell in line.strip("|").split("|")] for line in table[4:]]
    assert command.startswith("python -m tests.attack ")
    given = parser().parse_args(shlex.split(command)[3:])
    assert (given.harness, given.table) == ([], Path("CONTRIBUTING.md"))
    assert [row[0] for row in rows] == [*HARNESSES, "all"]
    modules = [harness(name) for name in HARNESSES]
    assert [row[1:3] for row in rows[:-1]] == [[str(one.PROMISE), one.TRIES] for one in modules]
    assert {row[5] for row in rows} == {"0"}
    inputs = [int(row[3].replace(",", "")) for row in rows]
    assert inputs[-1] == sum(inputs[:-1])
    assert all(inputs)
