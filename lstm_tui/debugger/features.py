"""Directions of a value that have names: `negation` is c of a pass along a direction, and means that in expressions.

A feature holds its numbers, so that a saved session needs nothing that it came from. One of a sparse autoencoder has
an activation behind its sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.debugger.encoder_activation import NO_DICTIONARIES, Dictionary, EncoderActivation, read_activation
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.number_text import read_number
from lstm_tui.engine.text_safety import visible

MOST_FEATURES = 64
"""Features of a session."""
MOST_NUMBERS = 4096
"""Numbers of a direction."""
LONGEST_NAME, LONGEST_ORIGIN = 40, 10_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_WRITTEN = re.compile(
    r"""(?P<value>[\w.]+)\s*·\s*\[(?P<numbers>[^\]]*)\]\s*(?:\+\s*(?P<bias>\S+))?\s*"""
    r"""(?:behind\s+(?P<behind>[^"]+?)\s*)?(?:from\s+(?P<origin>"(?:[^"\\]|\\.)*"))?\s*\Z"""
)


@dataclass(frozen=True)
class Feature:
    """A direction of a value, and what is added: what it is at a token is one number.

    That is the sum itself, or what comes out of an activation behind it.

    Attributes:
        name: What it is called.
        pass_name: Of which pass the value is.
        value: Which value, of n units.
        weights: The direction, n numbers.
        bias: What is added.
        origin: Where it comes from, and how far to believe it, in words.
        behind: What the sum goes through; None where it is the sum itself.
    """

    name: str
    pass_name: str
    value: str
    weights: tuple[float, ...]
    bias: float = 0.0
    origin: str = ""
    behind: EncoderActivation | None = None

    @property
    def direction(self) -> Array:
        """The direction, (n,)."""
        return np.array(self.weights)

    def sums(self, values: Array) -> Array:
        """Return the sum at some rows of the value, (S,) from (S, n), in float64."""
        with np.errstate(all="ignore"):
            return np.asarray(np.asarray(values, np.float64) @ self.direction + self.bias)

    def of(self, values: Array) -> Array:
        """Return what it is of some rows of the value, (S, 1) from (S, n), in float64."""
        sums = self.sums(values)
        return (sums if self.behind is None else self.behind.of(sums, np.asarray(values, np.float64)))[:, None]

    def nearest(self, row: Array, number: float) -> Array:
        """Return the row of the value nearest to another, (n,), at which it is a number.

        Of the k largest of a dictionary it is the nearest at which the sum is that number.

        Raises:
            UserError: It is the same everywhere, the row is not finite, or it is never that number.
        """
        direction = self.direction
        size = float(direction @ direction)
        if not size > 0 or not np.isfinite(row).all():
            raise UserError(
                f"{self.name} cannot be set here: {'the value' if size > 0 else 'its direction'} is no number"
            )
        row = np.asarray(row, np.float64)
        wanted = number
        if self.behind is not None:
            wanted = self.behind.sum_for(number, float(np.abs(direction) @ np.abs(row)) + abs(self.bias), self.name)
            if number == 0 and float(self.of(row[None])[0, 0]) == 0:
                return row
        return np.asarray(row + direction * ((wanted - float(row @ direction) - self.bias) / size))

    @property
    def dictionary(self) -> Dictionary | None:
        """The dictionary among whose largest it is; None where there is none."""
        return None if self.behind is None else self.behind.dictionary

    def sharing(self, other: Feature) -> Feature:
        """Return it with the dictionary that another holds, where that has the same numbers: it is held once."""
        if self.behind is None or self.dictionary is None or self.dictionary != other.dictionary:
            return self
        return replace(self, behind=replace(self.behind, dictionary=other.dictionary))

    def line(self, like: str | None = None) -> str:
        """Return the line that makes it again; `like` is a feature with the same dictionary that stands above."""
        numbers = ", ".join(map(repr, self.weights))
        origin = f" from {in_quotes(self.origin)}" if self.origin else ""
        behind = f" behind {self.behind.written(like)}" if self.behind is not None else ""
        return f"feature {self.name} = {self.pass_name}.{self.value} · [{numbers}] + {self.bias!r}{behind}{origin}"


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a feature.

    Raises:
        UserError: It is such.
    """
    if not _NAME.match(name) or len(name) > LONGEST_NAME:
        raise UserError(
            f"`{visible(name[:50])}` is no name for a feature: a letter, then letters, digits and _, {LONGEST_NAME} at "
            "most"
        )


def lines_of(features: Iterable[Feature]) -> Iterator[str]:
    """Yield the lines that make some features again, in this order; each dictionary is written out once."""
    first: dict[Dictionary, str] = {}
    for one in features:
        yield one.line(None if one.dictionary is None else first.get(one.dictionary))
        if one.dictionary is not None:
            first.setdefault(one.dictionary, one.name)


def read_written(name: str, text: str, known: Mapping[str, Dictionary] = NO_DICTIONARIES) -> Feature | None:
    """Return the feature that a line writes out in numbers, behind its `=`; None where it is another way to make one.

    Args:
        name: What it is to be called.
        text: What stands behind the `=`.
        known: Dictionaries of features that are there, by their names.

    Raises:
        UserError: Something there is no number.
    """
    found = _WRITTEN.match(text)
    if found is None:
        return None
    owner, _, value = found["value"].rpartition(".")
    count = found["numbers"].count(",") + 1
    if count > MOST_NUMBERS:
        raise UserError(f"a direction of {count} numbers; {MOST_NUMBERS} is the most")
    numbers = [_number(one) for one in found["numbers"].split(",")]
    if len(found["origin"] or "") > LONGEST_ORIGIN:
        raise UserError(f"where a feature comes from is told in {LONGEST_ORIGIN} characters at most")
    origin = (unquoted(found["origin"]) or "") if found["origin"] else ""
    behind = read_activation(found["behind"], len(numbers), known) if found["behind"] else None
    return Feature(name, owner, value, tuple(numbers), _number(found["bias"] or "0"), origin, behind)


def _number(text: str) -> float:
    number = read_number(text)
    if number is None or not np.isfinite(number):
        raise UserError(f"`{visible(text.strip()[:40])}` is no finite number of a direction")
    return number
