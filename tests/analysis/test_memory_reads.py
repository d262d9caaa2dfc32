"""A read of a memory that is a matrix is split by the token that wrote it: against products of the papers' matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.analysis.memory_reads import ReadSplit, read_places, split_read
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.trace import PassTrace

MATRICES = [name for name in cell_names() if load_cell(name).shapes]
HIDDEN = 8


def network_of(name: str, heads: int, direction: str = "forward", seed: int = 0) -> Network:
    cell = load_cell(name)
    given = {"A": heads} if "A" in cell.free_letters else {}
    layer = {"cell": name, "hidden_size": HIDDEN, "directions": [direction], "sizes": given}
    spec = {"version": 1, "name": name, "input_size": HIDDEN, "layers": [layer]}
    network = build_network(spec, dtype=np.float64)
    random = np.random.default_rng(seed)
    for one in network.passes:
        for parameter in one.program.parameters:
            view = one.program.view(one.flat, parameter)
            view[...] = random.uniform(0.05, 0.6, view.shape) * random.choice([-1.0, 1.0], view.shape)
    return network


def passed_of(name: str, heads: int = 2, direction: str = "forward", steps: int = 9, seed: int = 0) -> PassTrace:
    x = np.random.default_rng(seed).normal(size=(steps, HIDDEN)).astype(np.float32)
    return lstm_tui.trace(x, model=network_of(name, heads, direction, seed))[f"layer0.{direction}"]


def by_the_paper(name: str, passed: PassTrace, t: int) -> Array:
    """Return what each token adds to the read after token t, (T, n), from products of the matrices of every step."""
    heads, rows, columns = passed.shape_of("S") or (1, 1, 1)
    result = np.zeros((passed.steps, heads * rows))
    v = {value: np.asarray(passed[value], dtype=np.float64) for value in passed}
    for head in range(heads):
        mine, across = slice(head * rows, (head + 1) * rows), slice(head * columns, (head + 1) * columns)
        for source in range(t + 1):
            if name == "gated_deltanet":
                part = v["i"][source, head] * np.outer(v["v"][source, mine], v["k"][source, across])
            else:
                part = np.outer(v["v"][source, mine], v["k"][source, across])
            for step in range(source + 1, t + 1):
                if name == "gated_deltanet":
                    key = v["k"][step, across]
                    part = part @ (v["f"][step, head] * (np.eye(columns) - v["i"][step, head] * np.outer(key, key)))
                else:
                    key = v["q"][step, across]
                    part = part @ (np.diag(v["w"][step, across]) - np.outer(key, key * v["a"][step, across]))
            asked = v["q" if name == "gated_deltanet" else "r"][t, across]
            result[source, mine] = part @ asked
    return result


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("name", ["gated_deltanet", "rwkv7"])
def test_what_a_delta_rule_leaves_of_each_token(name: str, heads: int) -> None:
    passed = passed_of(name, heads)
    for t in (0, 3, 8):
        split = split_read(passed, "y", t)
        np.testing.assert_allclose(split.by_token, by_the_paper(name, passed, t), rtol=1e-4, atol=1e-6)
        assert not split.start.any()


def check_sum(split: ReadSplit, passed: PassTrace, t: int) -> None:
    size = np.abs(split.by_token).sum(axis=0) + np.abs(split.start) + 1e-12
    assert (np.abs(split.sum - split.total) <= 1e-5 * size).all()
    assert split.off <= 1e-5
    behind = slice(t + 1, None) if passed.direction == "forward" else slice(None, t)
    assert not split.by_token[behind].any()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", MATRICES)
def test_the_parts_of_every_read_are_the_read(name: str, direction: str) -> None:
    passed = passed_of(name, 2, direction)
    places = read_places(passed)
    assert places, f"no value of {name} reads its memory"
    for value, place in places.items():
        for t in (0, 4, 8):
            split = split_read(passed, value, t)
            check_sum(split, passed, t)
            op = place.instruction
            assert passed.stored is not None
            step = passed.reading_step(t)
            row = passed.stored.window(step, step + 1)[1]
            found = row[op.target.offset : op.target.offset + op.target.size]
            np.testing.assert_allclose(split.total, found, rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(MATRICES), st.sampled_from([1, 2, 4, 8]), st.integers(1, 40), st.integers(0, 1000))
def test_the_parts_are_the_read_at_any_place(name: str, heads: int, steps: int, seed: int) -> None:
    passed = passed_of(name, heads, "forward", steps, seed)
    for value in read_places(passed):
        check_sum(split_read(passed, value, steps - 1), passed, steps - 1)


def test_what_fades_alone_is_erased_of_nothing() -> None:
    faded = split_read(passed_of("retention"), "y", 5).erased
    assert faded is not None
    assert not faded.any()
    erased = split_read(passed_of("gated_deltanet"), "y", 5).erased
    assert erased is not None
    assert (erased[:5] > 0).all()
    assert (erased[5:] == 0).all()


def test_what_an_edit_put_in_is_a_source_of_its_own() -> None:
    x = np.random.default_rng(0).normal(size=(6, HIDDEN)).astype(np.float32)
    session = Session(lstm_tui.trace(x, model=network_of("gated_deltanet", 2)))
    for line in ("set S[0,1,2] @ 2 = 2", "scale S[1,0,0] @ 3 * 3"):
        answer(session, line)
    passed = session.frame.passed
    split = split_read(passed, "y", 5)
    assert split.edits is not None
    assert split.edits[2].any()
    assert not split.edits[[0, 1, 3, 4, 5]].any()
    check_sum(split, passed, 5)


def test_what_cannot_be_split_is_said_in_one_line() -> None:
    passed = passed_of("gated_deltanet")
    with pytest.raises(UserError, match="there are r, y"):
        split_read(passed, "h", 3)
    lstm = lstm_tui.trace("not good", model="tiny")
    with pytest.raises(UserError, match="reads no memory that is a matrix"):
        split_read(next(iter(lstm.passes.values())), "h", 0)


def test_a_run_too_long_is_refused_before_anything_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.analysis.memory_reads.MOST_NUMBERS", 1_000)
    with pytest.raises(UserError, match="steps are the most"):
        split_read(passed_of("retention"), "y", 8)


def test_a_number_that_is_none_makes_the_sum_not_known() -> None:
    network = network_of("retention", 1)
    network.tensors()["layer0.forward/W_v"][0, 0] = np.nan
    x = np.ones((4, HIDDEN), np.float32)
    split = split_read(lstm_tui.trace(x, model=network)["layer0.forward"], "y", 3)
    assert np.isnan(split.off)
