"""A feature that is a row of a sparse autoencoder: read from its file, and how well that rebuilds what it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from lstm_tui.debugger.encoder_activation import STRETCH, Dictionary, EncoderActivation
from lstm_tui.debugger.features import Feature
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, percent, read_number, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.autoencoder import SparseAutoencoder, read_autoencoder

HOW = "sae(c, FILE.npz, 7), behind the row jumprelu .3, topk 32, relu, with b_dec or without b_dec"
_WORDS = re.compile(
    r"(?P<relu>relu)|jumprelu(?:\s+(?P<threshold>\S+))?|top-?k?(?:\s+(?P<k>\d+))?|(?P<taken>with|without)\s+b_dec"
)
_CLEARLY = 0.05
"""By so much of the variance one way to read a file rebuilds more than the other, so that it is said."""


@dataclass(frozen=True, eq=False)
class RowRead:
    """A row of a sparse autoencoder as a feature.

    Attributes:
        feature: The feature.
        file: What the file holds.
        activation: What its sums go through.
        taken_off: Whether `b_dec` is taken off what is read.
        said: Whether the file, or what was typed, says so.
    """

    feature: Feature
    file: SparseAutoencoder
    activation: EncoderActivation
    taken_off: bool
    said: bool

    def rebuilt(self, values: Array, taken_off: bool) -> float:
        """Return which part of the variance of some values, (S, n), the whole dictionary rebuilds; NaN where unknown.

        What the sums go through is that of the feature, each with the threshold of its own row.
        """
        file = self.file
        if file.decoder is None or len(values) < 2:
            return float("nan")
        step = max(STRETCH // len(file.encoder), 1)
        with np.errstate(all="ignore"):
            values = np.asarray(values, np.float64)
            missed = sum(self._missed(values[t : t + step], taken_off) for t in range(0, len(values), step))
            whole = float(np.square(values - values.mean(axis=0)).sum())
            return 1 - missed / whole if whole > 0 and np.isfinite(missed) else float("nan")

    def _missed(self, values: Array, taken_off: bool) -> float:
        """Return the sum of the squares of what is not rebuilt of some values, (S, n)."""
        file = self.file
        assert file.decoder is not None
        sums = values @ file.encoder.T + file.biases(taken_off)
        out = np.maximum(sums, 0.0)
        if self.activation.kind == "jumprelu":
            out = np.where(sums > self._thresholds, out, 0.0)
        elif self.activation.kind == "top":
            least = np.partition(sums, -self.activation.k, axis=1)[:, -self.activation.k, None]
            out = np.where(sums >= least, out, 0.0)
        return float(np.square(values - out @ file.decoder - file.before).sum())

    @property
    def _thresholds(self) -> Array:
        own = self.file.thresholds
        return own if own.any() else np.full(len(own), self.activation.threshold)


def row_of_autoencoder(name: str, passed: str, value: str, units: int, path: str, given: Sequence[str]) -> RowRead:
    """Read a row of a sparse autoencoder.

    Args:
        name: What the feature is to be called.
        passed: Of which pass the value is.
        value: The value.
        units: How many units it has.
        path: The file.
        given: Which row, and words behind it.

    Raises:
        UserError: The file holds none, has no such row, or a word means nothing.
    """
    row = whole_number(given[0]) if given else None
    if row is None:
        raise UserError(f"which row of the dictionary? such as: {HOW}")
    file = read_autoencoder(path, units)
    if row >= len(file.encoder):
        raise UserError(f"{visible(path)}: its dictionary has {count_of(len(file.encoder), 'row')}, from 0")
    kind, threshold, k = file.activation, float(file.thresholds[row]), file.k
    taken_off, said = file.is_taken_off, file.is_said
    for word in given[1:]:
        match = _WORDS.fullmatch(word.strip())
        if match is None:
            raise UserError(f"`{visible(word[:40])}` means nothing behind a row; such as: {HOW}")
        if match["taken"]:
            taken_off, said = match["taken"] == "with", True
        elif match["relu"]:
            kind = "relu"
        elif word.startswith("jump"):
            kind, threshold = "jumprelu", _threshold(match["threshold"], threshold, file, path)
        else:
            kind, k = "top", int(match["k"] or k)
    if kind == "top" and not 0 < k <= len(file.encoder):
        raise UserError(f"how many of {count_of(len(file.encoder), 'row')} pass? such as: topk 32")
    biases = file.biases(taken_off)
    activation = EncoderActivation("relu")
    if kind == "jumprelu":
        activation = EncoderActivation("jumprelu", threshold)
    elif kind == "top":
        activation = EncoderActivation("top", 0.0, k, row, Dictionary.of(file.encoder, biases))
    if not file.encoder[row].any():
        raise UserError(f"{visible(path)}: row {row} is no direction: all its numbers are 0")
    origin = f"row {row} of {len(file.encoder)} of the sparse autoencoder {visible(path)}"
    weights = tuple(map(float, file.encoder[row]))
    feature = Feature(name, passed, value, weights, float(biases[row]), origin, activation)
    return RowRead(feature, file, activation, taken_off, said)


def _threshold(text: str | None, own: float, file: SparseAutoencoder, path: str) -> float:
    if text is None:
        if not file.thresholds.any():
            raise UserError(f"{visible(path)}: holds no threshold: give one, such as jumprelu .3")
        return own
    number = read_number(text)
    if number is None or not np.isfinite(number):
        raise UserError(f"`{visible(text[:40])}` is no threshold, such as jumprelu .3")
    return number


def told_of(row: RowRead, values: Array) -> Iterator[str]:
    """Yield what is read, what was assumed of the file, and how well the dictionary rebuilds a value of this run.

    Args:
        row: The row.
        values: The value at every token here, (T, n).
    """
    feature, file = row.feature, row.file
    off = f"({feature.value} − b_dec)" if row.taken_off else feature.value
    added = " + b_enc" if file.bias.any() else ""
    yield f"  {feature.name} = {row.activation.words} of {off} · its weights{added}"
    if not row.said:
        yield "  whether b_dec is taken off what is read the file does not say: assumed; `without b_dec` behind the row"
    mine, other = row.rebuilt(values, row.taken_off), row.rebuilt(values, not row.taken_off)
    if np.isnan(mine):
        why = "it holds no decoder" if file.decoder is None else "a value here is no number, or never changes"
        yield f"  how much of {feature.value} the dictionary rebuilds is not known: {why}"
    else:
        rebuilds = percent(mine) if mine >= 0 else "nothing (less than its mean would)"
        yield f"  the dictionary rebuilds {rebuilds} of the variance of {feature.value} over this line"
        if other > max(mine, 0.0) + _CLEARLY and file.before.any():
            way = "without" if row.taken_off else "with"
            yield f"  and {percent(other)} of it {way} b_dec taken off: was it trained so?"
    if file.unread:
        more = f" and {len(file.unread) - 6} more" if len(file.unread) > 6 else ""
        yield f"  in the file and not read: {', '.join(map(visible, file.unread[:6]))}{more}"
    out = feature.of(values)[:, 0]
    active = int((out > 0).sum())
    most = f", most at t={int(np.nanargmax(out))} ({sentence(float(np.nanmax(out)))})" if active else ""
    yield f"  it is above 0 at {active} of {count_of(len(out), 'token')} of this line{most}"
