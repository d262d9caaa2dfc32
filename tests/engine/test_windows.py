"""A run held in windows has the bits of a run held whole, wherever it is looked at first, and little of it is held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present
from random_networks import layer, numbers, random_network

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import windows
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_run import begin_like
from lstm_tui.engine.runtime.windowed_series import computed_rows_only, is_not_known_yet, is_windowed

STEPS = 150


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have windows of one block, and one window at a time on the way."""
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    monkeypatch.setattr(windows, "_SPAN_BYTES", 1)


def network_of(cell: str = "lstm", both: bool = False, readout: str | None = None, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 3} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    width = 6 if strict else 3
    made = layer(cell, 6, both, "sum" if strict else "concat", sizes=sizes)
    spec: dict[str, Any] = {
        "name": "windowed", "input_size": width, "layers": [made] * 2, "readout": readout, "outputs": 4,
    }  # fmt: skip
    return random_network(spec, dtype=dtype)


def series(network: Network, steps: int = STEPS) -> Sequence:
    return numbers(np.random.default_rng(7).normal(0, 1, (steps, network.input_size)))


def bits(array: Array) -> bytes:
    array = np.ascontiguousarray(array)
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes()


def both_ways(network: Network, sequence: Sequence, engine: str, holds: tuple[Hold, ...] = ()) -> tuple[Trace, Trace]:
    whole = run(network, sequence, engine, holds=holds)
    held = run(network, sequence, engine, holds=holds, array_bytes=0)
    assert present(whole.ran).windows is None
    assert present(held.ran).windows is not None
    return whole, held


def assert_same(whole: Trace, held: Trace, steps: list[int]) -> None:
    """Compare every number, those of some steps first, as one who jumps about looks at them."""
    for t in steps:
        for name, one in whole.items():
            for value, expected in one.arrays.items():
                assert bits(held[name][value][t]) == bits(expected[t]), (name, value, t)
            row, expected_row = held[name].row(t), one.row(t)
            assert bits(present(row)) == bits(present(expected_row)), (name, t)
    for name, one in whole.items():
        for value, expected in (*one.arrays.items(), *one.inputs.items()):
            found = held[name][value] if value in held[name] else held[name].inputs[value]
            assert found.shape == expected.shape
            assert bits(np.asarray(found)) == bits(expected), (name, value)
        for state, numbers_ in one.final_states.items():
            assert bits(held[name].final_states[state]) == bits(numbers_)
    for value, expected in whole.readout.items():
        assert bits(np.asarray(held.readout[value])) == bits(expected), value
    for said, expected_said in ((held.output, whole.output), (held.result, whole.result)):
        assert (said is None) == (expected_said is None)
        if said is not None:
            assert bits(np.asarray(said)) == bits(present(expected_said))


@pytest.mark.parametrize("engine", [pytest.param("numpy", marks=pytest.mark.slow), "numba"])
@pytest.mark.parametrize("cell", cell_names())
def test_windows_have_the_bits_of_the_whole(cell: str, engine: str) -> None:
    """Every cell, two layers, both ways where it can: the rows of a window are those of the whole run."""
    network = network_of(cell, both=True)
    whole, held = both_ways(network, series(network), engine)
    assert_same(whole, held, [149, 0, 70])


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("readout", readout_names())
def test_readouts_over_windows_have_the_bits_of_the_whole(readout: str, both: bool) -> None:
    if readout == "final" and not both:
        both = True  # it reads both ends
    network = network_of("lstm", both, readout)
    whole, held = both_ways(network, series(network), "numba")
    assert_same(whole, held, [100])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    cell=st.sampled_from(cell_names()),
    both=st.booleans(),
    steps=st.integers(1, 260),
    looked=st.lists(st.integers(0, 259), max_size=4),
    held=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["x", "first"]), st.integers(0, 259), st.integers(1, 80),
                  st.sampled_from(["set", "scale"])),
        max_size=3,
    ),
)  # fmt: skip
def test_windows_of_held_runs_at_odd_sizes(
    cell: str, both: bool, steps: int, looked: list[int], held: list[tuple[int, str, int, int, Any]]
) -> None:
    """Values are held across the edges of windows, and looked at in any order."""
    network = network_of(cell, both, "mean")
    passes = network.passes
    holds = tuple(
        Hold(
            passes[layer_number * len(passes) // 2].name,
            next(iter(passes[0].program.values)) if value == "first" else "x",
            (0, 2),
            (min(start, steps - 1), min(start + count, steps)),
            verb,
            0.5,
        )
        for layer_number, value, start, count, verb in held
    )
    whole, windowed = both_ways(network, series(network, steps), "numba", holds)
    assert_same(whole, windowed, [t % steps for t in looked])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    cell=st.sampled_from(cell_names()),
    both=st.booleans(),
    verb=st.sampled_from(["replace", "insert", "delete", "hold", "none"]),
    place=st.integers(0, 299),
    first=st.integers(0, 299),
    held=st.booleans(),
)
def test_a_run_that_begins_like_another_has_its_own_bits(
    cell: str, both: bool, verb: str, place: int, first: int, held: bool
) -> None:
    """After an edit anywhere the states that are taken over are those that the edited run has."""
    network = network_of(cell, both, "mean")
    x = np.random.default_rng(3).normal(0, 1, (300, network.input_size))
    names = [one.name for one in network.passes]
    holds = (Hold(names[-1], "x", (0, 1), (100, 170), "scale", 0.5),) if held else ()
    before = run(network, numbers(x), "numba", holds=holds, array_bytes=0)
    present(present(before.ran).windows).finish()
    y = x
    more: tuple[Hold, ...] = ()
    if verb == "replace":
        y = x.copy()
        y[place] += 1
    elif verb == "insert":
        y = np.insert(x, place, 0.3, axis=0)
    elif verb == "delete":
        y = np.delete(x, place, axis=0)
    elif verb == "hold":
        more = (Hold(names[place % len(names)], "x", (0, 2), (place, place + 1), "set", 2.0),)
    sequence = numbers(x if y is x else y)
    edited = run(network, sequence, "numba", holds=(*holds, *more), array_bytes=0)
    begin_like(present(edited.ran), present(before.ran))
    if verb == "replace" and place > 128 and not held:
        assert present(present(edited.ran).windows).passes[names[0]].taken >= 128
    assert_same(run(network, sequence, "numba", holds=(*holds, *more)), edited, [first % len(y)])


