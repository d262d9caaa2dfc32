"""A file that the screen makes: written on this computer, or handed to the browser of whoever may not write here."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from textual.app import App

from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.environment import is_sealed

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
