"""One unit of a value in a few lines of text: its equation, its numbers, its terms."""

from __future__ import annotations

from collections.abc import Iterable

from lstm_tui.analysis.origin import Origin
from lstm_tui.debugger.explain import Explanation, explain
from lstm_tui.debugger.expressions.say import number
from lstm_tui.engine.expression import Expression, Name, walk
from lstm_tui.engine.number_text import change
from lstm_tui.engine.trace import PassTrace
from lstm_tui.engine.visible import visible

_MOST_TERMS = 6
_FEW = 3


def explained(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return the equation of one unit of a value with its numbers, its summands and its largest products."""
    found: Explanation = explain(passed, value, t, unit, _MOST_TERMS)
    worked = "".join(
        (number(part.number) if part.number is not None else "…") if part.is_number else part.text
        for part in found.parts
    )
    result = [f"  {value} = {found.equation}", f"  {value}[{found.unit}] = {worked}{outcome(found, worked)}"]
    for heading, terms in (("terms", found.terms if len(found.terms) > 1 else ()), ("largest", found.largest)):
        if terms:
            result.append(f"  {heading}: " + ", ".join(f"{term.label} {change(term.number)}" for term in terms))
    return [visible(line) for line in result]


def outcome(found: Explanation, worked: str = "") -> str:
    """Return what stands behind an equation with its numbers: what it comes to, and what an edit then made of it.

    What stands before it is a sum of just this number, never of one that an edit put in its place.

    Args:
        found: What is explained.
        worked: The equation with its numbers; where that is one number, it is not written twice.
    """
    comes_to = "" if found.computed is None else f" = {number(found.computed)}"
    if comes_to == f" = {worked}" and len(found.parts) == 1 and found.origin.edited:
        comes_to = ""
    by = edit_in_words(found.origin, found.number)
    if not by:
        return comes_to or f" = {number(found.number)}"
    return f"{comes_to}; {by}"


def edit_in_words(origin: Origin, value: float) -> str:
    """Return how an edit made a value what it is, such as `an edit set it to 5`; empty where its equation did."""
    if origin.kind == "set":
        return f"an edit set it to {number(value)}"
    if origin.kind == "scaled":
        return f"an edit multiplied it by {number(origin.number)}: {number(value)}"
    if origin.kind == "not known":
        return f"but the trace holds {number(value)}, as an edit leaves it"
    return ""


def through(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return one line for each value that an equation reads in its own step: what weighed most in that, by name."""
    return [line for name in read_by(passed, value) for line in mostly(passed, name, t, unit)]


def read_by(passed: PassTrace, value: str) -> tuple[str, ...]:
    """Return the values of this step that an equation reads."""
    if value not in passed.cell.values:
        return ()
    return tuple(one for one in values_here(passed, value, passed.cell.equation(value).expression) if one != value)


def values_here(passed: PassTrace, value: str, node: Expression) -> tuple[str, ...]:
    """Return the values of this step that a part of an equation names; a state of the step before is none of them."""
    number = passed.cell.values.index(value)
    return tuple(one for one in values_in([node], passed) if not passed.cell.is_previous(one, number))


def values_in(expressions: Iterable[Expression], passed: PassTrace) -> tuple[str, ...]:
    """Return the values of the cell that some expressions name, in the order written."""
    names = (node.name for one in expressions for node in walk(one) if isinstance(node, Name))
    return tuple(dict.fromkeys(name for name in names if name in passed.cell.values))


def mostly(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return one line on a value: its number and the products that weigh most in it; none when it has none."""
    if value not in passed or t >= passed.steps or unit >= passed[value].shape[1]:
        return []
    found = explain(passed, value, t, unit, _FEW)
    most = ", ".join(f"{term.label} {change(term.number, 3)}" for term in found.largest)
    if found.origin.edited:
        comes_to = "" if found.computed is None else f" (its equation gives {number(found.computed)})"
        by = {"set": "set by an edit", "scaled": f"multiplied by {number(found.origin.number)} by an edit"}
        how = by.get(found.origin.kind, "not what its equation gives, as an edit leaves it")
        return [visible(f"  {value}[{unit}] = {number(found.number)}, {how}{comes_to}")]
    return [visible(f"  {value}[{unit}] = {number(found.number)}" + (f", mostly {most}" if most else ""))]