def test_nothing_is_computed_before_it_is_looked_at() -> None:
    """A forward pass shows its first window without the rest; a backward one is not known there yet."""
    network = network_of("lstm", both=True, readout="mean")
    trace = run(network, series(network, 640), "numba", array_bytes=0)
    held = present(present(trace.ran).windows)
    with computed_rows_only():
        assert not np.isnan(trace["layer0.forward"]["h"][3]).any()
        assert np.isnan(trace["layer0.backward"]["h"][3]).all()
        assert np.isnan(trace["layer1.forward"]["h"][3]).all()  # which reads both
        assert not np.isnan(trace["layer0.backward"]["h"][639]).any()
    assert is_not_known_yet(trace.result)
    assert [one.taken for one in held.passes.values()] == [0] * 4
    told: list[tuple[int, int]] = []
    held.finish(lambda done, total: told.append((done, total)))
    assert held.is_complete
    assert held.share == 1.0
    assert told == sorted(told)
    assert told[-1] == (640 * 5, 640 * 5)
    assert not is_not_known_yet(trace.result)
    with computed_rows_only():
        assert not np.isnan(trace["layer1.backward"]["h"][0]).any()


@pytest.mark.parametrize("both", [False, True])
def test_after_an_edit_what_is_near_is_computed_and_the_rest_is_not(both: bool) -> None:
    """What leads to the tokens near it is taken, where that takes little; of the run before nothing is taken again."""
    network = network_of("lstm", both)
    before = run(network, series(network, 1280), "numba", array_bytes=0)
    was = present(present(before.ran).windows)
    was.finish()
    x = np.array(present(before.sequence.x))
    x[650] += 1
    edited = run(network, numbers(x), "numba", array_bytes=0)
    begin_like(present(edited.ran), present(before.ran))
    held = present(present(edited.ran).windows)
    held.look(600, 800, 0.0)
    taken = {name: one.taken for name, one in held.passes.items()}
    assert not all(one.is_ready(700, 800) for one in held.passes.values()), "that took longer than none"
    held.look(600, 800, 60.0)
    for name, one in held.passes.items():
        turned = name.endswith("backward")
        lowest = name.startswith("layer0")
        if lowest or not both:
            assert one.is_ready(*((480, 680) if turned else (600, 800))), name
            assert taken[name] <= one.taken < 1280 - 256, name
    if not both:
        expected = run(network, numbers(x), "numba")
        with computed_rows_only():
            for name in held.passes:
                assert bits(edited[name]["c"][600:800]) == bits(expected[name]["c"][600:800])


