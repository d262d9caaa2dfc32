"""NumPy's `.npy` and `.npz` from strangers: never a pickle, sizes checked before unpacking."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import NETWORK_BYTES, label, read_bytes, size_text

MOST_MEMBERS = 100_000
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
NUMBERS = "fiub"  # kinds of dtype: floating, signed, unsigned, boolean
TEXT = "U"


@door("an array")
def read_npy(path: str | Path, limit: int = NETWORK_BYTES) -> Array:
    """Return the array of a `.npy` file, which must hold real numbers.

    Raises:
        UserError: It is not such a file, is cut short, or holds something other than numbers.
    """
    data = read_bytes(path, limit)
    return _array(io.BytesIO(data), len(data), label(path), NUMBERS)


@door("arrays by name")
def read_npz(path: str | Path, limit: int = NETWORK_BYTES, kinds: str = NUMBERS) -> dict[str, Array]:
    """Return the arrays of a `.npz` file by name, in their order in the file.

    Args:
        path: The file.
        limit: Most bytes, packed and unpacked.
        kinds: The kinds of dtype that are let in.

    Raises:
        UserError: It is not such a file, is damaged, or unpacks to more than the limit.
    """
    return unpacked(read_bytes(path, limit), label(path), limit, kinds)


def unpacked(data: bytes, where: str, limit: int = NETWORK_BYTES, kinds: str = NUMBERS) -> dict[str, Array]:
    """Return the arrays of the bytes of a `.npz` file by name, in their order in the file.

    Args:
        data: The file.
        where: What messages call it.
        limit: Most bytes that it unpacks to.
        kinds: The kinds of dtype that are let in.

    Raises:
        UserError: It is not such a file, is damaged, or unpacks to more than the limit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > limit or len(members) > MOST_MEMBERS:
                raise UserError(f"{where}: unpacks to {size_text(total)}; the limit is {size_text(limit)}")
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name == member.filename:
                    raise UserError(f"{where}: holds {visible(name)!r}, which is not an array; is it a .npz file?")
                with archive.open(member) as stream:
                    arrays[name] = _array(stream, member.file_size, f"{where}: array {visible(name)!r}", kinds)
    except UserError:
        raise
    except Exception as error:  # a damaged archive fails in a dozen ways, none of them documented
        raise UserError(f"{where}: is not a .npz file, or is damaged: {visible(str(error))}") from error
    if not arrays:
        raise UserError(f"{where}: holds no array")
    return arrays


def _array(stream: IO[bytes], size: int, where: str, kinds: str) -> Array:
    """Read one array of `size` bytes, header included, without trusting what the header claims."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            version = np.lib.format.read_magic(stream)
            read_header = _HEADERS[version]
            shape, fortran, dtype = read_header(stream)
    except Exception as error:  # the parser of the header fails in a dozen ways, none of them documented
        raise UserError(f"{where}: is not a .npy array, or is damaged") from error
    if dtype.kind not in kinds or dtype.itemsize == 0:
        raise UserError(f"{where}: holds {visible(str(dtype))}, not numbers; save it as float32 or float64")
    count = math.prod(shape)
    body = stream.read(size)
    if min(shape, default=0) < 0 or len(body) != count * dtype.itemsize:
        expected = f"{'×'.join(map(str, shape)) or '1'} numbers, {size_text(count * dtype.itemsize)}"
        raise UserError(f"{where}: should hold {expected}, and holds {size_text(len(body))}; is it cut short?")
    flat = np.frombuffer(body, dtype=dtype)
    return flat.reshape(shape, order="F" if fortran else "C")
