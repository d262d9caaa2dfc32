"""What the screen is told when a web server started it for a browser; nothing but the standard library is imported.

The server says it in the environment, since the arguments are those of `run` as anyone types them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

HUNG_UP = 129
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
