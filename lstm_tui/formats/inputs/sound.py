"""Sound as numeric input: samples of a `.wav`, and frames of them as a network reads them at each step.

PCM of 8, 16, 24 and 32 bits and floating point are read, each as numbers from −1 to 1; several channels are mixed to
their mean. A frame is what is new at a step; in front of it may stand a context, the end of what was before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.formats.inputs.framing import Framing
from lstm_tui.formats.io.files import label, read_bytes

LIMIT = 128 << 20
MOST_SAMPLES = 20_000_000
MOST_FRAMED = 8_000_000
"""Numbers that all frames of a sound hold together, contexts included."""
_MOST_CHANNELS = 64
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""What a recorder that writes to a pipe gives as the size of the samples; they go on to the end of the file."""


@dataclass(frozen=True, eq=False)
class Sound:
    """The samples of a file.

    Attributes:
        samples: (N,), from −1 to 1.
        rate: How many there are in a second.
    """

    samples: Array
    rate: int


@door("a sound")
def read_sound(path: str | Path) -> Sound:
    """Read a `.wav` file; several channels are mixed.

    Raises:
        UserError: It is none, is cut short, too long, or of a kind that is not read.
    """
    where = label(path)
    data = read_bytes(path, LIMIT)
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise UserError(f"{where}: is not a .wav file: it does not begin with RIFF and WAVE")
    format_of: bytes | None = None
    for name, start, size in _parts(data):
        if name == b"fmt ":
            format_of = data[start : start + size]
        elif name == b"data":
            if format_of is None or len(format_of) < 16:
                raise UserError(f"{where}: says nothing of its samples before they come; is it damaged?")
            return _sound(format_of, data[start:], size, where)
    raise UserError(f"{where}: holds no samples; is it cut short?")


def _parts(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each part of a RIFF file, where its content begins, and how long it says to be."""
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        yield name, at + 8, size
        at += 8 + size + size % 2


def _sound(format_of: bytes, data: bytes, size: int, where: str) -> Sound:
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", format_of)
    if tag == _EXTENSIBLE and len(format_of) >= 26:
        tag = struct.unpack_from("<H", format_of, 24)[0]
    if not 1 <= channels <= _MOST_CHANNELS or not rate:
        raise UserError(f"{where}: says it has {count_of(channels, 'channel')} at {rate} samples a second")
    if (tag, bits) not in {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}:
        raise UserError(
            f"{where}: its samples are of {bits} bits and kind {tag}; PCM of 8, 16, 24 or 32 bits and floating point "
            "are read: convert it"
        )
    if block != channels * bits // 8:
        raise UserError(f"{where}: a sample of all channels takes {channels * bits // 8} bytes, and it says {block}")
    if size not in _UNKNOWN_SIZES:
        if size > len(data):
            raise UserError(f"{where}: should hold {size} bytes of samples, and holds {len(data)}; is it cut short?")
        data = data[:size]
    count = len(data) // block
    if not count:
        raise UserError(f"{where}: holds no sample")
    if count * channels > MOST_SAMPLES:
        raise UserError(f"{where}: holds {count * channels} samples, and {MOST_SAMPLES} is the most; cut it")
    numbers = _numbers(data[: count * block], tag, bits).reshape(count, channels)
    return Sound(numbers[:, 0] if channels == 1 else numbers.mean(axis=1), rate)


def _numbers(data: bytes, tag: int, bits: int) -> Array:
    """Return samples as numbers from −1 to 1, as float32; those of more than 24 bits as float64."""
    if tag == _FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64 if bits == 64 else np.float32)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if bits == 16:
        return np.frombuffer(data, "<i2").astype(np.float32) / (1 << 15)
    if bits == 32:
        return np.frombuffer(data, "<i4").astype(np.float64) / (1 << 31)
    bytes_of = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
    whole = bytes_of[:, 0] | bytes_of[:, 1] << 8 | bytes_of[:, 2] << 16
    return (whole - ((whole & 0x800000) << 1)).astype(np.float32) / (1 << 23)


def framed(samples: Array, framing: Framing, width: int, where: str) -> Array:
    """Return samples (N,) as steps (T, width): zeros stand before the beginning and behind the end.

    Args:
        samples: All of them.
        framing: What was asked for.
        width: How many numbers the network reads at each step.
        where: What messages call the file.

    Raises:
        UserError: Frame and context are not as many as the network reads, or all frames are too many numbers.
    """
    frame = width - framing.context if framing.frame is None else framing.frame
    hop = frame if framing.hop is None else framing.hop
    if framing.frame is None and frame < 1:
        raise UserError(
            f"{where}: the network reads {count_of(width, 'number')} at each step: "
            f"there is no room for a context of {framing.context} before what is new; take a smaller --context"
        )
    if frame + framing.context != width:
        raise UserError(
            f"{where}: the network reads {count_of(width, 'number')} at each step, and a frame of {frame} "
            f"with a context of {framing.context} is {frame + framing.context}; leave --frame out to take what fits"
        )
    steps = 1 + max(0, -(-(len(samples) - frame) // hop))
    steps = min(steps, -(-len(samples) // hop))  # where the hop is longer than a frame: none begins behind the end
    if steps * width > MOST_FRAMED:
        raise UserError(
            f"{where}: {steps} frames of {width} numbers are {steps * width}, and {MOST_FRAMED} is the most; "
            "take a larger --hop, or cut the sound"
        )
    behind = max(0, (steps - 1) * hop + frame - len(samples))
    padded = np.concatenate([np.zeros(framing.context), samples, np.zeros(behind)])
    return np.array(sliding_window_view(padded, width)[::hop][:steps])
