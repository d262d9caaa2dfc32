"""The oracle of expressions: trees made at random, each as text and as a loop over one step in plain Python and NumPy.

Nothing here reads the text: a tree is built together with what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from lstm_tui.engine.trace import Trace

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
            return array[place].astype(np.float64)
        before = -1 if passed.direction == "forward" else passed.steps
        return passed.initial[value].astype(np.float64) if place == before and value in passed.initial else None

    return Made(value if plain else f"{pass_name}.{value}", size, mean)


def number(value: float) -> Made:
    return Made(repr(value), 1, lambda *_: np.array([value]))


def of(function: str, apply: Callable[..., Vector], *parts: Made, size: int) -> Made:
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


def units(part: Made, first: int, stop: int, single: bool) -> Made:
    def mean(trace: Trace, t: int, back: int, along: int) -> Vector | None:
        value = part.mean(trace, t, back, along)
        return None if value is None else value[first:stop]

    return Made(f"{part.text}[{first}]" if single else f"{part.text}[{first}:{stop}]", stop - first, mean)


def sigmoid(a: Vector) -> Vector:
    return np.array([1 / (1 + np.exp(-v)) if v >= 0 else np.exp(v) / (1 + np.exp(v)) for v in a])


_FUNCTIONS: list[tuple[str, Callable[..., Vector], bool]] = [
    ("tanh", np.tanh, False),
    ("abs", np.abs, False),
    ("sigmoid", sigmoid, False),
    ("mean", lambda a: a.sum() / len(a), True),
    ("sum", lambda a: a.sum(), True),
    ("norm", lambda a: np.linalg.norm(a), True),
    ("max", lambda a: max(a.tolist()), True),
    ("min", lambda a: min(a.tolist()), True),
    ("argmax", lambda a: np.float64(a.tolist().index(max(a.tolist()))), True),
    ("std", lambda a: np.std(a), True),
]
_SIGNS: list[tuple[str, Callable[..., Vector]]] = [
    ("+", lambda a, b: a + b),
    ("-", lambda a, b: a - b),
    ("*", lambda a, b: a * b),
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
    first = draw(st.integers(0, part.size - 1))
    stop = draw(st.integers(first + 1, part.size))
    return units(part, first, stop, single=stop == first + 1 and draw(st.booleans()))


Truth = Callable[[Trace, int], bool | None]


@st.composite
def truth(draw: st.DrawFn, leaves: list[Made], depth: int = 2) -> tuple[str, Truth]:
    """Draw a condition: true, false, or None where a step does not exist."""
    kind = draw(st.integers(0, 3)) if depth else 0
    if kind == 0:
        return draw(_comparison(leaves))
    text, mean = draw(truth(leaves, depth - 1))
    if kind == 1:

        def inverse(trace: Trace, t: int) -> bool | None:
            value = mean(trace, t)
            return None if value is None else not value

        return f"not ({text})", inverse
    other_text, other = draw(truth(leaves, depth - 1))
    decides = kind == 3  # what one side alone decides: true for `or`, false for `and`

    def joined(trace: Trace, t: int) -> bool | None:
        sides = [mean(trace, t), other(trace, t)]
        if decides in sides:
            return decides
        return None if None in sides else not decides

    return f"({text}) {'or' if decides else 'and'} ({other_text})", joined


@st.composite
def _comparison(draw: st.DrawFn, leaves: list[Made]) -> tuple[str, Truth]:
    left, right = draw(numeric(leaves)), draw(numeric(leaves))
    if 1 not in (left.size, right.size) and left.size != right.size:
        right = number(0.5)
    compare, apply = draw(
        st.sampled_from([("<", np.less), (">", np.greater), ("<=", np.less_equal), ("!=", np.not_equal)])
    )
    many = draw(st.sampled_from(["any", "all"]))

    def mean(trace: Trace, t: int) -> bool | None:
        a, b = left.mean(trace, t, 0, 0), right.mean(trace, t, 0, 0)
        if a is None or b is None:
            return None
        found = apply(a, b)
        return bool(found.any() if many == "any" else found.all())

    return f"{many}({left.text} {compare} {right.text})", mean
