from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.npy import read_npy, read_npz


def check_line(error: UserError) -> None:
    assert str(error).isprintable()


def npy(header: str, body: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """Return a .npy file whose header says what it likes."""
    text = header.encode() + b"\n"
    size = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + size + text + body


def header(shape: Any, descr: str = "<f4") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"


BAD: dict[str, bytes] = {
    "another file": b"some text",
    "huge": npy(header((10**12,))),
    "huge product": npy(header((2**40, 2**40))),
    "negative": npy(header((-1,))),
    "cut short": npy(header((4,)), b"\0" * 15),
    "too long": npy(header((4,)), b"\0" * 17),
    "objects": npy(header((1,), "|O"), b"cos\nsystem\n(S'true'\ntR."),
    "text": npy(header((1,), "<U4"), b"a\0\0\0" * 4),
    "nothing a number": npy(header((10**9,), "<U0")),
    "complex": npy(header((1,), "<c8"), b"\0" * 8),
    "dates": npy(header((1,), "<M8[s]"), b"\0" * 8),
    "a later version": npy(header((1,)), b"\0" * 4, (3, 0)),
    "no header": npy("x" * 50),
    "a deep header": npy("(" * 5000),
    "code": npy("__import__('os').system('true')"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_array_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(BAD[kind])
    with pytest.raises(UserError) as error:
        read_npy(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_array_in_an_archive_is_one_line_that_names_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.npy", npy(header((1,)), b"\0" * 4))
        archive.writestr("b\x1bd.npy", BAD[kind])
    with pytest.raises(UserError) as error:
        read_npz(path)
    assert str(error.value).startswith(f"{path}: array 'b␛d'")
    assert str(error.value).isprintable()


def test_the_empty_shape_is_one_number(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.float32(3))
    assert read_npz(path)["a"] == 3


def test_an_archive_is_measured_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(2**20))
    assert path.stat().st_size < 2**16
    with pytest.raises(UserError, match="unpacks to 8 MB; the limit is 1 MB"):
        read_npz(path, limit=2**20)


def archive_of(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


GOOD = archive_of("a.npy", npy(header((64,)), bytes(range(256))))


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04",
        b"text",
        GOOD[:-30],
        GOOD[:60] + b"\xff\xff\xff\xff" + GOOD[64:],
        archive_of("a.txt", b"text"),
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_a_bad_archive_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        read_npz(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).isprintable()


def test_any_byte_may_be_changed_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for place in range(len(GOOD)):
        data = bytearray(GOOD)
        data[place] ^= 0x41
        path.write_bytes(data)
        try:
            read_npz(path)
        except UserError as error:
            check_line(error)
