"""What the config file and .ltuirc of a user say, put into force before a command that opens a session."""

from __future__ import annotations

import os
import stat
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine import setbacks
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.session import Session
    from lstm_tui.formats.io.config_file import Config

RC = ".ltuirc"
WHAT = "the config file"
OPENING = frozenset({"run", "open", "recover", "tour", "compare"})
"""Modules of the commands that open a session, for which all this holds."""
Begin = Callable[["Session"], tuple[str, ...]]
"""Executes the lines of .ltuirc in a session; returns what is said of that."""


def prepare(options: Namespace) -> None:
    """Put the settings into force: memory, theme, keys, log; and find the lines a session begins with.

    Raises:
        UserError: The log that was asked for cannot be written.
    """
    from lstm_tui.formats.io.config_file import read_config
    from lstm_tui.tui.environment import is_sealed

    options.config = options.begin = None
    options.remark = ""
    if options.module not in OPENING or is_sealed():
        return
    config = options.config = read_config()
    problems = list(config.problems)
    if config.memory is not None and getattr(options, "budget", "none") is None:
        try:
            options.budget = memory_of(config.memory)
        except UserError as error:
            problems.append(f"{visible(str(config.path))}: {error}")
    if "light" in options:
        options.light = (options.light or config.theme == "light") and not options.dark
    if config.keys and not getattr(options, "plain", False):
        problems += _chosen_keys(config)
    if problems:
        more = f"; and {len(problems) - 1} more: `lstm-tui config` lists them" if len(problems) > 1 else ""
        if options.module != "compare" and not getattr(options, "plain", False):
            options.remark = f"{problems[0]}{more}: going on without it"  # the screen says it, and hides this terminal
        else:
            setbacks.note("a line of the config file", problems[0] + more)
    _begin_log(getattr(options, "log", None), config, options)
    if getattr(options, "rc", False):
        options.begin = beginning(config)


def memory_of(text: str) -> int:
    """Return the bytes of a setting of memory.

    Raises:
        UserError: It is no amount.
    """
    from lstm_tui.cli.options import memory

    try:
        return memory(text)
    except ArgumentTypeError as error:
        raise UserError(f"`memory`: {error}") from None


def _chosen_keys(config: Config) -> tuple[str, ...]:
    """Have the table of keys be made with the user's own; return what is wrong with them."""
    from lstm_tui.tui import keymap

    keymap.choose(config.keys)
    from lstm_tui.tui.commands import COMMANDS, KEY_PROBLEMS, STANDARD

    pairs = zip(STANDARD, COMMANDS, strict=True)
    own = tuple(key for before, now in pairs if before.keys != now.keys for key in now.keys)
    return (*KEY_PROBLEMS, *(f"keys: {one}" for one in keymap.taken_elsewhere(own, running_only=True)))


def _begin_log(asked: str | None, config: Config, options: Namespace) -> None:
    """Begin the log that was asked for on the line, or by the config file, where it can be written."""
    path = asked or config.log
    if path is None:
        return
    from lstm_tui.debugger.command_log import listen
    from lstm_tui.formats.io.log_file import LogFile

    try:
        log = LogFile(path)
    except UserError as error:
        if asked is not None:
            raise
        setbacks.note("the log", str(error))
        return
    log.write(f"lstm-tui {' '.join(options.given)}")
    listen(log.write)


# --- .ltuirc ---


@dataclass(frozen=True)
class RcFile:
    """A file of lines to begin with.

    Attributes:
        path: Where it is.
        why_not: Why it is not executed; empty where it is.
    """

    path: Path
    why_not: str = ""


def rc_files(config: Config) -> Iterator[RcFile]:
    """Yield the files of lines to begin with that are there: of the user's home, and of this folder.

    As in gdb, that of a folder is executed where its user said so: a folder may come from a stranger, and is the
    user's own all the same once it was unpacked.
    """
    try:
        home, here = Path.home(), Path.cwd()
    except (RuntimeError, OSError):
        return
    found = [home / RC] + [here / RC] * (here != home)
    for path in found:
        try:
            if not os.path.lexists(path):
                continue
        except (OSError, ValueError):
            continue
        yield RcFile(path, _why_not(path) or ("" if path.parent == home else _unsafe(path.parent, config)))


def _why_not(path: Path) -> str:
    """Return why a file is nobody's to execute: its owner, or who may write it; empty where it is the user's alone."""
    try:
        found, folder = path.stat(), path.parent.stat()
    except OSError as error:
        return setbacks.cause(error)
    if not stat.S_ISREG(found.st_mode):
        return "it is no file"
    if not hasattr(os, "geteuid"):
        return ""
    for what, each in (("it", found), ("its folder", folder)):
        if each.st_uid not in (os.geteuid(), 0) or (what == "it" and each.st_uid != os.geteuid()):
            return f"{what} belongs to somebody else"
        if each.st_mode & 0o022 and not (what == "its folder" and each.st_mode & stat.S_ISVTX):
            return f"others may write {'to ' * (what != 'it')}{what}"
    return ""


def _unsafe(folder: Path, config: Config) -> str:
    here = os.path.realpath(folder)
    for one in config.safe:
        try:
            if os.path.realpath(Path(one).expanduser()) == here:
                return ""
        except (OSError, RuntimeError, ValueError):
            continue
    return f'the config file does not say that it is safe: safe = ["{visible(str(folder))}"]'


@door("a file of lines to begin with")
def read_rc(path: Path) -> list[str]:
    """Return the lines of a file of them.

    Raises:
        UserError: It cannot be read.
    """
    from lstm_tui.formats.inputs.text_input import read_script

    return list(read_script(path).lines) if path.stat().st_size else []


def beginning(config: Config) -> Begin | None:
    """Return what executes the lines a session begins with; None where there are none and nothing is to be said."""
    files = tuple(rc_files(config))
    if not files:
        return None

    def begin(session: Session) -> tuple[str, ...]:
        from lstm_tui.debugger.autosave import made_by_user
        from lstm_tui.debugger.commands.dispatch import answer

        said: list[str] = []
        for one in files:
            shown = visible(str(one.path))
            if one.why_not:
                said.append(f"{shown} is not executed: {one.why_not}")
                continue
            try:
                for number, line in enumerate(read_rc(one.path), start=1):
                    try:
                        reply = answer(session, line)
                    except UserError as error:
                        raise UserError(f"{shown}:{number}: {error}; the lines behind it are not executed") from None
                    if _speaks(line) and session.scripting.block is None:
                        said += reply
                if unfinished := session.scripting.drop_block():
                    said.append(f"{shown}: {unfinished}")
            except UserError as error:
                session.scripting.drop_block()
                said.append(str(error))
        session.scripting.begun = made_by_user(session)
        return tuple(said)

    return begin


def _speaks(line: str) -> bool:
    """Say whether the reply to a line is wanted at the start: that of what asks or prints."""
    return line.split(" ", 1)[0] in ("print", "p", "echo", "printf", "output", "info", "show")
