"""Sound: every width of sample as the standard library writes it, frames against a plain loop, and hostile files."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.inputs.framing import Framing
from lstm_tui.formats.inputs.sound import framed, read_sound

RATE = 16000


def written(path: Path, samples: list[int], bits: int, channels: int = 1) -> Path:
    """Write whole numbers of samples, one channel beside the other, by the standard library."""
    size = bits // 8
    data = b"".join((one + (128 if bits == 8 else 0)).to_bytes(size, "little", signed=bits != 8) for one in samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(size)
        file.setframerate(RATE)
        file.writeframes(data)
    return path


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_every_width_is_read_as_numbers_from_minus_one_to_one(bits: int, tmp_path: Path) -> None:
    full = 1 << (bits - 1)
    samples = [0, 1, -1, full - 1, -full, full // 3]
    found = read_sound(written(tmp_path / "a.wav", samples, bits))
    assert found.rate == RATE
    assert found.samples.tolist() == pytest.approx([one / full for one in samples], abs=1e-7)
    assert found.samples.min() == -1


def test_channels_are_mixed_to_their_mean(tmp_path: Path) -> None:
    found = read_sound(written(tmp_path / "a.wav", [100, 300, -200, 200], 16, 2))
    assert found.samples.tolist() == pytest.approx([200 / 32768, 0])


def riff(tag: int, bits: int, data: bytes, extra: bytes = b"", channels: int = 1, said: int | None = None) -> bytes:
    block = channels * bits // 8
    fields = struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits) + extra
    parts = b"fmt " + struct.pack("<I", len(fields)) + fields + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    return b"RIFF\0\0\0\0WAVE" + parts + b"data" + struct.pack("<I", len(data) if said is None else said) + data


def test_floating_point_and_the_longer_header_and_unknown_sizes_are_read(tmp_path: Path) -> None:
    numbers = np.array([0.5, -0.25], np.float32)
    (tmp_path / "f.wav").write_bytes(riff(3, 32, numbers.tobytes()))
    assert read_sound(tmp_path / "f.wav").samples.tolist() == [0.5, -0.25]
    guid = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    (tmp_path / "x.wav").write_bytes(riff(0xFFFE, 16, struct.pack("<2h", 16384, -8192), guid))
    assert read_sound(tmp_path / "x.wav").samples.tolist() == [0.5, -0.25]
    (tmp_path / "p.wav").write_bytes(riff(1, 16, struct.pack("<2h", 16384, -8192), said=0xFFFFFFFF))
    assert read_sound(tmp_path / "p.wav").samples.tolist() == [0.5, -0.25]


BAD = {
    "is not a .wav": b"hello",
    "holds no samples": b"RIFF\0\0\0\0WAVEfmt ",
    "before they come": b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd",
    "of 12 bits": riff(1, 12, b"abcd"),
    "kind 85": riff(85, 16, b"abcd"),
    "is it cut short": riff(1, 16, b"abcd", said=400),
    "0 channels": riff(1, 16, b"abcd", channels=0),
    "no sample": riff(1, 32, b"ab"),
}


@pytest.mark.parametrize("said", BAD)
def test_what_is_no_sound_is_refused_in_one_line(said: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(BAD[said])
    with pytest.raises(UserError, match=said) as error:
        read_sound(tmp_path / "a.wav")
    assert "\n" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=30), at=st.integers(0, 70))
def test_changed_bytes_are_a_sound_or_one_line(data: bytes, at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = riff(1, 16, b"abcdefgh")
    path = tmp_path_factory.mktemp("changed") / "a.wav"
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    said = ""
    try:
        assert read_sound(path).samples.ndim == 1
    except UserError as error:
        said = str(error)
    assert "\n" not in said


def looped(samples: list[float], frame: int, hop: int, context: int) -> list[list[float]]:
    rows, start = [], 0
    while True:
        rows.append([samples[n] if 0 <= n < len(samples) else 0.0 for n in range(start - context, start + frame)])
        if start + frame >= len(samples) or start + hop >= len(samples):  # none begins behind the end
            return rows
        start += hop


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 60), st.integers(0, 5))
def test_frames_are_those_of_a_loop(count: int, frame: int, hop: int, context: int) -> None:
    samples = [float(n + 1) for n in range(count)]
    made = framed(np.array(samples), Framing(frame, hop, context), frame + context, "s.wav")
    assert made.tolist() == looped(samples, frame, hop, context)


def test_frames_that_do_not_fit_the_network_or_are_too_many_are_refused() -> None:
    with pytest.raises(UserError, match="reads 6 numbers at each step, and a frame of 4 with a context of 1 is 5"):
        framed(np.zeros(20), Framing(4, None, 1), 6, "s.wav")
    with pytest.raises(UserError, match="take a larger --hop"):
        framed(np.zeros(1_000_000), Framing(100, 1), 100, "s.wav")
    with pytest.raises(UserError, match="no room for a context of 9"):
        framed(np.zeros(20), Framing(None, None, 9), 6, "s.wav")


def test_a_sound_is_stepped_by_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "s.wav", [(n * 4001) % 30000 - 15000 for n in range(50)], 16)
    assert main(["trace", "s.wav", "--model", "forecast", "--frame", "2", "--context", "1", "-o", "t.npz"]) == 0
    trace = lstm_tui.open_trace("t.npz")
    rows = looped(read_sound(tmp_path / "s.wav").samples.tolist(), 2, 2, 1)
    assert trace.sequence.x is not None
    assert np.allclose(trace.sequence.x, rows)
    assert len(lstm_tui.trace(tmp_path / "s.wav", model="forecast").sequence) == 17
    capsys.readouterr()
    assert main(["trace", "s.wav", "--model", "forecast", "--frame", "5"]) == 1
    assert "reads 3 numbers at each step, and a frame of 5" in capsys.readouterr().err
    (tmp_path / "t.txt").write_text("a text")
    assert main(["trace", "t.txt", "--hop", "5"]) == 1
    assert "are of samples: give a .wav" in capsys.readouterr().err
    assert main(["trace", "s.wav", "--cell", "lstm", "--hidden", "2", "--frame", "10", "-o", "u.npz"]) == 0
    assert lstm_tui.open_trace("u.npz").sequence.x is not None
