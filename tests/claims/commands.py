"""A line for a shell, as a document has it: each program in it is run in a scratch folder, or says why it is not.

What needs no shell is run in this process. A command with a screen is run without it (`--plain`), where it has that.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from unittest import mock

from lstm_tui.cli import main
from lstm_tui.cli.arguments import command_names, parse

from .documents import ROOT
from .stand_ins import scratch, with_real_words

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
_EXTRA = re.compile(r"\[([\w,]+)\]")
_OWN = {PROJECT["project"]["name"], "."}


@dataclass(frozen=True)
class Outcome:
    """What came of a line.

    Attributes:
        false: Why it does not hold; empty where it does.
        skipped: Why it was not run all the way; empty where it was.
    """

    false: str = ""
    skipped: str = ""


GOOD = Outcome()


@cache
def check_line(line: str, slow: bool = False) -> Outcome:
    """Run a line as a shell would, with real files for those that it makes up.

    Args:
        line: The line.
        slow: Whether what takes seconds or stays until it is stopped is run too.
    """
    with scratch():
        return _one_of(line, slow)


def check_block(code: str, slow: bool = False) -> Iterator[tuple[str, Outcome]]:
    """Yield each line of a block that is typed, and what came of it; all are run in one folder."""
    with scratch():
        for line in typed_lines(code):
            yield line, _one_of(line, slow)


def typed_lines(code: str) -> list[str]:
    """Return what is typed of a console block: all lines, or where some begin with `$ `, these."""
    lines = [line.strip() for line in code.splitlines()]
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return prompted or [line for line in lines if line and not line.startswith("#")]


def _one_of(line: str, slow: bool) -> Outcome:
    """Return what came of the first way of putting real words for placeholders that holds, else of the first way."""
    first: Outcome | None = None
    for real in with_real_words(line):
        found = _run(real, slow)
        if not found.false:
            return found
        first = first or found
    assert first is not None
    return first


def _run(line: str, slow: bool) -> Outcome:
    try:
        lexed = shlex.shlex(line, posix=True, punctuation_chars="|&<>")
        lexed.whitespace_split = True
        words = list(lexed)
    except ValueError as error:
        return Outcome(str(error))
    outcomes = []
    made = re.findall(r"-m venv (\S+)", line)
    if made and any(folder != made[0] for folder in re.findall(r"(?<=&& )(\S+)/bin/", line)):
        return Outcome(f"the environment is {made[0]}")
    for part in _split(words, "&&"):
        piped = _split(part, "|")
        outcomes.append(_pipe(piped, slow) if len(piped) > 1 else _program(piped[0], slow))
    bad = next((one for one in outcomes if one.false), None)
    return bad or next((one for one in outcomes if one.skipped), GOOD)


def _split(words: Sequence[str], sign: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == sign:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _program(words: list[str], slow: bool) -> Outcome:
    if not words:
        return Outcome("nothing stands there to be run")
    (folder, _, name), arguments = words[0].rpartition("/"), words[1:]
    if folder and not folder.endswith("/bin") and not (ROOT / words[0]).is_file():
        return Outcome(f"no environment has its programs in {folder}")
    if name == "lstm-tui":
        return lstm_tui(tuple(arguments), slow)
    if re.fullmatch(r"python(3(\.\d+)?)?", name):
        return _python(arguments)
    if name == "pip":
        return _pip(arguments)
    if name == "pytest":
        return pytest_takes(arguments)
    own = ROOT / words[0]
    if own.is_file():
        unknown = [one for one in arguments if one not in own.read_text("utf-8")]
        if unknown:
            return Outcome(f"{words[0]} does not tell of {' '.join(unknown)}")
        return GOOD if own.stat().st_mode & 0o111 else Outcome(f"{words[0]} cannot be executed")
    return Outcome(f"{name} is no program of ours, and no `foreign` comment has it")


def _pipe(parts: list[list[str]], slow: bool) -> Outcome:
    """Run `cat FILE | lstm-tui …`: a file through standard input; what `tail -f` follows is taken as it is."""
    if len(parts) != 2 or parts[0][0] not in ("cat", "tail"):
        return Outcome("only `cat FILE | …` and `tail -f FILE | …` are known here")
    file = parts[0][-1]
    if set(parts[0][1:-1]) - {"-f"}:
        return Outcome(f"{parts[0][0]} is not known with {parts[0][1:-1]}")
    program, *arguments = parts[1]
    if program != "lstm-tui" or arguments[:1] != ["run"]:
        return Outcome("only `lstm-tui run` is piped to")
    with contextlib.suppress(SystemExit), open(file, "rb") as stream, open("fresh.script", "w") as script:
        script.write("next\n")
        script.flush()
        command = [sys.executable, "-m", "lstm_tui", *arguments, "--plain", "-x", "fresh.script", "--batch"]
        made = subprocess.run(command, stdin=stream, capture_output=True, text=True, timeout=120)
        return GOOD if made.returncode == 0 else Outcome(f"exit code {made.returncode}: {made.stderr.strip()}")
    return Outcome("it could not be run")


def lstm_tui(arguments: tuple[str, ...], slow: bool = False) -> Outcome:
    """Run a command of ours here; what stays or takes long is parsed, and run only where `slow`."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
            options = parse(arguments)
    except SystemExit as ended:
        return GOOD if ended.code == 0 else Outcome(told.getvalue().strip())
    command = list(arguments) or ["run"]
    if options.module == "serve":
        return Outcome(skipped="it serves until it is stopped; tests/test_cli_serve.py starts it")
    if options.module == "train" and not slow:
        return Outcome(skipped="it trains: slow")
    if options.module == "tour":
        if options.check and options.lesson is None and not slow:
            return Outcome(skipped="it tries every claim of every lesson: slow, and tests/lesson do")
        if not (options.check or options.list):
            command.append("--list" if options.lesson is None else "--check")  # opens the same file, without a screen
    if options.module == "open" or "plain" in options:
        command.append("--plain")
    return _main(command)


