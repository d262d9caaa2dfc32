"""A step shared by two threads has the bits of one thread, whoever comes, comes late, leaves or fails."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_threads import assert_same_run, given_to, none_is_left  # noqa: F401
from present import present
from random_networks import layer, random_network
from registries import sampled

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import side_by_side, storage
from lstm_tui.engine.runtime.compiling import nothing_compiled
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.runtime.fused import host, interpreter, named_step, shared_run
from lstm_tui.engine.runtime.fused.compiled_steps import Newest
from lstm_tui.engine.runtime.fused.halves import halves_of, meetings, numbers_of, packed_places, rows_of, slice_of
from lstm_tui.engine.runtime.fused.meeting import KNOCK, LEAVE, OTHER
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together, page_of, schedule
from lstm_tui.engine.runtime.overrides import Hold

WAYS = ("comes", "leaves", "leaves later", "never comes", "comes late")


class Forced:
    """Has a second thread help with every run, in a way that is chosen; counts where it did."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.way, self.is_on, self.shared, self.helped, self.left = "comes", True, 0, 0, 0
        self.seconds = 0
        patch.setattr(interpreter, "NEWEST", Newest())  # a step that was compiled before may say that it is not shared
        patch.setattr(side_by_side, "idle_cores", lambda: int(self.is_on))
        patch.setattr(side_by_side, "LEAST_TO_HELP", 0.0)
        patch.setattr(storage, "NAMED_BYTES", 0)
        patch.setattr(named_step, "SHARED_NUMBERS", 0)
        patch.setattr(named_step, "SHARED_SECONDS", 0.0)
        patch.setattr(named_step, "_GIVEN_BYTES", 1)
        patch.setattr(named_step, "_GIVEN_STEPS", 24)
        here, there = shared_run.SharedSteps.here, shared_run.SharedSteps.there

        def forced(steps: Any) -> None:
            self.shared += 1
            meeting = steps._meeting
            if self.way == "leaves":
                meeting[LEAVE] = 1
            if self.way in ("comes", "leaves", "leaves later"):
                until = time.monotonic() + 60
                while not meeting[KNOCK]:
                    assert time.monotonic() < until
                    time.sleep(0)
            if self.way == "leaves later":
                _thread.start_new_thread(lambda: meeting.__setitem__(LEAVE, 1), ())
            here(steps)
            self.helped += int(meeting[OTHER] > 0)
            self.left += int(meeting[OTHER] >= 1 << 62)

        def helps(steps: Any) -> None:
            if self.way == "comes late":
                time.sleep(0.0002)
            if self.way != "never comes":
                there(steps)

        patch.setattr(shared_run.SharedSteps, "here", forced)
        patch.setattr(shared_run.SharedSteps, "there", helps)


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Forced:
    return Forced(monkeypatch)


def network_of(cell: str, hidden: int, layers: int = 1, dtype: str = "float32") -> Network:
    strict = "x" in load_cell(cell).sizes  # its input is as wide as it is
    sizes = {"P": 19} if any(size.letter == "P" for size in load_cell(cell).sizes.values()) else {}
    made = layer(cell, hidden, sizes=sizes)
    width = hidden if strict else 5
    return random_network({"name": "made", "input_size": width, "layers": [made] * layers}, dtype=dtype)


def runs(network: Network, x: Array, forced: Forced, ways: tuple[str, ...] = WAYS, **more: Any) -> None:
    """Compare every way with one thread."""
    forced.is_on = False
    expected = run_arrays(network, x, "numba", **more)
    assert not forced.shared
    forced.is_on = True
    for way in ways:
        forced.way, before = way, (forced.shared, forced.helped)
        assert_same_run(expected, run_arrays(network, x, "numba", **more))
        if forced.shared > before[0]:  # of a cell without matrices nothing is shared
            assert (forced.helped > before[1]) or way not in ("comes", "leaves", "leaves later")
        forced.shared = forced.helped = 0


@pytest.mark.parametrize("cell", sampled(cell_names(), 4))
def test_every_cell(cell: str, forced: Forced) -> None:
    network = network_of(cell, 36)
    runs(network, given_to(network, 70), forced)


