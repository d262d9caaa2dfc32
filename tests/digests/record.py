"""A record: name -> digest of a text or of bytes, and the texts themselves where a folder is given."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path


class Record:
    """What was recorded, by name.

    Attributes:
        digests: SHA-256 of what stands under each name.
    """

    def __init__(self, keep: Path | None = None, places: Mapping[str, str] | None = None) -> None:
        """Record into nothing but `digests`, and into the folder `keep` where there is one.

        Args:
            keep: Folder of the texts, so that a difference can be read.
            places: Paths of this computer, and what is written instead of them.
        """
        self.digests: dict[str, str] = {}
        self._keep, self._places = keep, dict(places or {})

    def add(self, name: str, content: str | bytes) -> None:
        """Record a text, without the paths of this computer, or bytes.

        Raises:
            ValueError: The name is taken.
        """
        if name in self.digests:
            raise ValueError(f"{name} is recorded twice")
        if isinstance(content, str):
            for path in sorted(self._places, key=len, reverse=True):
                content = content.replace(path, self._places[path])
            content = content.encode("utf-8", "backslashreplace")
        self.digests[name] = hashlib.sha256(content).hexdigest()
        if self._keep is not None:
            kept = self._keep / re.sub(r"[^\w./+=,-]", lambda sign: f"%{ord(sign[0]):02x}", name)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.with_name(f"{kept.name}.txt").write_bytes(content)


def compared(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return a line for every name that is gone, new or different."""
    lines = [f"gone       {name}" for name in old if name not in new]
    lines += [f"new        {name}" for name in new if name not in old]
    return lines + [f"different  {name}" for name in old if name in new and old[name] != new[name]]
