"""Two directions, or two networks, on two threads: the bits of one after the other, and one way to tell and to end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence as Items
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_threads import assert_same_run, given_to, none_is_left  # noqa: F401
from random_networks import layer, numbers, random_network
from registries import sampled
from test_same_bits import assert_same_bits

from lstm_tui.debugger import source as opened
from lstm_tui.debugger.source import Source, edited_runs
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import batch, cores, forward, gradients, side_by_side, windows
from lstm_tui.engine.runtime.batch import ToRun, gradients_together, run_together, values_outside
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.fused.compiled_steps import NEWEST
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.side_by_side import Told, Work
from lstm_tui.engine.runtime.windowed_run import windowed_arrays

BESIDE = side_by_side.side_by_side
WHERE = (forward, windows, gradients, batch, opened)
"""What deals work out to threads."""


class AtOnce:
    """Has every two pieces of work done at the same time: neither goes on before the other is on its own thread."""

    def __init__(self) -> None:
        self.is_on, self.pairs = True, 0

    def beside(self, works: Items[Work[Any]], threads: int, told: Told | None = None) -> list[Any]:
        if not self.is_on:
            return BESIDE(works, 1, told)
        if len(works) < 2:
            return BESIDE(works, threads, told)
        assert threads == 2
        both = threading.Barrier(2, timeout=60)

        def meet(work: Work[Any], report: Any) -> Any:
            both.wait()
            return work(report)

        self.pairs += 1
        return BESIDE([partial(meet, one) for one in works], threads, told)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> AtOnce:
    made = AtOnce()
    for module in WHERE:
        monkeypatch.setattr(module, "side_by_side", made.beside)
    monkeypatch.setattr(side_by_side, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 1)
    return made


def both_ways(cell: str = "lstm", hidden: int = 6, layers: int = 1, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 3} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    made = layer(cell, hidden, True, "sum" if strict else "concat", sizes=sizes)
    width = hidden if strict else 3
    return random_network({"name": "made", "input_size": width, "layers": [made] * layers}, dtype=dtype)


@pytest.mark.parametrize("cell", sampled(cell_names(), 4))
def test_both_directions_of_every_cell(cell: str, at_once: AtOnce) -> None:
    network = both_ways(cell, layers=2)
    x = given_to(network, 70)
    for _ in range(2):  # the first of them may compile
        found = run_arrays(network, x, "numba")
    assert at_once.pairs == 4
    at_once.is_on = False
    assert_same_run(run_arrays(network, x, "numba"), found)


@settings(max_examples=12, deadline=None)
@given(hidden=st.sampled_from([1, 7, 33, 64]), steps=st.integers(1, 200), dtype=st.sampled_from(["float32", "float64"]),
       keep_rows=st.booleans(), held=st.booleans(), resumed=st.booleans(), seed=st.integers(0, 99))  # fmt: skip
@pytest.mark.slow
def test_odd_sizes_held_and_resumed(
    hidden: int, steps: int, dtype: str, keep_rows: bool, held: bool, resumed: bool, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = AtOnce()
        patch.setattr(forward, "side_by_side", made.beside)
        patch.setattr(side_by_side, "LEAST_SECONDS", 0.0)
        patch.setattr(side_by_side, "idle_cores", lambda: 1)
        network = both_ways("lstm", hidden, 2, dtype)
        x, rng = given_to(network, steps, seed), np.random.default_rng(seed)
        holds = [Hold("layer0.backward", "c", (0, 1), (steps // 3, steps), "set", 0.25)] if held else []
        states = {name: {"c": rng.normal(size=hidden)} for name in ("layer0.forward", "layer1.backward")}
        begun = states if resumed else None
        found = run_arrays(network, x, "numba", begun, None, holds, keep_rows)
        assert made.pairs == 2
        made.is_on = False
        assert_same_run(run_arrays(network, x, "numba", begun, None, holds, keep_rows), found)


@pytest.mark.parametrize("readout", [None, "dense", "mean"])
def test_windows_taken_on_two_threads(readout: str | None, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    monkeypatch.setattr(windows, "_SPAN_BYTES", 1)
    made = layer("lstm", 6, True)
    spec = {"name": "made", "input_size": 3, "layers": [made] * 2, "readout": readout, "outputs": 3}
    network = random_network(spec, dtype="float32")
    x = given_to(network, 300)
    held, told = windowed_arrays(network, x, "numba"), []
    assert held.windows is not None
    held.windows.finish(lambda done, total: told.append((done, total)))
    assert held.windows.is_complete
    assert at_once.pairs == (1 if readout == "mean" else 2), "beside a readout of every token they are in turn"
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    at_once.is_on = False
    assert_same_run(run_arrays(network, x, "numba"), held)


def test_windows_that_are_given_up_go_on_where_they_were(at_once: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    monkeypatch.setattr(windows, "_SPAN_BYTES", 1)
    network = both_ways()
    x = given_to(network, 640)
    held = windowed_arrays(network, x, "numba")
    assert held.windows is not None

    def give_up(done: int, total: int) -> None:
        if done > total // 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        held.windows.finish(give_up)
    assert 0 < held.windows.share < 1
    held.windows.finish()
    at_once.is_on = False
    assert_same_run(run_arrays(network, x, "numba"), held)


def test_gradients(at_once: AtOnce) -> None:
    network = both_ways("lstm", 7, 2)
    x = given_to(network, 50)
    ran = run_arrays(network, x, "numba", keep_rows=True)
    weight = {
        one.name: {"h": given_to(both_ways("lstm", 7), 50)[:, :1] * np.ones((1, 7), "f")} for one in network.passes
    }

    def every() -> list[Array]:
        flats, d_x, _ = gradients.gradients(ran, None, weight)
        by_value: dict[str, dict[str, Array]] = {}
        gradients.gradients(ran, None, weight, by_value=by_value)
        together = run_together(network, [ToRun(x), ToRun(x[:20])], values_outside(network))
        assert together is not None
        rows = {name: {"h": np.ones((together.stack.rows, 7), "f")} for name in weight}
        summed, by_x = gradients_together(together, {}, rows)
        values = [one[value] for _, one in sorted(by_value.items()) for value in sorted(one)]
        return [
            *(flats[name] for name in sorted(flats)),
            d_x,
            *values,
            *(summed[n] for n in sorted(summed)),
            by_x[1:51],
        ]

    assert at_once.pairs == 2
    found = every()
    assert at_once.pairs == 2 + 2 * (1 + 1 + 2), "each layer, in both gradients, and in a batch forwards and back"
    at_once.is_on = False
    for n, (one, other) in enumerate(zip(found, every(), strict=True)):
        assert_same_bits(one, other, f"gradient {n}")


def test_two_networks(at_once: AtOnce) -> None:
    sources = []
    for seed in (1, 2):
        network = random_network({"name": "made", "input_size": 3, "layers": [layer("lstm", 5)]}, seed, "float32")
        sources.append(Source(network, (numbers(given_to(network, 60)),), interpreter="numba"))
    found = edited_runs(sources)
    assert at_once.pairs == 1
    for source, trace in zip(sources, found, strict=True):
        assert_same_bits(trace["layer0.forward"]["c"], source.run_edited()["layer0.forward"]["c"], "a network")


# --- what is told, and what ends it ---------------------------------------------------------------------


def counting(steps: int, report: Any) -> str:
    for step in range(1, steps + 1):
        report(step, steps)
    return f"{steps} steps"


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_is_told_is_told_here_and_grows(threads: int) -> None:
    told: list[int] = []
    here: set[int] = set()

    def tell(done: int) -> None:
        told.append(done)
        here.add(threading.get_ident())

    steps = (40, 3, 0, 25, 1)
    assert BESIDE([partial(counting, n) for n in steps], threads, tell) == [f"{n} steps" for n in steps]
    assert told == sorted(told)
    assert told[-1] == sum(steps)
    assert here == {threading.get_ident()}


def endless(begun: threading.Event, report: Any) -> None:
    begun.set()
    while True:
        report(1, 2)


@pytest.mark.parametrize("is_here", [True, False])
def test_what_one_raises_ends_the_other_and_is_raised_here(is_here: bool) -> None:
    begun, asking = threading.Event(), threading.get_ident()

    def fail(report: Any) -> None:
        if (threading.get_ident() == asking) == is_here:
            assert begun.wait(60)
            raise ZeroDivisionError
        endless(begun, report)

    with pytest.raises(ZeroDivisionError):
        BESIDE([fail, fail], 2)


def test_what_telling_raises_ends_both() -> None:
    both = threading.Barrier(2, timeout=60)

    def work(report: Any) -> None:
        both.wait()
        endless(threading.Event(), report)

    def tell(done: int) -> None:
        if done == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        BESIDE([work, work], 2, tell)


def test_ctrl_c_while_the_other_is_waited_for() -> None:
    begun, asking = threading.Event(), threading.get_ident()

    def work(report: Any) -> None:
        if threading.get_ident() == asking:
            assert begun.wait(60)
            return
        begun.set()
        os.kill(os.getpid(), signal.SIGINT)
        endless(begun, report)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            BESIDE([work, work], 2)
    finally:
        signal.signal(signal.SIGINT, before)


def test_no_more_threads_are_had_and_everything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(side_by_side, "start_new_thread", refused)
    assert BESIDE([partial(counting, n) for n in (2, 3)], 2) == ["2 steps", "3 steps"]


def test_nothing_is_compiled_on_the_other_thread_either(at_once: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    network = both_ways("lstm", 11)
    monkeypatch.setattr(NEWEST, "has", lambda *_: False)
    with nothing_compiled(), pytest.raises(StillToCompile):
        run_arrays(network, given_to(network, 9), "numba")
    assert at_once.pairs == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_runs_them_too(at_once: AtOnce) -> None:
    network = both_ways()
    x = given_to(network, 40)
    expected = run_arrays(network, x, "numba").merged[-1].tobytes()
    child = os.fork()
    if not child:
        try:
            same = run_arrays(network, x, "numba").merged[-1].tobytes() == expected
            os._exit(0 if same and at_once.pairs == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- where it is worth it -------------------------------------------------------------------------------


def test_short_pieces_and_busy_cores_get_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 3)
    long, short = side_by_side.LEAST_SECONDS, side_by_side.LEAST_SECONDS * 0.9
    assert [side_by_side.threads_for(each) for each in ([], [long], [long, short], [short] * 5)] == [1] * 4
    assert side_by_side.threads_for([long, short, long]) == 2
    assert side_by_side.threads_for([long] * 9) == 4
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 0)
    assert side_by_side.threads_for([long] * 9) == 1


def test_numpy_lets_one_alone_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = both_ways().passes
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 1)
    assert forward.threads_of(passes, 10**6, "numba") == 2
    assert forward.threads_of(passes, 10**6, "numpy") == 1


@pytest.mark.parametrize(
    ("said", "bound", "count", "idle"),
    [("0.5 0.5 0.5 1/140 7", 2, 2, 1), ("0.5 0.5 0.5 2/140 7", 2, 2, 0), ("0.5 0.5 0.5 9/140 7", 2, 2, 0),
     ("0.5 0.5 0.5 3/140 7", 2, 8, 1), ("0.5 0.5 0.5 3/140 7", 8, 8, 5), ("0.5 0.5 0.5 1/140 7", 1, 8, 0),
     ("", 4, 4, 3), ("nonsense", 4, 4, 3)],
)  # fmt: skip
def test_idle_cores_are_those_that_nobody_uses(
    said: str, bound: int, count: int, idle: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = tmp_path / "loadavg"
    running.write_text(said)
    monkeypatch.setattr(cores, "_RUNNING", running)
    monkeypatch.setattr(cores, "usable_cores", lambda: bound)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert cores.idle_cores() == idle


@pytest.mark.parametrize(
    ("levels", "own"),
    [([], None), ([("0", "48K"), ("0", "2048K"), ("0-1", "307200K")], 2**21), ([("0,4", "512K")], None),
     ([("0", "what")], None), ([("3", "32K"), ("3", "1M")], 2**15)],
)  # fmt: skip
def test_the_cache_that_a_core_has_to_itself(
    levels: list[tuple[str, str]], own: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, (shared, size) in enumerate(levels):
        (tmp_path / f"index{n}").mkdir()
        (tmp_path / f"index{n}" / "shared_cpu_list").write_text(f"{shared}\n")
        (tmp_path / f"index{n}" / "size").write_text(f"{size}\n")
    monkeypatch.setattr(cores, "_CACHES", tmp_path)
    assert cores.own_cache_bytes.__wrapped__() == own


@pytest.mark.parametrize(
    ("files", "most"),
    [({}, None), ({"cpu.max": "max 100000"}, None), ({"cpu.max": "150000 100000"}, 1),
     ({"cpu.max": "400000 100000"}, 4), ({"cpu.max": "what"}, None), ({"cpu.max": "5000 100000"}, 1),
     ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
     ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
     ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "0"}, None)],
)  # fmt: skip
def test_a_container_may_take_fewer_cores(
    files: dict[str, str], most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    cores._quota.cache_clear()
    try:
        assert cores.usable_cores() == (16 if most is None else most)
    finally:
        cores._quota.cache_clear()