def test_windows_that_are_the_same_in_two_runs_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("gru")
    before = run(network, series(network, 1280), "numba", array_bytes=0)
    was = present(present(before.ran).windows)
    was.finish()
    x = np.array(present(before.sequence.x))
    x[1000] = 0
    edited = run(network, numbers(x), "numba", array_bytes=0)
    begin_like(present(edited.ran), present(before.ran))
    expected = [np.array(before["layer0.forward"]["h"][t]) for t in (70, 650)]
    computed: list[int] = []
    values = windows.PassWindows._values

    def counted(self: windows.PassWindows, start: int, stop: int, state: Any) -> Any:
        computed.append(start)
        return values(self, start, stop, state)

    monkeypatch.setattr(windows.PassWindows, "_values", counted)
    for t, numbers_ in zip((70, 650), expected, strict=True):
        assert bits(edited["layer0.forward"]["h"][t]) == bits(numbers_)
    assert computed == []
    _ = edited["layer0.forward"]["h"][1000]
    assert computed[-1] == 1000 // 64 * 64, "behind the edit it has its own"
    was.room.clear()
    _ = edited["layer0.forward"]["h"][70]
    assert computed[-1] == 64


def test_what_is_held_does_not_grow_with_the_run() -> None:
    """Of ten times the tokens ten times the states are held, and no more windows."""
    network = network_of("gru")
    rooms = []
    for steps in (640, 6400):
        trace = run(network, series(network, steps), "numba", array_bytes=0)
        held = present(present(trace.ran).windows)
        held.room._most = 40_000
        held.finish()
        for t in range(0, steps, 50):
            _ = trace["layer1.forward"]["h"][t]
        rooms.append(held.room.used)
        states = sum(one.nbytes for one in held.passes.values())
        assert states == 2 * (steps // 64) * 6 * 4
        assert held.room.used <= 40_000
    assert rooms[1] <= 40_000


def test_a_given_up_run_goes_on_where_it_was() -> None:
    network = network_of("lstm", both=True, readout="mean")
    trace = run(network, series(network, 640), "numba", array_bytes=0)
    held = present(present(trace.ran).windows)

    class Enough(Exception):
        """It was given up."""

    def stop(done: int, total: int) -> None:
        if done > total / 3:
            raise Enough

    with pytest.raises(Enough):
        held.finish(stop)
    assert 0 < held.share < 1
    held.finish()
    assert bits(np.asarray(trace.result)) == bits(present(run(network, series(network, 640), "numba").result))


def test_a_series_is_read_like_the_array_it_stands_for() -> None:
    """Indices, arithmetic and reductions of a series against the same of the array."""
    network = network_of("lstm")
    whole, held = both_ways(network, series(network), "numba")
    array, stands = whole["layer1.forward"]["c"], held["layer1.forward"]["c"]
    assert is_windowed(stands)
    indices: list[Any] = [
        3, -1, np.int64(7), slice(5, 9), slice(None), slice(None, None, -1), slice(140, 3, -7), (slice(None), 2),
        (4, 1), (slice(2, 90), slice(1, 3)), [5, 3, 149, 3],
        np.array([0, 77]), array[:, 0] > 0, (slice(None), None), (..., 1),
        ([4, 2], [1, 0]), slice(9, 5),
    ]  # fmt: skip
    for index in indices:
        assert bits(np.asarray(stands[index])) == bits(array[index]), index
    calls: list[Any] = [
        lambda a: np.abs(a), lambda a: a * 2 + a, lambda a: a - array, lambda a: a[::-1] * a, lambda a: a.mean(axis=1),
        lambda a: np.abs(a).max(), lambda a: a.max(axis=0), lambda a: a.min(axis=1), lambda a: (a > 0).any(axis=1),
        lambda a: (a > -9).all(), lambda a: np.isfinite(a).all(axis=0), lambda a: a.sum(axis=0), lambda a: a.copy(),
        lambda a: np.max(np.abs(a), where=np.isfinite(a), initial=0.0), lambda a: a.astype(np.float64) ** 2,
        lambda a: a[:, :1] + a, lambda a: 1 - a, lambda a: a == a, lambda a: -a, lambda a: np.where(a > 0, a, 0),
        lambda a: a.T, lambda a: np.diff(a, axis=0),
    ]  # fmt: skip
    for number, call in enumerate(calls):
        assert bits(np.asarray(call(stands))) == bits(np.asarray(call(array))), number
    with pytest.raises(IndexError):
        stands[150]


def test_a_series_is_not_computed_whole_by_who_asks_what_it_is() -> None:
    """NumPy and `copy` look for names of their own that no array of windows has."""
    network = network_of("lstm", both=False)
    _, held = both_ways(network, series(network), "numba")
    values = next(iter(held.passes.values()))["c"]
    for name in ("__array_interface__", "__array_struct__", "__deepcopy__"):
        assert not hasattr(values, name)
    assert values.T.shape == values.shape[::-1]
