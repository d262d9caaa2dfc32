"""Compiled kernels on disk: a file each, sealed by a checksum, and nothing that happens to one ever stops a run.

Numba's own files hold machine code without a checksum: one that was cut short ends in a traceback, and one of which a
bit was changed may compute anything. Here a file that cannot be used is a kernel that is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import time
from pathlib import Path
from typing import Any

from lstm_tui.engine import setbacks

WHAT = "the cache of compiled kernels"
_SEAL = hashlib.sha256().digest_size
_STALE = 600.0
"""Seconds after which a file that was not finished belongs to a process that was cut off."""


class Damaged(Exception):
    """A file does not hold what was written to it."""


class SealedFiles:
    """Keeps one kernel a file: a checksum, what it was made of, and the kernel; in the place of Numba's own files."""

    def __init__(self, folder: str, base: str, made_of: tuple[Any, ...], dump: Any) -> None:
        """Name the files.

        Args:
            folder: Where they are.
            base: What their names begin with.
            made_of: The versions and the source: a kernel that was made of others is recompiled.
            dump: Turns a kernel into bytes.
        """
        self._folder, self._base, self._made_of, self._dump = Path(folder), base, made_of, dump

    def path(self, key: Any) -> Path:
        """Return the file of a kernel."""
        return self._folder / f"{self._base}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.kernel"

    def load(self, key: Any) -> Any:
        """Return a kernel; None where there is none, or one that was made of something else.

        Raises:
            OSError: The file cannot be read.
            Damaged: It is cut short or changed.
        """
        try:
            content = self.path(key).read_bytes()
        except FileNotFoundError:
            return None
        sealed = content[_SEAL:]
        if hashlib.sha256(sealed).digest() != content[:_SEAL]:
            raise Damaged("a file in it is damaged")
        head, _, kernel = sealed.partition(b"\n")
        return pickle.loads(kernel) if head == self._head(key) else None

    def save(self, key: Any, kernel: Any) -> None:
        """Keep a kernel: the file is there whole, or as it was.

        Raises:
            OSError: It cannot be written.
        """
        sealed = self._head(key) + b"\n" + self._dump(kernel)
        path = self.path(key)
        self._tidy(path)
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            unfinished.write_bytes(hashlib.sha256(sealed).digest() + sealed)
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def flush(self) -> None:
        """Forget every kernel of this function."""
        for path in self._folder.glob(f"{self._base}.*.kernel"):
            path.unlink(missing_ok=True)

    def _head(self, key: Any) -> bytes:
        return repr((self._made_of, key)).replace("\n", " ").encode("utf-8", "backslashreplace")

    def _tidy(self, path: Path) -> None:
        """Take away what a process that was cut off left beside a file."""
        for left in self._folder.glob(f"{path.name}.*.part"):
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink(missing_ok=True)


class GuardedCache:
    """A cache of Numba's whose every failure is a kernel that is not there; it is said once."""

    def __init__(self, cache: Any) -> None:
        """Guard a cache, and have it keep sealed files where it is built as it was when this was written."""
        self._cache = cache
        files = getattr(cache, "_cache_file", None)
        made_of = tuple(getattr(files, name, None) for name in ("_version", "_source_stamp"))
        base = getattr(files, "_index_name", "").removesuffix(".nbi")
        dump = getattr(files, "_dump", None)
        self._can = bool(base and dump and None not in made_of)  # else recompiled rather than trusted unsealed
        if self._can:
            cache._cache_file = SealedFiles(cache.cache_path, base, made_of, dump)

    def __getattr__(self, name: str) -> Any:
        """Be the cache in everything else."""
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return a compiled kernel, or None when it is to be compiled."""
        return self._tried(lambda: self._cache.load_overload(signature, target))

    def save_overload(self, signature: Any, kernel: Any) -> None:
        """Keep a compiled kernel, where that can be done."""
        self._tried(lambda: self._cache.save_overload(signature, kernel))

    def _tried(self, act: Any) -> Any:
        if not self._can:
            return None
        try:
            return act()
        except Exception as error:  # whatever it is, the kernel can be compiled
            setbacks.note(WHAT, f"{self._cache.cache_path}: {setbacks.cause(error)}")
            return None
