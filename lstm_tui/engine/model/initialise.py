"""A random start for a network that is to be trained, or looked at untrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import roles_of, update_of
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.expression import Call, Name, walk
from lstm_tui.engine.model.spec import Pass


def initialise(passes: Sequence[Pass], tensors: Mapping[str, Array], seed: int) -> None:
    """Fill every parameter of a network, given its passes and its tensors by name, from one seed.

    Matrices are uniform in ±sqrt(3 / columns), so that a product has the size of its operand; biases are 0,
    but +1 where they open a gate that keeps (and -1 where they open one whose writing is forgetting), so
    that a memory survives at the start; factors of a normalised vector are 1; other factors are uniform.
    """
    random = np.random.default_rng(seed)
    cells = {f"{one.name}/": one.cell for one in passes}
    for name, view in tensors.items():
        owner, _, parameter = name.rpartition("/")
        if view.ndim == 2:
            scale = 1.0 if name == "embedding" else np.sqrt(3.0 / view.shape[1])
            view[...] = random.uniform(-scale, scale, view.shape)
        else:
            cell = cells.get(f"{owner}/")
            view[...] = 0.0 if cell is None else _start(cell, parameter, random, len(view))
    for one in passes:
        for each in one.program.parameters.values():
            if each.mask is not None:
                one.program.view(one.flat, each.name)[~each.mask] = 0


def spread_memories(passes: Sequence[Pass], longest: int, seed: int) -> bool:
    """Start the gates that keep spread over memories of 1 to `longest` steps, and their input gates at the rest.

    So a network can learn from the first step on what lies far apart (chrono initialisation, Tallec & Ollivier 2018).
    Only biases of gates are changed; return whether there was any.
    """
    random = np.random.default_rng(seed)
    changed = False
    for one in passes:
        biases = _gate_biases(one.cell, frozenset(one.program.parameters))
        if not any(sign for _, sign in biases.values()):
            continue  # nothing keeps by a gate with a bias
        kept = np.log(random.uniform(1, longest, one.program.hidden_size))
        roles = roles_of(one.cell)
        for gate, (name, sign) in biases.items():
            view = one.program.view(one.flat, name)
            direction = sign or (-1.0 if roles.get(gate) == "writes" else 0.0)
            if direction and len(view) == len(kept):
                view[...] = direction * kept
                changed = True
    return changed


def _gate_biases(cell: Cell, parameters: frozenset[str]) -> dict[str, tuple[str, float]]:
    """Return of each gate its first bias, and which way that bias makes the gate keep: 1, -1, or 0 for neither."""
    found: dict[str, tuple[str, float]] = {}
    for equation in cell.equations:
        for name, matrix in cell.parameters.items():
            if not matrix and name in parameters and _adds(equation.expression, name):
                found.setdefault(equation.name, (name, _opening(cell, equation.name)))
    return found


def _start(cell: Cell, name: str, random: np.random.Generator, size: int) -> Array | float:
    for equation in cell.equations:
        for node in walk(equation.expression):
            if isinstance(node, Call) and node.function == "mul":
                sides = node.arguments
                for mine, other in (sides, sides[::-1]):
                    if isinstance(mine, Name) and mine.name == name:
                        normalised = isinstance(other, Call) and other.function == "layernorm"
                        return 1.0 if normalised else random.uniform(-0.5, 0.5, size)
        if _adds(equation.expression, name):
            return _opening(cell, equation.name)
    return 0.0


def _adds(expression: object, name: str) -> bool:
    """Say whether a parameter is a term of the sum that is an equation's only function's argument."""
    node = expression
    if isinstance(node, Call) and node.function == "sigmoid":
        node = node.arguments[0]
    else:
        return False
    while isinstance(node, Call) and node.function == "add":
        left, right = node.arguments
        if isinstance(right, Name) and right.name == name:
            return True
        node = left
    return isinstance(node, Name) and node.name == name


def _opening(cell: Cell, gate: str) -> float:
    role = roles_of(cell).get(gate)
    if role == "keeps":
        return 1.0
    updates = [update for state in cell.state if (update := update_of(cell, state)) is not None]
    keeps = [update.keep for update in updates]
    # A keep may be named: `f = 1 - i` stands on a line of its own where gates are coupled.
    names = [keep.name for keep in keeps if isinstance(keep, Name) and keep.name in cell.values]
    named = [cell.equation(name).expression for name in names]
    inverse = any(
        isinstance(node, Call)
        and node.function == "sub"
        and isinstance(node.arguments[1], Name)
        and node.arguments[1].name == gate
        for keep in (*keeps, *named)
        for node in walk(keep)
    )
    return -1.0 if inverse else 0.0
