"""Commands, verbs and options that a document names: each is the one whose help begins as is said beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.engine.errors import UserError

from .documents import COMMENT, FENCED, Section
from .keys import KEYS
from .spans import help_sentence, option_helps
from .typed import is_typed

_OURS = re.compile(r"lstm-tui ([a-z]+)\b|(?<= )(--[a-z][a-z-]*)")
_PIECE = re.compile(rf"{FENCED.pattern}|`(?P<span>[^`]+)`", FENCED.flags)


def check_does(section: Section) -> list[str]:
    """Return what is false of the commands, verbs and options of a section: a comment names each, in their order."""
    found = list(_named(section))
    said = [pair.strip().partition(" = ")[::2] for line in section.said("does") for pair in line.split("; ")]
    if found != [name for name, _ in said]:
        told = "; ".join(f"{name} = {_shortest(name)}" for name in found)
        return [f"the commands, verbs and options are: {told}; a comment `does: ` tells them"]
    return [f"{name} does not alone {does}" for name, does in said if not _does(name, does)]


def _named(section: Section) -> Iterator[str]:
    for found in _PIECE.finditer(COMMENT.sub("", section.text)):
        span = found["span"] or ""
        if span in KEYS or span in section.said("foreign"):
            continue
        if span in command_names() or span in VERBS.words or is_typed(span):
            yield span.removeprefix(":").split()[0]
        elif span.startswith("--"):
            yield from (word for word in span.split() if word in option_helps())
        else:
            lines = (line for line in (span or found["code"]).splitlines() if "lstm-tui " in line)
            yield from (command or option for line in lines for command, option in _OURS.findall(line))


@cache
def _helps(name: str) -> tuple[str, ...]:
    """Return what a name does, as a command, as a verb, or as both."""
    if name.startswith("--"):
        return option_helps().get(name, ())
    try:
        verbs: tuple[str, ...] = (VERBS.named(name).help,)  # by a beginning of its name, too
    except UserError:
        verbs = ()
    return (*((help_sentence(name),) if name in command_names() else ()), *verbs)


@cache
def _does(name: str, does: str) -> bool:
    """Say whether the help of a name begins like this, and no other."""
    return any(one.startswith(does) for one in _helps(name)) and not any(one.startswith(does) for one in _others(name))


def _others(name: str) -> list[str]:
    """Return the helps of all other options, or of all other commands and verbs."""
    others = option_helps() if name.startswith("--") else (*command_names(), *VERBS.words)
    return [one for other in others for one in _helps(other) if one not in _helps(name)]


def _shortest(name: str) -> str:
    """Return the fewest words, from three on, by which the help of a name begins and no other does."""
    tried = [
        " ".join(told.split()[:count]).rstrip(",;:")
        for told in _helps(name)
        for count in range(1, len(told.split()) + 1)
    ]
    tried.sort(key=lambda begin: (begin.count(" ") < 2, begin.count(" ")))
    return next((begin for begin in tried if _does(name, begin)), "…")
