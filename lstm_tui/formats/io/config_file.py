"""The config file: what its user wants at every start. It is TOML, and a stranger's bytes like any other file.

What is wrong in it is told in a line and left out; the rest holds, and the program starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door, reason
from lstm_tui.engine.errors import UserError, nearest, utf8_text
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import read_bytes

VARIABLE = "LSTM_TUI_CONFIG"
"""The environment variable that names another file."""
_MOST_BYTES = 1 << 16
_MOST_KEYS, _MOST_FOLDERS = 200, 100
THEMES, LEVELS = ("dark", "light"), ("beginner", "expert")
IN_VIEWS = "in"
"""The table of keys that holds those inside the views: `[keys.in.weights]`."""
_SETTINGS = ("theme", "level", "memory", "log", "safe", "keys")


@dataclass(frozen=True)
class Config:
    """What a config file says; what it does not say is None or empty.

    Attributes:
        path: The file.
        is_there: Whether there is one.
        theme: One of `THEMES`.
        level: One of `LEVELS`.
        memory: What runs may take, as it is written for --memory.
        log: The file for --log.
        safe: Folders whose .ltuirc is executed when the program is started in them.
        keys: Keys of rows of the table of commands, by the name of the row.
        problems: What is wrong in the file, a line each.
    """

    path: Path
    is_there: bool = False
    theme: str | None = None
    level: str | None = None
    memory: str | None = None
    log: str | None = None
    safe: tuple[str, ...] = ()
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def config_path() -> Path:
    """Return where the config file is, or would be: where the environment says, or where such files are kept here."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else _usual_path()


def _usual_path() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home
        return Path(os.devnull) / "config.toml"
    if sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "lstm-tui" / "config.toml"


def read_config(path: Path | None = None) -> Config:
    """Return what the config file says, by default that of this user; a file that cannot be read is a problem of it."""
    path = config_path() if path is None else path
    if str(path) == os.devnull:  # as whoever wants none says it
        return Config(path)
    why = "no such file"
    try:
        is_there = path.exists()
    except (OSError, ValueError) as error:  # such as in a folder that is shut
        is_there = False
        why = f"cannot be read: {reason(error)}" if isinstance(error, OSError) else why
    if not is_there:
        missing = (f"{visible(str(path))}: {why}",) if str(path) != str(_usual_path()) else ()
        return Config(path, problems=missing)
    if not path.is_file():  # a pipe or a device is not waited for
        return Config(path, problems=(f"{visible(str(path))}: is no file",))
    try:
        return _read(path)
    except UserError as error:
        return Config(path, is_there=True, problems=(str(error),))


@door("a config file")
def _read(path: Path) -> Config:
    from lstm_tui.engine.language.toml import parse_page

    shown = visible(str(path))
    try:
        data = read_bytes(path, _MOST_BYTES)
    except UserError as error:
        if "empty" in str(error):
            return Config(path, is_there=True)
        raise
    page = parse_page(utf8_text(data, shown), str(path))
    problems: list[str] = []

    def refuse(what: str, *place: str) -> None:
        line, _ = page.place_of(*place)
        problems.append(f"{shown}:{line}: {visible(what[:160])}")

    for key in page.keys:
        if key not in _SETTINGS:
            near = nearest(key, _SETTINGS)
            refuse(f"there is no setting `{key[:40]}`" + (f"; did you mean {near}?" if near else ""), key)
    keys = page.keys

    def text_of(name: str, allowed: tuple[str, ...] = ()) -> str | None:
        value = keys.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value or (allowed and value not in allowed):
            refuse(f"`{name}` is {' or '.join(allowed) if allowed else 'a text in quotes'}", name)
            return None
        return value

    return Config(
        path, True, text_of("theme", THEMES), text_of("level", LEVELS), text_of("memory"), text_of("log"),
        tuple(_folders(keys.get("safe", []), refuse)), dict(_keys(keys.get("keys", {}), refuse)), tuple(problems),
    )  # fmt: skip


def _folders(value: Any, refuse: Callable[..., None]) -> Iterator[str]:
    if not isinstance(value, list) or len(value) > _MOST_FOLDERS or not all(isinstance(one, str) for one in value):
        refuse('`safe` is a list of folders, such as ["~/networks"]', "safe")
        return
    yield from value


def _in_views(value: dict[str, Any], refuse: Callable[..., None]) -> Iterator[tuple[str, Any]]:
    """Yield the keys of each view, by `VIEW.KEY`."""
    views = value.get(IN_VIEWS, {})
    tables = isinstance(views, dict) and len(views) <= _MOST_KEYS
    if not tables or not all(isinstance(one, dict) and len(one) <= _MOST_KEYS for one in views.values()):
        refuse(f"`keys.{IN_VIEWS}` has a table for each view, such as [keys.{IN_VIEWS}.weights]", "keys", IN_VIEWS)
        return
    for view, keys in views.items():
        yield from ((f"{view}.{key}", wanted) for key, wanted in keys.items())


def _keys(value: Any, refuse: Callable[..., None]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(value, dict) or len(value) > _MOST_KEYS:
        refuse('`keys` is a table, such as [keys] and below it: continue = "f5"', "keys")
        return
    for row, wanted in (*(one for one in value.items() if one[0] != IN_VIEWS), *_in_views(value, refuse)):
        found = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
            refuse(f'`{row[:40]}` is a key or a list of keys, such as "f5"', "keys", row)
        else:
            yield row, tuple(found)
