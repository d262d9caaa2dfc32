"""Packs the wheel smaller than Hatchling does: the same files, compressed with libdeflate where that is installed."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_VERSION, _UNIX, _IN_UTF8 = 20, 3 << 8, 0x800


def compressed(data: bytes) -> bytes:
    """Return a raw deflate stream of some bytes, as short as what is installed makes it."""
    plain = zlib.compressobj(9, zlib.DEFLATED, -15)
    streams = [plain.compress(data) + plain.flush()]
    try:
        import deflate
    except ImportError:
        return streams[0]
    return min([*streams, bytes(deflate.deflate_compress(data, 12))], key=len)


def repack(path: Path) -> None:
    """Write a zip file again with the same files, times and rights, each compressed anew."""
    with zipfile.ZipFile(path) as archive:
        members = [(one, archive.read(one)) for one in archive.infolist()]
    whole, central = bytearray(), bytearray()
    for info, data in members:
        name, stream = info.filename.encode(), compressed(data)
        method = zipfile.ZIP_DEFLATED if len(stream) < len(data) else zipfile.ZIP_STORED
        stored = stream if method else data
        year, month, day, hour, minute, second = info.date_time
        date, time = (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2
        flags = 0 if name.isascii() else _IN_UTF8
        common = (flags, method, time, date, zlib.crc32(data), len(stored), len(data), len(name), 0)
        central += struct.pack("<IHHHHHHIIIHH", _CENTRAL, _UNIX | _VERSION, _VERSION, *common)
        central += struct.pack("<HHHII", 0, 0, 0, info.external_attr, len(whole)) + name
        whole += struct.pack("<IHHHHHIIIHH", _LOCAL, _VERSION, *common) + name + stored
    end = struct.pack("<IHHHHIIH", _END, 0, 0, len(members), len(members), len(central), len(whole), 0)
    path.write_bytes(whole + central + end)


class SmallerWheel(BuildHookInterface[Any]):
    """Packs the wheel again once it is built; one that only leads to this folder stays as it is."""

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Pack it again."""
        if version == "standard":
            repack(Path(artifact_path))
