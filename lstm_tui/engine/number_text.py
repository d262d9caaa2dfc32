"""Numbers as text, for every surface: the one place that turns a float into characters, and reads typed ones.

Each style says how exact it is; all of them keep the sign, name what is not finite, and never write a number other than
0 as one that reads as 0. None but `exact` writes a negative zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import SupportsFloat

MINUS = "−"
"""A true minus, for pages: a hyphen is passed over by some who read aloud."""
LEAST_WIDTH = 5
"""Cells that hold every number in the compact style, with its sign."""
PLACES = 2
"""Places of a column of numbers about as large as 1."""
_TINY, _HUGE = "tiny", "huge"
_ABOUT = "~"
"""Stands before a 0 that a number is not, and only rounds to."""
_ONE_BEFORE = 9.995
"""A size below which a number has one figure before the point."""
_PRINTED_BELOW = 1e5
_FIXED_BELOW = 1e6
_MOST_FIGURES = 16
"""With so many more, any two numbers of double precision are told apart."""


def compact(
    value: float, width: int = LEAST_WIDTH, sign: bool = False, infinity: str = "∞", places: int | None = None
) -> str:
    """Return a number in few cells: two places and no leading 0, as `.64`, `+1.86`, `12.3`, `-.001`, `1e-7`.

    In a column all numbers below 10 have the same `places`; one that is not 0 and rounds to it says so, with its sign:
    `~0`, `~+0` or `~-0`. A number that stands alone has more where two would not tell it:
    three, in a wider room four, then a power of ten with one figure; a power too long is `tiny` or `huge` with its
    sign. Read as a float it is the number, off by half its last place at most.

    Args:
        value: Any float.
        width: Cells it may take. From `LEAST_WIDTH` on, every number fits (without its sign, in a cell less); below
            that, one that does not is "".
        sign: Whether a positive number has its sign.
        infinity: How infinity is written, at most `width - 1` cells.
        places: Those of its column, as `axis_places` tells; None for a number that stands alone.
    """
    value = float(value)
    if math.isnan(value):
        return "NaN"
    size = abs(value)
    before = "-" if value < 0 else "+" if sign else ""
    in_column = places is not None and size < _ONE_BEFORE
    texts = (
        _of_column(value, before, places or 0)
        if in_column
        else [before + text for text in _by_length(size, width, infinity)]
    )
    return next((text for text in texts if len(text) <= width), "")


def _of_column(value: float, before: str, places: int) -> list[str]:
    """Return the texts of a number below 10 in a column, the best first; where it is narrow they have fewer places."""
    size = abs(value)
    if size != 0 and not float(f"{size:.{places}f}"):
        return [f"{_ABOUT}{before}0"]
    texts = [f"{size:.{fewer}f}" for fewer in range(places, 0, -1)]
    texts += [f"{size:.0f}"] if size >= 9.95 else []
    return [before + (text[1:] if text[0] == "0" else text) for text in texts if size == 0 or float(text)]


def axis_places(end: float, width: int = LEAST_WIDTH) -> int | None:
    """Return the places that all numbers of a column share, so that its largest have two figures or more.

    None where that many do not fit: numbers this small are told one by one, by their powers of ten.

    Args:
        end: End of the column's axis.
        width: Cells of a number with its sign; in five there are two places, and one figure is enough.
    """
    for places in range(PLACES, width - 2):
        if end >= 0.5 * 10.0 ** (1 - places):
            return places
    return PLACES if end >= 2 * 10.0**-PLACES else None


def _by_length(size: float, width: int, infinity: str) -> tuple[str, ...]:
    """Return the texts of a size that may be taken, the best first; none of them reads as 0 unless it is 0."""
    if math.isinf(size):
        return (infinity,)
    power = _power(size, 0)
    if size != 0 and size < 0.00095:
        return power, _TINY
    if size != 0 and size < 0.0995 and width > LEAST_WIDTH:
        return f"{size:.4f}"[1:], power
    if size != 0 and size < 0.0095:
        return f"{size:.3f}"[1:], power
    if size < _ONE_BEFORE:
        texts: tuple[str, ...] = (f"{size:.2f}", f"{size:.1f}") if size == 0 or size >= 0.095 else (f"{size:.2f}",)
        texts += (f"{size:.0f}",) if size >= 9.95 else ()
        return tuple(text[1:] if text[0] == "0" else text for text in texts)
    whole = f"{size:.0f}" if size < 9999.5 else power
    return (f"{size:.1f}", whole) if size < 99.95 else (whole, power, _HUGE)


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun: `1 line`, `2 lines`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def sentence(value: float, figures: int = 4, sign: bool = False) -> str:
    """Return a number for a sentence, with so many figures: `0.001`, `1.5`, `1e-09`, `nan`, `-inf`.

    What it returns can be typed: read as a float it is the number, rounded to so many figures.
    """
    value = float(value)
    if math.isnan(value):
        return "nan"
    text = f"{value + 0.0:{'+' if sign else ''}.{figures}g}"
    if math.isinf(float(text)) and not math.isinf(value):  # rounded up, the largest numbers would be none
        return sentence(value, figures + 1, sign)
    return text


def rounded(value: float, figures: int) -> float:
    """Return the number that `sentence` writes: the nearest of so many figures."""
    return float(sentence(value, figures))


def sentences(rows: Iterable[Sequence[float]], figures: int = 4) -> Iterator[str]:
    """Yield the numbers of each row as `sentence` writes them, with a space between: many at once, and sooner."""
    forms: dict[int, str] = {}
    for row in rows:
        form = forms.setdefault(len(row), " ".join([f"%.{figures}g"] * len(row)))
        text = form % tuple([value + 0.0 for value in row])
        if "e+308" in text:  # which may be read as ∞, rounded up
            text = " ".join(sentence(value, figures) for value in row)
        yield text


def change(by: float, figures: int = 4) -> str:
    """Return by how much something changes, for a sentence: with its sign, `+0.25`."""
    return sentence(by, figures, sign=True)


def fixed(value: float, places: int = 2, sign: bool = False) -> str:
    """Return a number with so many places: `1.00`, `-0.25`; in three figures where those would hide it or run on.

    Read as a float it is the number, off by half the last place at most; a smaller number than that, and one from a
    million on, is a `sentence` of three figures, not finite ones too.
    """
    value = float(value)
    size = abs(value)
    if size != 0 and not 0.5 * 10**-places <= size < _FIXED_BELOW:
        return sentence(value, 3, sign)
    text = f"{value + 0.0:{'+' if sign else ''}.{places}f}"
    return sentence(value, 3, sign) if size != 0 and not float(text) else text


def told_apart(
    before: float, after: float, places: int = 2, written: Callable[[float, int], str] = fixed
) -> tuple[str, str]:
    """Return two numbers, with as many places more as tell them apart; see `from_to`."""
    for write in (written, sentence):  # of small numbers more places alone may tell nothing
        for more in range(places, places + _MOST_FIGURES):
            texts = write(before, more), write(after, more)
            if texts[0] != texts[1] or before == after:
                return texts
    return written(before, places), written(after, places)


def from_to(before: float, after: float, places: int = 2, written: Callable[[float, int], str] = fixed) -> str:
    """Return what a number was and what it became, with as many places more as tell the two apart: `0.012 → 0.011`.

    Args:
        before: What it was.
        after: What it became; two that are equal are the same text.
        places: Places, or figures, of each where that many are enough.
        written: Writes a number with so many of them: `fixed` or `sentence`.
    """
    return " → ".join(told_apart(before, after, places, written))


def printed(value: float, places: int = 3, sign: bool = False) -> str:
    """Return a number for a page: a true minus, NaN and ∞ by name, figures enough to tell it from 0: `4e−9`.

    It is off by half the last place at most; with a power it has one figure when small, three when large.
    """
    value = float(value)
    if math.isnan(value):
        return "NaN"
    size = abs(value)
    if math.isinf(value):
        text = "∞"
    elif size >= _PRINTED_BELOW:
        text = _power(size, 2)
    else:
        text = f"{size:.{places}f}"
        if value != 0 and not float(text):
            text = _power(size, 0)
    before = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return before + text.replace("-", MINUS)


def exact(value: SupportsFloat) -> str:
    """Return the shortest text that reads back as the same number, bit for bit, -0.0 too.

    Of a NumPy number it is the shortest in its own precision.
    """
    return repr(value) if type(value) is float else str(value)


def written_out(number: Decimal) -> str:
    """Return a decimal in full, with a place behind the point even when it is whole, and a true minus; or ∞."""
    if number.is_infinite():
        return f"{MINUS}∞" if number < 0 else "∞"
    text = f"{number:f}"
    return (text if "." in text else f"{text}.0").replace("-", MINUS)


def read_number(text: str) -> float | None:
    """Return the number that a text is, `nan` and `inf` too; None when it is none, and where it has a `_` in it."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def bytes_text(count: int) -> str:
    """Return an amount of memory in words: `1.5 GB`, `12.0 MB`."""
    return f"{fixed(count / 2**30, 1)} GB" if count >= 2**30 else f"{fixed(count / 2**20, 1)} MB"


