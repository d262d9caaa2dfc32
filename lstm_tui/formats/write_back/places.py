"""Where the floating-point numbers of a network's file lie in its bytes, and the file with other numbers there.

A file is written back by laying other numbers over the old ones where they lie, so that nothing else of it can change:
neither names, order and metadata nor a pickle or a program beside them.

A zip gets other content in some of the files in it, and every other byte stays where it is. Datasets of an HDF5 file
that do not lie in one piece are read and written by the library.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.torch.pickled_arrays import decode
from lstm_tui.formats.importers.torch.reparametrised import InParts, in_parts

_DESCRIPTOR = b"PK\x07\x08"
_LOCAL_SIZE, _CENTRAL_SIZE = 30, 46


def with_members(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    """Return a zip with other content in some of its files.

    Where those are stored as they are and keep their length, as PyTorch and Keras have it, their bytes and checksums
    alone are other ones. A zip that packs them is written anew, with the same files in the same order.

    Args:
        data: The zip.
        changed: New content by the name of a file in it.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if any(one.filename in changed and not _in_place(one, changed[one.filename]) for one in members):
            return _anew(archive, changed)
        made = bytearray(data)
        entry = archive.start_dir
        for one in members:
            if one.filename in changed:
                _lay(made, one, entry, changed[one.filename])
            name, extra, comment = struct.unpack_from("<3H", data, entry + 28)
            entry += _CENTRAL_SIZE + name + extra + comment
    return bytes(made)


def _in_place(member: zipfile.ZipInfo, content: bytes) -> bool:
    return member.compress_type == zipfile.ZIP_STORED and member.file_size == len(content)


def _lay(made: bytearray, member: zipfile.ZipInfo, entry: int, content: bytes) -> None:
    """Lay content over that of a file, and its checksum over each of the two or three that are kept."""
    header = member.header_offset
    name, extra = struct.unpack_from("<2H", made, header + 26)
    begin = header + _LOCAL_SIZE + name + extra
    end = begin + len(content)
    made[begin:end] = content
    old, new = struct.pack("<I", member.CRC), struct.pack("<I", zlib.crc32(content))
    behind = end + (4 if made[end : end + 4] == _DESCRIPTOR else 0)
    for place in (header + 14, entry + 16, *([behind] if member.flag_bits & 8 else [])):
        if made[place : place + 4] == old:  # a local header may leave it to the descriptor behind
            made[place : place + 4] = new


