"""States of every step of a corpus as files, for searches: memory-mapped, and read unit by unit.

A folder holds `index.json`, which is written last, and beside it a file for each value. Steps lie in blocks; inside a
block each unit has its steps one behind the other, so that a question about a few units reads these alone.

While it is written the files are called `….part`, and `begun.json` says of what they are. Where it is cut off, whole
blocks stay, and who writes the same index again goes on behind them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door, guarded
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import HEADER_BYTES, label, read_bytes, replacing
from lstm_tui.formats.io.json import decode, encode

FORMAT, VERSION = "lstm-tui-states", 1
HEADER = "index.json"
BEGUN = "begun.json"
"""Says of what the files are that end with `.part`: as the header will, without the number of steps."""
_PART = ".part"
BLOCK = 1 << 16
"""Steps of a block."""
_NUMBER = np.dtype("<f4")
_WHOLE = np.dtype("<i8")
_ID = np.dtype("<i4")


@dataclass(frozen=True, eq=False)
class IndexedStates:
    """One value of every step, in a file.

    Attributes:
        steps: Number of steps, N.
        units: Number of units, H.
        starts: First step of each sequence, and N behind them, (S + 1,).
        data: All its numbers, as they lie in the file.
    """

    steps: int
    units: int
    starts: Array
    data: Array

    def read(self, units: Sequence[int], first: int, stop: int) -> Array:
        """Return some units over a range of steps, (U, stop - first)."""
        chosen = list(units)
        whole = chosen == list(range(self.units))
        if whole and first < stop <= min(first // BLOCK * BLOCK + BLOCK, self.steps):  # as it lies there
            return self._block(first // BLOCK * BLOCK)[:, first % BLOCK : first % BLOCK + stop - first]
        found = np.empty((len(units), stop - first), np.float32)
        for base in range(first // BLOCK * BLOCK, stop, BLOCK):
            block = self._block(base)
            part = slice(max(first - base, 0), min(stop - base, block.shape[1]))
            at = slice(base + part.start - first, base + part.stop - first)
            found[:, at] = block[:, part] if whole else block[chosen, part]
        return found

    def _block(self, base: int) -> Array:
        size = min(BLOCK, self.steps - base)
        return self.data[base * self.units : (base + size) * self.units].reshape(self.units, size)


@dataclass(frozen=True, eq=False)
class StateIndex:
    """An index that was opened.

    Attributes:
        about: What it was made of: the network's digest, the files and whatever else decides its numbers.
        states: Each value by its name, such as `layer0.forward.c`.
        ids: The token of each step, (N,); -1 where the network reads numbers.
        lines: The file and the line in it of each sequence, (S, 2).
        bytes: Of all its files.
    """

    about: Mapping[str, Any]
    states: Mapping[str, IndexedStates]
    ids: Array
    lines: Array
    bytes: int


class StateWriter:
    """Writes states, sequence by sequence.

    Attributes:
        there: So many steps, from the first, have their values in the files already.
        steps: How many steps were taken.
        starts: First step of each sequence, and the number of steps behind them.
        lines: The file and the line in it of each sequence.
    """

    def __init__(self, streams: Mapping[str, BinaryIO], sizes: Mapping[str, int], there: int = 0) -> None:
        """Begin.

        Args:
            streams: Of each value and of `ids`, where it is written to.
            sizes: Units of each value.
            there: So many steps have their values in the streams already, whole blocks of them.
        """
        self._streams = streams
        self._blocks = {name: np.empty((units, BLOCK), _NUMBER) for name, units in sizes.items()}
        self._held = self.steps = 0
        self.there = there
        self.starts: list[int] = [0]
        self.lines: list[tuple[int, int]] = []

    def has(self, count: int) -> bool:
        """Whether the values of the next sequence, of so many steps, are there already."""
        return self.steps + count <= self.there

    def skip(self, file: int, line: int, ids: Array) -> None:
        """Take a sequence whose values are there already."""
        self._streams["ids"].write(np.ascontiguousarray(ids, _ID).tobytes())
        self.steps += len(ids)
        self.starts.append(self.steps)
        self.lines.append((file, line))

    def add(self, file: int, line: int, ids: Array, values: Mapping[str, Array]) -> None:
        """Write a sequence: its values, (T, n) each, in the order of the tape; what is there already is left out."""
        count = len(ids)
        done = min(max(self.there - self.steps, 0), count)
        while done < count:
            part = min(count - done, BLOCK - self._held)
            for name, block in self._blocks.items():
                block[:, self._held : self._held + part] = values[name][done : done + part].T
            self._held, done = self._held + part, done + part
            if self._held == BLOCK:
                self._flush()
        self.skip(file, line, ids)

    def _flush(self) -> None:
        for name, block in self._blocks.items():
            self._streams[name].write(np.ascontiguousarray(block[:, : self._held]).tobytes())
        self._held = 0

    def finish(self) -> None:
        """Write what is held.

        Raises:
            UserError: There were fewer steps than are there already.
        """
        if self.steps < self.there:
            raise UserError("what was begun of this index is of more steps than there are: delete its folder")
        if self._held:
            self._flush()


@contextlib.contextmanager
def writing(folder: Path, about: Mapping[str, Any], sizes: Mapping[str, int]) -> Iterator[StateWriter]:
    """Write an index; it is there when the block ends without an error, and otherwise whole blocks of it stay.

    Args:
        folder: Where; it is made where there is none.
        about: What it is made of. Where as much as a block of the same was written before, it is gone on with.
        sizes: Units of each value.

    Raises:
        UserError: It cannot be written, another process writes it, or the folder holds something else.
    """
    where = label(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {one.name for one in folder.iterdir()}
    except OSError as error:
        raise UserError(f"{where}: cannot be written: {error.strerror or error}") from error
    if there and not there & {HEADER, BEGUN}:
        raise UserError(f"{where}: holds other files, and no index; name an empty folder, or one that is made")
    content = {"format": FORMAT, "version": VERSION, "block": BLOCK, "values": dict(sizes), **about}
    files = {**{name: folder / f"{name}.f32" for name in sizes}, "ids": folder / "ids.i32"}
    with contextlib.ExitStack() as stack:
        _locked(folder, stack)
        blocks = _blocks_there(folder, content, sizes)
        with contextlib.suppress(OSError):
            (folder / HEADER).unlink(missing_ok=True)
        if not blocks:
            with replacing(folder / BEGUN) as stream:
                stream.write(encode(content) + b"\n")
        try:
            with contextlib.ExitStack() as opened:
                streams = {name: opened.enter_context(_part(file, name, blocks, sizes)) for name, file in files.items()}
                writer = StateWriter(streams, sizes, blocks * BLOCK)
                yield writer
                writer.finish()
                for each in streams.values():
                    each.flush()
                    os.fsync(each.fileno())
            for file in files.values():
                os.replace(f"{file}{_PART}", file)
        except OSError as error:
            raise UserError(f"{where}: cannot be written: {error.strerror or error}") from error
        finally:
            if not _blocks_there(folder, content, sizes):
                _clear(folder, files.values())
        for name, numbers in (("starts", writer.starts), ("lines", writer.lines)):
            with replacing(folder / f"{name}.i64") as stream:
                stream.write(np.array(numbers, _WHOLE).tobytes())
        with replacing(folder / HEADER) as stream:
            stream.write(encode({**content, "steps": writer.steps}) + b"\n")
        _clear(folder, ())


@contextlib.contextmanager
def _part(file: Path, name: str, blocks: int, sizes: Mapping[str, int]) -> Iterator[BinaryIO]:
    """Open the part of a file behind the whole blocks that are there; ids are written anew, for they cost nothing."""
    goes_on = blocks and name in sizes
    with contextlib.ExitStack() as stack:
        with guarded(label(file), "an index"):
            stream = stack.enter_context(open(f"{file}{_PART}", "r+b" if goes_on else "wb"))
        if goes_on:
            stream.truncate(blocks * BLOCK * sizes[name] * _NUMBER.itemsize)
            stream.seek(0, os.SEEK_END)
        yield stream


def _blocks_there(folder: Path, content: Mapping[str, Any], sizes: Mapping[str, int]) -> int:
    """Return how many whole blocks of an index are there that was begun; 0 where it is another, or none."""
    try:
        with guarded(label(folder), "an index"):
            begun = read_bytes(folder / BEGUN, HEADER_BYTES)
        if begun != encode(content) + b"\n":
            return 0
        each = BLOCK * _NUMBER.itemsize
        return min(
            (os.path.getsize(folder / f"{name}.f32{_PART}") // (units * each) for name, units in sizes.items()),
            default=0,
        )
    except (OSError, UserError):
        return 0


def _locked(folder: Path, stack: contextlib.ExitStack) -> None:
    """Keep others from writing the same index until the stack ends, where that can be done.

    Raises:
        UserError: Another process writes it.
    """
    try:
        import fcntl
    except ImportError:
        return
    with guarded(label(folder), "an index"):
        descriptor = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{label(folder)}: is written by another process") from error


def _clear(folder: Path, files: Iterable[Path]) -> None:
    """Take away what says that an index was begun, and parts of its files."""
    for path in (folder / BEGUN, *(Path(f"{file}{_PART}") for file in files)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@door("an index")
def open_index(folder: Path) -> StateIndex:
    """Open an index; nothing but its header is read before it is asked for.

    Raises:
        UserError: It is none, or is damaged.
    """
    where = label(folder / HEADER)
    header = decode(read_bytes(folder / HEADER, HEADER_BYTES), where)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UserError(f"{where}: is no index of states")
    if header.get("version") != VERSION or header.get("block") != BLOCK:
        raise UserError(f"{where}: was written by another version; delete the folder, or name another")
    steps, sizes = header.get("steps"), header.get("values")
    if not isinstance(steps, int) or steps < 0 or not isinstance(sizes, dict):
        raise UserError(f"{where}: is damaged; delete the folder, or name another")
    if not all(isinstance(units, int) and units > 0 for units in sizes.values()):
        raise UserError(f"{where}: is damaged; delete the folder, or name another")
    starts, lines = (_mapped(folder / f"{name}.i64", _WHOLE, None) for name in ("starts", "lines"))
    lines = lines.reshape(-1, 2)
    if len(starts) != len(lines) + 1 or starts[0] != 0 or starts[-1] != steps or (np.diff(starts) < 0).any():
        raise UserError(
            f"{label(folder)}: is damaged: its sequences are not those of its steps; delete the folder, or name another"
        )
    ids = _mapped(folder / "ids.i32", _ID, steps)
    states = {}
    for name, units in sizes.items():
        if "/" in name or name.startswith("."):
            raise UserError(f"{where}: `{visible(name[:40])}` is the name of no value")
        states[name] = IndexedStates(steps, units, starts, _mapped(folder / f"{name}.f32", _NUMBER, steps * units))
    size = sum(one.data.nbytes for one in states.values()) + ids.nbytes + starts.nbytes + lines.nbytes
    about = {
        key: value for key, value in header.items() if key not in ("format", "version", "steps", "block", "values")
    }
    return StateIndex(about, states, ids, lines, size)


def _mapped(path: Path, dtype: np.dtype[Any], count: int | None) -> Array:
    """Map a file of numbers into memory; an empty one has none."""
    with guarded(label(path), "an index"):
        size = path.stat().st_size
    if size % dtype.itemsize or (count is not None and size != count * dtype.itemsize):
        raise UserError(
            f"{label(path)}: is damaged: it has not the size that its index says; delete the folder, or name another"
        )
    with guarded(label(path), "an index"):
        return np.memmap(path, dtype, "r") if size else np.empty(0, dtype)
