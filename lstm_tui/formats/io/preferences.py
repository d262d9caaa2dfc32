"""What a user has chosen once and for all, kept from one start to the next: a file of lines `name = value`.

A file that cannot be read or written is no reason to fail: what was chosen then holds for this start alone.
"""

from __future__ import annotations

from pathlib import Path

from lstm_tui.engine import setbacks
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.command_history import state_folder
from lstm_tui.formats.io.files import read_bytes, replacing

WHAT = "the settings"
_MOST_BYTES = 1 << 14
EXPERT = "expert"
"""The name of the setting that says whether the screen leaves out what is there for beginners."""


class Preferences:
    """Names and what was chosen for each."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what a file holds; without one, begin empty and keep nothing."""
        self._path = path
        self._chosen: dict[str, str] = {} if path is None else _read(path)

    @classmethod
    def kept(cls) -> Preferences:
        """Return the settings of this computer's user."""
        return cls(state_folder() / "settings")

    def is_on(self, name: str) -> bool:
        """Say whether something was chosen to be on; what is no answer is off."""
        return self._chosen.get(name) == "on"

    def begin_with(self, name: str, on: bool) -> None:
        """Have something be on, or not, from this start on, without keeping that."""
        self._chosen[name] = "on" if on else "off"

    def text(self, name: str) -> str:
        """Return what was kept under a name; empty where nothing was."""
        return self._chosen.get(name, "")

    def turn(self, name: str, on: bool) -> None:
        """Choose whether something is on, and keep that."""
        self.keep(name, "on" if on else "off")

    def keep(self, name: str, value: str) -> None:
        """Keep a text of one line under a name; lines of other names stay as they are."""
        self._chosen[name] = value
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as stream:
                stream.write("".join(f"{one} = {value}\n" for one, value in self._chosen.items()).encode())
        except (UserError, OSError) as error:
            setbacks.note(WHAT, f"{self._path}: {error}")


def _read(path: Path) -> dict[str, str]:
    """Return the lines of a file that are settings; none where it cannot be read."""
    try:
        if not path.is_file():  # a pipe is not waited for
            return {}
        text = read_bytes(path, _MOST_BYTES).decode("utf-8", "replace")
    except (UserError, OSError) as error:
        setbacks.note(WHAT, str(error))
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, sign, value in pairs if sign and name.strip().isidentifier()}
