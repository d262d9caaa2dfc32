"""The environment: whether there is a terminal, whether it shows more than ASCII, whether a server started us.

A web server that starts the screen for a browser says so in the environment, since the arguments are those of `run` as
anyone types them. Nothing but the standard library is imported.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.endings import HUNG_UP
from lstm_tui.engine.errors import UserError

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
