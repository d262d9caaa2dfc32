"""All that is false of a document: what a reader would find who tries every line of it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from lstm_tui.cli.dap import open_launch
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.mapping_file import read_mapping

from .commands import GOOD, Outcome, check_block, lstm_tui
from .documents import ROOT, Block, Section, sections
from .does import check_does
from .facts import measured
from .numbers import check_numbers
from .shown import check_shown
from .spans import check_spans
from .stand_ins import scratch
from .typed import refused

_LINK = re.compile(r"!?\[[^]]*\]\(([^)#\s]+)\)")


@cache
def check_section(section: Section) -> tuple[str, ...]:
    """Return what is false of a section."""
    problems = [f"{line}: {found.false}" for block in section.blocks for line, found in run_block(block) if found.false]
    foreign = section.said("foreign")
    links = [
        f"{one}: there is no such file" for one in _LINK.findall(section.text) if not _leads_somewhere(one, foreign)
    ]
    return (
        *problems,
        *links,
        *check_spans(section),
        *check_does(section),
        *check_numbers(section),
        *check_shown(section),
    )


def check_text(document: str, text: str) -> list[str]:
    """Return what is false of a document, or of what somebody makes of it."""
    return [f"{one.heading}: {problem}" for one in sections(document, text) for problem in check_section(one)]


@cache
def run_block(block: Block, slow: bool = False) -> tuple[tuple[str, Outcome], ...]:
    """Run what is fenced, by what it is said to be; return each line or piece and what came of it."""
    return tuple(_RUN.get(block.language, _run_unknown)(block.code, slow))


def _run_unknown(code: str, slow: bool) -> Iterator[tuple[str, Outcome]]:
    yield code.partition("\n")[0], Outcome("say behind the fence what it is: console, json, python, toml")


_REFERENCES = frozenset({"torch"})
"""Libraries of others, without which the programs that begin with them are not run."""


def _run_python(code: str, slow: bool) -> Iterator[tuple[str, Outcome]]:
    """Run a program; where a comment begins with a number or shape, the line gives that."""
    names: dict[str, object] = {}
    first = code.partition("\n")[0]
    try:
        with scratch(), contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)
            yield first, GOOD
            for line, said in re.findall(r"^(\S.*?)  # ([\d(][^:]*|\w+ \([\w, ]+\)):", code, re.MULTILINE):
                yield line, _as_said(eval(line, names), said)
    except ModuleNotFoundError as error:
        yield first, GOOD if error.name in _REFERENCES else Outcome(str(error))
    except Exception as error:
        yield first, Outcome(f"{type(error).__name__}: {error}")


def _run_launch(code: str, slow: bool) -> Iterator[tuple[str, Outcome]]:
    """Open what an editor's launch configuration names, on a sample in place of the file it edits."""
    try:
        asked = json.loads(code.replace("${file}", "sample.txt"))
        open_launch(asked)
        yield code, GOOD if asked["request"] == "launch" else Outcome("it is no launch")
    except (ValueError, KeyError, UserError) as error:
        yield code, Outcome(str(error))


def _as_said(value: object, said: str) -> Outcome:
    """Say whether a value is the number that is said, or of the type and the number of axes that are said."""
    kind, _, shape = said.partition(" ")
    found = str(value)
    if shape:
        found = f"{getattr(value, 'dtype', None)} {len(getattr(value, 'shape', ()))} axes"
        said = f"{kind} {shape.count(',') + (',)' not in shape)} axes"
    return GOOD if found == said else Outcome(f"it gives {found}, and {said} is said")


def _run_toml(code: str, slow: bool) -> Iterator[tuple[str, Outcome]]:
    """Have a cell checked as it stands, saved under the name that it gives itself, and a text opened with it."""
    if re.search(r"^\[keys\]$", code, re.MULTILINE):
        with scratch() as folder:
            (folder / "config.toml").write_text(code, "utf-8")
            yield "config config.toml", lstm_tui(("config", "config.toml"))
            (folder / "config.toml").unlink()
        return
    if not re.search("^equations = ", code, re.MULTILINE):
        yield from _run_map(code)
        return
    name = re.search(r'^name = "(\w+)"$', code, re.MULTILINE)
    file = f"{'my' if name is None else name[1]}.toml"
    with scratch() as folder:
        (folder / file).unlink(missing_ok=True)
        (folder / file).write_text(code, "utf-8")
        yield f"cells check {file}", lstm_tui(("cells", "check", file))
        yield f"run sample.txt --cell {file}", lstm_tui(("run", "sample.txt", "--cell", file))


def _run_map(code: str) -> Iterator[tuple[str, Outcome]]:
    """Have what is no cell read as a mapping; excerpts of one name no tensors of a file, so no network is opened."""
    with scratch() as folder:
        (folder / "map.toml").unlink(missing_ok=True)
        (folder / "map.toml").write_text(code, "utf-8")
        try:
            read_mapping("map.toml")
            yield "map.toml", GOOD
        except UserError as error:
            yield "map.toml", Outcome(str(error))


def _run_console(code: str, slow: bool) -> Iterator[tuple[str, Outcome]]:
    yield from check_block(code, slow)


_RUN = {"console": _run_console, "json": _run_launch, "python": _run_python, "toml": _run_toml}


def _leads_somewhere(address: str, foreign: Collection[str]) -> bool:
    """Say whether a link leads to a file of ours, or to an address elsewhere that is said to be one."""
    return address in foreign or (ROOT / Path(address)).exists()


def refused_expressions(lines: tuple[str, ...]) -> list[str]:
    """Return which expressions of a list (columns with three spaces between them, then what they are) are refused."""
    parts = [part for line in lines for part in re.split(r" {2,}", line.strip())[:-1]]
    operators = [part.split() for part in parts if not re.search(r"\w", part)]
    typed = [f"print {part}" for part in parts if re.search(r"\w", part) and not part.startswith("and ")]
    typed += [f"print mean(c) {sign} mean(c)" for signs in operators for sign in signs if sign != "@"]
    return [f"{line}: {why}" for line, why in zip(typed, refused(tuple(typed)), strict=True) if why]


def is_measured(line: str) -> bool:
    """Say whether a line is a command whose outcome was measured once, as it takes hours."""
    return any(measured(table)["command"] == line for table in ("speed", "training", "screen", "memory", "which cell"))
