"""A sequence has the same bits in a batch as alone, and the gradient of a batch is the sum of its sequences' own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_programs import DTYPES, bundled, parameters, series
from present import present
from random_networks import layer, random_network
from random_networks import numbers as sequence_of
from registries import sampled
from test_same_bits import assert_same_bits

from lstm_tui.analysis.train import loss
from lstm_tui.analysis.train.loop import summed_by
from lstm_tui.analysis.train.loss import Example, loss_and_gradients, losses_and_gradients
from lstm_tui.analysis.train.penalties import Penalty, lost, mean_square
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Workspace
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime import batch
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.forward import RunBuffers, run_arrays
from lstm_tui.engine.runtime.fused import interpreter
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure
from lstm_tui.engine.runtime.fused.compiled_batches import Stack, stacked
from lstm_tui.engine.runtime.fused.derivatives import DERIVATIVES, uses_of
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.storage import backprop_pass, run_pass
from lstm_tui.formats.inputs.inputs import open_source
from lstm_tui.models.bundled import open_model

LENGTHS = ((6,), (6, 6), (5, 4, 4, 2, 1), tuple(range(9, 0, -1)) + (1,) * 7)
"""Of one sequence, of two of like length, of five and of sixteen that end at different steps."""


@pytest.fixture(autouse=True)
def compiled_here() -> None:
    if not interpreter.serves():
        pytest.skip("nothing is compiled here")


def laid(stack: Stack, every: Sequence[Array]) -> Array:
    """Return series as they lie in a batch; the row before each is 0."""
    rows = np.zeros((stack.rows, every[0].shape[1]), every[0].dtype)
    for n, one in enumerate(every):
        rows[stack.steps_of(n)] = one
    return rows


def assert_close(got: Array, want: Array) -> None:
    """Compare gradients, whose sums may be taken in any order."""
    near = 1e-3 if want.dtype == np.float32 else 1e-8
    np.testing.assert_allclose(got, want, rtol=near, atol=near)


def assert_as_alone(program: Program, dtype: Any, lengths: tuple[int, ...], plain: bool = True) -> None:
    """Run sequences together and alone, forwards by their bits and backwards by their sum.

    Of the step forwards there are two: one that keeps what the way back reads, and where `plain` one that does not.
    """
    output, stack = present(program.cell).output, stacked(lengths)
    flat, initial = parameters(program, dtype), program.initial_states(parameters(program, dtype))
    every = [series(program, steps, dtype, n) for n, steps in enumerate(lengths)]
    inputs = {name: laid(stack, [one[name] for one in every]) for name in every[0]}
    state = {name: np.stack([numbers] * len(lengths)) for name, numbers in initial.items()}
    back = present(interpreter.compiled_batch_back(program, np.dtype(dtype), (output,)))
    ran = back.step.run(flat, stack, inputs, state, program.clock)
    steps = [ran]
    if plain:
        step = present(interpreter.compiled_batch(program, np.dtype(dtype)))
        steps.append(step.run(flat, stack, inputs, state, program.clock))
    alone = [run_pass(program, flat, one, initial, "numba", keep_rows=True) for one in every]
    for n, stored in enumerate(alone):
        for name, values in stored.values.items():
            for one in steps:
                assert_same_bits(one.values[name][stack.steps_of(n)], values, f"{name} of sequence {n}")
    weights = [
        np.random.default_rng(n).normal(size=one.values[output].shape).astype(dtype) for n, one in enumerate(alone)
    ]
    together = np.zeros_like(flat)
    by_input, first = back.run(flat, stack, inputs, ran, {output: laid(stack, weights)}, together)
    wanted = np.zeros_like(flat)
    for n, (stored, weight) in enumerate(zip(alone, weights, strict=True)):
        mine, inputs_alone, before = backprop_pass(stored, {output: weight}, every_slot=False)
        wanted += mine
        for name, d in inputs_alone.items():
            assert_close(by_input[name][stack.steps_of(n)], d)
        for name in initial:
            slot = program.values[name]
            assert_close(first[name][n], before[0, slot.offset : slot.offset + slot.size])
    learned = {of for of in program.initial.values() if isinstance(of, str)}
    for name, parameter in program.parameters.items():
        if name not in learned:  # which is added by whoever asks
            exists = True if parameter.mask is None else parameter.mask
            assert_close(np.where(exists, program.view(together, name), 0), program.view(wanted, name))


@pytest.mark.parametrize("name", sampled(cell_names(), 2))
def test_every_cell(name: str) -> None:
    assert_as_alone(bundled(name, 7, 5), np.float32, LENGTHS[2], plain=False)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [1, 7, 33, 64])
@pytest.mark.parametrize("name", cell_names())
def test_every_cell_at_every_size(name: str, hidden: int, dtype: Any) -> None:
    program = bundled(name, hidden, 5)
    for lengths in LENGTHS:
        assert_as_alone(program, dtype, lengths)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.sampled_from(DTYPES))
def test_any_lengths(lengths: list[int], dtype: Any) -> None:
    assert_as_alone(bundled("gru", 16, 5), dtype, tuple(sorted(lengths, reverse=True)))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.code in DERIVATIVES], ids=lambda op: op.name)
def test_what_a_derivative_reads_changes_what_is_written(op: Any) -> None:
    """Of what is said to be unread nothing is written, whatever it is called."""

    def written(names: Sequence[str]) -> str:
        function = Procedure(Assembly("float", True), "one", "")
        passed = DERIVATIVES[op.code](Lanes(function, 1), *names)
        function.end()
        return function.assembly.text() + str(
            [None if one is None else names.index(one) if one in names else "new" for one in passed]
        )

    names = ["%d", "%y", *(f"%o{n}" for n in range(op.arity))]
    plain, uses = written(names), uses_of(op.code, op.arity)
    for place, used in enumerate((uses.result, *uses.operands), 1):
        renamed = [*names[:place], "%another", *names[place + 1 :]]
        assert (written(renamed) != plain) is used


# --- networks -------------------------------------------------------------------------------------------

NETWORKS = {
    "one layer": {"input_size": 3, "layers": [layer("lstm", 5)], "readout": "dense", "outputs": 2},
    "both ways": {"input_size": 3, "layers": [layer("lstm", 7, True)], "readout": "dense", "outputs": 2},
    "two layers": {
        "input_size": 3,
        "layers": [layer("gru", 6, True, "mul"), layer("lstm_peephole", 4, True, "average")],
        "readout": "mean",
        "outputs": 3,
    },
    "attention": {
        "input_size": 3,
        "layers": [layer("lstm", 5), layer("lstm", 4)],
        "readout": "attention_dot",
        "outputs": 2,
    },
    "reads from below": {"input_size": 3, "layers": [layer("depth_gated", 5)] * 2, "readout": "linear"},
}  # fmt: skip


def network_of(name: str, dtype: str = "float32") -> Network:
    return random_network({"name": "made", **NETWORKS[name]}, seed=3, dtype=dtype)


def sequences(network: Network, lengths: Sequence[int], seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(steps, network.input_size)).astype(network.dtype) for steps in lengths]


def assert_same_run(got: RunBuffers, want: RunBuffers) -> None:
    assert got.interpreter == want.interpreter
    for name, stored in want.stored.items():
        mine = got.stored[name]
        for value, numbers in stored.values.items():
            assert_same_bits(mine.values[value], numbers, f"{name}/{value}")
        for state, start in stored.initial.items():
            assert_same_bits(mine.initial[state], start, f"{name}/{state} before")
        assert_same_bits(present(mine.rows)[1:], present(stored.rows)[1:], f"every slot of {name}")
    for n, (mine_merged, merged) in enumerate(zip(got.merged, want.merged, strict=True)):
        assert_same_bits(mine_merged, merged, f"merge {n}")
    for value, numbers in present(want.readout).values.items():
        assert_same_bits(present(got.readout).values[value], numbers, f"readout/{value}")


@pytest.mark.parametrize("name", NETWORKS)
def test_runs_together_are_those_alone_in_their_order(name: str) -> None:
    network = network_of(name)
    every = sequences(network, (4, 9, 1, 9, 3))
    got = list(run_each(network, (ToRun(x) for x in every), "numba"))
    assert [len(one.x) for one in got] == [4, 9, 1, 9, 3]
    for one, x in zip(got, every, strict=True):
        assert_same_run(one, run_arrays(network, x, "numba"))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_can_be_compiled_is_run_together_and_nothing_stands_before_a_sequence(name: str) -> None:
    network = network_of(name)
    begun = {
        one.name: {state: np.full(one.program.values[state].size, 0.3) for state in one.cell.state}
        for one in network.passes
    }
    made = present(batch.run_together(network, [ToRun(x, begun) for x in sequences(network, (4, 9, 1))]))
    for rows in (made.x, *made.merged):
        assert not rows[made.stack.first].any()


def test_holds_and_states_of_each_sequence_are_its_own() -> None:
    network = network_of("both ways")
    every = sequences(network, (5, 7, 6))
    first, second = (one.name for one in network.passes)
    states = [None, {first: {"c": np.arange(7.0)}}, {second: {"h": np.full(7, 0.3), "c": np.ones(7)}}]
    holds = [
        (Hold(first, "c", (0, 2), (1, 3), "set", 0.5), Hold("readout", "y", (0, 1), (2, 3), "set", 0.25)),
        (),
        (Hold(second, "f", (1, 4), (0, 6), "scale", 2.0), Hold(first, "x", (0, 1), (2, 5), "set", -1.0)),
    ]
    given_each = [ToRun(x, state, held) for x, state, held in zip(every, states, holds, strict=True)]
    for got, one in zip(run_each(network, given_each, "numba"), given_each, strict=True):
        assert_same_run(got, run_arrays(network, one.x, "numba", one.initial, holds=one.holds))


@pytest.mark.parametrize("most", [1, 2, 100])
def test_any_number_is_run_together(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MOST_TOGETHER", most)
    network = network_of("one layer")
    every = sequences(network, (3, 2, 5, 1, 4))
    for got, x in zip(run_each(network, (ToRun(x) for x in every), "numba"), every, strict=True):
        assert_same_run(got, run_arrays(network, x, "numba"))


def examples_of(network: Network, lengths: Sequence[int]) -> list[Example]:
    """Return something wanted of each sequence, as the network says it: a class, or one of each token."""
    rng = np.random.default_rng(5)
    made = []
    for x in sequences(network, lengths):
        said = present(run_arrays(network, x, "numba").readout).values[present(network.readout).page.result]
        if said.ndim == 1:
            made.append(Example(x, int(rng.integers(len(said)))))
        else:
            target = rng.integers(-1, said.shape[1], len(x))
            made.append(Example(x, target, rng.random(len(x)) if len(x) % 2 else None))
    return made


@pytest.mark.parametrize("name", ["one layer", "both ways", "two layers", "attention"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [(7,), (4, 9, 1, 9, 3)])
def test_the_gradient_of_a_batch_is_the_sum(name: str, lengths: tuple[int, ...], dtype: str) -> None:
    network = network_of(name, dtype)
    if name == "attention":
        network = random_network({"name": "made", **NETWORKS[name]}, seed=4, dtype=dtype, scale=0.4)
    examples = examples_of(network, lengths)
    got, alone = (
        losses_and_gradients(network, examples, "numba"),
        [loss_and_gradients(network, one, "numba") for one in examples],
    )
    assert got.counted == sum(one.counted for one in alone)
    np.testing.assert_allclose(got.total, sum(one.total for one in alone), rtol=1e-4)
    assert_close(got.d_x, np.concatenate([one.d_x for one in alone]))
    assert got.gradients.keys() == alone[0].gradients.keys()
    for array, gradient in got.gradients.items():
        assert_close(gradient, np.sum([one.gradients[array] for one in alone], axis=0))


def test_a_batch_that_takes_too_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("both ways", "float64")
    examples = examples_of(network, (4, 9, 1, 9, 3))
    whole = losses_and_gradients(network, examples, "numba")
    for tokens in (10, 5, 0):
        monkeypatch.setattr(loss, "MOST_BYTES", tokens * loss.bytes_back(network))
        cut = losses_and_gradients(network, examples, "numba", workspace=Workspace())
        assert cut.counted == whole.counted
        assert_close(cut.d_x, whole.d_x)
        for array, gradient in whole.gradients.items():
            assert_close(cut.gradients[array], gradient)


@pytest.mark.parametrize("name", ["both ways", "two layers"])
def test_the_penalties_of_a_batch_are_the_sum(name: str) -> None:
    network = network_of(name, "float64")
    values = ("f", "prev(c)") if name == "both ways" else ("z",)
    put = [Penalty(lost if len(values) == 2 else mean_square, values, 0.5)]
    examples = examples_of(network, (4, 9, 1, 9, 3))
    got = losses_and_gradients(network, examples, "numba", put)
    alone = [loss_and_gradients(network, one, "numba", put) for one in examples]
    np.testing.assert_allclose(got.total, sum(one.total for one in alone), rtol=1e-9)
    for array, gradient in got.gradients.items():
        assert_close(gradient, np.sum([one.gradients[array] for one in alone], axis=0))


def test_memory_that_is_used_again_changes_nothing() -> None:
    network, workspace = network_of("both ways"), Workspace()
    examples = examples_of(network, (4, 9, 1, 9, 3))
    fresh = losses_and_gradients(network, examples, "numba")
    for some in (examples[:2], examples, examples[1:4], examples):
        again = losses_and_gradients(network, some, "numba", workspace=workspace)
    assert again.total == fresh.total
    for name, gradient in fresh.gradients.items():
        assert_same_bits(again.gradients[name], gradient, name)


def test_arrays_of_one_workspace_share_nothing() -> None:
    workspace = Workspace()
    for turn in range(3):
        workspace.begin()
        one, two = workspace.take((3, 5), np.float32), workspace.take((7,), np.float64)
        one[:], two[:] = turn, -1
        with workspace.passing():
            workspace.take((40,), np.float32)[:] = 9
        three = workspace.take((2,), np.float32)
        three[:] = 4
        assert (one == turn).all()
        assert (two == -1).all()
        assert one.ctypes.data % 64 == two.ctypes.data % 64 == 0


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(0, 2**31))
def test_rows_of_a_token_are_added_up(ids: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(len(ids), 3))
    wanted = np.zeros((7, 3))
    np.add.at(wanted, ids, rows)
    np.testing.assert_allclose(summed_by(np.array(ids), rows, 7), wanted, atol=1e-12)


# --- lines of a file ------------------------------------------------------------------------------------


LINES = "The movie was not bad\nThe movie was good\nbad\n\nnot bad at all, not at all\n"


def source_of(tmp_path: Path, text: str = LINES, **more: Any) -> Source:
    path = tmp_path / "lines.txt"
    path.write_text(text, "utf-8")
    opened = Source.of_input(open_model("sentiment"), open_source(path))
    return replace(opened, interpreter="numba", **more)


@pytest.mark.parametrize("carry", [False, True])
def test_the_lines_of_a_file_are_run_as_each_is(carry: bool, tmp_path: Path) -> None:
    source = source_of(tmp_path, carry=carry)
    lines = [3, 0, 1, 2]
    got = list(source.run_lines(lines))
    for trace, line in zip(got, lines, strict=True):
        alone = source.run_edited(line)
        assert trace.sequence == alone.sequence
        assert trace.sequence.line == alone.sequence.line
        assert_same_run(present(trace.ran), present(alone.ran))
        assert_same_bits(present(trace.result), present(alone.result), "result")
    assert list(source.run_lines([])) == []


def test_a_line_that_does_not_fit_is_refused_when_it_is_its_turn(tmp_path: Path) -> None:
    network = network_of("one layer")
    fits, other = (sequence_of(np.zeros((4, columns))) for columns in (3, 2))
    source = Source(network, (fits, fits, other, fits), interpreter="numba")
    runs = source.run_lines(range(4))
    assert [len(next(runs).sequence) for _ in range(2)] == [4, 4]
    with pytest.raises(UserError, match="2 columns"):
        next(runs)
