"""What stands in backticks, resolved: against the parser, the tables of keys and verbs, the code, and the disk."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import io
import re
import tomllib
from collections.abc import Sequence
from functools import cache

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.cli.arguments import command_names, parse
from lstm_tui.debugger import manual
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.models import bundled_names

from .commands import EXTRAS, PROJECT, check_line, commands_of, module, pytest_takes
from .documents import COMMENT, ROOT, Section
from .keys import KEYS, check_keys
from .stand_ins import is_made_up, with_real_words
from .typed import is_typed, refused

_PROGRAMS = ("lstm-tui", "pip", "pytest", "cat", "tail")
_ENDING = re.compile(r"(?<![\w.])\.[a-z]\w+")
_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")


def check_spans(section: Section) -> list[str]:
    """Return what is false of the spans of a section."""
    foreign = set(section.said("foreign"))
    spans = [span for span in section.spans if span not in foreign]
    seen = COMMENT.sub("", section.text)
    problems = [f"“{one}” is called foreign and does not stand there" for one in foreign if one not in seen]
    typed = tuple(span for span in spans if is_typed(span))
    for span, why in zip(typed, refused(typed), strict=True):
        if why:
            problems.append(f"`{span}`: {why}")
    commands = _commands_near(section)
    endings = _ENDING.findall(re.sub("`[^`]*`", "", section.prose))
    problems += [f"no file of ours ends in {one}" for one in endings if one not in _literals()]
    for place, span in enumerate(spans):
        if span in KEYS or is_typed(span):
            continue
        why = _why_false(span, section, commands, spans[:place])
        if why:
            problems.append(f"`{span}`: {why}")
    return [*problems, *check_keys(section)]


def _why_false(span: str, section: Section, commands: Sequence[str], before: Sequence[str]) -> str:
    """Return why a span means nothing; empty where it does."""
    first = span.split()[0]
    ours = first.rpartition("/")[2] in _PROGRAMS or first.startswith("python")
    if ours or (" " in span and (ROOT / first).is_file()):
        words = span.split()
        if words[0] == "lstm-tui" and len(words) == 2 and words[1] in command_names():
            return ""  # names the command; blocks and other spans run it
        return check_line(span).false
    if first.startswith("-"):
        return _option(span.split(), commands, before)
    if "/" in span or re.fullmatch(r"[\w-]+\.\w+", span):
        found = _on_disk(span, section)
        if found or "/" in span:
            return "" if found else "it is not on the disk"
    return "" if _is_known(span, section, before) else "nothing here has this name"


def _commands_near(section: Section) -> tuple[str, ...]:
    """Return the commands that a section names, or else the whole document; every command where that names none."""
    bare = [span for span in section.spans if span in command_names()]
    named = dict.fromkeys((*commands_of(section.text), *bare))
    return tuple(named) or commands_of(section.whole) or command_names()


def _option(words: list[str], commands: Sequence[str], before: Sequence[str]) -> str:
    """Return why no command takes an option with this value."""
    if words[0] == "-m" and not pytest_takes(words).false:
        return ""
    said = [one for one in before if one.startswith("python -m ")]
    if said and module(said[-1].split()[2], tuple(words)).false == "":
        return ""
    for command in commands:
        takes = re.search(
            rf"^ +(?:-\w(?: \S+)?, )?{re.escape(words[0])}(?: ([^\s,]+))?(?:,|  |$)", _help(command), re.MULTILINE
        )
        if takes is None:
            continue
        if len(words) == 1:
            return ""
        if takes[1] and any(_is_taken(command, real.split()) for real in with_real_words(" ".join(words))):
            return ""
    return f"none of {', '.join(commands)} takes it"


def _is_taken(command: str, words: Sequence[str]) -> bool:
    """Say whether the parser takes an option and its value; what else the command needs is not given."""
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            parse([command, *words])
        except SystemExit:
            return "are required" in told.getvalue() or "is needed" in told.getvalue()
    return True


@cache
def _help(command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main([command, "--help-all"])
    return told.getvalue()


def help_sentence(command: str) -> str:
    """Return what a command does, as its help begins, without its capital letter and full stop."""
    told = " ".join(_help(command).split("\n\n")[1].split()).removesuffix(".")
    return told[0].lower() + told[1:]


_OPTION_HELP = re.compile(
    r"^ +(?:-\w(?: \S+)?, )?(--[a-z][a-z-]*)(?: \S+)?(?: {2,}|\n {10,})(\S.*(?:\n {10,}\S.*)*)", re.MULTILINE
)


@cache
def option_helps() -> dict[str, tuple[str, ...]]:
    """Return of every long option of every command what its helps say."""
    told: dict[str, dict[str, None]] = {}
    for name in command_names():
        for option, text in _OPTION_HELP.findall(_help(name)):
            told.setdefault(option, {})[" ".join(text.split())] = None
    return {option: tuple(texts) for option, texts in told.items()}


def _on_disk(span: str, section: Section) -> bool:
    bases = (ROOT,) if section.is_for_users else (ROOT, ROOT / "lstm_tui")
    return bool(_PATH.fullmatch(span)) and any((base / span).exists() for base in bases)


def _is_known(span: str, section: Section, before: Sequence[str]) -> bool:
    if span in {*command_names(), *VERBS.words, *bundled_names(), *cell_names(), *readout_names()}:
        return True
    if span.startswith("[") and span.endswith("]") and span[1:-1] in EXTRAS:
        return True
    if re.fullmatch(r"\.[a-z]\w*", span):
        return span in _literals() or any(_beside(one, span) for one in before)
    if re.fullmatch(r"[\w-]+\.\w+", span) and (is_made_up(span) or re.search(rf"\b{re.escape(span)}\b", _source())):
        return True
    if span in {one.name for one in manual.topics()} or _is_python(span) or _is_toml(span) or _begins_parameters(span):
        return True
    return not section.is_for_users and _is_code(span)


def _beside(command: str, span: str) -> bool:
    """Say whether `.name` is a module beside that of `python -m …` before it."""
    found = re.fullmatch(r"python -m ([\w.]+)\.\w+", command)
    return found is not None and module(found[1] + span).false == ""


def _is_toml(span: str) -> bool:
    """Say whether it is a piece of a file whose keys the package knows, with an ellipsis or capitals for values."""
    piece = re.sub(r"\b[A-Z]\b", "0", span.replace("...", ""))
    for text in (piece, f"x = {piece}", f"{piece} = 0"):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            return _keys_of(tomllib.loads(text)) - {"x"} <= _literals()
    return False


def _begins_parameters(span: str) -> bool:
    """Say whether parameters of a cell begin like this: W_, U_."""
    return bool(re.fullmatch(r"[A-Z]_", span)) and any(
        re.search(rf"\b{span}", (ROOT / "lstm_tui" / "engine" / "cells" / f"{one}.toml").read_text("utf-8"))
        for one in cell_names()
    )


def _is_python(span: str) -> bool:
    """Say whether it is a name of the package, called with as many arguments as it takes."""
    try:
        tree = ast.parse(span, mode="eval").body
    except SyntaxError:
        return False
    call = tree if isinstance(tree, ast.Call) else None
    called = call.func if call is not None else tree
    if not (isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)):
        return False
    if called.value.id != "lstm_tui" or called.attr not in dir(lstm_tui):
        return False
    if call is not None:
        try:
            inspect.signature(getattr(lstm_tui, called.attr)).bind(
                *call.args, **{one.arg: one.value for one in call.keywords if one.arg}
            )
        except TypeError:
            return False
    return True


def _is_code(span: str) -> bool:
    """Say whether whoever works on the code finds it there: a name, a call, an order of rooms, a program of CI."""
    if " > " in span:
        return _is_order_of_rooms(span)
    if span in (ROOT / ".ci" / "run").read_text("utf-8") or span in dir(builtins):
        return True
    if span.endswith("…"):
        return any(name.startswith(span[:-1]) for name in _names())
    call = re.fullmatch(r"@?([\w.]+)(\(\w+\)|=\w+)?", span)
    if call is None:
        return any(f"[{span}]" in verb.usage for verb in VERBS)
    known = _names() | _literals() | set(_keys_of(PROJECT)) | {one.name for one in (ROOT / "lstm_tui").iterdir()}
    parts = call[1].split(".")
    return all(part in known for part in parts) or any(f"[{span}]" in verb.usage for verb in VERBS)


def _is_order_of_rooms(span: str) -> bool:
    """Say whether each level of `a > b | c` is on one level of the contract, in its order."""
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    levels = [set(re.split(r" [|:] ", layer)) for layer in contract]
    order = [[at for at, level in enumerate(levels) if set(said.split(" | ")) <= level] for said in span.split(" > ")]
    return all(order) and order == sorted(order)


def _keys_of(table: object) -> set[str]:
    if isinstance(table, dict):
        return {*table, *(key for value in table.values() for key in _keys_of(value))}
    if isinstance(table, list):
        return {key for value in table for key in _keys_of(value)}
    return set()


_DEFINED = re.compile(
    r"(?:def|class|as) (\w+)"  # functions and classes
    r"|^ *(\w+)(?:: [^=\n]+)? = "  # constants and attributes of classes
    r"|[(,]\s*(\w+)(?::|=(?!=))"  # arguments
    r"|\.(\w+)",  # attributes and methods
    re.MULTILINE,
)
_QUOTED = re.compile(r'"([^"\n]*)"')


@cache
def _source() -> str:
    return "\n".join(one.read_text("utf-8") for one in (ROOT / "lstm_tui").rglob("*.py"))


@cache
def _names() -> frozenset[str]:
    """Return every name that the code of the package and of its tests defines or asks for."""
    tests = [one for one in (ROOT / "tests").rglob("*.py") if one.parent != ROOT / "tests" / "claims"]
    source = _source() + "\n".join(one.read_text("utf-8") for one in tests)
    modules = {one.stem for one in (ROOT / "lstm_tui").rglob("*.py")}
    return frozenset(name for found in _DEFINED.findall(source) for name in found if name) | modules


@cache
def _literals() -> frozenset[str]:
    """Return every string that stands in the code of the package, such as the ending of a file."""
    return frozenset(_QUOTED.findall(_source()))
