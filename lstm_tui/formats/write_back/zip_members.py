"""A zip with other content in some of the files in it: every other byte stays where it is."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

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
