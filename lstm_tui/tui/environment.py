"""Where the screen is shown: whether there is a terminal, whether it shows more than ASCII, whether a server runs it.

A web server that starts the screen for a browser says so in the environment, since the arguments are those of `run` as
anyone types them. A file that the screen makes is written on this computer, or handed to the browser of whoever may
not write here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.endings import HUNG_UP
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from textual.app import App

SEALED = "LSTM_TUI_SEALED"
_LOOK = 2.0  # seconds between two looks for the server


def is_served() -> bool:
    """Say whether the screen is shown in a browser."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith("web_driver:WebDriver")


def is_sealed() -> bool:
    """Say whether whoever looks at the screen is to be kept from the files of this computer."""
    return bool(os.environ.get(SEALED))


def leave_with(app: App[Any]) -> None:
    """Have an app leave when its server is gone, however that came about: nobody else would tell it."""
    server = os.getppid()
    app.set_interval(_LOOK, lambda: None if os.getppid() == server else app.exit(HUNG_UP))


def draws_ascii() -> bool:
    """Say whether the terminal is to be given ASCII signs only; a browser never is."""
    return "utf" not in (sys.stderr.encoding or "").lower() and not is_served()


def check_terminal() -> None:
    """Say in one line that there is no terminal, rather than to hang without one.

    Textual reads keys from standard input and draws on standard error. Standard input that was read as data
    is replaced by the terminal itself.

    Raises:
        UserError: If there is no terminal, or one that cannot move its cursor.
    """
    if is_served():
        return  # keys and drawing are packets, by way of the web server
    if os.environ.get("TERM", "") == "dumb":
        raise UserError("this terminal (TERM=dumb) cannot show a screen; use `lstm-tui run FILE --plain`")
    if not sys.__stderr__ or not sys.__stderr__.isatty():
        raise UserError("there is no terminal to draw on; use `lstm-tui run FILE --plain`")
    if sys.__stdin__ is not None and sys.__stdin__.isatty():
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        raise UserError("there is no terminal to read keys from; use `lstm-tui run FILE --plain`") from None
    os.dup2(terminal, 0)
    os.close(terminal)


_LONGEST = 100


def give(app: App[Any], name: str, write: Callable[[Path], None]) -> str:
    """Have a file written, in a thread, and return the line that tells where it is.

    Args:
        app: Whose screen it is.
        name: As it was typed.
        write: Writes the file; its ending may decide how.

    Raises:
        UserError: It cannot be written.
    """
    if not is_sealed():
        write(Path(name).expanduser())
        return f"written: {visible(name)}"
    wanted = PurePath(visible(name)).name[-_LONGEST:]
    with TemporaryDirectory(prefix="lstm-tui-") as folder:
        path = Path(folder) / wanted
        write(path)
        content = path.read_bytes()
    app.call_later(app.deliver_binary, BytesIO(content), save_filename=wanted)
    return f"{wanted}: handed to the browser"


def would_replace(name: str) -> bool:
    """Return whether a file of this computer would be written over; what a browser is handed replaces none."""
    return not is_sealed() and Path(name).expanduser().is_file()
