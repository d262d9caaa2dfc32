"""The manual page for `man`, made of the parser: commands, their options, and once those that many share."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from lstm_tui.cli.arguments import whole_parser
from lstm_tui.version import __version__

_EXITS = (
    ("0", "done"),
    ("1", "a file or a run is wrong"),
    ("2", "an argument is wrong"),
    ("3", "a breakpoint stopped a script, or an assertion failed"),
    ("130", "interrupted"),
)
_FILES = (
    ("$LSTM_TUI_CONFIG, ~/.config/lstm-tui/config.toml", "settings: lstm-tui config tells what is in force"),
    ("~/.ltuirc", "lines that are typed into every session at its start"),
    ("~/.local/state/lstm-tui", "what was typed before, and interrupted work"),
)


def man_page() -> str:
    """Return the page, in the language of roff."""
    return "".join(f"{line}\n" for line in _page())


def _page() -> Iterator[str]:
    parser = whole_parser()
    yield f'.TH LSTM\\-TUI 1 "" "lstm\\-tui {__version__}" "User Commands"'
    yield from (".SH NAME", rf"lstm\-tui \- {_text('step a trained recurrent network by token and by equation')}")
    yield from (".SH SYNOPSIS", r".B lstm\-tui", r"[\fICOMMAND\fR] [\fIOPTION\fR]...")
    yield from (".SH DESCRIPTION", _text(parser.description or ""))
    yield _text("Without a command it steps through the bundled sample.")
    yield ".SH COMMANDS"
    shared: dict[str, list[argparse.Action]] = {}
    for name, command in parser.commands.items():
        yield f".SS {_text(name)}"
        yield _text(command.description or "")
        takes_shared = False
        for title, actions in command.groups():
            if title in command.shared:
                takes_shared = True
                known = {one.dest: one.help for one in shared.setdefault(title, [])}
                shared[title] += [one for one in actions if one.dest not in known]
                actions = [one for one in actions if one.help != known.get(one.dest, one.help)]  # other than elsewhere
            for action in actions:
                yield from _option(action)
        if takes_shared:
            yield from (".PP", _text("It takes the options of network and input, below."))
    yield ".SH OPTIONS OF NETWORK AND INPUT"
    for title, actions in shared.items():
        yield f".SS {_text(title)}"
        for action in actions:
            yield from _option(action)
    yield from _pairs("FILES", _FILES)
    yield from _pairs("EXIT STATUS", _EXITS)
    yield from (".SH EXAMPLES", ".nf", *map(_text, (parser.epilog or "").splitlines()[1:]), ".fi")


def _pairs(heading: str, pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield f".SH {heading}"
    for name, told in pairs:
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(told))


def _option(action: argparse.Action) -> Iterator[str]:
    """Yield one option with its values and what it does."""
    value = _values(action)
    if action.option_strings:
        names = ", ".join(rf"\fB{_text(one)}\fR" for one in action.option_strings)
        head = f"{names} \\fI{_text(value)}\\fR" if value else names
    else:
        head = rf"\fI{_text(value)}\fR"
    yield from (".TP", head, _text((action.help or "").replace("%%", "%")))


def _values(action: argparse.Action) -> str:
    """Return how the values of an argument are written."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        name = action.metavar
    else:
        name = action.dest.upper() if action.choices is None else f"{{{','.join(map(str, action.choices))}}}"
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _text(text: str) -> str:
    """Return a text as roff prints it: no character of it is a command."""
    safe = " ".join(text.split()) if not text.startswith("  ") else text
    safe = safe.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    safe = "".join(one if one.isascii() else rf"\[u{ord(one):04X}]" for one in safe)
    return rf"\&{safe}" if safe.startswith((".", "'")) else safe