@pytest.mark.parametrize(("cache", "is_shared"), [(0, True), (10**9, False), (None, False)])
def test_directions_whose_matrices_no_core_holds_are_run_one_after_the_other(
    cache: int | None, is_shared: bool, forced: Forced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_step, "own_cache_bytes", lambda: cache)
    monkeypatch.setattr(side_by_side, "LEAST_SECONDS", 0.0)
    both = [layer("lstm", 36, directions=["forward", "backward"], merge="concat")] * 2
    network = random_network({"name": "made", "input_size": 5, "layers": both})
    x = given_to(network, 70)
    forced.is_on = False
    expected = run_arrays(network, x, "numba")
    forced.is_on = True
    assert_same_run(expected, run_arrays(network, x, "numba"))
    assert (forced.shared > 0) == is_shared
    begun = {"layer0.backward": {"c": np.ones(36)}}
    for more in ({"holds": [Hold("layer0.forward", "h", (0, 1), (3, 9), "set", 0.25)]}, {"initial": begun}):
        forced.is_on = False
        expected = run_arrays(network, x, "numba", **more)
        forced.is_on = True
        assert_same_run(expected, run_arrays(network, x, "numba", **more))


def test_the_other_leaves_when_it_is_told_to(forced: Forced) -> None:
    network = network_of("lstm", 36)
    runs(network, given_to(network, 70), forced, ("leaves",))
    assert forced.left == 3, "in every chunk"


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(cell=st.sampled_from(["lstm", "gru", "lstm_projected", "gru_reset_before", "layernorm_lstm"]),
       hidden=st.sampled_from([1, 7, 32, 33, 48, 63, 64, 65, 130, 288]), steps=st.integers(1, 120),
       dtype=st.sampled_from(["float32", "float64"]), held=st.booleans(), resumed=st.booleans())  # fmt: skip
