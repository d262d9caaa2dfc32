"""A tape with resets has the numbers of its parts, each run alone: bits of values, sums of gradients, the clock too."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present
from random_networks import layer, numbers, random_network
from registries import sampled
from test_growing_bits import bits

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.analysis.step_map import states_at, step_map
from lstm_tui.debugger.inspect.explain import explain
from lstm_tui.documents.worksheet.worksheet import sheet_of
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.cuts import TapeCut, moved
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.incremental import GrowingRun
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.resets import Resets, counts_steps, cut_holds, cut_spans
from lstm_tui.engine.runtime.run import run, trace_of
from lstm_tui.engine.runtime.trace import Trace

STEPS = 150
CUTS: tuple[tuple[TapeCut, ...], ...] = (
    (TapeCut("reset", (12,)),),
    (TapeCut("reset", (), 7),),
    (TapeCut("reset", (1, 2, 64, 149)), TapeCut("reset", (), 64)),
)


def of_cell(cell: str, both: bool = True, readout: str | None = None, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 3} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    low, high = (layer(cell, 6, both=both, merge="sum", sizes=sizes) for _ in range(2))
    width = 6 if strict else 3
    spec: dict[str, Any] = {"name": "cut", "input_size": width, "layers": [low, high], "readout": readout, "outputs": 4}
    return random_network(spec, dtype=dtype)


def edges(cuts: tuple[TapeCut, ...], steps: int = STEPS) -> list[tuple[int, int]]:
    inside = {t for t in range(1, steps) if any(cut.lies_before(t) for cut in cuts)}
    return list(pairwise([0, *sorted(inside), steps]))


def x_of(network: Network, steps: int = STEPS) -> np.ndarray:
    return np.random.default_rng(5).normal(0, 1, (steps, network.input_size))


def assert_parts(whole: Trace, parts: list[Trace]) -> None:
    for name, passed in whole.items():
        for value in passed:
            assert bits(np.asarray(passed[value])) == bits(np.concatenate([one[name][value] for one in parts])), value


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("cell", sampled(cell_names(), 12))
def test_a_tape_with_resets_has_the_bits_of_its_parts(cell: str, engine: str) -> None:
    network = of_cell(cell)
    sequence = numbers(x_of(network))
    for cuts in CUTS:
        holds = cut_holds(network, cuts, STEPS)
        parts = [run(network, sequence.part(*edge), engine) for edge in edges(cuts)]
        assert_parts(run(network, sequence, engine, holds=holds), parts)
        assert_parts(run(network, sequence, engine, holds=holds, array_bytes=1), parts)


@pytest.mark.parametrize("cell", sampled(cell_names(), 12))
def test_a_growing_run_and_a_batch_have_them_too(cell: str) -> None:
    network = of_cell(cell, both=False)
    x = x_of(network)
    for cuts in CUTS:
        every = tuple(cut for cut in cuts if cut.every) or cuts
        parts = [run(network, numbers(x[a:b]), "numba") for a, b in edges(every)]
        given_each = [ToRun(x.astype("float32")[:stop], None, cut_holds(network, every, stop)) for stop in (STEPS, 90)]
        together = list(run_each(network, [*given_each, ToRun(x.astype("float32")[:9])], "numba"))
        assert_parts(trace_of(together[0], numbers(x)), parts)
        if any(not cut.every for cut in every):
            continue
        growing = GrowingRun(run(network, numbers(x[:5]), "numba", holds=cut_holds(network, every, 5)))
        for start, stop in pairwise([5, 6, 70, STEPS]):
            growing.grow(numbers(x[start:stop]), cut_holds(network, every, stop))
        assert_parts(growing.trace, parts)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("cell", sampled(cell_names(), 12))
def test_a_gradient_stops_at_a_reset(cell: str, engine: str) -> None:
    network = of_cell(cell, dtype="float64")
    x, cuts = x_of(network, 20), (TapeCut("reset", (3, 11)),)
    one = network.passes[-1]
    whole = run(network, numbers(x), engine, holds=cut_holds(network, cuts, 20))
    d = np.random.default_rng(3).normal(0, 1, (20, one.output_size))
    parts = [run(network, numbers(x[a:b]), engine) for a, b in edges(cuts, 20)]
    flats, d_x, _ = gradients(present(whole.ran), d_values={one.name: {one.cell.output: d}})
    alone = [
        gradients(present(part.ran), d_values={one.name: {one.cell.output: d[a:b]}})
        for part, (a, b) in zip(parts, edges(cuts, 20), strict=True)
    ]
    np.testing.assert_allclose(d_x, np.concatenate([found[1] for found in alone]), rtol=1e-9, atol=1e-12)
    for name, flat in flats.items():
        np.testing.assert_allclose(flat, sum(found[0][name] for found in alone), rtol=1e-9, atol=1e-12)


def test_a_learned_beginning_gets_the_gradient_of_every_part() -> None:
    text = load_cell("lstm").text.replace('state = ["h", "c"]', 'state = ["h", "c"]\ninitial = { c = "c_0" }')
    assert "c_0" in text
    spec = {
        "name": "learned", "input_size": 3, "layers": [layer("begun", 4)], "readout": None,
        "cells": {"begun": text.replace('name = "lstm"', 'name = "begun"')},
    }  # fmt: skip
    network = random_network(spec)
    x, cuts = x_of(network, 12), (TapeCut("reset", (), 5),)
    for engine in ("numpy", "numba"):
        whole = run(network, numbers(x), engine, holds=cut_holds(network, cuts, 12))
        parts = [run(network, numbers(x[a:b]), engine) for a, b in edges(cuts, 12)]
        assert_parts(whole, parts)
        d = np.ones((12, 4))
        found = gradients(present(whole.ran), d_values={"layer0.forward": {"h": d}})[0]["layer0.forward"]
        alone = [
            gradients(present(one.ran), d_values={"layer0.forward": {"h": d[: len(one.sequence)]}})[0]["layer0.forward"]
            for one in parts
        ]
        np.testing.assert_allclose(found, sum(alone), rtol=1e-9, atol=1e-12)
        assert np.abs(network.passes[0].program.view(found, "c_0")).min() > 0


def test_over_a_chunk_only_forward_passes_carry_their_states() -> None:
    network = of_cell("lstm")
    x, cuts = x_of(network, 20), (TapeCut("chunk", (), 6),)
    whole = run(network, numbers(x), "numpy", holds=cut_holds(network, cuts, 20))
    low = {name: whole[name]["h"] for name in ("layer0.forward", "layer0.backward")}
    assert bits(low["layer0.forward"]) == bits(run(network, numbers(x), "numpy")["layer0.forward"]["h"])
    alone = [run(network, numbers(x[a:b]), "numpy")["layer0.backward"]["h"] for a, b in edges(cuts, 20)]
    assert bits(low["layer0.backward"]) == bits(np.concatenate(alone))


@pytest.mark.parametrize("both", [False, True])
def test_the_ledger_ends_at_a_reset_and_still_adds_up(both: bool) -> None:
    network = of_cell("lstm", both)
    cuts = (TapeCut("reset", (4, 9)),)
    trace = run(network, numbers(x_of(network, 14)), "numpy", holds=cut_holds(network, cuts, 14))
    for name, passed in trace.items():
        flow = present(flow_of(passed, "c"))
        for t in range(14):
            ledger = ledger_at(passed, flow, t)
            assert ledger.breach == 0
            part = next(range(a, b) for a, b in edges(cuts, 14) if t in range(a, b))
            outside = [one for one in range(14) if one not in part]
            assert not ledger.by_token[outside].any(), (name, t)
            assert (
                passed.first_remembered(passed.reading_step(t) + 1) == part[0 if passed.direction == "forward" else -1]
            )


CLOCKS = [name for name in cell_names() if counts_steps(load_cell(name))]


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("cell", CLOCKS)
def test_whoever_takes_a_step_again_counts_from_the_reset(cell: str, start: int) -> None:
    text = re.sub(r"(?m)^start *=.*", "", load_cell(cell).text)
    spec = {
        "name": "cut",
        "input_size": 3,
        "layers": [layer(cell, 6, both=True)],
        "cells": {cell: f"start = {start}\n{text}"},
    }
    network = random_network(spec, dtype="float64")
    cuts = (TapeCut("reset", (3, 8)),)
    trace = run(network, numbers(x_of(network, 12)), "numpy", holds=cut_holds(network, cuts, 12))
    assert sheet_of(trace, range(12), 6).difference < 1e-4
    for passed in trace.values():
        bare, flow = replace(passed, stored=None), present(flow_of(passed, "h"))
        for t in range(12):
            part = next(range(a, b) for a, b in edges(cuts, 12) if t in range(a, b))
            assert passed.ticks(t) == start + (t - part[0] if passed.direction == "forward" else part[-1] - t)
            step = step_map(passed, t)
            before = states_at(passed, step.places, range(passed.reading_step(t), passed.reading_step(t) + 1))
            np.testing.assert_allclose(step.step(before)[0], passed["h"][t], rtol=1e-12)
            assert ledger_at(passed, flow, t).breach == 0
            for unit in range(6):
                assert explain(bare, "a", t, unit).computed == passed["a"][t, unit]


def test_nothing_of_before_a_reset_is_read_by_it_even_where_it_is_no_number() -> None:
    network = of_cell("lstm", both=False)
    x = x_of(network, 10)
    x[2] = np.nan
    for engine in ("numpy", "numba"):
        trace = run(network, numbers(x), engine, holds=cut_holds(network, (TapeCut("reset", (5,)),), 10))
        low = trace["layer0.forward"]["c"]
        assert np.isnan(low[2:5]).all()
        assert np.isfinite(low[5:]).all()


spans = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9)).map(lambda one: range(*one))


@settings(max_examples=80, deadline=None)
@given(some=st.lists(spans, max_size=4), start=st.integers(0, 30), stop=st.integers(0, 30), t=st.integers(0, 30))
def test_places_of_resets_are_those_of_a_set(some: list[range], start: int, stop: int, t: int) -> None:
    resets, every = Resets(tuple(some)), {t for one in some for t in one}
    assert resets.at(t) == (t in every)
    assert resets.between(start, stop) == sorted(one for one in every if start <= one < stop)
    assert resets.part(start, stop).between(0, 30) == sorted(one - start for one in every if start <= one < stop)
    assert resets.nearest(t, "forward") == max((one for one in every if one <= t), default=None)
    assert resets.nearest(t, "backward") == min((one for one in every if one >= t), default=None)
    for one in some:
        hold = Hold("layer0.forward", "prev(c)", (0, 1), (one.start, one.stop), "set", 0.0, one.step)
        assert list(hold.within(start, stop).places) == [t - start for t in one if start <= t < stop]


@settings(max_examples=80, deadline=None)
@given(places=st.sets(st.integers(0, 9)), t=st.integers(0, 9), insert=st.booleans())
def test_a_cut_stays_before_its_token_when_another_comes_or_goes(places: set[int], t: int, insert: bool) -> None:
    tokens = list("abcdefghij")
    cut = TapeCut("reset", tuple(sorted(places)))
    before = {tokens[one]: one for one in places}
    changed = [*tokens[:t], "+", *tokens[t:]] if insert else [*tokens[:t], *tokens[t + 1 :]]
    shifted = cut.shifted(t, 1 if insert else -1)
    kept = {changed.index(token) for token in before if token in changed}
    gone = {t} if not insert and t in places else set()  # its own token went: it lies before the next
    assert set(shifted.places) == kept | gone
    assert all(moved(one, t, 1) in (one, one + 1) for one in places)


@settings(max_examples=60, deadline=None)
@given(
    every=st.integers(0, 9), places=st.lists(st.integers(0, 20), max_size=4), start=st.integers(0, 20),
    stop=st.integers(0, 20), reset=st.booleans(),
)  # fmt: skip
def test_a_part_of_a_tape_is_cut_where_the_tape_was(
    every: int, places: list[int], start: int, stop: int, reset: bool
) -> None:
    cut = TapeCut("reset" if reset else "chunk", () if every else tuple(sorted(places)), every)
    here = {t - start for t in range(start, stop) if cut.lies_before(t)} - {0}
    part = cut.part(start, stop)
    assert {t for t in range(1, max(stop - start, 0)) if part.lies_before(t)} == here
    found = {t for span in cut_spans((part,), "backward", max(stop - start, 0)) for t in span}
    assert found == {t - 1 for t in here}
