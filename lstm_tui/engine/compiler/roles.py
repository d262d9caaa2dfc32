"""What each value of a cell does — keeps, writes, shows — read off the form of its equations.

Nothing here looks at names: a state's update is written as `keep * s + writes` with all other names held
constant, and roles follow from what the keep and the writes are made of.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

from lstm_tui.engine.compiler.ops import BY_AT, EVERY_OP, EVERYTHING, Interval
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Place, Previous, Product, names_in, walk

Role = Literal["keeps", "writes", "shows", "candidate", "memory", "output"]


@dataclass(frozen=True)
class Update:
    """How a state is updated when all else is held: `keep * s + sum of writes`.

    Attributes:
        state: The state s.
        keep: What it is multiplied by.
        writes: What is added to it; each its own column of the ledger.
    """

    state: str
    keep: Expression
    writes: tuple[Expression, ...]


class _NotLinear(Exception):
    """The state stands inside a function, under @, in a divisor or twice in a product."""


def update_of(cell: Cell, state: str) -> Update | None:
    """Return how a state is updated, or None where it is not kept or its update is not linear in it."""
    try:
        keep, writes = _expand(cell, cell.equation(state).expression, state)
    except _NotLinear:
        return None
    return None if keep is None else Update(state, keep, writes)


def kept_states(cell: Cell) -> tuple[str, ...]:
    """Return the states whose update is linear in them: those that have a ledger."""
    return tuple(state for state in cell.state if update_of(cell, state) is not None)


@cache
def memory_of(cell: Cell) -> str:
    """Return the state that is the cell's memory: C of an LSTM, h of a GRU; else the output."""
    kept = kept_states(cell)
    for state in kept:
        if state != cell.output:
            return state
    return kept[0] if kept else cell.output


_HERE = Place(0, 0)
_SQUASHES = frozenset({"tanh", "sigmoid", "relu", "clip"})


def _mentions(cell: Cell, node: Expression, state: str, reader: int) -> bool:
    for part in walk(node):
        if isinstance(part, Previous) and part.name == state:
            return True
        if isinstance(part, Name) and part.name == state and cell.is_previous(state, reader):
            return True
    return False


def _expand(cell: Cell, node: Expression, state: str) -> tuple[Expression | None, tuple[Expression, ...]]:
    reader = cell.values.index(state)
    if not _mentions(cell, node, state, reader):
        return None, (node,)
    if isinstance(node, Name | Previous):
        return Number(1.0, _HERE), ()
    if isinstance(node, Product) or not isinstance(node, Call):
        raise _NotLinear
    sides = node.arguments
    if node.function in ("add", "sub"):
        (left_keep, left), (right_keep, right) = (_expand(cell, side, state) for side in sides)
        if node.function == "sub":
            right_keep = None if right_keep is None else _negate(right_keep)
            right = tuple(_negate(write) for write in right)
        if left_keep is None or right_keep is None:
            return left_keep or right_keep, left + right
        return Call("add", (left_keep, right_keep), _HERE), left + right
    if node.function == "neg":
        keep, writes = _expand(cell, sides[0], state)
        return None if keep is None else _negate(keep), tuple(_negate(write) for write in writes)
    if node.function == "mul":
        inside = [_mentions(cell, side, state, reader) for side in sides]
        if all(inside):
            raise _NotLinear
        factor, other = (sides[1], sides[0]) if inside[0] else (sides[0], sides[1])
        keep, writes = _expand(cell, other, state)
        return _times(factor, keep), tuple(Call("mul", (factor, write), _HERE) for write in writes)
    if node.function == "div" and not _mentions(cell, sides[1], state, reader):
        keep, writes = _expand(cell, sides[0], state)
        divided = None if keep is None else Call("div", (keep, sides[1]), _HERE)
        return divided, tuple(Call("div", (write, sides[1]), _HERE) for write in writes)
    raise _NotLinear


def _times(factor: Expression, keep: Expression | None) -> Expression | None:
    if keep is None:
        return None
    if isinstance(keep, Number) and keep.value == 1.0:
        return factor
    return Call("mul", (factor, keep), _HERE)


def _negate(node: Expression) -> Expression:
    return Call("neg", (node,), _HERE)


# --- where values can lie -------------------------------------------------------------------------------


@cache
def ranges_of(cell: Cell) -> dict[str, Interval | None]:
    """Return where each value can lie, by interval arithmetic; None where it has no bound."""
    known: dict[str, Interval] = {}
    result: dict[str, Interval | None] = {}
    for number, equation in enumerate(cell.equations):
        low, high = _interval(cell, equation.expression, known, number)
        bounded = math.isfinite(low) and math.isfinite(high)
        known[equation.name] = (low, high)
        result[equation.name] = (low, high) if bounded else None
    return result


