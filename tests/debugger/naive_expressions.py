"""The oracle of expressions: trees made at random, each as text and as a loop over one step in plain Python and NumPy.

Nothing here reads the text: a tree is built together with what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from lstm_tui.engine.runtime.trace import Trace

Vector = np.ndarray
Meaning = Callable[[Trace, int, int, int], Vector | None]
"""Trace, place on the tape, steps back and places along the tape → numbers, or None where that step does not exist."""


@dataclass(frozen=True)
class Made:
    """An expression: how it is written, how many numbers it is, and what it is at one step."""

    text: str
    size: int
    mean: Meaning


def leaf(pass_name: str, value: str, size: int, plain: bool) -> Made:
    def mean(trace: Trace, t: int, back: int, along: int) -> Vector | None:
        passed = trace[pass_name]
        place = t + along + (back if passed.direction == "backward" else -back)
        if 0 <= place < passed.steps:
            array = passed[value] if value in passed else passed.inputs[value]
            row: Vector = array[place].astype(np.float64)
            return row
        before = -1 if passed.direction == "forward" else passed.steps
        return passed.initial[value].astype(np.float64) if place == before and value in passed.initial else None

    return Made(value if plain else f"{pass_name}.{value}", size, mean)


def number(value: float) -> Made:
    return Made(repr(value), 1, lambda *_: np.array([value]))


def of(function: str, apply: Callable[..., ArrayLike], *parts: Made, size: int) -> Made:
    def mean(trace: Trace, t: int, back: int, along: int) -> Vector | None:
        values = [part.mean(trace, t, back, along) for part in parts]
        if any(value is None for value in values):
            return None
        with np.errstate(all="ignore"):
            return np.atleast_1d(apply(*values))

    return Made(f"{function}({', '.join(part.text for part in parts)})", size, mean)


def sign(form: str, apply: Callable[..., Vector], left: Made, right: Made) -> Made:
    made = of("", apply, left, right, size=max(left.size, right.size))
    return Made(f"({left.text} {form} {right.text})", made.size, made.mean)


def previous(part: Made) -> Made:
    return Made(f"prev({part.text})", part.size, lambda trace, t, b, a: part.mean(trace, t, b + 1, a))


def shifted(part: Made, by: int) -> Made:
    text = f"{part.text}[t{by:+d}]" if by else f"{part.text}[t]"
    return Made(text, part.size, lambda trace, t, b, a: part.mean(trace, t, b, a + by))


def units(part: Made, asked: str, chosen: list[int]) -> Made:
    def mean(trace: Trace, t: int, back: int, along: int) -> Vector | None:
        value = part.mean(trace, t, back, along)
        return None if value is None else np.array([value[n] for n in chosen])

    return Made(f"{part.text}[{asked}]", len(chosen), mean)


def sigmoid(a: Vector) -> Vector:
    return np.array([1 / (1 + np.exp(-v)) if v >= 0 else np.exp(v) / (1 + np.exp(v)) for v in a])


def has_nan(a: Vector) -> bool:
    return any(v != v for v in a.tolist())


_FUNCTIONS: list[tuple[str, Callable[..., ArrayLike], bool]] = [
    ("tanh", np.tanh, False),
    ("abs", np.abs, False),
    ("sigmoid", sigmoid, False),
    ("mean", lambda a: a.sum() / len(a), True),
    ("sum", lambda a: a.sum(), True),
    ("norm", lambda a: np.linalg.norm(a), True),
    ("max", lambda a: np.nan if has_nan(a) else max(a.tolist()), True),
    ("min", lambda a: np.nan if has_nan(a) else min(a.tolist()), True),
    ("argmax", lambda a: np.nan if has_nan(a) else np.float64(a.tolist().index(max(a.tolist()))), True),
    ("std", lambda a: np.std(a), True),
    ("median", lambda a: np.nan if has_nan(a) else (sorted(a)[(len(a) - 1) // 2] + sorted(a)[len(a) // 2]) / 2, True),
]
_SIGNS: list[tuple[str, Callable[..., Vector]]] = [
    ("+", lambda a, b: a + b),
    ("-", lambda a, b: a - b),
    ("*", lambda a, b: a * b),
    ("**", lambda a, b: a**b),
]


@st.composite
def numeric(draw: st.DrawFn, leaves: list[Made], depth: int = 3) -> Made:
    """Draw an expression that is numbers."""
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind == 0:
        return draw(st.one_of(st.sampled_from(leaves), st.floats(0, 3).map(lambda v: number(round(v, 2)))))
    part = draw(numeric(leaves, depth - 1))
    if kind == 1:
        name, apply, whole = draw(st.sampled_from(_FUNCTIONS))
        return of(name, apply, part, size=1 if whole else part.size)
    if kind == 2:
        other = draw(numeric(leaves, depth - 1))
        if 1 not in (part.size, other.size) and part.size != other.size:
            other = of("mean", lambda a: a.sum() / len(a), other, size=1)
        name, apply = draw(st.sampled_from(_SIGNS))
        return sign(name, apply, part, other)
    if part.text[0].isdigit() or part.text[0] == "-":
        return part
    if kind == 3:
        return previous(part)
    if kind == 4:
        return shifted(part, draw(st.integers(-2, 2)))
    size = part.size
    step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
    first, stop = draw(st.integers(0, size - 1)), draw(st.integers(0, size))
    if step < 0:
        first, stop = size - 1 - first, size - 1 - stop  # the one behind the last may be -1, which is no place
    chosen = [n for n in range(first, stop, step) if 0 <= n < size] or [first]
    if len(chosen) == 1:
        return units(part, str(first - draw(st.sampled_from([0, size]))), [first])
    begins = str(first - draw(st.sampled_from([0, size])))
    ends = "" if stop in (-1, size) else str(stop - draw(st.sampled_from([0, size])))
    return units(part, f"{begins}:{ends}:{step}" if step != 1 else f"{begins}:{ends}", chosen)


Truth = Callable[[Trace, int, int, int], bool | None]
"""As a meaning, but True, False, None where a NaN leaves it open, or `Absent` where what it asks about is not there."""


class Absent(Exception):
    """What is asked about is not there: its step does not exist."""


@st.composite
def truth(draw: st.DrawFn, leaves: list[Made], depth: int = 2) -> tuple[str, Truth]:
    """Draw a condition, three-valued: the tables of Kleene, written out."""
    kind = draw(st.integers(0, 3)) if depth else 0
    if kind == 0:
        return draw(st.one_of(_comparison(leaves), _finite(leaves)))
    text, mean = draw(truth(leaves, depth - 1))
    if kind == 1:

        def inverse(trace: Trace, t: int, back: int = 0, along: int = 0) -> bool | None:
            return {True: False, False: True, None: None}[mean(trace, t, back, along)]

        return f"not ({text})", inverse
    other_text, other = draw(truth(leaves, depth - 1))
    decides = kind == 3  # what one side alone decides: true for `or`, false for `and`

    def joined(trace: Trace, t: int, back: int = 0, along: int = 0) -> bool | None:
        sides: list[bool | str | None] = []
        for side in (mean, other):
            try:
                sides.append(side(trace, t, back, along))
            except Absent:
                sides.append("absent")
        if decides in sides:
            return decides
        if None in sides:
            return None
        if "absent" in sides:
            raise Absent
        return not decides

    return f"({text}) {'or' if decides else 'and'} ({other_text})", joined


_COMPARED: list[tuple[str, Callable[[float, float], bool]]] = [
    ("<", lambda a, b: a < b),
    (">", lambda a, b: a > b),
    ("<=", lambda a, b: a <= b),
    (">=", lambda a, b: a >= b),
    ("==", lambda a, b: a == b),
    ("!=", lambda a, b: a != b),
]
Units = Callable[[Trace, int, int, int], list[bool | None]]


@st.composite
def _units(draw: st.DrawFn, leaves: list[Made]) -> tuple[str, Units]:
    """Draw a comparison unit by unit: not known wherever a side is NaN."""
    left, right = draw(numeric(leaves)), draw(numeric(leaves))
    if 1 not in (left.size, right.size) and left.size != right.size:
        right = number(0.5)
    form, apply = draw(st.sampled_from(_COMPARED))

    def mean(trace: Trace, t: int, back: int, along: int) -> list[bool | None]:
        a, b = left.mean(trace, t, back, along), right.mean(trace, t, back, along)
        if a is None or b is None:
            raise Absent
        return [
            None if p != p or q != q else bool(apply(p, q)) for p, q in zip(*np.broadcast_arrays(a, b), strict=True)
        ]

    return f"{left.text} {form} {right.text}", mean


@st.composite
def _comparison(draw: st.DrawFn, leaves: list[Made]) -> tuple[str, Truth]:
    text, units = draw(_units(leaves))
    many = draw(st.sampled_from(["any", "all"]))
    decides = many == "any"

    def mean(trace: Trace, t: int, back: int = 0, along: int = 0) -> bool | None:
        found = units(trace, t, back, along)
        return decides if decides in found else None if None in found else not decides

    return f"{many}({text})", mean


@st.composite
def _finite(draw: st.DrawFn, leaves: list[Made]) -> tuple[str, Truth]:
    """Draw a question about NaN and ∞, which has an answer of either."""
    part = draw(numeric(leaves))
    name, apply = draw(st.sampled_from([("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)]))
    many, over = draw(st.sampled_from([("any", np.any), ("all", np.all)]))

    def mean(trace: Trace, t: int, back: int = 0, along: int = 0) -> bool | None:
        value = part.mean(trace, t, back, along)
        if value is None:
            raise Absent
        return bool(over(apply(value)))

    return f"{many}({name}({part.text}))", mean


@st.composite
def counted(draw: st.DrawFn, leaves: list[Made]) -> Made:
    """Draw how many units, or which part of them, are true: NaN where one is not known."""
    text, units = draw(_units(leaves))
    name = draw(st.sampled_from(["sum", "mean"]))

    def mean(trace: Trace, t: int, back: int, along: int) -> Vector | None:
        try:
            found = units(trace, t, back, along)
        except Absent:
            return None
        if None in found:
            return np.array([np.nan])
        return np.array([found.count(True) / (1 if name == "sum" else len(found))])

    return Made(f"{name}({text})", 1, mean)