def _anew(archive: zipfile.ZipFile, changed: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.comment = archive.comment
        for one in archive.infolist():
            made.writestr(one, changed.get(one.filename, archive.read(one)), one.compress_type)
    return stream.getvalue()


def read_dataset(content: bytes, path: str) -> Array:
    """Return the numbers of a dataset, (count,)."""
    import h5py  # type: ignore[import-untyped,unused-ignore]

    with h5py.File(io.BytesIO(content), "r") as opened:
        return np.asarray(opened[path][()]).ravel()


def with_datasets(content: bytes, numbers: Mapping[str, Array]) -> bytes:
    """Return an HDF5 file with other numbers in some datasets, each (count,)."""
    import h5py

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as opened, np.errstate(all="ignore"):
        for path, given in numbers.items():
            dataset = opened[path]
            dataset[...] = given.reshape(dataset.shape).astype(dataset.dtype)
    return stream.getvalue()


BFLOAT16 = "bfloat16"
DIGITS: Mapping[str, int] = {BFLOAT16: 8, "f2": 11, "f4": 24, "f8": 53}
"""Binary digits of a number of each kind, the first one included."""
KIND_NAMES: Mapping[str, str] = {BFLOAT16: BFLOAT16, "f2": "float16", "f4": "float32", "f8": "float64"}


@dataclass(frozen=True)
class TensorView:
    """A tensor by its name, as a view of the numbers of a place: where it begins, its shape and its strides."""

    name: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def numbers(self, count: int) -> Array:
        """Return which numbers of a place of so many it shows, in a row, each once."""
        shown = np.zeros(count, np.bool_)
        np.lib.stride_tricks.as_strided(shown[self.offset :], self.shape, self.stride)[...] = True
        return np.flatnonzero(shown)

    def holds(self, changed: Array) -> int:
        """Return how many of the numbers that changed it shows, (count,) of booleans."""
        return int(changed[self.numbers(len(changed))].sum())


@dataclass(frozen=True)
class TensorPlace:
    """Numbers of one dtype that lie together in a file.

    Attributes:
        name: What the file calls them.
        dtype: As NumPy writes it, `<f4`, or `bfloat16`.
        count: How many.
        member: The file inside a zip in which they lie; empty for the file itself.
        offset: Of their first byte there; None where HDF5 keeps them in pieces.
        views: The tensors of the file that show them, where several may.
        shape: Theirs, where the file has them in rows as NumPy does; None where that is not known.
        made: How they are made of other places, where the file keeps them in parts.
        parts: These places.
    """

    name: str
    dtype: str
    count: int
    member: str = ""
    offset: int | None = 0
    views: Sequence[TensorView] = ()
    shape: tuple[int, ...] | None = None
    made: InParts | None = None
    parts: Sequence[TensorPlace] = ()

    @property
    def kind(self) -> str:
        """Its dtype without the order of bytes."""
        return self.dtype.lstrip("<>=|")

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * (2 if self.kind == BFLOAT16 else np.dtype(self.dtype).itemsize)

    def named(self, changed: Array) -> list[tuple[str, int]]:
        """Return the names of the tensors that changed, each with how many numbers did; (count,) of booleans."""
        found = [(one.name, one.holds(changed)) for one in self.views]
        return [(name, count) for name, count in found if count] or [(self.name, int(changed.sum()))]


@dataclass
class WeightsFile:
    """The bytes of a network's file, and where its numbers lie in them.

    Attributes:
        data: The file.
        places: Where its floating-point numbers lie, in the file's order.
        elsewhere: Why some of its numbers have no place, such as a file beside it; a sentence each.
    """

    data: bytes
    places: list[TensorPlace] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    members: dict[str, bytes] = field(default_factory=dict)

    @property
    def starts(self) -> Array:
        """The ids of the first numbers of its places: every number has one, in order."""
        counts = np.array([one.count for one in self.places], np.int64)
        return np.cumsum(counts) - counts

    def member(self, name: str) -> bytes:
        """Return the content of a file inside it, or its own."""
        return self.members[name] if name else self.data

    def numbers(self, place: TensorPlace) -> Array:
        """Return the numbers of a place, (count,)."""
        if place.made is not None:
            whole = place.made.joined(self._parts(place))
            return np.full(place.count, np.nan) if whole is None else whole.ravel()
        content = self.member(place.member)
        if place.offset is None:
            return read_dataset(content, place.name)
        return decode(content[place.offset : place.offset + place.size], place.dtype)

    def _parts(self, place: TensorPlace) -> list[Array]:
        """Return the parts of a weight, each in its shape."""
        return [self.numbers(one).reshape(one.shape or ()) for one in place.parts]

    def _apart(
        self, changed: Mapping[int, tuple[Array | None, Array]]
    ) -> Iterator[tuple[TensorPlace, Array | None, Array]]:
        """Iterate over places that lie in the file, with what changes there."""
        for number, (which, numbers) in changed.items():
            place = self.places[number]
            if place.made is None:
                yield place, which, numbers
                continue
            parts, shape = self._parts(place), place.parts[place.made.main].shape or ()
            old = self.numbers(place)
            whole = old.copy()
            whole[slice(None) if which is None else which] = numbers
            other = (whole != old).reshape(shape)
            for part, now, new in zip(
                place.parts, parts, place.made.apart(whole.reshape(shape), parts, other), strict=True
            ):
                own = np.flatnonzero((new != now).ravel())
                if len(own):
                    yield part, own, new.ravel()[own]

    def join_parts(self) -> None:
        """Take weights that are kept in parts for places of their own, in the place of the part of their shape."""
        named = {one.name: one for one in self.places if one.shape is not None}
        taken: dict[str, TensorPlace | None] = {}
        for made in in_parts(named):
            parts = [named[one] for one in made.parts]
            main = parts[made.main]
            if made.joined([self.numbers(one).reshape(one.shape or ()) for one in parts]) is None:
                continue
            name = f"{made.whole} (kept as {' and '.join(made.parts)})"
            taken |= dict.fromkeys(made.parts)
            taken[main.name] = TensorPlace(name, main.dtype, main.count, made=made, parts=parts)
        kept = [taken.get(one.name, one) for one in self.places]
        self.places = [one for one in kept if one is not None]

    def with_numbers(self, changed: Mapping[int, tuple[Array | None, Array]]) -> bytes:
        """Return the file with other numbers at some of its places, rounded to their dtype; all others keep their bits.

        Args:
            changed: By the number of the place: which of its numbers, or None for all, and the numbers.
        """
        contents: dict[str, bytearray] = {}
        pieces: dict[str, dict[str, Array]] = {}
        for place, which, numbers in self._apart(changed):
            content = contents.setdefault(place.member, bytearray(self.member(place.member)))
            if place.offset is not None:
                there = slice(place.offset, place.offset + place.size)
                content[there] = _laid(bytes(content[there]), place, which, encoded(numbers, place))
            else:
                whole = self.numbers(place).copy()
                whole[slice(None) if which is None else which] = numbers
                pieces.setdefault(place.member, {})[place.name] = whole
        for member, datasets in pieces.items():
            contents[member] = bytearray(with_datasets(bytes(contents[member]), datasets))
        own = contents.pop("", None)
        if not contents:
            return self.data if own is None else bytes(own)
        return with_members(self.data, {name: bytes(one) for name, one in contents.items()})


def _laid(old: bytes, place: TensorPlace, which: Array | None, new: bytes) -> bytes:
    if which is None:
        return new
    width = place.size // place.count
    whole = np.frombuffer(old, f"V{width}").copy()
    whole[which] = np.frombuffer(new, f"V{width}")
    return whole.tobytes()


def encoded(numbers: Array, place: TensorPlace) -> bytes:
    """Return numbers as bytes of the dtype of a place, rounded to the nearest, of two equally near to the even."""
    with np.errstate(all="ignore"):
        if place.kind != BFLOAT16:
            return numbers.astype(place.dtype).tobytes()
        bits = np.ascontiguousarray(numbers, np.float32).view(np.uint32)
        rounded = (bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16
        kept = np.where(np.isnan(numbers), (bits >> 16) | 0x40, rounded)
    return kept.astype("<u2").tobytes()
