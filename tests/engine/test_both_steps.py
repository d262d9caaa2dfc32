"""Both directions of a small layer, taken side by side in one thread, have the bits of one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_programs import bundled
from on_threads import assert_same_run, given_to
from random_networks import layer, random_network
from registries import sampled

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import forward, side_by_side, storage
from lstm_tui.engine.runtime.compiling import nothing_compiled
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.fused import interpreter, named_step
from lstm_tui.engine.runtime.fused.both_steps import is_small
from lstm_tui.engine.runtime.fused.compiled_steps import Newest, vector_of
from lstm_tui.engine.runtime.fused.schedule import page_of, schedule
from lstm_tui.engine.runtime.overrides import Hold


class Counted:
    """Has every layer of two directions run side by side that can be; counts where one was."""

    def __init__(self, patch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
        self.taken = 0
        self.is_on = True
        patch.setattr(interpreter, "NEWEST", Newest())
        patch.setattr(storage, "NAMED_BYTES", 0)
        patch.setattr(side_by_side, "idle_cores", lambda: 0)
        patch.setattr(named_step, "BOTH_SECONDS", seconds)
        patch.setattr(named_step, "_GIVEN_BYTES", 1)
        patch.setattr(named_step, "_GIVEN_STEPS", 24)
        run = storage.run_both_passes

        def counted(*arguments: Any) -> Any:
            found = run(*arguments) if self.is_on else None
            self.taken += found is not None
            return found

        patch.setattr(forward, "run_both_passes", counted)

    def compared(self, network: Network, x: Array, **more: Any) -> int:
        """Compare a run with one after the other; return how many layers were run side by side."""
        self.is_on, self.taken = False, 0
        expected = run_arrays(network, x, "numba", **more)
        self.is_on = True
        assert_same_run(expected, run_arrays(network, x, "numba", **more))
        return self.taken


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")
    return Counted(monkeypatch)


def both_ways(cell: str, hidden: int, layers: int = 1, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes
    sizes = {"P": 3} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    made = layer(cell, hidden, directions=["forward", "backward"], merge="sum", sizes=sizes)
    width = hidden if strict else 5
    return random_network({"name": "made", "input_size": width, "layers": [made] * layers}, dtype=dtype)


@pytest.mark.parametrize("cell", sampled(cell_names(), 4))
def test_every_cell(cell: str, counted: Counted) -> None:
    for hidden in (5, 16):
        network = both_ways(cell, hidden)
        taken = counted.compared(network, given_to(network, 40))
        made = schedule(page_of(network.passes[0].program).takes)
        small = is_small(made, vector_of(np.dtype(np.float32)))
        assert taken == 0 or small
        if cell in ("lstm", "gru") and small:
            assert taken == 1


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(cell=st.sampled_from(["lstm", "gru", "lstm_peephole", "lstm_projected", "clockwork"]),
       hidden=st.sampled_from([1, 3, 7, 8, 13, 16]), steps=st.integers(1, 80), held=st.integers(0, 3),
       dtype=st.sampled_from(["float32", "float64"]), resumed=st.booleans())  # fmt: skip
def test_odd_sizes_held_and_resumed(cell: str, hidden: int, steps: int, held: int, dtype: str, resumed: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        network = both_ways(cell, hidden, 2, dtype)
        lowest = network.passes[0]
        state, size = next((name, len(one)) for name, one in lowest.program.initial_states(lowest.flat).items())
        names = [one.name for one in network.passes[:2]][: held % 3 if held < 3 else 2]
        holds = [Hold(name, state, (0, 1), (steps // 3, steps), "set", 0.25) for name in names]
        begun = {"layer0.backward": {state: np.random.default_rng(steps).normal(size=size)}} if resumed else None
        Counted(patch).compared(network, given_to(network, steps, steps), initial=begun, holds=holds)


def test_progress_is_told_of_both_and_may_end_them(counted: Counted) -> None:
    network = both_ways("lstm", 4, 2)
    x, told = given_to(network, 100), list[tuple[int, int]]()
    counted.compared(network, x, progress=lambda *done: told.append(done))
    assert counted.taken == 2
    assert told[-1] == (400, 400)
    assert [done for done, _ in told[-6:]] == sorted(done for done, _ in told[-6:])

    def tell(done: int, _: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_arrays(network, x, "numba", progress=tell)
    assert counted.compared(network, x) == 2


def test_what_is_not_alike_is_run_one_after_the_other(counted: Counted) -> None:
    made = {
        **layer("lstm", 4, directions=["forward", "backward"], merge="concat"),
        "own": {"backward": {"cell": "gru"}},
    }
    network = random_network({"name": "made", "input_size": 5, "layers": [made]})
    assert counted.compared(network, given_to(network, 30)) == 0
    network = both_ways("lstm", 33)
    assert not is_small(schedule(page_of(network.passes[0].program).takes), 16)


def test_nothing_is_compiled_for_both_under_a_key_nor_before_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")
    counted = Counted(monkeypatch, 0.001)
    network = both_ways("lstm", 4)
    x = given_to(network, 60)
    taken = [counted.compared(network, x) for _ in range(200)]
    assert taken[0] == 0, "two short runs are not worth it"
    assert taken[-1] == 1
    counted = Counted(monkeypatch)
    other = both_ways("gru", 4)
    counted.is_on = False
    run_arrays(other, x, "numba")
    counted.is_on = True
    with nothing_compiled():
        run_arrays(other, x, "numba")
    assert counted.taken == 0
    run_arrays(other, x, "numba")
    assert counted.taken == 1


def test_a_small_step_has_one_vector_of_units() -> None:
    for hidden in (1, 7, 8, 15, 16, 17, 40):
        made = schedule(page_of(bundled("lstm", hidden)).takes)
        for vector in (4, 8, 16):
            assert is_small(made, vector) == (hidden <= vector)
