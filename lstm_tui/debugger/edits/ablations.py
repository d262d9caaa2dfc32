"""The variants of Greff et al. 2015 as changes of the equations of a cell, found by what its values do."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.compiler.roles import memory_of, roles_of, update_of
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import Cell, without
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import (
    Call,
    Expression,
    Name,
    Number,
    Previous,
    Product,
    as_written,
    names_in,
    walk,
)
from lstm_tui.engine.text_safety import visible

_SQUASHES = ("tanh", "sigmoid", "relu", "clip")
ABLATIONS = {
    "nig": "no input gate: it is 1, every candidate is written in full",
    "nfg": "no forget gate: it is 1, nothing is ever forgotten",
    "nog": "no output gate: it is 1, the whole memory is shown",
    "niaf": "no input activation function: the candidate is not squashed",
    "noaf": "no output activation function: the memory is shown as it is",
    "np": "no peepholes: no gate looks at the memory",
    "cifg": "coupled gates: the forget gate is 1 less the input gate",
}


def ablation(variant: str, cell: Cell, program: Program, where: str) -> dict[str, str]:
    """Return the new right sides by value that make a cell a variant of itself.

    Args:
        variant: One of `ABLATIONS`.
        cell: The cell.
        program: The cell as compiled, without the parameters that were left out.
        where: What messages call it.

    Raises:
        UserError: If there is no such variant, or nothing in the cell that it takes away.
    """
    if variant not in ABLATIONS:
        near = nearest(variant, ABLATIONS)
        if variant == "fgr":
            raise UserError("fgr takes nothing away: it adds weights, which were never trained")
        hint = f"did you mean {near}?" if near else "there are " + ", ".join(ABLATIONS)
        raise UserError(f"there is no ablation {visible(variant)}; {hint}")
    equations = {one.name: one for one in program.equations}
    memory = memory_of(cell)
    update = update_of(cell, memory)
    if update is None or memory == cell.output:
        raise UserError(f"{where} keeps no memory apart from what it shows, as an LSTM does: nothing can be taken away")
    if variant == "np":
        return _without_peepholes(cell, program, memory, where)
    if variant == "noaf":
        return _unsquashed_output(equations[cell.output], memory, where)
    if not update.writes:
        raise UserError(f"{where} writes nothing to {memory} any more: there is nothing to take away")
    roles = roles_of(cell)
    candidates = {name for name, role in roles.items() if role == "candidate"}
    write = next((one for one in update.writes if candidates & set(_read(one))), update.writes[0])
    keep = _first([name for name in _read(update.keep) if name in cell.values])
    gate = _first([name for name in _read(write) if roles.get(name) == "writes"])
    if variant == "niaf":
        return _unsquashed_candidate(equations, _first([n for n in _read(write) if roles.get(n) == "candidate"]), where)
    if variant == "nog":
        shown = _first([name for name, role in roles.items() if role == "shows"])
        return {_there(shown, "output gate", where): "1"}
    taken = _there(gate, "input gate", where) if variant == "nig" else _there(keep, "forget gate", where)
    other = gate if taken == keep else keep
    coupled = taken == other or any(
        one is not None and two is not None and one in names_in(equations[two].expression)
        for one, two in ((taken, other), (other, taken))
    )
    if coupled:
        raise UserError(f"{where}: its input and forget gates are coupled: neither can be taken away alone")
    if variant == "cifg":
        return {taken: f"1 - {_there(gate, 'input gate', where)}"}
    if not names_in(equations[taken].expression):
        raise UserError(f"{where}: {taken} is {as_written(equations[taken].expression)} already")
    return {taken: "1"}


def _read(node: Expression) -> list[str]:
    return [one.name for one in walk(node) if isinstance(one, Name)]


def _first(names: Sequence[str]) -> str | None:
    return names[0] if names else None


def _there(name: str | None, what: str, where: str) -> str:
    if name is None:
        raise UserError(f"{where} has no {what} to take away")
    return name


def _unsquashed_candidate(equations: dict[str, Equation], name: str | None, where: str) -> dict[str, str]:
    candidate = _there(name, "candidate", where)
    inner = _unsquashed(equations[candidate].expression)
    if inner is None:
        raise UserError(f"{where}: {candidate} is not squashed as it is")
    return {candidate: as_written(inner)}


def _unsquashed_output(output: Equation, memory: str, where: str) -> dict[str, str]:
    changed = _plain(output.expression, memory)
    if changed == output.expression:
        raise UserError(f"{where}: {output.name} shows {memory} as it is already")
    return {output.name: as_written(changed)}


def _plain(node: Expression, memory: str) -> Expression:
    """Return an expression in which the memory stands without the function around it."""
    inner = _unsquashed(node)
    if inner is not None and memory in names_in(inner):
        return inner
    if isinstance(node, Product):
        return Product(node.matrix, _plain(node.operand, memory), node.place)
    if isinstance(node, Call):
        return Call(node.function, tuple(_plain(argument, memory) for argument in node.arguments), node.place)
    return node


def _unsquashed(node: Expression) -> Expression | None:
    """Return what stands inside a function that bounds it, scaled and shifted by numbers or not; None without one."""
    while isinstance(node, Call):
        if node.function in _SQUASHES:
            return node.arguments[0]
        inner = [argument for argument in node.arguments if not isinstance(argument, Number)]
        if len(inner) != 1 or node.function not in ("add", "sub", "mul", "div"):
            return None
        node = inner[0]
    return None


def _without_peepholes(cell: Cell, program: Program, memory: str, where: str) -> dict[str, str]:
    peepholes = set()
    for equation in program.equations:
        for node in walk(equation.expression):
            if isinstance(node, Product) and _is(node.operand, memory):
                peepholes.add(node.matrix)
            elif isinstance(node, Call) and node.function == "mul" and any(_is(one, memory) for one in node.arguments):
                peepholes |= {
                    one.name for one in node.arguments if isinstance(one, Name) and one.name in cell.parameters
                }
    changed = {
        equation.name: as_written(bare.expression)
        for equation in program.equations
        if (bare := without(equation, peepholes)) is not equation
    }
    if not changed:
        raise UserError(f"{where} has no peepholes: it is NP already")
    return changed


def _is(node: Expression, memory: str) -> bool:
    return isinstance(node, Name | Previous) and node.name == memory