def _interval(cell: Cell, node: Expression, known: dict[str, Interval], reader: int) -> Interval:
    if isinstance(node, Number):
        return (node.value, node.value)
    if isinstance(node, Name):
        if node.name in cell.fixed:
            return (min(cell.fixed[node.name]), max(cell.fixed[node.name]))
        if node.name in cell.counted:
            return (0.0, math.inf)
        return known.get(node.name, EVERYTHING)
    if isinstance(node, Previous | Product):
        return EVERYTHING
    inner = [_interval(cell, argument, known, reader) for argument in node.arguments]
    if node.function in EVERY_OP:
        return EVERY_OP[node.function].interval(*inner)
    if node.function == "part":
        return inner[0]
    return (min(low for low, _ in inner), max(high for _, high in inner))


# --- roles ----------------------------------------------------------------------------------------------


@cache
def roles_of(cell: Cell) -> dict[str, Role]:
    """Return the role of each value that has one.

    A gate that is the keep, or a factor of it, keeps; one whose `1 - v` is the keep, or a bounded factor of
    a write, writes; the other factor of a write is the candidate; a bounded factor of the output shows,
    also when the output is projected or squashed as a whole. Of a memory that is a matrix the candidate is the value
    that is written under a key.
    """
    roles: dict[str, Role] = {}
    memory = memory_of(cell)
    values = set(cell.values)
    for state in kept_states(cell):
        update = update_of(cell, state)
        assert update is not None
        for factor in _factors(update.keep):
            if isinstance(factor, Name) and factor.name in values:
                roles.setdefault(factor.name, "keeps")
            elif (inverse := _inverse(factor)) in values:
                roles.setdefault(str(inverse), "writes")
        for write in update.writes:
            named = _written(cell, write)
            others = [name for name in named if not _is_gate(cell, name)]
            # A normaliser beside a matrix, or what is erased from it, is not what a token has to write.
            beside = memory in cell.shapes and (state != memory or any(_reads(cell, one, memory) for one in others))
            for name in named:
                if name not in others:
                    roles.setdefault(name, "writes")
                elif len(others) == 1 and not beside:  # of two factors without a bound neither is the other's gate
                    roles.setdefault(name, "candidate")
    for factor in _factors(_shown(cell.equation(cell.output).expression)):
        if isinstance(factor, Name) and factor.name in values and _is_gate(cell, factor.name):
            roles.setdefault(factor.name, "shows")
    roles[cell.output] = "output"
    if kept_states(cell):
        roles[memory] = "memory"
    return roles


def _written(cell: Cell, write: Expression) -> list[str]:
    """Return the values that a write is made of; of a value under a key the value, and what scales either."""
    names: list[str] = []
    for factor in _factors(write):
        if isinstance(factor, Call) and factor.function == "outer":
            value, key = (_written(cell, argument) for argument in factor.arguments)
            names += [*value, *(name for name in key if _is_gate(cell, name))]
        elif isinstance(factor, Name) and factor.name in cell.values:
            names.append(factor.name)
    return names


def _reads(cell: Cell, name: str, memory: str) -> bool:
    """Say whether a value is read from the memory."""
    parts = walk(cell.equation(name).expression)
    return any(isinstance(part, Call) and part.function in BY_AT and memory in names_in(part) for part in parts)


def _shown(node: Expression) -> Expression:
    """Return the product that an output projects or squashes, `o * c` of `U_p @ (o * c)`; else the output itself."""
    inner = node
    while True:
        if isinstance(inner, Product):
            inner = inner.operand
        elif isinstance(inner, Call) and inner.function in _SQUASHES:
            inner = inner.arguments[0]
        else:
            return inner if isinstance(inner, Call) and inner.function == "mul" else node


def _factors(node: Expression) -> list[Expression]:
    if isinstance(node, Call) and node.function == "mul":
        return [*_factors(node.arguments[0]), *_factors(node.arguments[1])]
    if isinstance(node, Call) and node.function in ("neg", "div", "by_head", "by_row", "by_column", "each_head"):
        return _factors(node.arguments[0])
    return [node]


def _inverse(node: Expression) -> str | None:
    """Return v when a node is `1 - v`."""
    if isinstance(node, Call) and node.function == "sub":
        one, gate = node.arguments
        if isinstance(one, Number) and one.value == 1.0 and isinstance(gate, Name):
            return gate.name
    return None


def _is_gate(cell: Cell, name: str) -> bool:
    bounds = ranges_of(cell)[name]
    return bounds is not None and bounds[0] >= 0.0 and bounds[1] <= 1.0