def percent(part: float) -> str:
    """Return a part of 1 in whole percents: `12 %`; one that is not 0 and rounds to it is `<1 %`, or `>-1 %`.

    Of NaN it is `not known`.
    """
    hundredths = 100 * float(part)
    if math.isnan(hundredths):
        return "not known"
    if hundredths != 0 and abs(hundredths) <= 0.5:
        return "<1 %" if hundredths > 0 else ">-1 %"
    return f"{hundredths + 0.0:.0f} %"


def axis_end(size: float) -> str:
    """Return the end of an axis in short: `2`, `50`, `0.05`, `1e+06`."""
    return sentence(size, 6)


def coordinate(place: float) -> str:
    """Return a place or a length of a picture or a style sheet, in six figures.

    Raises:
        ValueError: It is not finite, which no picture can hold.
    """
    if not math.isfinite(place):
        raise ValueError(f"{place} is no place in a picture")
    return sentence(place, 6)


def grouped(count: float, gap: str = "\u202f") -> str:
    """Return a count that is easy to read, in groups of three: `100 000`."""
    return f"{count:,.0f}".replace(",", gap)


def _power(size: float, places: int) -> str:
    """Return a finite size as a power of ten, `1e-7`; with more places where it would else be rounded up to none."""
    mantissa, _, exponent = f"{size:.{places}e}".partition("e")
    text = f"{mantissa}e{int(exponent)}"
    return _power(size, places + 1) if math.isinf(float(text)) else text
