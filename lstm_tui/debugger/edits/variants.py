"""What the two comparisons of 2015 call a cell, found by its equations and by no name of a file.

Greff et al. (LSTM: A Search Space Odyssey) take one part after the other from an LSTM with peepholes, the vanilla LSTM
V. Jozefowicz et al. (An Empirical Exploration of Recurrent Network Architectures) take parts from an LSTM without
peepholes, and compare it with the GRU and three cells that a search found.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from lstm_tui.debugger.edits.ablations import ABLATIONS, ablation
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.language.cell import Cell, Size, changed_cell, load_cell
from lstm_tui.engine.language.expression import Expression, as_written, names_in

_Written = tuple[frozenset[tuple[str, frozenset[str]]], frozenset[str], str, frozenset[tuple[str, Size]]]
"""Equations with the states they read as they were; states; what is shown; sizes."""

SAID = "`variant`: what Greff et al. 2015 and Jozefowicz et al. 2015 call the equations; empty where they have no such."
_PAGES = {
    "greff_fgr": "Greff FGR",
    "gru_reset_before": "Jozefowicz GRU",
    "gru_write": "Jozefowicz GRU",  # z the other way round: the same family of functions
    "mut1": "Jozefowicz MUT1",
    "mut2": "Jozefowicz MUT2",
    "mut3": "Jozefowicz MUT3",
}
_WITHOUT_PEEPHOLES = {"": "LSTM", "nig": "LSTM-i", "nfg": "LSTM-f", "nog": "LSTM-o"}
_OTHER_COUPLING = {"i": "1 - f"}
"""CIFG with the forget gate learned: the same family of functions, since 1 - σ(a) is σ(-a)."""


def variant_of(program: Program) -> str:
    """Return what the comparisons call a cell as it was compiled, such as `Greff NIG`; empty where they have no such.

    The equations must be theirs, with the biases, by the names that the bundled pages give to values; lines in
    another order are the same where each reads what it read. Where two parts are gone, both stand there:
    `Greff NP + CIFG`.
    """
    written = None if program.cell is None else _written(program.cell, program)
    return "" if written is None else _known().get(written, "")


@cache
def _known() -> dict[_Written | None, str]:
    vanilla = load_cell("lstm_peephole")
    plain = _without("np", vanilla)
    known = {_of(vanilla): "Greff V", _of(plain): "Greff NP, Jozefowicz LSTM"}
    for variant, cell in _singly(vanilla):
        known[_of(cell)] = f"Greff {variant.upper()}"
    for variant, cell in _singly(plain):
        theirs = _WITHOUT_PEEPHOLES.get(variant)
        known[_of(cell)] = f"Jozefowicz {theirs}" if theirs else f"Greff NP + {variant.upper()}"
    for name, words in _PAGES.items():
        known[_of(load_cell(name))] = words
    return known


def _singly(cell: Cell) -> Iterator[tuple[str, Cell]]:
    """Yield every variant of a cell with one part less."""
    for variant in ABLATIONS:
        if variant != "np":  # which is where one begins
            yield variant, _without(variant, cell)
    yield "cifg", changed_cell(cell, _OTHER_COUPLING, "other")


def _without(variant: str, cell: Cell) -> Cell:
    return changed_cell(cell, ablation(variant, cell, compile_cell(cell, 2, 2), cell.name), "less")


def _of(cell: Cell) -> _Written | None:
    return _written(cell, compile_cell(cell, 2, 2))


def _written(cell: Cell, program: Program) -> _Written | None:
    """Return what makes two cells one; None for what none of the comparisons has: masks, constants, a layer below."""
    if cell.mask or cell.below or cell.fixed or cell.counted or cell.shapes or any(cell.initial.values()):
        return None
    equations = frozenset(
        (f"{one.name} = {as_written(one.expression)}", _previous(cell, one.name, one.expression))
        for one in program.equations
    )
    return equations, frozenset(cell.state), cell.output, frozenset(cell.sizes.items())


def _previous(cell: Cell, name: str, expression: Expression) -> frozenset[str]:
    """Return the states that an equation reads as they were: those whose own equation stands further down."""
    reader = cell.values.index(name)
    return frozenset(one for one in names_in(expression) if cell.is_previous(one, reader))
