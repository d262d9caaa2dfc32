"""A text as it reads, each token with a number: what a unit, a direction or any expression is at it.

Where there are no colours the number stands below its token as a mark: darker where it is larger, one sort a sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lstm_tui.debugger.colours import RAMP, RAMP_NEGATIVE
from lstm_tui.debugger.expressions import ExpressionError, evaluate, parse
from lstm_tui.debugger.expressions.scope import Scope
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_end, sentence
from lstm_tui.engine.text_safety import visible

MOST_COLOURED = 4096
"""Tokens of a text that are coloured: those around where the run stands."""
WIDTH = 78
NOT_KNOWN = "?"
_LEAST_SCALE = 1e-6


@dataclass(frozen=True, eq=False)
class ColouredText:
    """A number for each token of a text.

    Attributes:
        what: The expression, as it was asked.
        first: The place of the first token on the tape.
        tokens: The tokens as they read, n of them.
        apart: Whether a blank stands before each.
        numbers: What the expression is at each, (n,); NaN where it is not known.
        half: The end of the axis: the colours go from minus this over 0 to this.
    """

    what: str
    first: int
    tokens: tuple[str, ...]
    apart: tuple[bool, ...]
    numbers: Array
    half: float

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """The tokens with the largest and the least number; None where none is known."""
        if not np.isfinite(self.numbers).any():
            return None, None
        known = np.where(np.isfinite(self.numbers), self.numbers, np.nan)
        return int(np.nanargmax(known)), int(np.nanargmin(known))


def coloured_text(scope: Scope, text: str, t: int) -> ColouredText:
    """Return the text with what an expression is at each token.

    Raises:
        ExpressionError: It means nothing in this run.
        UserError: It is a text, or more than one number.
    """
    start = max(0, min(t - MOST_COLOURED // 2, scope.steps - MOST_COLOURED))
    stop = min(scope.steps, start + MOST_COLOURED)
    series = evaluate(parse(text), scope, start, stop)
    if series.kind == "text" or series.size != 1:
        told = "a text" if series.kind == "text" else f"{series.size} numbers"
        raise UserError(f"`{visible(text[:40])}` is {told} at each token: give one number, such as c[7] or norm(c)")
    values = np.broadcast_to(np.asarray(series.values, np.float64), (stop - start, 1))[:, 0]
    known = np.broadcast_to(series.known, (stop - start, 1))[:, 0]
    numbers = np.where(known, values, np.nan)
    sequence = scope.trace.sequence
    tokens, apart = _as_read(sequence.tokens[start:stop], sequence.kind)
    return ColouredText(text.strip(), start, tokens, apart, numbers, scale_of(numbers, least=_LEAST_SCALE))


def _as_read(tokens: Sequence[str], kind: str) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """Return tokens as they stand in a text, and whether a blank stands before each."""
    if kind in ("chars", "bytes"):
        return tuple(one if one == " " else visible(one) for one in tokens), (False,) * len(tokens)
    if kind == "pieces":
        begins = tuple(one[:1] in ("▁", "Ġ") for one in tokens)
        return tuple(visible(one.lstrip("▁Ġ") or one) for one in tokens), begins
    return tuple(visible(one) or NOT_KNOWN for one in tokens), (True,) * len(tokens)


def wrapped(labels: Sequence[str], apart: Sequence[bool], width: int) -> list[list[tuple[int, int]]]:
    """Return the lines of a text in so many cells: of each the tokens on it and where they begin.

    A line is broken between words; only a word that is longer than a line is broken inside.
    """
    from rich.cells import cell_len

    words: list[list[int]] = []
    for n, label in enumerate(labels):
        if not words or apart[n] or label == " " or labels[n - 1] == " ":
            words.append([])
        words[-1].append(n)
    lines: list[list[tuple[int, int]]] = [[]]
    x = 0
    for word in words:
        sizes = [cell_len(labels[n]) for n in word]
        blank = int(apart[word[0]] and x > 0)
        if x and x + blank + sum(sizes) > width:
            lines.append([])
            x = blank = 0
        if not x and labels[word[0]] == " " and len(lines) > 1:
            continue  # the blank at which a line is broken
        x += blank
        for n, size in zip(word, sizes, strict=True):
            if x and x + size > width:
                lines.append([])
                x = 0
            lines[-1].append((n, x))
            x += size
    return lines


def mark_of(number: float, half: float, marks: str = RAMP, negative: str = RAMP_NEGATIVE) -> str:
    """Return the mark of a number: darker where it is larger, of another sort where it is negative."""
    if np.isnan(number):
        return NOT_KNOWN
    ramp = marks if number >= 0 else negative
    return ramp[min(int(abs(number) / half * len(ramp)), len(ramp) - 1) if np.isfinite(number) else -1]


def coloured_lines(text: ColouredText, width: int = WIDTH) -> Iterator[str]:
    """Yield the text in lines, the marks of its tokens below each, and what they mean."""
    from rich.cells import cell_len, set_cell_size

    yield legend(text)
    labels = [set_cell_size(one, width) if cell_len(one) > width else one for one in text.tokens]
    for line in wrapped(labels, text.apart, width):
        said, marks = "", ""
        for n, x in line:
            said += " " * (x - cell_len(said)) + labels[n]
            marks += " " * (x - len(marks)) + mark_of(float(text.numbers[n]), text.half) * cell_len(labels[n])
        yield said
        yield marks.rstrip()
    yield from extremes(text)


def legend(text: ColouredText) -> str:
    """Return what the marks and colours mean, in one line."""
    end = axis_end(text.half)
    part = f" (t={text.first} to {text.first + len(text.tokens) - 1})"
    return f"{visible(text.what)} at each token{part}: {RAMP_NEGATIVE[-1]} −{end}, nothing 0, {RAMP[-1]} +{end}"


def extremes(text: ColouredText) -> Iterator[str]:
    """Yield at which tokens the number is largest and least, and how many are not known."""
    most, least = text.ends
    unknown = int(np.isnan(text.numbers).sum())
    if most is None or least is None:
        yield "it is known at no token"
        return
    told = (
        f"{word} {sentence(float(text.numbers[n]), 3, sign=True)} at “{text.tokens[n]}” (t={text.first + n})"
        for word, n in (("largest", most), ("least", least))
    )
    yield ", ".join(told) + (f"; {NOT_KNOWN} not known at {unknown}" if unknown else "")


def is_asked(scope: Scope, text: str) -> bool:
    """Say whether a text can be coloured by an expression in a run."""
    try:
        coloured_text(scope, text, 0)
    except (ExpressionError, UserError):
        return False
    return True