def _main(command: Sequence[str]) -> Outcome:
    told, code = io.StringIO(), 0
    with (
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")),
        mock.patch("sys.stdin", io.StringIO("")),
    ):
        try:
            code = main(list(command))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return GOOD if code == 0 else Outcome(f"exit code {code}: {told.getvalue().strip()}")


def _python(arguments: list[str]) -> Outcome:
    if arguments[:1] != ["-m"]:
        there = bool(arguments) and (ROOT / arguments[0]).is_file() and not arguments[1:]
        return GOOD if there else Outcome(f"there is no {' '.join(arguments)}")
    name, *rest = arguments[1:] or [""]
    if name == "venv":
        return Outcome(skipped="it makes an environment: .ci/run does") if len(rest) == 1 else Outcome("venv FOLDER")
    if name == "pytest":
        return pytest_takes(rest)
    return module(name, tuple(rest))


@cache
def module(name: str, arguments: tuple[str, ...] = ()) -> Outcome:
    """Say whether a command `python -m NAME ARGUMENTS` is there and takes these; it is not run, as it takes long."""
    path = ROOT.joinpath(*name.split("."))
    if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()):
        return Outcome(f"there is no module {name}")
    file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__main__.py"
    source = file.read_text("utf-8")
    if "__main__" not in source and file.name != "__main__.py":
        return Outcome(f"{name} is no command")
    if not arguments:
        return Outcome(skipped="it takes long")
    told = _help_of(name)
    if told.returncode != 0:
        needed = re.search(r"No module named '(\w+)'", told.stderr)
        if needed and importlib.util.find_spec(needed[1]) is None:
            return Outcome(skipped=f"it needs {needed[1]}, which is not installed here")
        return Outcome(f"{name} --help ends with {told.returncode}: {told.stderr.strip()[-200:]}")
    words = set(re.findall(r"[\w-]+", told.stdout))
    expects_value = set(re.findall(r"(--[\w-]+) [A-Z{]", told.stdout))
    for before, one in zip(("", *arguments), arguments, strict=False):
        if one not in words and before not in expects_value:
            return Outcome(f"{name} does not take {one}")
    return Outcome(skipped="it takes long")


@cache
def _help_of(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def _pip(arguments: list[str]) -> Outcome:
    if arguments[:1] != ["install"]:
        return Outcome("pip is used to install only")
    for one in arguments[1:]:
        extras = _EXTRA.search(one)
        package = _EXTRA.sub("", one)
        if extras and (unknown := set(extras[1].split(",")) - set(EXTRAS)):
            return Outcome(f"there is no extra {', '.join(sorted(unknown))}")
        if not (package in _OWN or one == "-e" or (extras is None and _is_imported(package))):
            return Outcome(f"{one} is neither this package nor one that it imports")
    return Outcome(skipped="it installs: .ci/run does")


@cache
def _is_imported(package: str) -> bool:
    """Say whether a package is one that the benchmarks import."""
    sources = (ROOT / "tests" / "benchmarks").glob("*.py")
    return any(re.search(rf"^\s*import {package}\b", one.read_text("utf-8"), re.MULTILINE) for one in sources)


def pytest_takes(arguments: list[str]) -> Outcome:
    marks = {one.partition(":")[0] for one in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    known = not arguments or (len(arguments) == 2 and arguments[0] == "-m" and arguments[1] in marks)
    if len(arguments) == 1 or (len(arguments) == 2 and arguments[1].isdecimal()):  # an option that the tests add
        known = f'addoption("{arguments[0]}"' in (ROOT / "tests" / "conftest.py").read_text("utf-8")
    return Outcome(skipped="it is what runs this") if known else Outcome(f"pytest has no {' '.join(arguments)} here")


def commands_of(line: str) -> tuple[str, ...]:
    """Return the sub-commands of ours that a line names."""
    return tuple(word for word in re.findall(r"lstm-tui ([a-z]+)", line) if word in command_names())
