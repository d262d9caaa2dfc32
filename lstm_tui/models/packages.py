"""Third-party text, fetched by package name with the ordinary clients, unpacked in memory and never kept here.

The clients know where their registries are; this module does not. Each archive is checked against the digest of the
one the bundled networks were trained on.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from lstm_tui.engine.errors import UserError

_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", ".")
_COMMANDS = {
    "vaderSentiment-3.3.2.tar.gz": (*_PIP, "vaderSentiment==3.3.2"),
    "sentiment-5.0.2.tgz": ("npm", "pack", "--silent", "sentiment@5.0.2"),
    "dict-devil_1.0-13.1_all.deb": ("apt-get", "download", "dict-devil"),
}
_DIGESTS = {
    "vaderSentiment-3.3.2.tar.gz": "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    "sentiment-5.0.2.tgz": "89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f",
    "dict-devil_1.0-13.1_all.deb": "6a535684def2a1f70cd42da16d12d43f0e9dc3e54e4a329178eebab3170e3154",
}


def cache_folder() -> Path:
    """Return the folder where fetched archives are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lstm-tui" / "packages"


def fetch(archive: str, folder: Path | None = None) -> Path:
    """Return the path of an archive, fetching it if it is not in the folder yet.

    Raises:
        UserError: If its client is missing or fails, or the archive is not the expected one.
    """
    kept = (folder or cache_folder()) / archive
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        command = _COMMANDS[archive]
        try:
            subprocess.run(command, cwd=kept.parent, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            hint = f"install it, or put the file into {kept.parent}"
            raise UserError(f"{archive}: {command[0]} is not installed; {hint}") from None
        except subprocess.CalledProcessError:
            raise UserError(f"{archive}: `{' '.join(command)}` failed; put the file into {kept.parent}") from None
    if not kept.is_file():
        raise UserError(f"{archive}: the package has another version now; put this one into {kept.parent}")
    if hashlib.sha256(kept.read_bytes()).hexdigest() != _DIGESTS[archive]:
        raise UserError(f"{kept}: this is not the archive the networks were trained on; delete it and try again")
    return kept
