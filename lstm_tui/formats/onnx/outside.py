"""Tensors of an ONNX file that lie in a file beside it, as PyTorch exports them: never above its folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import reason, size_text

_LIMIT = 1 << 30


class Outside:
    """The folder of an ONNX file, and how much was read from files in it."""

    def __init__(self, path: str | Path, where: str) -> None:
        """Take the file."""
        self._folder = Path(path).parent.resolve()
        self._where = where
        self._read = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The hash of all that was read; empty where nothing was."""
        return self._hash.hexdigest() if self._read else ""

    def fetch(self, tensor: Any, size: int) -> None:
        """Put the bytes of a tensor that lies elsewhere into it.

        Args:
            tensor: Of the file.
            size: Its bytes, as its shape says.

        Raises:
            UserError: The place is outside the folder, is not there, or too short.
        """
        name = visible(tensor.name or "a constant")
        said = {one.key: one.value for one in tensor.external_data}
        location = said.get("location", "")
        path = self._path(location, name)
        try:
            offset, length = int(said.get("offset", 0)), int(said.get("length", size))
            if offset < 0 or length != size:
                raise UserError(f"{self._where}: {name} says it is {size} bytes, and {length} in {visible(location)}")
            self._read += size
            if self._read > _LIMIT:
                raise UserError(f"{self._where}: its tensors are more than {size_text(_LIMIT)}")
            with path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size < offset + size:
                    raise UserError(
                        f"{self._where}: {visible(location)}, where {name} lies, is cut short; get it again"
                    )
                stream.seek(offset)
                data = stream.read(size)
        except OSError as error:
            raise UserError(f"{self._where}: {name} lies in {visible(location)} beside it: {reason(error)}") from error
        except ValueError as error:
            raise UserError(f"{self._where}: the place of {name} in {visible(location)} is no number") from error
        self._hash.update(data)
        tensor.raw_data = data
        tensor.data_location = 0
        del tensor.external_data[:]

    def _path(self, location: str, name: str) -> Path:
        try:
            path = (self._folder / location).resolve()
            inside = path.is_relative_to(self._folder) and path != self._folder
            if inside and not path.exists():
                raise FileNotFoundError(location)
        except (OSError, ValueError, RuntimeError) as error:  # a name that holds NUL, a link to itself
            why = reason(error) if isinstance(error, OSError) else "no name of a file"
            raise UserError(f"{self._where}: {name} lies in {visible(location)} beside it: {why}") from error
        if not inside or not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{self._where}: {name} lies in {visible(location)}, which is no file in its folder")
        return path
