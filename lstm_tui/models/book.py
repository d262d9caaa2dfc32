"""A public-domain English text, Ambrose Bierce's The Devil's Dictionary, as paragraphs of plain bytes.

It is read from the Debian package `dict-devil`; nothing of it is part of the project.
"""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import tarfile
from pathlib import Path

from lstm_tui.engine.errors import UserError
from lstm_tui.models.packages import fetch

ARCHIVE = "dict-devil_1.0-13.1_all.deb"
TEXT = "./usr/share/dictd/devil.dict.dz"
FIRST_ENTRY = "ABASEMENT, n."
HELD_OUT_SHARE = 0.1


def paragraphs(folder: Path | None = None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the paragraphs to learn from and the last tenth of the book, each paragraph as one line of bytes.

    Args:
        folder: Where the package is, or is fetched to.

    Raises:
        UserError: If the package cannot be had or opened.
    """
    text = _text(fetch(ARCHIVE, folder))
    text = text[text.index(FIRST_ENTRY) :]
    lines = [" ".join(part.split()).encode() for part in re.split(r"\n\s*\n", text) if part.strip()]
    total = sum(len(line) for line in lines)
    so_far, first_kept_out = 0, 0
    while so_far < (1 - HELD_OUT_SHARE) * total:
        so_far += len(lines[first_kept_out])
        first_kept_out += 1
    return tuple(lines[:first_kept_out]), tuple(lines[first_kept_out:])


def _text(package: Path) -> str:
    try:
        done = subprocess.run(("dpkg-deb", "--fsys-tarfile", str(package)), check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise UserError(f"{package}: dpkg-deb cannot unpack it; run this where dpkg is installed") from error
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        stream = tar.extractfile(TEXT)
        assert stream is not None, "the archive was checked against its digest"
        return gzip.decompress(stream.read()).decode("utf-8", "replace")
