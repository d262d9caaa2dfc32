"""Penalties: their prices by a loop over steps and units, their gradients by central differences of the whole loss."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.analysis.train import penalties
from lstm_tui.analysis.train.adam import weights_of
from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import input_array, loss_and_gradients, next_rows
from lstm_tui.analysis.train.penalties import Formula, Penalty, at_share, lost, mean_square, penalised, writing_over
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.run import run_arrays

FORMULAS: tuple[tuple[Formula, int], ...] = ((lost, 2), (mean_square, 1), (writing_over, 2))
EXAMPLE = next_rows(np.random.default_rng(1).normal(size=(5, 4)))


def forecaster(cell: str, directions: tuple[str, ...] = ("forward",), layers: int = 1) -> Network:
    free = {size.letter: 2 for size in load_cell(cell).sizes.values() if size.letter and size.letter not in "HI"}
    layer = {"cell": cell, "hidden_size": 4, "directions": list(directions), "sizes": free}
    spec = {"name": "f", "input_size": 4, "readout": "linear", "output_size": 4, "layers": [layer] * layers}
    return build_network(spec, seed=3, dtype=np.float64)


def naive(formula: Formula, values: tuple[Array, ...]) -> float:
    """Return a price by the equation in the formula's docstring, a step and a unit at a time."""
    total = 0.0
    for rows in zip(*values, strict=True):
        units = list(zip(*rows, strict=True))
        if formula is lost:
            total += sum(((1 - keep) * before) ** 2 for keep, before in units) ** 0.5
        elif formula is mean_square:
            total += sum(value * value for (value,) in units) / len(units)
        else:
            total += sum(write * abs(before) for write, before in units) / len(units)
    return total


def test_every_formula_is_tried() -> None:
    public = {getattr(penalties, name) for name in penalties.__all__}
    found = {
        one for one in public if getattr(one, "__annotations__", {}).get("return") == "tuple[float, tuple[Array, ...]]"
    }
    assert found == {formula for formula, _ in FORMULAS}


@pytest.mark.parametrize(("formula", "count"), FORMULAS)
def test_a_price_is_that_of_its_equation(formula: Formula, count: int) -> None:
    random = np.random.default_rng(2)
    values = tuple(random.normal(size=(5, 3)) for _ in range(count))
    assert formula(*values)[0] == pytest.approx(naive(formula, values))
    assert np.isfinite(formula(*(np.zeros((2, 3)) for _ in range(count)))[1]).all()


def sides(network: Network) -> list[Penalty]:
    """Return a penalty on every value that the cell names, the formulas taken in turn."""
    one = network.passes[-1]
    sizes = {name: slot.size for name, slot in one.program.values.items() if name in one.cell.values}
    state = one.cell.state[0]
    found = []
    for number, (name, size) in enumerate(sizes.items()):
        formula, count = FORMULAS[number % len(FORMULAS)] if size == sizes[state] else (mean_square, 1)
        found.append(Penalty(formula, (name, f"prev({state})")[:count], 0.3 + 0.1 * number))
    return found


@pytest.mark.parametrize("cell", [*cell_names(), "lstm both ways"])
def test_gradients_on_any_value_are_those_of_central_differences(cell: str) -> None:
    name, _, both = cell.partition(" ")
    directions = ("forward", "backward") if both else ("forward",)
    network = forecaster(name, directions, 2 if load_cell(name).below else 1)
    put = sides(network)
    random = np.random.default_rng(0)
    for owner, array in weights_of(network).items():
        for place in np.flatnonzero(array == 0):  # where all are 0 a step may stand just at its edge
            if not is_constant(network, owner, int(place)):
                array[place] = random.normal(0, 0.3)
    loss = loss_and_gradients(network, EXAMPLE, "numpy", put)
    assert loss.total > loss_and_gradients(network, EXAMPLE, "numpy").total
    for owner, array in weights_of(network).items():
        for place in random.choice(array.size, min(4, array.size), replace=False):
            kept, step, totals = array[place], 1e-6, []
            for moved in (kept + step, kept - step):
                array[place] = moved
                totals.append(loss_and_gradients(network, EXAMPLE, "numpy", put).total)
            array[place] = kept
            slope = 0.0 if is_constant(network, owner, int(place)) else (totals[0] - totals[1]) / (2 * step)
            rounding = 4 * np.finfo(float).eps * max(totals) / step  # of two sums whose difference is taken
            assert loss.gradients[owner][place] == pytest.approx(slope, rel=1e-5, abs=1e-6 + rounding)


def is_constant(network: Network, owner: str, place: int) -> bool:
    """Say whether a place of the flat parameters is a constant of an equation, which no training moves."""
    programs = {one.name: one.program for one in network.passes}
    return owner in programs and any(at <= place < at + len(of) for at, of in programs[owner].constants)


def test_the_price_of_a_run_is_by_pass_and_step() -> None:
    network = forecaster("lstm", ("forward", "backward"))
    ran = run_arrays(network, input_array(network, EXAMPLE.read), "numpy")
    expected = 0.0
    for stored in ran.stored.values():
        f, c = stored.values["f"], stored.values["c"]
        expected += 0.2 * naive(lost, (f[1:], c[:-1])) + 3 * naive(mean_square, (c,))
    put = [Penalty(lost, ("f", "prev(c)"), 0.2), Penalty(mean_square, ("c",), 3)]
    values = {name: one.values for name, one in ran.stored.items()}
    total, by_pass = penalised(ran.network, values, put)
    assert total == pytest.approx(expected)
    assert {name: set(values) for name, values in by_pass.items()} == {key: {"f", "c"} for key in ran.stored}
    with pytest.raises(ValueError, match="no layer computes all of f, nothing"):
        penalised(
            ran.network,
            {name: one.values for name, one in ran.stored.items()},
            [Penalty(lost, ("f", "prev(nothing)"), 1)],
        )


def test_a_penalty_grows_in_a_straight_line() -> None:
    put = (Penalty(mean_square, ("c",), 2, 0.1, 0.5), Penalty(mean_square, ("h",), 1))
    weights = [[one.weight for one in at_share(put, done)] for done in (0, 0.1, 0.3, 0.5, 0.9)]
    assert [len(one) for one in weights] == [1, 1, 2, 2, 2]
    assert np.allclose([one[0] for one in weights[2:]], [1, 2, 2])
    assert weights[0] == weights[1] == [1]


def test_what_is_penalised_becomes_small() -> None:
    held = []
    for weight in (0.0, 1.0):
        network = forecaster("lstm")
        put = (Penalty(mean_square, ("c",), weight),)
        train(network, [EXAMPLE], Settings(epochs=30, rate=0.02, penalties=put, interpreter="numpy"))
        values = run_arrays(network, input_array(network, EXAMPLE.read), "numpy").stored["layer0.forward"].values
        held.append(float(np.square(values["c"]).mean()))
    assert held[1] < 0.2 * held[0]