def test_odd_sizes_held_and_resumed(cell: str, hidden: int, steps: int, dtype: str, held: bool, resumed: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        network = network_of(cell, hidden, 2, dtype)
        lowest = network.passes[0]
        state = next(iter(lowest.program.initial_states(lowest.flat)))
        holds = [Hold("layer0.forward", state, (0, 1), (steps // 3, steps), "set", 0.25)] if held else []
        size = network.passes[1].program.values[state].size
        begun = {"layer1.forward": {state: np.random.default_rng(steps).normal(size=size)}} if resumed else None
        runs(network, given_to(network, steps, steps), Forced(patch), initial=begun, holds=holds)


def test_products_are_taken_ahead(forced: Forced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_step, "SHARED_NUMBERS", 10**12)
    taken = []
    there = side_by_side.Parts.there

    def counted(parts: side_by_side.Parts) -> None:
        there(parts)
        taken.append(1)

    monkeypatch.setattr(side_by_side.Parts, "there", counted)
    network = network_of("lstm", 33, 2)
    x = given_to(network, 300)
    runs(network, x, forced)
    assert len(taken) > 2
    assert not forced.shared


@pytest.mark.parametrize("shared", [True, False])
def test_what_telling_raises_ends_the_other(shared: bool, forced: Forced, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shared:
        monkeypatch.setattr(named_step, "SHARED_NUMBERS", 10**12)
    network = network_of("lstm", 40 if shared else 41)
    x = given_to(network, 300)

    def tell(done: int, _: int) -> None:
        told.append(done)
        if done > 100:
            raise KeyboardInterrupt

    for way in WAYS:
        forced.way, told = way, list[int]()
        with pytest.raises(KeyboardInterrupt):
            run_arrays(network, x, "numba", progress=tell)
        assert len(told) > 1
    assert (forced.shared > 0) == shared
    forced.shared = 0
    runs(network, x, forced, ("comes",))


def test_what_a_part_raises_in_the_other_thread_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def fails() -> None:
        begun.set()
        raise ZeroDivisionError

    def waits() -> None:
        assert begun.wait(60)

    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 1)
    with side_by_side.second_thread(1.0) as second:
        assert second is not None
        parts = side_by_side.Parts([waits, waits])
        other = side_by_side.Parts([fails])
        second.offer(other)
        assert begun.wait(60)
        with pytest.raises(ZeroDivisionError):
            other.finish()
        parts.finish()


def test_who_is_helped_is_helped_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 3)
    least = side_by_side.LEAST_TO_HELP
    with side_by_side.second_thread(least / 2) as none:
        assert none is None
    with side_by_side.second_thread(least) as one:
        assert one is not None
        with side_by_side.second_thread(least) as other:
            assert other is None
    found = side_by_side.side_by_side([_helped, _helped], 2)
    assert found == [False, False], "two threads are at work already"
    assert _helped(lambda *_: None)
    monkeypatch.setattr(side_by_side, "idle_cores", lambda: 0)
    assert not _helped(lambda *_: None)


def _helped(_: Any) -> bool:
    with side_by_side.second_thread(1.0) as second:
        return second is not None


def test_no_more_threads_are_had(forced: Forced, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(side_by_side, "start_new_thread", refused)
    network = network_of("lstm", 36)
    runs(network, given_to(network, 70), forced, ("never comes",))


def test_it_is_compiled_when_runs_have_taken_as_long_and_not_under_a_key(forced: Forced) -> None:
    network = network_of("lstm", 35)
    x = given_to(network, 70)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(named_step, "SHARED_SECONDS", 10**6)
        run_arrays(network, x, "numba")
    with nothing_compiled():
        run_arrays(network, x, "numba")
    assert not forced.shared
    run_arrays(network, x, "numba")
    assert forced.shared
    before = forced.shared
    with nothing_compiled():  # it is there now
        run_arrays(network, x, "numba")
    assert forced.shared > before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_is_forked_while_it_runs(forced: Forced) -> None:
    network = network_of("lstm", 36)
    x = given_to(network, 300)
    forced.is_on = False
    expected = run_arrays(network, x, "numba").merged[-1].tobytes()
    forced.is_on, forced.way = True, "comes late"
    run_arrays(network, x, "numba")
    children: list[int] = []

    def tell(done: int, total: int) -> None:
        if not children and done > 20:
            children.append(os.fork())

    found = run_arrays(network, x, "numba", progress=tell).merged[-1].tobytes()
    if children == [0]:
        os._exit(0 if found == expected else 1)
    assert found == expected
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("turn", [host._turn, Newest.turn])
def test_a_process_that_is_forked_while_another_thread_compiles(turn: Any) -> None:
    compiling = threading.Event()

    def compiles() -> None:
        with turn:
            compiling.set()
            time.sleep(0.05)

    thread = threading.Thread(target=compiles)
    thread.start()
    assert compiling.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if turn.acquire(timeout=1) else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- how it is cut --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize("hidden", [36, 64])
def test_nobody_reads_what_the_other_writes_without_meeting(cell: str, hidden: int) -> None:
    """Number by number: between two meetings no number that one writes is read or written by the other."""
    program = network_of(cell, hidden).passes[0].program
    page = page_of(program)
    made = schedule(page.takes)
    layout = NamedLayout(page, made)
    before = meetings(made, layout, 16)
    touched: list[tuple[set[Any], set[Any]]] = [(set(), set()), (set(), set())]
    parts = list(_numbers(made, layout, hidden))
    for step in range(4):
        for n, both in enumerate(parts):
            if n in before:
                for each in (*touched[0], *touched[1]):
                    each.clear()
            for worker, (reads, writes) in enumerate(both):
                touched[worker][0].update((room, step + back, one) for room, back, one in reads)
                touched[worker][1].update((room, step + back, one) for room, back, one in writes)
            for one, other in ((0, 1), (1, 0)):
                assert not touched[one][1] & (touched[other][0] | touched[other][1]), (cell, n)


def _numbers(made: list[Any], layout: NamedLayout, hidden: int) -> Iterator[list[tuple[set[Any], set[Any]]]]:
    """Yield what each worker reads and writes of what steps write, number by number, as the code is written."""

    def place(span: Span, unit: int) -> set[tuple[str, int, int]]:
        if span.space == Space.PARAMETER or (
            span.space == Space.CURRENT and layout.given.find(span.offset) is not None
        ):
            return set()
        if span.space == Space.PREVIOUS:
            return {("out", -1, present(layout.values.find(span.offset)) + unit)}
        if layout.given.find(span.offset) is not None:
            return set()
        kept = layout.value_at(span.offset)
        return {("scratch", 10**9, span.offset + unit)} if kept is None else {("out", 0, kept + unit)}

    for n, one in enumerate(made):
        take, both = one.takes[0], []
        for worker in range(2):
            reads: set[Any] = set()
            writes: set[Any] = set()
            cut, _ = halves_of(one.size, 16)
            if one.elementwise:
                own = {each.offset for each in one.takes}
                for unit in range(cut) if worker == 0 else range(cut, one.size):
                    for each in one.takes:
                        writes |= place(each.target, unit)
                        for span in each.reads:
                            if not (span.space == Space.CURRENT and span.offset in own and span.size == one.size):
                                reads |= place(span, unit if span.size > 1 else 0)
            elif take.code == Code.MATVEC:
                for group in rows_of(made, n, 16):
                    for start in group.starts[: group.mine] if worker == 0 else group.starts[group.mine :]:
                        for row in group.pattern:
                            for lane in range(group.lanes):
                                writes |= place(take.target, start + row + lane)
                        for k in range(take.reads[0].size):
                            reads |= place(take.reads[0], k)
            elif worker == 0:
                for span in take.reads:
                    for unit in range(span.size):
                        reads |= place(span, unit)
                for unit in range(take.size):
                    writes |= place(take.target, unit)
            both.append((reads, writes))
        yield both
    for slot in layout.copies:
        cut, _ = halves_of(slot.size, 16)
        into = present(layout.values.find(slot.offset))
        yield [
            (
                {one for unit in part for one in place(Span(Space.CURRENT, *slot), unit)},
                {("out", 0, into + unit) for unit in part},
            )
            for part in (range(cut), range(cut, slot.size))
        ]


@pytest.mark.parametrize(("cell", "most"), [("lstm", 1), ("gru", 1), ("lstm_peephole", 1), ("lstm_projected", 2)])
def test_they_meet_seldom(cell: str, most: int) -> None:
    page = page_of(network_of(cell, 64).passes[0].program)
    made = schedule(page.takes)
    assert len(meetings(made, NamedLayout(page, made), 16)) == most


def test_a_product_is_cut_as_the_gates_that_read_it() -> None:
    """Four or three gates of 64 units each, what they are projected to, and whether a token is one of the answer."""
    for cell, cut in {"lstm": [64], "gru": [64], "lstm_projected": [64, 19], "gru_encoder": [1, 64]}.items():
        made = schedule(page_of(network_of(cell, 64).passes[0].program).takes)
        assert [slice_of(made, n) for n, one in enumerate(made) if not one.elementwise and one.takes] == cut, cell


@given(st.integers(1, 6), st.integers(1, 300), st.sampled_from([2, 4, 8, 16]))
def test_every_row_is_of_one_worker(gates: int, size: int, vector: int) -> None:
    take = Take(Code.MATVEC, 0, gates * size, (Span(Space.PREVIOUS, 0, 5),), 0, gates * size, 5)
    reads = tuple(Span(Space.CURRENT, n * size, size) for n in range(gates))
    loop = Together(size, True, [Take(Code.ADD, gates * size, size, reads)])
    made = [Together(take.size, False, [take]), loop]
    rows = rows_of(made, 0, vector)
    of: dict[int, set[int]] = {}
    for group in rows:
        for n, start in enumerate(group.starts):
            for row in group.pattern:
                for lane in range(group.lanes):
                    of.setdefault(start + row + lane, set()).add(int(n >= group.mine))
    assert sorted(of) == list(range(take.size))
    cut, lanes = halves_of(size, vector)
    assert all(workers == {int(row % size >= cut)} for row, workers in of.items())
    assert 0 < cut <= size
    assert cut == size or (cut % lanes == 0 and size - cut >= lanes)
    block = np.arange(5 * take.size).reshape(5, take.size)
    packed = np.full(numbers_of(rows, 5), -1)
    for first, count, place, wide in packed_places(rows, 5):
        for k in range(5):
            packed[place + k * wide : place + k * wide + count] = block[k, first : first + count]
    for group in rows:
        wide = len(group.pattern) * group.lanes
        panels = packed[group.packed * 5 :][: len(group.starts) * 5 * wide].reshape(-1, 5, wide)
        for panel, start in zip(panels, group.starts, strict=True):
            each = [start + row + lane for row in group.pattern for lane in range(group.lanes)]
            assert (panel == block[:, each]).all()
