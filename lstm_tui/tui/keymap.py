"""Keys of one's own: how they are written, which cannot be used, and which a terminal multiplexer takes for itself.

The table of commands is made with them when it is first imported; whoever reads the config file chooses them before.
"""

from __future__ import annotations

import os
import string
from collections.abc import Iterator, Mapping

from lstm_tui.engine.text_safety import visible

_SIGNS = {
    "]": "right_square_bracket", "[": "left_square_bracket", "}": "right_curly_bracket", "{": "left_curly_bracket",
    "/": "slash", ".": "full_stop", ",": "comma", ":": "colon", "?": "question_mark", "!": "exclamation_mark",
    '"': "quotation_mark", "#": "number_sign", "$": "dollar_sign", "%": "percent_sign", "&": "ampersand",
    "'": "apostrophe", "(": "left_parenthesis", ")": "right_parenthesis", "*": "asterisk", "+": "plus", "-": "minus",
    ";": "semicolon", "<": "less_than_sign", "=": "equals_sign", ">": "greater_than_sign", "@": "at",
    "\\": "backslash", "^": "circumflex_accent", "_": "underscore", "`": "grave_accent", "|": "vertical_line",
    "~": "tilde", " ": "space",
}  # fmt: skip
"""Signs as Textual names their keys."""
_NAMED = frozenset({
    "space", "backspace", "insert", "delete", "home", "end", "pageup", "pagedown", "left", "right", "up", "down",
    *_SIGNS.values(), *(f"f{n}" for n in range(1, 25)),
})  # fmt: skip
NEEDED = {
    "ctrl+c": "interrupts and leaves", "escape": "goes back", "tab": "goes to the next pane",
    "shift+tab": "goes to the pane before", "enter": "takes what is chosen", "ctrl+j": "is enter to a terminal",
    "ctrl+m": "is enter to a terminal", "ctrl+i": "is tab to a terminal", "ctrl+h": "is backspace to a terminal",
    "ctrl+p": "opens the palette of commands", "ctrl+z": "stops a program in a shell",
}  # fmt: skip
"""Keys that Textual or a terminal needs, and what for."""
MULTIPLEXERS: dict[str, tuple[str, frozenset[str]]] = {
    "tmux": ("TMUX", frozenset({"ctrl+b"})),
    "screen": ("STY", frozenset({"ctrl+a"})),
    "zellij": ("ZELLIJ", frozenset({"ctrl+b", "ctrl+g", "ctrl+n", "ctrl+o", "ctrl+p", "ctrl+q", "ctrl+s", "ctrl+t"})),
}
"""What runs a terminal inside another, with the variable that tells of it and the keys that it takes for itself."""

chosen: dict[str, tuple[str, ...]] = {}
"""Keys by the row of the table of commands, as they are written."""


def choose(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Have the table of commands be made with these keys, as soon as it is imported."""
    chosen.clear()
    chosen.update(keys)


def names_of(written: str) -> tuple[str, ...] | str:
    """Return a key as Textual names it, in both ways in which terminals send a capital; or why it cannot be used."""
    key = written.strip() or written
    if len(key) == 1:
        if key in string.ascii_uppercase:
            return key, f"shift+{key.lower()}"
        if key in _SIGNS:
            return (_SIGNS[key],)
        return (key,) if key.isprintable() else "is no key"
    key = key.lower().replace("esc", "escape").replace("escapeape", "escape")
    if key in NEEDED:
        return f"{NEEDED[key]}, and stays so"
    *modifiers, last = key.split("+")
    if "alt" in modifiers or "meta" in modifiers:
        return "with Alt arrives as Escape and a letter"
    if modifiers == ["shift"] and len(last) == 1 and last in string.ascii_lowercase:
        return last.upper(), key
    known = last in _NAMED or (len(last) == 1 and last in string.ascii_lowercase and modifiers == ["ctrl"])
    if not known or not set(modifiers) <= {"ctrl", "shift"}:
        return "is no key: write a letter, a sign, f5, space, ctrl+x"
    return (key,)


def character_of(name: str) -> str | None:
    """Return what a key types, as Textual names it; None where it types nothing."""
    if len(name) == 1:
        return name
    return next((sign for sign, named in _SIGNS.items() if named == name), None)


def taken_elsewhere(keys: tuple[str, ...], running_only: bool = False) -> Iterator[str]:
    """Yield what takes one of some keys for itself, such as `ctrl+b is tmux's own`.

    Args:
        keys: As Textual names them.
        running_only: Whether only what this terminal runs in is asked.
    """
    for program, (variable, own) in MULTIPLEXERS.items():
        if running_only and variable not in os.environ:
            continue
        for key in keys:
            if key in own:
                yield f"{visible(key)} is {program}'s own, and does not arrive inside it"
