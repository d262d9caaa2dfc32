"""Every cell in the folder computes what its paper says, in both interpreters and every value of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from made_networks import (
    EVERY_CELL,
    called,
    largest_of,
    letters_of,
    make_initial,
    make_input,
    make_network,
    own_initial,
    parameters_of,
)
from oracle import ORACLES, run_oracle

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import kept_states, memory_of, ranges_of, roles_of
from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.cell import cell_names, load_cell, parse_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.run import RunBuffers, run_arrays

STEPS = 11  # the slowest clock of `clockwork` ticks at 0 and at 8
INTERPRETERS = ("numpy", "numba")


def test_every_bundled_cell_has_an_oracle_and_every_oracle_a_cell() -> None:
    missing = sorted(set(cell_names()) - set(ORACLES))
    left = sorted(set(ORACLES) - set(cell_names()))
    assert not missing, f"write the paper's equations of {', '.join(missing)} into tests/cells/oracle.py"
    assert not left, f"tests/cells/oracle.py knows {', '.join(left)}, which is no file in lstm_tui/engine/cells"


def worst(network: Network, ran: RunBuffers, x: Array, initial: Mapping[str, Mapping[str, Array]]) -> float:
    """Return the largest difference from the oracle over all values of all layers."""
    starts = [dict(initial[one.name]) for one in network.passes]
    expected = run_oracle(network.name, parameters_of(network), x, starts)
    largest = 0.0
    for one, values in zip(network.passes, expected, strict=True):
        assert set(values) == set(one.cell.values)
        for name, series in values.items():
            largest = max(largest, float(np.abs(ran.stored[one.name].values[name] - series).max()))
    return largest


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("layers", [1, 2])
def test_agrees_with_the_oracle(name: str, layers: int, interpreter: str) -> None:
    network = make_network(name, layers, seed=layers)
    x, initial = make_input(network, STEPS), make_initial(network)
    ran = run_arrays(network, x, interpreter, initial)
    assert worst(network, ran, x, initial) < 1e-12


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_agrees_with_the_oracle_from_the_end_and_in_float32(name: str) -> None:
    network = make_network(name, 2, seed=6, directions=("backward",))
    x, initial = make_input(network, STEPS), make_initial(network)
    starts = [initial[one.name] for one in network.passes]
    expected = run_oracle(name, parameters_of(network), x[::-1], starts)
    ran = run_arrays(network, x.astype(np.float32), "numba", initial)
    for one, values in zip(network.passes, expected, strict=True):
        for value, series in values.items():
            found = ran.stored[one.name].values[value]
            size = max(1.0, float(np.abs(series).max()))
            assert np.abs(found - series).max() < 1e-4 * size, f"{one.name}/{value}"


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_agrees_with_the_oracle_from_its_own_start(name: str) -> None:
    network = make_network(name, 2, hidden=4, seed=3)
    x = make_input(network, STEPS)
    assert worst(network, run_arrays(network, x, "numpy"), x, own_initial(network)) < 1e-12


@pytest.mark.parametrize(
    ("name", "without"),
    [
        (name, one)
        for name in cell_names()
        for one in [*((o,) for o in load_cell(name).optional), load_cell(name).optional]
    ],
)
def test_what_is_left_out_is_as_if_it_were_zero(name: str, without: tuple[str, ...]) -> None:
    whole = make_network(name, seed=5)
    for parameter in without:
        whole.tensors()[f"layer0.forward/{parameter}"][...] = 0
    layer = {"cell": name, "hidden_size": 5, "sizes": letters_of(load_cell(name)), "without": list(without)}
    kept = {key: value for key, value in whole.tensors().items() if key.partition("/")[2] not in without}
    less = build_network({"input_size": whole.input_size, "layers": [layer]}, kept, dtype=np.float64)
    x = make_input(whole, 4)
    a, b = (run_arrays(one, x, "numpy").stored["layer0.forward"].values for one in (whole, less))
    for value, series in a.items():
        np.testing.assert_allclose(b[value], series, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_both_interpreters_agree_and_values_stay_in_their_range(name: str) -> None:
    network = make_network(name, 2, seed=8, directions=("forward", "backward"))
    x = make_input(network, STEPS) * 3
    by_numpy, by_numba = (run_arrays(network, x, one) for one in INTERPRETERS)
    for one in network.passes:
        for value, limits in ranges_of(one.cell).items():
            series = by_numpy.stored[one.name].values[value]
            near = 1e-12 * largest_of(one.cell, value, series)
            np.testing.assert_allclose(by_numba.stored[one.name].values[value], series, rtol=0, atol=near)
            assert np.isfinite(series).all()
            if limits is not None:
                assert limits[0] <= series.min(), f"{value} falls below {limits[0]}"
                assert series.max() <= limits[1], f"{value} rises above {limits[1]}"


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_every_equation_is_explained(name: str) -> None:
    cell = load_cell(name)
    assert cell.title
    assert cell.source
    for equation in cell.equations:
        assert equation.label, f"{name}: `{equation.text}` has no short name: end it with # short name: sentence"
        assert len(equation.help) > 15, f"{name}: `{equation.text}` has no sentence: end it with # short name: sentence"


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_every_cell_has_words(name: str) -> None:
    cell = load_cell(name)
    roles = roles_of(cell)
    assert cell.output in roles
    if kept_states(cell):
        assert roles[memory_of(cell)] == "memory"
        assert {"keeps", "writes", "candidate"} & set(roles.values())


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_clock_that_starts_at_one_holds_the_slow_units_until_their_turn(interpreter: str) -> None:
    text = load_cell("clockwork").text
    late = make_network("clockwork", text=text.replace("start = 0", "start = 1"), hidden=4)
    early = make_network("clockwork", hidden=4)
    x = make_input(late, STEPS)
    initial = make_initial(late)
    by_late, by_early = (run_arrays(one, x, interpreter, initial).stored["layer0.forward"] for one in (late, early))
    periods = np.array([1, 2, 4, 8])
    for t in range(STEPS):
        np.testing.assert_array_equal(by_early.values["a"][t], t % periods == 0)
        np.testing.assert_array_equal(by_late.values["a"][t], (t + 1) % periods == 0)
    np.testing.assert_array_equal(by_late.values["h"][:7, 3], np.full(7, initial["layer0.forward"]["h"][3]))
    window = by_late.window(6, STEPS)
    slot = by_late.program.values["a"]
    np.testing.assert_array_equal(window[1:, slot.offset : slot.offset + slot.size], by_late.values["a"][6:])


@pytest.mark.parametrize("start", ["-1", "1.5", "true", '"1"'])
def test_a_start_that_is_no_number_of_steps_is_refused(start: str) -> None:
    with pytest.raises(LanguageError, match="`start` must be a whole number of steps"):
        parse_cell(load_cell("clockwork").text.replace("start = 0", f"start = {start}"))


def test_hearing_only_faster_units_is_another_network() -> None:
    network = make_network("clockwork", hidden=4)
    turned = make_network(
        "clockwork",
        hidden=4,
        text=load_cell("clockwork").text.replace("period[row] <= period[col]", "period[row] >= period[col]"),
    )
    assert np.count_nonzero(network.tensors()["layer0.forward/U_h"]) == 10
    assert (np.tril(network.tensors()["layer0.forward/U_h"], -1) == 0).all()
    assert (np.triu(turned.tensors()["layer0.forward/U_h"], 1) == 0).all()
