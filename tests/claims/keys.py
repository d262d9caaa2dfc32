"""Keys in backticks against the table of keys: which one does what is said beside the text."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module

from lstm_tui.tui.commands import COMMANDS

from .documents import Section

_NAMED = {"esc": "escape", "Enter": "enter", "]": "right_square_bracket", "[": "left_square_bracket"}
_LINE = re.compile(r'\(("[^"]+"|[A-Z]+), "([^"]+)"\)')
_WRITTEN = frozenset(key for command in COMMANDS for key in command.key.split())
KEYS = _WRITTEN | frozenset(_NAMED)
"""How keys are written in a text."""


def check_keys(section: Section) -> list[str]:
    """Return what is false of the keys of a section: each is named below it, in order, with what it does."""
    foreign = section.said("foreign")
    found = [span for span in section.spans if span in KEYS and span not in foreign]
    said = [pair.strip().partition(" = ")[::2] for line in section.said("keys") for pair in line.split("; ")]
    if found != [key for key, _ in said]:
        return [f"the keys are {'; '.join(f'{key} = {word_of(key)}' for key in found)}; a comment `keys: ` tells them"]
    return [f"{key} does not {action}" for key, action in said if not _does(key, action)]


def word_of(key: str) -> str:
    """Return what a key of the main screen does, in the words of its table."""
    return next((command.word for command in COMMANDS if key in command.key.split()), "VIEW.ACTION")


@cache
def _does(key: str, action: str) -> bool:
    """Say whether a key has an action: a word of the table of keys, or `view.action` of another screen."""
    view, dot, name = action.partition(".")
    if not dot:
        return any(key in command.key.split() and command.word == action for command in COMMANDS)
    module = import_module(next(one for one in _places(view) if _is_module(one)))
    for keys, word in _LINE.findall(inspect.getsource(module)):  # of an analysis: keys and words of its line
        first, _, last = str(vars(module).get(keys, keys.strip('"'))).partition("…")
        if word == name and (first == key or (last and first <= key <= last)):
            return True
    for one in vars(module).values():
        if isinstance(one, type) and one.__module__ == module.__name__:
            for binding in getattr(one, "BINDINGS", ()):
                if _NAMED.get(key, key) in binding.key.split(",") and binding.action.partition("(")[0] == name:
                    return True
    return False


def _places(view: str) -> tuple[str, ...]:
    return tuple(f"lstm_tui.tui.{folder}{view}" for folder in ("views.", "prompts.", ""))


def _is_module(path: str) -> bool:
    try:
        import_module(path)
    except ModuleNotFoundError:
        return False
    return True
