"""`lstm-tui config`: where the config file is, what it says, what of it cannot be; or a commented one to begin from."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstm_tui.cli.printing import print_json
from lstm_tui.cli.user_settings import memory_of, rc_files
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.config_file import LEVELS, THEMES, VARIABLE, Config, read_config
from lstm_tui.formats.io.files import reason, replacing
from lstm_tui.formats.io.json import encode
from lstm_tui.tui import keymap
from lstm_tui.tui.commands import rebound, row_names
from lstm_tui.tui.view_keys import VIEW_KEYS, rebound_views

_HEAD = """\
# The settings of lstm-tui. Take away the # before a line to change it; `lstm-tui config` tells what is in force.

# theme = "light"           # dark or light; --light and --dark say otherwise for once
# level = "expert"          # beginner or expert; the key X says otherwise, and that is kept
# memory = "2G"             # what runs may take; longer ones are held in windows
# log = "~/lstm-tui.log"    # what is typed and answered is added to its end
# safe = ["~/networks"]     # folders whose .ltuirc is executed when the program is started there; that of the home is

[keys]                      # a key or a list of keys: letters, signs, "space", "f5", "ctrl+x", "shift+up"
"""


def command(options: Namespace) -> int:
    """Tell the settings, or write a file of them; return 1 where something in the file is wrong.

    Raises:
        UserError: The file that is to be written is there already, or cannot be written.
    """
    config = read_config(None if options.file is None else Path(options.file))
    if options.write:
        return _write(config)
    facts = _facts(config)
    if options.json:
        print_json(facts)
    else:
        print("\n".join(_lines(config, facts)))
    return int(bool(facts["problems"]))


def _write(config: Config) -> int:
    shown = visible(str(config.path))
    if config.is_there:
        raise UserError(f"{shown}: is there already; `lstm-tui config` tells what it says")
    try:
        config.path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise UserError(f"{shown}: cannot be written: {why}") from None
    with replacing(config.path) as stream:
        stream.write(default_text().encode())
    print(f"written: {shown}")
    return 0


def default_text() -> str:
    """Return a config file with every setting, each commented out."""
    rows = row_names()
    width = max(map(len, rows))
    lines = (f"# {name:<{width}} = {_quoted(one.key)}  # {one.help}" for name, one in rows.items())
    return _HEAD + "\n".join(lines) + "\n" + "".join(map(_of_view, VIEW_KEYS))


def _of_view(view: str) -> str:
    """Return the keys of a view, each named by itself, commented out."""
    quoted = (encode(key).decode() for key in VIEW_KEYS[view])
    lines = (f"# {key} = {key}\n" for key in quoted)
    return f"\n# [keys.in.{view}]         # inside that view: its own keys, by the key each has now\n{''.join(lines)}"


def _quoted(key: str) -> str:
    """Return a key as the file writes it; what two keys have is shown by the first."""
    first = key.split(" ")[0] or key
    return f'"{first}"'.ljust(9)


def _facts(config: Config) -> dict[str, Any]:
    """Return every setting, and what is wrong with one."""
    problems = list(config.problems)
    try:
        amount = None if config.memory is None else memory_of(config.memory)
    except UserError as error:
        problems.append(str(error))
        amount = None
    table, wrong = rebound(config.keys)
    problems += wrong
    keys = {
        name: list(now.keys) for (name, before), now in zip(row_names().items(), table, strict=True)
        if before.keys != now.keys
    }  # fmt: skip
    for view, now in rebound_views(config.keys)[0].items():
        keys |= {f"{view}.{key}": [written] for key, written in now.written.items()}
    clashes = [one for own in keys.values() for one in keymap.taken_elsewhere(tuple(own))]
    return {
        "file": str(config.path), "is_there": config.is_there, "theme": config.theme or THEMES[0],
        "level": config.level or LEVELS[0], "memory": amount, "log": config.log, "safe": list(config.safe),
        "keys": keys, "clashes": clashes, "problems": problems,
        "rc": [
            {"file": str(one.path), "executed": not one.why_not, "why_not": one.why_not} for one in rc_files(config)
        ],
    }  # fmt: skip


def _lines(config: Config, facts: dict[str, Any]) -> Iterator[str]:
    here = (
        "" if config.is_there or os.path.exists(config.path) else "  (not there: `lstm-tui config --write` makes one)"
    )
    yield f"file    {visible(str(config.path))}{here}"
    yield f"theme   {facts['theme']}{'' if config.theme else '  (default)'}"
    yield f"level   {config.level or 'as the key X left it'}"
    yield f"memory  {visible(config.memory or '') or 'a part of what is free  (default)'}"
    yield f"log     {visible(config.log or '') or 'none  (default)'}"
    yield f"safe    {visible(', '.join(config.safe)) or 'no folder but the home  (default)'}"
    rows = len(row_names()) + sum(map(len, VIEW_KEYS.values()))
    yield f"keys    {len(facts['keys'])} of {rows} rows have keys of your own"
    yield from (f"          {visible(name)}: {visible(' '.join(own))}" for name, own in facts["keys"].items())
    for one in facts["rc"]:
        told = "is executed at the start" if one["executed"] else f"is not executed: {one['why_not']}"
        yield f"lines   {visible(one['file'])} {visible(told)}"
    if not facts["rc"]:
        yield f"lines   no .ltuirc in {visible(str(_home()))}: typed lines in it are executed at every start"
    yield from (f"note    {visible(one)}" for one in facts["clashes"])
    yield from (f"wrong   {visible(one)}" for one in facts["problems"])
    yield f"${VARIABLE} names another file"


def _home() -> Path | str:
    try:
        return Path.home()
    except RuntimeError:
        return "the home"
