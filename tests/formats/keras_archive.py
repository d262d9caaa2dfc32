"""A frozen `.keras` file with another description, for tests of what is said of it; h5py is not needed to make one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "files"


def rewritten(frozen: str, change: Callable[[list[dict[str, Any]]], object], tmp_path: Path) -> Path:
    """Return a copy of a file below `files/` whose layers were changed."""
    with zipfile.ZipFile(FILES / frozen) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members["config.json"])
    change(description["config"]["layers"])
    members["config.json"] = json.dumps(description).encode()
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
