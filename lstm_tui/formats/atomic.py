"""Files that appear complete or not at all: written beside their target, then moved into place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.bytes_of import label, reason


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a stream whose content takes the place of `path` when the block ends without an error.

    Any error, Ctrl-C too, leaves the old file as it was and nothing beside it. A new file gets the mode of
    an ordinary new file, one that takes another's place keeps the other's. A device or a pipe such as
    `/dev/null` is written directly, since nothing can take its place.

    Raises:
        UserError: The folder is missing or not writable, the disk is full.
    """
    where = label(path)
    if "\0" in str(path):
        raise UserError(f"{where}: cannot be written: a name cannot hold NUL")
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    temporary: Path | None = None
    try:
        if target.is_dir():
            raise UserError(f"{where}: is a folder; name a file in it")
        if target.exists() and not target.is_file():
            # a pipe that nobody reads is refused, not waited for
            descriptor = os.open(target, os.O_WRONLY | os.O_NONBLOCK)
            with open(descriptor, "wb") as stream:
                os.set_blocking(descriptor, True)
                yield stream
            return
        temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
        with open(temporary, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
        temporary = None
    except FileNotFoundError as error:
        missing = f"there is no folder {label(target.parent)}"
        why = "files cannot be made in this folder" if target.parent.is_dir() else missing
        raise UserError(f"{where}: cannot be written: {why}") from error
    except OSError as error:
        raise UserError(f"{where}: cannot be written: {reason(error)}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
