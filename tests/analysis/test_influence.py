"""Influence against central differences, deletion against a run of the shorter text."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from edited_networks import sentence, stacked

from lstm_tui.analysis.influence import (
    Target,
    deletion_rows,
    deletions,
    gradient_rows,
    influence,
    tokens_within,
    without,
)
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.engine.runtime import storage, windows
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import gradients, run, run_arrays
from lstm_tui.engine.runtime.trace import Trace

CLASS = Target("positive", class_index=1)
VALUE = Target("c[1] at t=1", pass_name="layer1.backward", value="c", unit=1, t=1)


@pytest.mark.parametrize("target", [CLASS, VALUE], ids=lambda target: target.label)
def test_the_gradient_by_every_input_is_the_central_difference(target: Target) -> None:
    network = stacked(dtype=np.float64)
    trace = run(network, sentence(network))
    found = influence(trace, target)
    x = trace["layer0.forward"].inputs["x"].copy()

    def number() -> float:
        ran = run_arrays(network, x, "numpy")
        if target.class_index is not None:
            assert ran.readout is not None
            return float(ran.readout.values["y"][target.class_index])
        step = len(x) - 1 - 1
        return float(ran.stored["layer1.backward"].values["c"][step, 1])

    numeric = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        old = x[place]
        x[place] = old + 1e-5
        above = number()
        x[place] = old - 1e-5
        numeric[place] = (above - number()) / 2e-5
        x[place] = old
    assert found.number == pytest.approx(number())
    np.testing.assert_allclose(found.by_x, numeric, atol=1e-6 * np.abs(numeric).max())
    np.testing.assert_allclose(found.of_token, (numeric * x).sum(axis=1), atol=1e-8)


def test_what_is_read_later_has_no_influence_on_a_value() -> None:
    network = stacked()
    trace = run(network, sentence(network))
    found = influence(trace, Target("c", pass_name="layer0.forward", value="c", unit=0, t=2))
    assert found.size[:3].all()
    assert not found.size[3:].any()
    assert found.by_state["layer0.forward"]["c"][2, 0] == 1
    assert not found.by_state["layer0.backward"]["c"].any()


def test_leaving_a_token_out_is_a_run_of_the_shorter_text() -> None:
    network = stacked()
    trace = run(network, sentence(network))
    assert trace.result is not None
    shorter = run(network, sentence(network, "The movie was bad"))
    assert shorter.result is not None
    effects = deletions(trace, CLASS)
    assert effects[3] == pytest.approx(float(shorter.result[1]) - float(trace.result[1]), abs=1e-12)
    assert without(trace.sequence, 3).tokens == ("The", "movie", "was", "bad")


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
def test_gradients_by_value_are_those_by_slot(interpreter: str) -> None:
    network = stacked()
    trace = run(network, sentence(network), interpreter)
    assert trace.ran is not None
    seed = {"layer1.forward": {"h": np.ones_like(trace["layer1.forward"]["h"])}}
    _, by_x, slots = gradients(trace.ran, np.array([0.25, -1], dtype=np.float32), seed)
    by_value: dict[str, dict[str, np.ndarray]] = {}
    flats, by_x_too, _ = gradients(trace.ran, np.array([0.25, -1], dtype=np.float32), seed, by_value=by_value)
    np.testing.assert_array_equal(by_x_too, by_x)
    assert not np.any([flats[name][: 5 * 4] for name in ("layer0.forward", "layer0.backward")])
    for name, passed in trace.passes.items():
        program = trace.ran.stored[name].program
        assert by_value[name].keys() == {"c", "h"}
        for value in ("c", "h"):
            slot = program.values[value]
            expected = slots[name][1:, slot.offset : slot.offset + slot.size]
            expected = expected if passed.direction == "forward" else expected[::-1]
            np.testing.assert_array_equal(by_value[name][value], expected)


@pytest.mark.parametrize("places", [range(1, 4), range(2, 5), range(4, 5)])
def test_the_maps_of_some_tokens_are_those_of_all(places: range) -> None:
    network = stacked()
    trace = run(network, sentence(network))
    for name in trace:
        for rows in (gradient_rows, partial(deletion_rows, trace)):
            whole = dict(rows(trace[name], range(5)))
            some = dict(rows(trace[name], places))
            assert sorted(some) == list(places)
            for t, column in some.items():
                np.testing.assert_array_equal(column, whole[t][places.start : places.stop])


def test_what_is_held_stays_held_when_a_token_is_left_out() -> None:
    network = stacked()
    initial = {"layer0.forward": {"h": np.full(4, 0.5), "c": np.ones(4)}}
    recipe = "set layer0.forward.c[:] @ 3 = 1\nscale layer1.backward.f[0] @ 1:4 * 0.5"
    made = apply(parse_edit_script(recipe), network, sentence(network))
    trace = run(made.network, made.sequence, initial=initial, holds=made.holds)
    for gone in range(5):
        less = apply(parse_edit_script(f"{recipe}\ndelete {gone}"), network, sentence(network))
        shorter = run(less.network, less.sequence, initial=initial, holds=less.holds)
        assert trace.result is not None
        assert shorter.result is not None
        expected = float(shorter.result[1]) - float(trace.result[1])
        assert deletions(trace, CLASS)[gone] == pytest.approx(expected, abs=1e-12)


def test_a_number_is_asked_of_a_value_at_its_own_token() -> None:
    network = stacked()
    trace = run(network, sentence(network))
    effects = deletions(trace, VALUE)
    assert np.isnan(effects[1])
    assert np.isfinite(np.delete(effects, 1)).all()


def test_a_row_of_numbers_can_be_left_out() -> None:
    import lstm_tui

    rows = np.random.default_rng(3).normal(size=(6, 3))
    target = Target("next", class_index=1, t=4)
    effects = deletions(lstm_tui.trace(rows, "forecast"), target)
    outputs = [lstm_tui.trace(one, "forecast").output for one in (rows, np.delete(rows, 2, axis=0))]
    assert outputs[0] is not None
    assert outputs[1] is not None
    assert effects[2] == pytest.approx(float(outputs[1][3, 1] - outputs[0][4, 1]), abs=1e-6)
    assert effects[5] == 0


TARGETS = (
    CLASS, VALUE, Target("c at t=70", pass_name="layer0.forward", value="c", t=70),
    Target("h", pass_name="layer1.forward", value="h"),
)  # fmt: skip


@pytest.fixture
def one_run_in_two_ways(monkeypatch: pytest.MonkeyPatch) -> tuple[Trace, Trace]:
    """Return a run of 150 tokens held whole and in windows of one block, with a value held and states given."""
    for module, name in ((windows, "WINDOW_BYTES"), (windows, "_SPAN_BYTES"), (storage, "SPAN_BYTES")):
        monkeypatch.setattr(module, name, 1)
    network = stacked()
    sequence = sentence(network, " ".join(["The", "movie", "was", "not", "bad"] * 30))
    holds = (Hold("layer0.forward", "c", (0, 2), (60, 70), "scale", 0.5),)
    return (run(network, sequence, "numba", holds=holds), run(network, sequence, "numba", holds=holds, array_bytes=0))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.label)
def test_of_a_run_in_windows_the_answers_are_those_of_the_whole(
    one_run_in_two_ways: tuple[Trace, Trace], target: Target
) -> None:
    """Gradients and deletions, of all tokens and of some."""
    whole, held = one_run_in_two_ways
    for places in (None, range(60, 75), range(149, 150)):
        one, other = (influence(trace, target, places) for trace in (whole, held))
        assert one.number == other.number
        assert one.places == other.places
        for name in ("by_x", "of_token", "size"):
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name), name)
        for name, values in one.by_state.items():
            for value, d in values.items():
                np.testing.assert_array_equal(other.by_state[name][value], d)
        if places is not None:
            expected, found = (deletions(trace, target, places=places) for trace in (whole, held))
            np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_of_a_run_in_windows_the_maps_are_those_of_the_whole(one_run_in_two_ways: tuple[Trace, Trace]) -> None:
    whole, held = one_run_in_two_ways
    places = tokens_within(whole, 100)
    for name in whole:
        maps = [
            [*gradient_rows(trace[name], places), *deletion_rows(trace, trace[name], places)] for trace in (held, whole)
        ]
        for (t, column), (u, expected) in zip(*maps, strict=True):
            assert t == u
            np.testing.assert_array_equal(column, expected)


def test_only_what_is_needed_of_a_run_in_windows_is_gone_back_through(
    one_run_in_two_ways: tuple[Trace, Trace],
) -> None:
    """Of a value early on, read forwards in the lowest layer, nothing but the steps before it is computed."""
    _, held = one_run_in_two_ways
    target = Target("c", pass_name="layer0.forward", value="c", unit=0, t=5)
    told: list[tuple[int, int]] = []
    influence(held, target, range(6), lambda done, count: told.append((done, count)))
    assert told == sorted(told)
    assert held.windows is not None
    assert held.windows.passes["layer1.backward"].taken == 0
