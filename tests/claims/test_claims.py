"""Every statement of the documents that can be tried is tried; see `claims/__init__.py` for what stands beside them."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

from lstm_tui.cli import main
from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.commands.help import EXPRESSIONS
from lstm_tui.lesson.library import folder as lessons_folder
from lstm_tui.tui.commands import COMMANDS

from .commands import check_line
from .documents import DOCUMENTS, ROOT, Block, Section, name_of, sections
from .keys import KEYS
from .problems import check_section, check_text, is_measured, refused_expressions, run_block
from .typed import refused

SECTIONS = [one for path in DOCUMENTS for one in sections(name_of(path), path.read_text("utf-8"))]
LESSONS = sorted(lessons_folder().glob("*.toml"))


def named(section: Section) -> str:
    return f"{Path(section.document).stem}: {section.heading}"


LONG = {"16-teaching: Teaching", "04-editing: The smallest change", "14-which-cell: Names bound to colours"}
"""Sections whose examples train a network or search for long."""


@pytest.mark.parametrize(
    "section",
    [pytest.param(one, marks=pytest.mark.slow if named(one) in LONG else (), id=named(one)) for one in SECTIONS],
)
def test_what_a_section_says_is_so(section: Section) -> None:
    assert check_section(section) == ()


def test_what_is_left_to_the_slow_checks_is_there() -> None:
    assert set(map(named, SECTIONS)) >= LONG


BLOCKS = [(named(one), block) for one in SECTIONS for block in one.blocks]


@pytest.mark.parametrize("block", [block for _, block in BLOCKS], ids=[name for name, _ in BLOCKS])
def test_every_line_of_a_block_is_run_or_says_why_not(block: Block) -> None:
    skipped = {found.skipped for _, found in run_block(block) if found.skipped}
    if skipped:
        pytest.skip("; ".join(sorted(skipped)))


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for _, block in BLOCKS], ids=[name for name, _ in BLOCKS])
def test_what_takes_long_is_run_too(block: Block) -> None:
    lines = [line for line, found in run_block(block) if found.skipped and "slow" in found.skipped]
    for line in lines:
        if not is_measured(line):
            assert check_line(line, slow=True).false == "", line


@pytest.mark.parametrize("command", ["", *command_names()])
def test_the_examples_of_a_help_run(command: str) -> None:
    for line in re.findall(r"^  (lstm-tui .+?)(?: {2,}.*)?$", help_of(command), re.MULTILINE):
        assert check_line(line.partition(" | less")[0]).false == "", line


@pytest.mark.parametrize("command", ["", *command_names()])
def test_what_a_help_has_in_backticks_is_there(command: str) -> None:
    for span in re.findall(r"`([^`]+)`", " ".join(help_of(command).split())):
        if span.startswith("lstm-tui "):
            assert check_line(span).false == "", span
        else:
            assert span in command_names() or span == "-" or re.fullmatch(r"[a-z]+|[\w.]+/\w", span), span


def help_of(command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main([*([command] if command else []), "--help"])
    return told.getvalue()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_keys_that_a_lesson_has_its_reader_press_are_there(path: Path) -> None:
    bound = {key for command in COMMANDS for key in command.key.split()} | KEYS | {"y"}
    text = path.read_text("utf-8")
    for key in re.findall(r"\b(?:[Pp]ress|[Tt]he key) `?(\S?\w?)`?(?= |,|\.|:)", text):
        assert key in bound, key


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_lines_that_a_lesson_has_its_reader_type_are_executed(path: Path) -> None:
    """What stands behind “type” is what the key y does, or is executed on a sample."""
    text = path.read_text("utf-8").replace("\\\n", "")
    done = re.findall(r'"((?:[^"\\]|\\.)*)"', " ".join(re.findall(r"^lines = (.+)$", text, re.MULTILINE)))
    known = {one.replace('\\"', '"').replace("[unit]", "[{unit}]") for one in done}
    typed = [line.replace('\\"', '"') for line in re.findall(r"`:([^`]+)`", text)]
    others = tuple(line for line in typed if line not in known)
    assert [line for line, why in zip(others, refused(others), strict=True) if why] == []


@pytest.mark.parametrize(
    ("steps", "counted"),
    [
        ((1, 2, 3), True),
        ((1, 2, 1, 2), True),
        ((1, 2, 4), False),
        ((2, 3), False),
        ((1, 1, 3), False),
        ((1, 2, 1), False),
        ((1, 7, 8), False),
    ],
)
def test_a_numbered_list_counts_its_steps(steps: tuple[int, ...], counted: bool) -> None:
    text = "# A page\n\n" + "".join(f"{step}. Do this.\n" for step in steps)
    assert (check_text("made.md", text) == []) == counted


def test_the_list_of_expressions_is_accepted() -> None:
    assert refused_expressions(tuple(EXPRESSIONS)) == []


def test_what_was_measured_names_a_command_that_is_there() -> None:
    for table, found in json.loads((ROOT / "tests" / "benchmarks" / "measured.json").read_text("utf-8")).items():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["written"]), table
        assert found["machine"], table
        for command in found["command"].split("; "):
            assert check_line(command).false == "", command
