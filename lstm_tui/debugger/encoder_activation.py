"""What the sum of a feature goes through, where it is that of a sparse autoencoder: ReLU, JumpReLU, or the k largest.

A feature is a sum, a direction and what is added; a sparse autoencoder lets of that sum only what is above 0, above a
threshold, or among the k largest of its whole dictionary. What stands in the sum is linear; what comes out is not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, read_number, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

MOST_IN_DICTIONARY = 1 << 19
"""Numbers of a dictionary, in float32, whose k largest are taken: a saved session holds all of them, once."""
STRETCH = 1 << 22
"""Sums of a dictionary that are held at once."""
_MARGIN = 2.0**-18
"""Of the size of a sum: by so much it is moved beyond the edge at which nothing comes out, so that rounding it to
float32 leaves it there."""
_WRITTEN = re.compile(
    r"relu|jumprelu\s+(?P<threshold>\S+)|top\s+(?P<k>\d+)\s+of\s+(?P<rows>\d+)\s+as\s+(?P<row>\d+)\s+"
    r"(?:like\s+(?P<like>[A-Za-z]\w*)|(?P<kind>f4|f8)\s+(?P<numbers>[A-Za-z0-9+/=]+))",
    re.ASCII,
)

Kind = Literal["relu", "jumprelu", "top"]


@dataclass(frozen=True)
class Dictionary:
    """Every row of an encoder, the k largest of which pass.

    Attributes:
        rows: How many there are, M.
        kind: `f4` or `f8`, the precision of its weights.
        content: Little-endian: the weights of each row, then in float64 what is added to each.
    """

    rows: int
    kind: str
    content: bytes

    @classmethod
    def of(cls, weights: Array, biases: Array) -> Dictionary:
        """Return that of an encoder, (M, n) and (M,); in float32 where that has the same numbers.

        Raises:
            UserError: It has too many numbers.
        """
        with np.errstate(over="ignore"):
            kind = "f4" if (weights.astype(np.float32) == weights).all() else "f8"
        content = weights.astype(f"<{kind}").tobytes() + biases.astype("<f8").tobytes()
        if len(content) > 4 * MOST_IN_DICTIONARY:
            raise UserError(
                f"the largest of a dictionary of {weights.size} numbers are not told: {MOST_IN_DICTIONARY} of float32 "
                "is the most, since a saved session writes all of them out and needs no file beside it; name a "
                "threshold instead, such as: sae(c, FILE, 7, jumprelu .3)"
            )
        return cls(len(weights), kind, content)

    @cached_property
    def weights(self) -> Array:
        """The weights of each row, (M, n), in float64."""
        held = self.content[: -8 * self.rows]
        return np.frombuffer(held, f"<{self.kind}").reshape(self.rows, -1).astype(np.float64)

    @property
    def units(self) -> int:
        """How many weights a row has, n."""
        return (len(self.content) // self.rows - 8) // int(self.kind[1])

    @cached_property
    def biases(self) -> Array:
        """What is added to each, (M,)."""
        return np.frombuffer(self.content[-8 * self.rows :], "<f8").astype(np.float64)

    @cached_property
    def text(self) -> str:
        """Its numbers as text."""
        return base64.b64encode(self.content).decode("ascii")

    @property
    def is_finite(self) -> bool:
        """Whether every number is."""
        return bool(np.isfinite(self.weights).all() and np.isfinite(self.biases).all())

    def sums(self, values: Array) -> Array:
        """Return the sum of each row for some rows of the value, (S, M) from (S, n)."""
        return np.asarray(values @ self.weights.T + self.biases)


NO_DICTIONARIES: Mapping[str, Dictionary] = MappingProxyType({})


@dataclass(frozen=True)
class EncoderActivation:
    """What a sum goes through.

    Attributes:
        kind: What it is.
        threshold: Of a JumpReLU: a sum passes where it is above.
        k: Of the largest, how many pass.
        row: Of them, which row of the dictionary the feature is.
        dictionary: Every row.
    """

    kind: Kind
    threshold: float = 0.0
    k: int = 0
    row: int = 0
    dictionary: Dictionary | None = None

    def of(self, sums: Array, values: Array) -> Array:
        """Return what comes out of some sums, (S,), of rows of the value, (S, n); of NaN it is NaN."""
        with np.errstate(all="ignore"):
            out = np.maximum(sums, 0.0)  # NaN stays
            if self.kind == "jumprelu":
                return np.asarray(np.where(np.isnan(sums) | (sums > self.threshold), out, 0.0))
            if self.dictionary is None:
                return np.asarray(out)
            step = max(STRETCH // self.dictionary.rows, 1)
            larger = [
                (part > part[:, self.row, None]).sum(axis=1)
                for first in range(0, len(values), step)
                for part in (self.dictionary.sums(values[first : first + step]),)
            ]
            above = np.concatenate(larger) if larger else np.zeros(0)
            return np.asarray(np.where(np.isnan(sums) | (above < self.k), out, 0.0))

    def sum_for(self, number: float, size: float, name: str) -> float:
        """Return the sum at which a number comes out.

        Args:
            number: What is to come out.
            size: How large the parts of the sum are together.
            name: What the feature is called.

        Raises:
            UserError: No sum gives it.
        """
        edge = max(self.threshold, 0.0)
        if number < 0:
            raise UserError(f"{name} is never below 0: its sum goes through {self.words}")
        if number == 0:
            return edge - _MARGIN * max(size, edge)
        if number <= edge:
            raise UserError(
                f"{name} is never {sentence(number)}: it is 0, or above the threshold {sentence(edge)} of its JumpReLU"
            )
        return number

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.kind == "jumprelu":
            return f"a JumpReLU of threshold {sentence(self.threshold)}"
        if self.dictionary is not None:
            return f"a ReLU, the {self.k} largest of {self.dictionary.rows}"
        return "a ReLU"

    def written(self, like: str | None = None) -> str:
        """Return what a line says of it.

        Args:
            like: A feature with the same dictionary that stands above; None where the line holds its numbers.
        """
        if self.kind == "jumprelu":
            return f"jumprelu {self.threshold!r}"
        if self.dictionary is None:
            return "relu"
        held = f"{self.dictionary.kind} {self.dictionary.text}" if like is None else f"like {like}"
        return f"top {self.k} of {self.dictionary.rows} as {self.row} {held}"


RELU = EncoderActivation("relu")


def read_activation(text: str, units: int, known: Mapping[str, Dictionary] = NO_DICTIONARIES) -> EncoderActivation:
    """Read what a line says of it.

    Args:
        text: What stands there.
        units: How many numbers the direction of the feature has.
        known: Dictionaries of features that are there, by their names.

    Raises:
        UserError: It says nothing of the kind.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise UserError(f"`behind {visible(text.strip()[:40])}` is no activation: relu, jumprelu .3, or top 8 of …")
    if match["threshold"] is not None:
        threshold = read_number(match["threshold"])
        if threshold is None or not np.isfinite(threshold):
            raise UserError(f"`{visible(match['threshold'][:40])}` is no threshold")
        return EncoderActivation("jumprelu", threshold)
    if match["k"] is None:
        return RELU
    rows, k, row = (whole_number(match[name], most=MOST_IN_DICTIONARY) for name in ("rows", "k", "row"))
    if match["like"] is not None:
        same = known.get(match["like"])
        if same is None or same.rows != rows or same.units != units or row is None or row >= same.rows or not k:
            raise UserError(f"`like {match['like'][:40]}`: there is no such feature with a dictionary of this size")
        return EncoderActivation("top", 0.0, k, row, same)
    try:
        content = base64.b64decode(match["numbers"], validate=True)
    except (binascii.Error, ValueError):
        content = b""
    kind = match["kind"]
    if not rows or row is None or not k or row >= rows or len(content) != rows * (units * int(kind[1]) + 8):
        raise UserError(f"the dictionary of {count_of(rows or 0, 'row')} is damaged: it has not as many numbers")
    dictionary = Dictionary(rows, kind, content)
    if len(content) > 4 * MOST_IN_DICTIONARY or not dictionary.is_finite:
        raise UserError("the dictionary of a feature is too large, or a number there is not finite")
    return EncoderActivation("top", 0.0, k, row, dictionary)
