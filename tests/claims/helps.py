"""What `--help` says of each option, argument and command, as sections with the claims of `helps.md` beside them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from lstm_tui.cli.arguments import whole_parser

from .documents import Section, sections
from .shown import STRONG_IN_HELP, check_shown, strong_sentences

BESIDE = Path(__file__).with_name("helps.md")
"""The claims `shown by`, each below the name of what its help belongs to: `find --gates`, `trace FILE`, `find`."""
_LINE = re.compile(r"^  lstm-tui .+?(?: {2,}|$)", re.MULTILINE)


def helps() -> dict[str, str]:
    """Return what each help says, once: of an option that many commands share by the first that takes it."""
    return {name: text for name, (text, _) in _told().items()}


def defaults() -> dict[str, object]:
    """Return what the parser takes where an option is not given; None where something else decides."""
    return {name: default for name, (_, default) in _told().items()}


@cache
def _told() -> dict[str, tuple[str, object]]:
    found: dict[str, tuple[str, object]] = {}
    said: set[tuple[str, str]] = set()
    parser = whole_parser()
    for command, one in (("lstm-tui", parser), *parser.commands.items()):
        for name, text, default in _of(one):
            if (name, text) not in said:
                found[f"{command} {name}".strip()] = text, default
                said.add((name, text))
    return found


def _of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, object]]:
    yield "", parser.description or "", None
    yield "examples", _LINE.sub("", parser.epilog or ""), None  # the lines are run elsewhere
    for one in parser._actions:
        if one.help and one.help != argparse.SUPPRESS and not isinstance(one, argparse._SubParsersAction):
            name = one.option_strings[-1] if one.option_strings else str(one.metavar or one.dest)
            yield name, parser._get_formatter()._expand_help(one), one.default


@cache
def beside() -> dict[str, Section]:
    """Return the claims by what they belong to."""
    made = sections("help", BESIDE.read_text("utf-8"))
    return {one.heading: one for one in made if one.heading}


def section_of(text: str, claims: Section | None) -> Section:
    """Return a help as a section, with what stands beside it."""
    beside = claims.text.partition("\n")[2] if claims else ""
    (made,) = sections("help", f"# \n{text}\n\n{beside}")
    return replace(made, text=made.text.partition("\n")[2])


def check_help(name: str, text: str) -> list[str]:
    """Return what is false of a help, or of what somebody makes of it."""
    return check_shown(section_of(text, beside().get(name)), STRONG_IN_HELP)


def strong_helps() -> dict[str, str]:
    """Return the helps that say of every case, or which way."""
    return {name: text for name, text in helps().items() if strong_sentences(section_of(text, None), STRONG_IN_HELP)}
