"""File names as far as they are typed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lstm_tui.debugger.session import Session
from lstm_tui.engine.visible import visible

_LOOKED_AT = 2_000


def complete_file(session: Session, rest: str) -> Iterator[str]:
    """Yield the files and folders that a path may become; hidden ones only when a dot is typed.

    A name that a terminal would obey is left out: it could not be typed as it is shown.
    """
    folder, slash, begun = rest.rpartition("/")
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            found = [
                f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
                for entry in islice(entries, _LOOKED_AT)
                if entry.name.startswith(begun)
                and (begun or entry.name[0] != ".")
                and visible(entry.name) == entry.name
            ]
    except OSError:
        return
    yield from sorted(found)
