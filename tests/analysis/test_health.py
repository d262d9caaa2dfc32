"""Health of units: shares counted by a loop, and units that were made ill on purpose are found with their cause."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_networks import input_size_of, letters_of

import lstm_tui
from lstm_tui.analysis.contributions import terms_of
from lstm_tui.analysis.health import PassHealth, flags_of, health
from lstm_tui.cli.main import main
from lstm_tui.debugger.inspect.diagnostics import finding_summary
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

TEXTS = ("The movie was not bad", "The acting was wonderful, but the plot was dull")


def made(cell: str, readout: str | None = "dense", dtype: str = "float32") -> Network:
    inputs, sizes = input_size_of(load_cell(cell), 3, 6), letters_of(load_cell(cell))
    spec = {"input_size": inputs, "layers": [{"cell": cell, "hidden_size": 6, "sizes": sizes}], "name": "made"}
    if readout:
        spec |= {"readout": readout, "classes": ["a", "b", "c"]}
    network = build_network(spec, seed=2, dtype=dtype)
    random = np.random.default_rng(4)
    for view in network.tensors().values():
        view[...] = random.normal(0, 0.7, view.shape)
    return network


def ran(network: Network, steps: int = 12) -> Trace:
    x = np.random.default_rng(9).normal(size=(steps, network.input_size)).astype(network.dtype)
    return run(network, Sequence("numbers", tuple(map(str, range(steps))), x=x))


def of(network: Network) -> PassHealth:
    (found,) = health([ran(network)])
    return found


def test_shares_over_several_runs_are_those_of_a_loop() -> None:
    traces = [lstm_tui.trace(text, model="sentiment") for text in TEXTS]
    for one in health(traces):
        for gate in one.gates:
            for unit in range(0, one.units, 5):
                numbers = [float(n) for trace in traces for n in trace[one.name][gate.value][:, unit]]
                assert gate.low[unit] == pytest.approx(sum(n < 0.1 for n in numbers) / len(numbers))
                assert gate.high[unit] == pytest.approx(sum(n > 0.9 for n in numbers) / len(numbers))
                assert gate.mean[unit] == pytest.approx(sum(numbers) / len(numbers), rel=1e-5)
                assert (gate.least[unit], gate.most[unit]) == (min(numbers), max(numbers))
        assert one.steps == sum(len(trace.sequence) for trace in traces)


@pytest.mark.parametrize(("share", "quiet"), [(0.0, True), (0.0099, True), (0.0101, False), (0.015, False)])
def test_a_unit_is_never_active_below_a_hundredth_of_the_largest(share: float, quiet: bool) -> None:
    trace = ran(made("lstm"))
    passed = trace["layer0.forward"]
    values = np.tile(np.linspace(0.4, 0.8, len(passed["h"]), dtype=np.float32)[:, None], (1, 6))
    values[:, 2] = share * values[:, 3]
    changed = replace(trace, passes={"layer0.forward": replace(passed, arrays={**passed.arrays, "h": values})})
    (found,) = health([changed])
    assert found.quiet.tolist() == [unit == 2 and quiet for unit in range(6)]


def test_a_gate_that_was_shut_is_found_with_its_bias() -> None:
    network = made("lstm")
    network.tensors()["layer0.forward/b_i"][4] = -30
    found = of(network)
    (finding,) = [one for one in found.findings if one.kind == "shut" and one.value == "i"]
    assert (finding.unit, finding.parameter) == (4, "layer0.forward/b_i")
    assert finding.number < 1e-6
    assert finding.term == pytest.approx(-30)
    words = finding_summary(ran(network)["layer0.forward"], finding)
    assert re.search(r"never writes: i at most [1-9]\.\d+e-\d\d, by b_i: −30\.00", words), (
        "nothing that is not 0 reads as 0"
    )


def test_a_gate_that_is_held_open_by_its_weights_names_the_matrix() -> None:
    network = made("gru")
    x = ran(network)["layer0.forward"].inputs["x"]
    network.tensors()["layer0.forward/W_r"][3] = 0
    network.tensors()["layer0.forward/U_r"][3] = 0
    network.tensors()["layer0.forward/b_r"][3] = 9
    (finding,) = [one for one in of(network).findings if (one.value, one.unit) == ("r", 3)]
    assert (finding.kind, finding.parameter) == ("open", "layer0.forward/b_r")
    assert len(x) == 12


def test_a_dead_relu_is_found_and_no_weight_of_it_moves_anything() -> None:
    network = made("rnn_relu", dtype="float64")
    bias = network.tensors()["layer0.forward/b_h"]
    bias[2] = -100
    found = of(network)
    assert found.dead["h"].tolist() == [unit == 2 for unit in range(6)]
    assert found.quiet[2]
    finding = found.findings[0]
    assert (finding.kind, finding.unit, finding.parameter) == ("dead", 2, "layer0.forward/b_h")

    def said(unit: int, step: float) -> np.ndarray:
        bias[unit] += step
        output = ran(network).output
        bias[unit] -= step
        assert output is not None
        return output

    moved = [np.abs(said(unit, 1e-5) - said(unit, -1e-5)).max() / 2e-5 for unit in range(6)]
    assert [float(one) == 0 for one in moved] == found.dead["h"].tolist()


def test_a_unit_that_nothing_reads_learns_nothing_but_acts() -> None:
    network = made("lstm")
    for name, view in network.tensors().items():
        if name.startswith("layer0.forward/U_") or name == "readout/V_y":
            view[:, 1] = 0
    found = of(network)
    assert not found.quiet[1]
    assert {one.value for one in found.findings if one.kind == "dead" and one.unit == 1} == {"f", "i", "g", "o"}
    assert {one.unit for one in found.findings if one.kind == "dead"} == {1}


def test_without_a_readout_the_top_output_is_asked() -> None:
    found = of(made("lstm", readout=None))
    assert found.dead
    assert not any(flags.any() for flags in found.dead.values())


def test_a_healthy_network_has_nothing_to_tell() -> None:
    (found,) = health([lstm_tui.trace("on wait off wait on", model="tiny")])
    assert found.findings == ()


@pytest.mark.parametrize("cell", cell_names())
def test_the_terms_of_a_value_sum_to_what_is_squashed(cell: str) -> None:
    passed = ran(made(cell, dtype="float64"))["layer0.forward"]
    inverse: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "sigmoid": lambda y: np.log(y / (1 - y)),
        "tanh": np.arctanh,
    }
    checked = 0
    for value in passed.cell.values:
        name = getattr(passed.cell.equation(value).expression, "function", "")
        if name in inverse and (terms := terms_of(passed, value)):  # what is normalised has none
            total = sum(np.broadcast_to(term.series, passed[value].shape) for term in terms)
            np.testing.assert_allclose(total, inverse[name](passed[value]), rtol=1e-6)
            checked += 1
    squashed = [one for one in passed.cell.equations if getattr(one.expression, "function", "") in inverse]
    parted = [one for one in squashed if "(part(" in one.text]
    assert checked == len(squashed) - len(parted), "a part of a sum that is a value of its own has no terms"


def test_a_threshold_and_rows_that_share_weights_are_not_called_dead() -> None:
    for one in health([lstm_tui.trace("four hundred and seven", model="numbers")]):
        assert [found for found in one.findings if found.kind == "dead"] == []


def test_stats_prints_and_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--model", "recall-lstm", "--line", "1"]) == 0
    printed = capsys.readouterr().out
    assert "1 sequence, 21 steps" in printed
    assert "never forgets: f at least" in printed
    assert main(["stats", "--model", "tiny", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["passes"]
    assert one["units"] == 2
    assert one["gates"]["f"]["below"] == [pytest.approx(8 / 15, abs=1e-5), 0.0]
    assert one["findings"] == []


def test_a_unit_that_is_no_number_is_called_so_and_not_quiet() -> None:
    network = made("lstm")
    network.tensors()["layer0.forward/b_o"][1] = np.nan
    trace = ran(network)
    found = of(network)
    assert not found.quiet[1]
    broken = [one for one in found.findings if one.kind == "broken"]
    assert 1 in [one.unit for one in broken]
    assert "is not finite: h becomes nan" in finding_summary(trace["layer0.forward"], broken[0])
    assert flags_of(trace["layer0.forward"])[1] == "broken"
